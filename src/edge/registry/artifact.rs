//! Volumes in a registry: an OCI artifact of one layer, the volume's archive as it is, so that the layer's
//! digest is the volume's, and a broken download goes on where it broke.
//!
//! Pushes and pulls for one command; the resolver's caches and pauses are not for it.

use std::path::PathBuf;
use std::time::Duration;

use oci_distribution::Reference;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, Url};
use serde::{Deserialize, Serialize};

use crate::edge::registry::connection::{self, read, refused};
use crate::edge::registry::credential::Credential;
use crate::edge::registry::failure::{Failure, Kind};
use crate::edge::registry::hosts::{Host, hosts_of};
use crate::edge::registry::keys::Keys;
use crate::edge::registry::token::{Key, PULL, PUSH, Tokens, send};
use crate::model::chain_id::sha256;

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const ARTIFACT_TYPE: &str = "application/vnd.dunnage.volume.v1";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
/// The config of an artifact that needs none (OCI image-spec, manifest.md, "Guidance for an Empty
/// Descriptor").
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";
const KEY: &str = "dev.dunnage.volume.key";
const KIND: &str = "dev.dunnage.volume.kind";
/// Ours have one kilobyte.
const MANIFEST_BYTES_MAX: usize = 64 << 10;
/// For a whole volume: ten gigabytes at a megabyte a second. That nothing comes at all is noticed earlier.
const TRANSFER_MAX: Duration = Duration::from_secs(3 * 3600);

/// A volume as a registry keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its key.
    pub key: String,
    /// What it is, by name.
    pub kind: String,
    /// Digest of its archive.
    pub digest: String,
    /// Length of that.
    pub bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    artifact_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

/// A repository that keeps volumes.
pub struct Volumes {
    repository: String,
    hosts: Vec<(Host, Vec<Credential>)>,
    tokens: Tokens,
}

impl Volumes {
    /// The repository of that name, with credentials of a docker config and hosts of a folder of
    /// `hosts.toml` files.
    ///
    /// # Errors
    /// If it is no name of a repository, there is no host to ask, or the docker config cannot be read.
    pub async fn new(
        name: &str,
        docker_config: Option<PathBuf>,
        hosts_dir: Option<PathBuf>,
    ) -> Result<Self, String> {
        let is_plain =
            !name.contains('@') && !name.rsplit('/').next().unwrap_or(name).contains(':');
        let reference = name.parse::<Reference>().ok().filter(|_| is_plain && name.contains('/'));
        let form = "expected a repository without a tag, as registry.example/ci/volumes";
        let reference = reference.ok_or_else(|| format!("{name:?}: {form}"))?;
        let plain = connection::plain_client().map_err(|error| error.to_string())?;
        let keys = Keys::new(docker_config, None);
        let mut hosts = Vec::new();
        for host in hosts_of(reference.registry(), hosts_dir.as_deref(), &plain)? {
            let (credentials, unread) = keys.for_host(&host, None).await;
            if let Some(why) = unread.into_iter().next() {
                return Err(why);
            }
            hosts.push((host, credentials));
        }
        if hosts.is_empty() {
            let todo = "a loopback address needs a hosts.toml: give --registry-hosts-dir";
            return Err(format!("{name:?}: no host to ask: {todo}"));
        }
        let repository = reference.repository().to_owned();
        Ok(Self { repository, hosts, tokens: Tokens::default() })
    }

    /// The volume under a tag; `None` if there is none.
    ///
    /// # Errors
    /// If no host answers, or what is there is no volume.
    pub async fn find(&self, tag: &str) -> Result<Option<Artifact>, Failure> {
        let path = format!("manifests/{tag}");
        let asked = self.pull(&path, true, |request| request.header(ACCEPT, MANIFEST_TYPE)).await;
        let body = match asked {
            Err(failure) if failure.kind == Kind::NotFound => return Ok(None),
            answer => read(answer?, MANIFEST_BYTES_MAX).await?,
        };
        let invalid = |_| Failure::new(Kind::Invalid, "its manifest is none of a volume");
        let manifest: Manifest = serde_json::from_slice(&body).map_err(invalid)?;
        let mut annotations = manifest.annotations;
        let (key, kind) = (annotations.remove(KEY), annotations.remove(KIND));
        match (key, <[Descriptor; 1]>::try_from(manifest.layers)) {
            (Some(key), Ok([layer])) if layer.media_type == LAYER_TYPE => Ok(Some(Artifact {
                key,
                kind: kind.unwrap_or_default(),
                digest: layer.digest,
                bytes: layer.size,
            })),
            _ => Err(Failure::new(Kind::Invalid, "its manifest is none of a volume")),
        }
    }

    /// An archive by digest, from a byte on. What comes is not checked here.
    ///
    /// # Errors
    /// If no host gives it.
    pub async fn open(&self, digest: &str, offset: u64) -> Result<Response, Failure> {
        let path = format!("blobs/{digest}");
        let range = format!("bytes={offset}-");
        let from = |request: RequestBuilder| {
            let request = request.timeout(TRANSFER_MAX);
            if offset > 0 { request.header(RANGE, range.clone()) } else { request }
        };
        let response = self.pull(&path, false, from).await?;
        if offset > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(Failure::new(Kind::Invalid, "it does not go on where it broke"));
        }
        Ok(response)
    }

    /// Stores a volume under a tag, and says how many bytes of it were sent: none of what is there already.
    ///
    /// # Errors
    /// If the registry refuses or cannot be reached.
    pub async fn push(
        &self,
        tag: &str,
        artifact: &Artifact,
        archive: impl Fn() -> Body + Sync,
    ) -> Result<u64, Failure> {
        self.push_blob(&sha256(EMPTY), EMPTY.len() as u64, || Body::from(EMPTY)).await?;
        let sent = self.push_blob(&artifact.digest, artifact.bytes, archive).await?;
        let manifest = manifest(artifact);
        let put = |host: &Host| {
            let request = host.client.put(host.url(&self.repository, &format!("manifests/{tag}")));
            request.header(CONTENT_TYPE, MANIFEST_TYPE).body(manifest.clone())
        };
        self.to_origin(&put).await?;
        Ok(sent)
    }

    async fn push_blob(
        &self,
        digest: &str,
        bytes: u64,
        body: impl Fn() -> Body + Sync,
    ) -> Result<u64, Failure> {
        let head =
            |host: &Host| host.client.head(host.url(&self.repository, &format!("blobs/{digest}")));
        match self.to_origin(&head).await {
            Ok(_) => return Ok(0),
            Err(failure) if failure.kind == Kind::NotFound => {}
            Err(failure) => return Err(failure),
        }
        let start = |host: &Host| {
            host.client.post(host.url(&self.repository, "blobs/uploads/")).header(CONTENT_LENGTH, 0)
        };
        let started = self.to_origin(&start).await?;
        let url = upload_url(&started, digest)?;
        let put = |host: &Host| {
            let request = host.client.put(url.clone()).timeout(TRANSFER_MAX);
            let request = request.header(CONTENT_TYPE, "application/octet-stream");
            request.header(CONTENT_LENGTH, bytes).body(body())
        };
        self.to_origin(&put).await?;
        Ok(bytes)
    }

    /// Asks the hosts in turn; what a tag means only those that may say so.
    async fn pull(
        &self,
        path: &str,
        resolves: bool,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let mut last = None;
        for (host, credentials) in self.hosts.iter().filter(|(host, _)| host.resolves || !resolves)
        {
            let request = |host: &Host| {
                let url = host.pull_url(&self.repository, path);
                with(host.client.request(Method::GET, url))
            };
            match self.ask(host, credentials, PULL, &request).await {
                Ok(response) => return Ok(response),
                Err(failure) => last = Some(failure),
            }
        }
        Err(last.unwrap_or_else(|| Failure::new(Kind::NotAsked, "no host to ask")))
    }

    /// Asks the first host that takes pushes.
    async fn to_origin(
        &self,
        request: &(impl Fn(&Host) -> RequestBuilder + Sync),
    ) -> Result<Response, Failure> {
        let origin = self.hosts.iter().find(|(host, _)| host.pushes);
        let none = || Failure::new(Kind::NotAsked, "no host of this registry takes pushes");
        let (host, credentials) = origin.ok_or_else(none)?;
        self.ask(host, credentials, PUSH, request).await
    }

    /// One request with each credential in turn.
    async fn ask(
        &self,
        host: &Host,
        credentials: &[Credential],
        actions: &'static str,
        request: &impl Fn(&Host) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let mut last = None;
        for credential in credentials {
            let (root, repository) = (host.root.to_string(), self.repository.clone());
            let key = Key { root, repository, credential: credential.clone(), actions };
            let sent = send(&self.tokens, host, &key, || request(host)).await;
            let answer = match sent {
                Ok(response) => checked(response).await,
                failed => failed,
            };
            match answer {
                Err(failure) if failure.kind == Kind::Denied => last = Some(failure),
                answer => return answer,
            }
        }
        Err(last.unwrap_or_else(|| Failure::new(Kind::Denied, "nobody to ask as")))
    }
}

async fn checked(response: Response) -> Result<Response, Failure> {
    if response.status().is_success() { Ok(response) } else { Err(refused(response).await) }
}

fn manifest(artifact: &Artifact) -> Vec<u8> {
    let descriptor = |media_type: &str, digest: &str, size: u64| Descriptor {
        media_type: media_type.to_owned(),
        digest: digest.to_owned(),
        size,
    };
    let told = [(KEY, &artifact.key), (KIND, &artifact.kind)];
    let manifest = Manifest {
        schema_version: 2,
        media_type: MANIFEST_TYPE.to_owned(),
        artifact_type: ARTIFACT_TYPE.to_owned(),
        config: descriptor(EMPTY_TYPE, &sha256(EMPTY), EMPTY.len() as u64),
        layers: vec![descriptor(LAYER_TYPE, &artifact.digest, artifact.bytes)],
        annotations: told.map(|(name, value)| (name.to_owned(), value.clone())).into(),
    };
    serde_json::to_vec(&manifest).expect("strings and numbers")
}

/// Where the bytes of an upload go: the place may be relative, and may have a query of its own.
fn upload_url(started: &Response, digest: &str) -> Result<Url, Failure> {
    let told = started.headers().get(LOCATION).and_then(|place| place.to_str().ok());
    let place = told.and_then(|place| started.url().join(place).ok());
    let mut place = place.ok_or_else(|| Failure::new(Kind::Invalid, "no place to upload to"))?;
    if started.url().scheme() == "https" && place.scheme() != "https" {
        return Err(Failure::new(Kind::Invalid, "an upload from https to http"));
    }
    place.query_pairs_mut().append_pair("digest", digest);
    Ok(place)
}
