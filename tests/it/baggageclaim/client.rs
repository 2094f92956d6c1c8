//! Requests to a baggageclaim, as whoever makes volumes sends them.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

/// One server.
pub struct Client {
    pub url: String,
    own: String,
    http: reqwest::Client,
}

/// What it answered.
pub struct Answer {
    pub status: u16,
    pub kind: String,
    pub text: String,
}

impl Answer {
    /// Fails unless the status is this one.
    pub fn expect(&self, status: u16) -> Result<()> {
        ensure!(self.status == status, "{} instead of {status}: {}", self.status, self.text);
        Ok(())
    }

    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.text).with_context(|| self.text.clone())
    }
}

impl Client {
    pub fn new(url: String) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = format!("dunnage-test-{}-{number}-", std::process::id());
        Self { url, own, http: crate::support::client() }
    }

    /// What handles and keys of this test begin with.
    pub fn own(&self) -> String {
        self.own.clone()
    }

    pub fn handle(&self, name: &str) -> String {
        format!("{}{name}", self.own)
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer> {
        let url = format!("{}{path}", self.url);
        let mut request = self.http.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await?;
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        Ok(Answer { status: response.status().as_u16(), kind, text: response.text().await? })
    }

    /// Asks for a volume, and gives back the answer.
    pub async fn create(&self, volume: &Value) -> Result<Answer> {
        self.send(Method::POST, "/volumes", &[], volume.to_string().into()).await
    }

    /// Makes an empty volume; gives back its handle.
    pub async fn create_empty(
        &self,
        name: &str,
        properties: Option<&[(&str, String)]>,
    ) -> Result<String> {
        let handle = self.handle(name);
        let mut volume = json!({"handle": handle, "strategy": {"type": "empty"}});
        if let Some(properties) = properties {
            volume["properties"] =
                properties.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        }
        self.create(&volume).await?.expect(201)?;
        Ok(handle)
    }

    /// Makes a copy on write; gives back its handle.
    pub async fn create_copy(
        &self,
        name: &str,
        parent: &str,
        properties: &[(&str, &str)],
    ) -> Result<String> {
        let handle = self.handle(name);
        let properties: Value =
            properties.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let strategy = json!({"type": "cow", "volume": parent});
        let volume = json!({"handle": handle, "strategy": strategy, "properties": properties});
        self.create(&volume).await?.expect(201)?;
        Ok(handle)
    }

    pub async fn list(&self, filters: &[(&str, &str)]) -> Result<Answer> {
        let query: Vec<_> = filters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.send(Method::GET, &format!("/volumes?{}", query.join("&")), &[], Vec::new()).await
    }

    pub async fn get(&self, handle: &str) -> Result<Answer> {
        self.send(Method::GET, &format!("/volumes/{handle}"), &[], Vec::new()).await
    }

    pub async fn delete(&self, handle: &str) -> Result<Answer> {
        self.send(Method::DELETE, &format!("/volumes/{handle}"), &[], Vec::new()).await
    }

    pub async fn set(&self, handle: &str, property: &str, value: &str) -> Result<Answer> {
        let property = property.replace('/', "%2F");
        let path = format!("/volumes/{handle}/properties/{property}");
        let body = json!({"value": value}).to_string();
        self.send(Method::PUT, &path, &[], body.into()).await
    }

    /// Extracts an archive into a volume, of so many MB at most.
    pub async fn stream_in(
        &self,
        handle: &str,
        archive: &[u8],
        limit: Option<&str>,
    ) -> Result<Answer> {
        let limit = limit.map(|limit| format!("&limit={limit}")).unwrap_or_default();
        let path = format!("/volumes/{handle}/stream-in?path=.{limit}");
        self.send(Method::PUT, &path, &[("content-encoding", "raw")], archive.to_vec()).await
    }
}

/// A tar of files of so many bytes that are not zero.
pub fn archive(files: &[(&str, usize)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(*bytes as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, &*vec![1; *bytes]).expect("into memory");
    }
    archive.into_inner().expect("into memory")
}
