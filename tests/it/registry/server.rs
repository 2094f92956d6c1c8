//! A real registry (Debian's docker-registry) as a process on loopback, and pushing to it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Method, RequestBuilder};
use tokio::time::{Instant, sleep};

use super::image::{Blob, Image};
use crate::support::client;
use crate::testbed::Process;

/// Ten times what it takes on an idle machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running registry. Dropping it ends it.
pub struct Registry {
    process: Process,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// What to send with each push.
    authorization: Option<String>,
}

impl Registry {
    /// Starts one with its files in `dir`; `auth` is the `auth` section of its configuration.
    pub async fn start(dir: &Path, auth: &str) -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let files = dir.join(format!("registry-{port}"));
        std::fs::create_dir_all(&files)?;
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\n  \
             delete:\n    enabled: true\nhttp:\n  addr: {address}\n{auth}",
            files.display()
        );
        let file = files.join("config.yml");
        std::fs::write(&file, config)?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&file);
        let process = Process::spawn("docker-registry", &command, &files.join("log"))
            .context("docker-registry (a Debian package) is needed: run ./check")?;
        let mut registry = Self { process, address, authorization: None };
        registry.await_ready().await?;
        Ok(registry)
    }

    /// One that lets everybody read and write.
    pub async fn plain(dir: &Path) -> Result<Self> {
        Self::start(dir, "").await
    }

    /// Pushes with this header from now on.
    pub fn authorized(mut self, header: String) -> Self {
        self.authorization = Some(header);
        self
    }

    async fn await_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let url = format!("http://{}/v2/", self.address);
        while client().get(&url).send().await.is_err() {
            self.process.ensure_running()?;
            ensure!(Instant::now() < deadline, "not ready:\n{}", self.process.log_tail());
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// A `hosts.toml` that names it as the server.
    pub fn hosts_toml(&self) -> String {
        format!("server = \"http://{}\"\n", self.address)
    }

    /// Pushes an image under a tag.
    pub async fn push(&self, repository: &str, tag: &str, image: &Image) -> Result<()> {
        for blob in &image.blobs {
            self.push_blob(repository, blob).await?;
        }
        self.push_manifest(repository, &image.manifest.digest(), &image.manifest).await?;
        self.push_manifest(repository, tag, &image.manifest).await
    }

    /// Pushes a manifest or index under a tag or its digest.
    pub async fn push_manifest(&self, repository: &str, tag: &str, manifest: &Blob) -> Result<()> {
        let request = self.request(Method::PUT, &format!("{repository}/manifests/{tag}"));
        let request = request.header("content-type", manifest.media_type);
        send(request.body(manifest.bytes.clone())).await?;
        Ok(())
    }

    /// Deletes a manifest by digest.
    pub async fn delete(&self, repository: &str, digest: &str) -> Result<()> {
        send(self.request(Method::DELETE, &format!("{repository}/manifests/{digest}"))).await?;
        Ok(())
    }

    async fn push_blob(&self, repository: &str, blob: &Blob) -> Result<()> {
        let path = format!("{repository}/blobs/uploads/");
        let response = send(self.request(Method::POST, &path)).await?;
        let location = response.headers()["location"].to_str()?.to_owned();
        let url = format!("{location}&digest={}", blob.digest());
        let request = self.with_authorization(client().put(url));
        send(request.header("content-type", "application/octet-stream").body(blob.bytes.clone()))
            .await?;
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}/v2/{path}", self.address);
        self.with_authorization(client().request(method, url))
    }

    fn with_authorization(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.authorization {
            Some(header) => request.header("authorization", header),
            None => request,
        }
    }
}

async fn send(request: RequestBuilder) -> Result<reqwest::Response> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().clone());
    if !status.is_success() {
        bail!("{url}: {status}: {}", response.text().await?);
    }
    Ok(response)
}
