//! Volumes of other nodes: which agents report one, and how it is asked of them.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, Client};
use reqwest::header::{CONTENT_LENGTH, ETAG, IF_MATCH, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};

use super::fetch::{Refusal, STALL_MAX};
use super::id;
use super::serve::KIND_HEADER;
use crate::edge::cause::innermost;
use crate::edge::inventory::node::{InventorySpec, NodeInventory};
use crate::model::volume::VolumeKind;

/// Reports read at once. One takes 40 kB, up to 256: a page is some megabytes.
const PAGE: u32 = 50;
/// Holders that are tried: more would only fail in the same way.
const HOLDERS_MAX: usize = 4;
/// To connect: it is in the same cluster.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// An agent that has the volume, as far as anybody knows.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Its node, or its URL where that was given.
    pub name: String,
    /// Where its volumes are served.
    pub url: String,
}

/// What a holder offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Digest of the archive.
    pub digest: String,
    /// Its length.
    pub bytes: u64,
    /// What the volume is.
    pub kind: VolumeKind,
}

/// How agents are asked.
#[derive(Clone, Debug)]
pub struct Peers {
    client: reqwest::Client,
    token: Option<String>,
}

/// Agents whose reports name a key and are not too old, the first page that has any.
///
/// # Errors
/// If the API server does not tell.
pub async fn holders(client: Client, key: &str) -> Result<Vec<Holder>, kube::Error> {
    let inventories: Api<NodeInventory> = Api::all(client);
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = inventories.list(&params).await?;
        let found = page.items.into_iter().filter_map(|node| {
            let name = node.metadata.name?;
            let url = has(&node.spec, key).then_some(node.spec.volume_server?)?;
            Some(Holder { name, url })
        });
        let found: Vec<_> = found.take(HOLDERS_MAX).collect();
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if !found.is_empty() || params.continue_token.is_none() {
            return Ok(found);
        }
    }
}

fn has(spec: &InventorySpec, key: &str) -> bool {
    let age = Timestamp::now().duration_since(spec.observed_at.0).as_secs();
    let is_believed = u64::try_from(age).unwrap_or(0) <= spec.valid_seconds;
    is_believed && spec.volumes.iter().any(|volume| volume.key == key)
}

impl Peers {
    /// Asks with the token in a file, if there is one, and trusts the certificates in another.
    ///
    /// # Errors
    /// If the certificates cannot be used: the file and the reason.
    pub fn new(token_file: &Path, ca: Option<&Path>) -> Result<Self, String> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("dunnage/", env!("CARGO_PKG_VERSION")))
            // A token goes to the agent that was asked, and to nobody that it names.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_MAX)
            .read_timeout(STALL_MAX);
        if let Some(file) = ca {
            let placed = |error: String| format!("--peer-ca {}: {error}", file.display());
            let pem = std::fs::read(file).map_err(|error| placed(error.to_string()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem);
            let certificates = certificates.map_err(|error| placed(error.to_string()))?;
            if certificates.is_empty() {
                return Err(placed("no certificate (PEM) in it".to_owned()));
            }
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(|error| error.to_string())?;
        let token = std::fs::read_to_string(token_file).ok();
        Ok(Self { client, token: token.map(|token| token.trim().to_owned()) })
    }

    /// What a holder has of a key; `None` if nothing.
    ///
    /// # Errors
    /// If it does not tell.
    pub async fn offer(&self, holder: &Holder, key: &str) -> Result<Option<Offer>, String> {
        let response = match send(self.request(Method::HEAD, holder, key)).await {
            Err(refusal) if refusal.status == Some(StatusCode::NOT_FOUND) => return Ok(None),
            answer => answer.map_err(|refusal| refusal.refusal.reason)?,
        };
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let digest = header(ETAG.as_str()).map(|tag| tag.trim_matches('"').to_owned());
        let bytes = header(CONTENT_LENGTH.as_str()).and_then(|bytes| bytes.parse().ok());
        let (Some(digest), Some(bytes)) = (digest, bytes) else {
            return Err("its answer has no digest or length: is it an agent?".to_owned());
        };
        let kind = VolumeKind::named(header(KIND_HEADER).unwrap_or_default());
        Ok(Some(Offer { digest, bytes, kind }))
    }

    /// The archive of a key from a byte on, if it is still that of the digest.
    ///
    /// # Errors
    /// If it is not, or does not come.
    pub async fn open(
        &self,
        holder: &Holder,
        key: &str,
        digest: &str,
        offset: u64,
    ) -> Result<Response, Refusal> {
        let request = self.request(Method::GET, holder, key);
        let request = request.header(IF_MATCH, format!("\"{digest}\""));
        let response = send(request.header(RANGE, format!("bytes={offset}-"))).await;
        let response = response.map_err(|refused| refused.refusal)?;
        if offset > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(Refusal::lasting("it does not go on where it broke"));
        }
        Ok(response)
    }

    fn request(&self, method: Method, holder: &Holder, key: &str) -> RequestBuilder {
        let url = format!("{}/volumes/{}", holder.url.trim_end_matches('/'), id(key));
        let request = self.client.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

struct Refused {
    status: Option<StatusCode>,
    refusal: Refusal,
}

async fn send(request: RequestBuilder) -> Result<Response, Refused> {
    let response = request.send().await.map_err(|error| {
        // One that cannot be reached may be starting again.
        let is_final = error.is_builder();
        let what = match error.is_connect() || error.is_builder() {
            true => "cannot be reached",
            false if error.is_timeout() => "it does not answer",
            false => "the connection broke",
        };
        let reason = format!("{what}: {}", innermost(&error));
        Refused { status: None, refusal: Refusal { is_final, ..Refusal::passing(reason) } }
    })?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let reason = match status.as_u16() {
        401 => {
            "it does not know us: give --token-file a token with audience dunnage.dev".to_owned()
        }
        403 => "its ClusterRole dunnage-volumes is not bound to our account".to_owned(),
        503 => "all its streams are taken, or it cannot ask who we are".to_owned(),
        _ => format!("it answers {status}"),
    };
    let (is_final, is_busy) =
        (!status.is_server_error(), status == StatusCode::SERVICE_UNAVAILABLE);
    Err(Refused { status: Some(status), refusal: Refusal { reason, is_final, is_busy } })
}
