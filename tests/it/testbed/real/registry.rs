//! A registry on the cluster's bridge, and images pushed to it by plain HTTP.
//!
//! Images have the same names in every cluster: `registry.testbed/…`. Where that
//! is, a `hosts.toml` says, as containerd reads it.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use dunnage::model::chain_id::sha256;
use reqwest::{Client, RequestBuilder, Response};
use rustls::crypto::ring::default_provider;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::super::binaries::node_binary;
use super::super::ports::{free_ports, retry_taken_port};
use super::super::process::Process;
use super::super::readiness::await_ready;
use super::hosts_dir;
use super::image::{self, ImageSpec, Layer, Packed};

/// The registry's name in references of images.
const NAME: &str = "registry.testbed";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A running registry.
pub struct Registry {
    _process: Process,
    address: SocketAddrV4,
    client: Client,
    /// The layers that it has; none is busybox.
    layers: Mutex<BTreeMap<Option<Layer>, Stored>>,
}

/// A layer in the registry.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The digest of its blob.
    pub digest: String,
    /// The digest of the tar inside.
    pub diff_id: String,
    /// The size of its blob.
    pub bytes: u64,
}

/// An image in the registry.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// How pods name it: `registry.testbed/NAME:TAG`.
    pub reference: String,
    /// The digest of its manifest.
    pub digest: String,
    /// The digest of its configuration, by which CRI names it.
    pub config: String,
    /// Its layers, busybox first.
    pub layers: Vec<Stored>,
}

impl Registry {
    /// Starts one at an address of this machine, its blobs in the directory of the run.
    pub async fn start(run_dir: &Path, address: Ipv4Addr) -> Result<Self> {
        // Fails only where another test has installed it.
        drop(default_provider().install_default());
        let client = Client::new();
        retry_taken_port(async || Self::start_once(run_dir, address, &client).await).await
    }

    async fn start_once(run_dir: &Path, address: Ipv4Addr, client: &Client) -> Result<Self> {
        let [port] = free_ports()?;
        let address = SocketAddrV4::new(address, port);
        write_hosts(run_dir, address)?;
        let config = run_dir.join("registry.config");
        fs::write(&config, configuration(run_dir, address).to_string())?;
        let mut command = Command::new(node_binary("registry").await?);
        command.arg("serve").arg(config).env("OTEL_TRACES_EXPORTER", "none");
        let mut process = Process::spawn("registry", &command, &run_dir.join("registry.log"))?;
        await_ready(&mut process, async || {
            client.get(format!("http://{address}/v2/")).send().await?.error_for_status()?;
            Ok(())
        })
        .await?;
        Ok(Self { _process: process, address, client: client.clone(), layers: Mutex::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Makes an image and stores it: only the layers that are new.
    pub async fn push(&self, image: &ImageSpec) -> Result<Pushed> {
        let mut layers = vec![self.push_layer(&image.name, None).await?];
        for layer in &image.layers {
            layers.push(self.push_layer(&image.name, Some(*layer)).await?);
        }
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let config = image::configuration(&diff_ids).to_string().into_bytes();
        let config_digest = sha256(&config);
        let manifest = manifest(&config_digest, config.len(), &layers).to_string();
        self.push_blob(&image.name, &config_digest, config).await?;
        let digest = sha256(manifest.as_bytes());
        let url = self.url(&image.name, &format!("manifests/{}", image.tag));
        let request = self.client.put(url).header("content-type", MANIFEST);
        send(request.body(manifest)).await?;
        let reference = format!("{NAME}/{}:{}", image.name, image.tag);
        Ok(Pushed { reference, digest, config: config_digest, layers })
    }

    async fn push_layer(&self, repository: &str, layer: Option<Layer>) -> Result<Stored> {
        let mut layers = self.layers.lock().await;
        if let Some(stored) = layers.get(&layer) {
            self.mount_blob(repository, &stored.digest).await?;
            return Ok(stored.clone());
        }
        let Packed { digest, diff_id, blob } = match layer {
            None => image::busybox()?,
            Some(layer) => image::random(layer)?,
        };
        let stored = Stored { digest, diff_id, bytes: blob.len() as u64 };
        self.push_blob(ALL_LAYERS, &stored.digest, blob).await?;
        self.mount_blob(repository, &stored.digest).await?;
        layers.insert(layer, stored.clone());
        Ok(stored)
    }

    async fn push_blob(&self, repository: &str, digest: &str, blob: Vec<u8>) -> Result<()> {
        let started = send(self.client.post(self.url(repository, "blobs/uploads/"))).await?;
        let place = started.headers().get("location").context("nowhere to upload to")?;
        let request = self.client.put(place.to_str()?).query(&[("digest", digest)]);
        let request = request.header("content-type", "application/octet-stream");
        send(request.body(blob)).await.map(drop)
    }

    /// Has a repository share a blob with the one that has them all.
    async fn mount_blob(&self, repository: &str, digest: &str) -> Result<()> {
        let request = self.client.post(self.url(repository, "blobs/uploads/"));
        let mounted = send(request.query(&[("mount", digest), ("from", ALL_LAYERS)])).await?;
        ensure!(mounted.status() == 201, "{digest} was not mounted: {}", mounted.status());
        Ok(())
    }

    fn url(&self, repository: &str, rest: &str) -> String {
        format!("http://{}/v2/{repository}/{rest}", self.address)
    }
}

/// The repository that every layer is uploaded to once.
const ALL_LAYERS: &str = "layers";

async fn send(request: RequestBuilder) -> Result<Response> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().clone());
    ensure!(status.is_success(), "{url}: {status}: {}", response.text().await?);
    Ok(response)
}

fn manifest(config_digest: &str, config_bytes: usize, layers: &[Stored]) -> Value {
    let layer =
        |layer: &Stored| json!({"mediaType": LAYER, "digest": layer.digest, "size": layer.bytes});
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": config_digest, "size": config_bytes},
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
    })
}

fn configuration(run_dir: &Path, address: SocketAddrV4) -> Value {
    json!({
        "version": 0.1,
        "log": {"level": "info"},
        "storage": {
            "filesystem": {"rootdirectory": run_dir.join("registry")},
            "delete": {"enabled": true},
            // Tests delete manifests and change blobs behind its back.
            "cache": {},
            "maintenance": {"uploadpurging": {"enabled": false}},
        },
        "http": {"addr": address.to_string()},
    })
}

fn write_hosts(run_dir: &Path, address: SocketAddrV4) -> Result<()> {
    let dir = hosts_dir(run_dir).join(NAME);
    fs::create_dir_all(&dir)?;
    let url = format!("http://{address}");
    let hosts =
        format!("server = \"{url}\"\n\n[host.\"{url}\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
    Ok(fs::write(dir.join("hosts.toml"), hosts)?)
}
