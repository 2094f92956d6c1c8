//! A real registry (Debian's docker-registry) as a process on loopback, and pushing to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use reqwest::{Method, RequestBuilder};
use tokio::net::TcpStream;

use super::image::{Blob, Image};
use crate::support::client;
use crate::testbed::{Process, await_ready, free_ports};

/// A running registry. Dropping it ends it.
pub struct Registry {
    _process: Process,
    /// `127.0.0.1:PORT`.
    pub address: String,
    scheme: String,
    /// What was pushed, and its configuration.
    files: PathBuf,
    /// What to send with each push.
    authorization: Option<String>,
}

impl Registry {
    /// Starts one with its files in `dir`; `auth` is the `auth` section of its configuration.
    pub async fn start(dir: &Path, auth: &str) -> Result<Self> {
        let [port] = free_ports()?;
        Self::on(port, &dir.join(format!("registry-{port}")), "http", auth).await
    }

    /// A second one with what was pushed to this one, by HTTPS only; `tls` are the keys under `http.tls` of
    /// its configuration.
    pub async fn by_tls(&self, tls: &[(&str, String)]) -> Result<Self> {
        let keys = tls
            .iter()
            .fold(String::new(), |keys, (key, value)| format!("{keys}    {key}: {value}\n"));
        let [port] = free_ports()?;
        Self::on(port, &self.files, "https", &format!("  tls:\n{keys}")).await
    }

    async fn on(port: u16, files: &Path, scheme: &str, more: &str) -> Result<Self> {
        let address = format!("127.0.0.1:{port}");
        std::fs::create_dir_all(files)?;
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\n  \
             delete:\n    enabled: true\nhttp:\n  addr: {address}\n{more}",
            files.display()
        );
        let file = files.join(format!("config-{port}.yml"));
        std::fs::write(&file, config)?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&file);
        let log = files.join(format!("log-{port}"));
        let mut process = Process::spawn("docker-registry", &command, &log)
            .context("docker-registry (a Debian package) is needed: run ./check")?;
        await_ready(&mut process, async || {
            TcpStream::connect(("127.0.0.1", port)).await?;
            Ok(())
        })
        .await?;
        let (scheme, files) = (scheme.to_owned(), files.to_owned());
        Ok(Self { _process: process, address, scheme, files, authorization: None })
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

    /// A `hosts.toml` that names it as the server.
    pub fn hosts_toml(&self) -> String {
        format!("server = \"{}\"\n", self.url())
    }

    /// Scheme and address.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
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
        let url = format!("{}/v2/{path}", self.url());
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
