//! A token server as the distribution project specifies it, for a registry that trusts its certificate.
//!
//! Everybody may read what lies under `public/`; who knows the password may read and write everything.
//! It counts what it is asked, and breaks on demand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub const USER: &str = "alice";
pub const PASSWORD: &str = "wonderland";
/// What gets her further tokens.
pub const REFRESH_TOKEN: &str = "down the rabbit hole";
const ISSUER: &str = "test-issuer";

/// A running token server.
pub struct TokenServer {
    state: Arc<Keys>,
    port: u16,
}

struct Keys {
    key: PathBuf,
    /// Base64 of its certificate's DER form, and where the PEM form is.
    certificate: (String, PathBuf),
    granted: AtomicUsize,
}

impl TokenServer {
    /// Starts one with a new key, in this process.
    pub async fn start(dir: &Path) -> Result<Self> {
        let (key, pem) = (dir.join("token.key"), dir.join("token.pem"));
        let subject = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=token"];
        let mut command = Command::new("openssl");
        command.args(subject).arg("-keyout").arg(&key).arg("-out").arg(&pem);
        ensure!(command.output()?.status.success(), "openssl cannot make a key");
        let text = std::fs::read_to_string(&pem)?;
        let der: String = text.lines().filter(|line| !line.starts_with("---")).collect();
        let certificate = (der, pem);
        let state = Arc::new(Keys { key, certificate, granted: AtomicUsize::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let router =
            Router::new().route("/token", get(token).post(refreshed)).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { state, port })
    }

    /// The `auth` section of a registry that trusts it.
    pub fn registry_config(&self) -> String {
        format!(
            "auth:\n  token:\n    realm: http://127.0.0.1:{}/token\n    service: test-service\n    \
             issuer: {ISSUER}\n    rootcertbundle: {}\n",
            self.port,
            self.state.certificate.1.display()
        )
    }

    /// A header to push with.
    pub fn push_header(&self, repository: &str) -> Result<String> {
        Ok(format!("Bearer {}", self.state.sign(repository, &["pull", "push", "delete"])?))
    }

    /// Tokens given so far.
    pub fn granted(&self) -> usize {
        self.state.granted.load(Ordering::SeqCst)
    }
}

async fn token(
    State(keys): State<Arc<Keys>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let scope = query.get("scope").cloned().unwrap_or_default();
    let repository = scope.split(':').nth(1).unwrap_or_default();
    let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    match headers.get("authorization") {
        Some(told) if *told != *basic => return StatusCode::UNAUTHORIZED.into_response(),
        _ => {}
    }
    let actions = match headers.contains_key("authorization") {
        true => asked_actions(&scope),
        false if repository.starts_with("public/") => vec!["pull"],
        false => Vec::new(),
    };
    keys.granted.fetch_add(1, Ordering::SeqCst);
    match keys.sign(repository, &actions) {
        Ok(token) => Json(json!({"token": token, "expires_in": 300})).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Those of `repository:NAME:ACTION,ACTION`.
fn asked_actions(scope: &str) -> Vec<&str> {
    scope.rsplit(':').next().unwrap_or_default().split(',').collect()
}

/// By OAuth 2, as the distribution project specifies it: a refresh token for an access token.
async fn refreshed(State(keys): State<Arc<Keys>>, body: String) -> Response {
    let Ok(form) = reqwest::Url::parse(&format!("form:?{body}")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let form: BTreeMap<_, _> = form.query_pairs().into_owned().collect();
    let told = |key: &str| form.get(key).map(String::as_str).unwrap_or_default();
    let is_asked = told("grant_type") == "refresh_token" && !told("client_id").is_empty();
    if !is_asked || told("service") != "test-service" {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if told("refresh_token") != REFRESH_TOKEN {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let repository = told("scope").split(':').nth(1).unwrap_or_default();
    keys.granted.fetch_add(1, Ordering::SeqCst);
    match keys.sign(repository, &asked_actions(told("scope"))) {
        Ok(token) => Json(json!({"access_token": token, "expires_in": 300})).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

impl Keys {
    /// A JSON web token (RFC 7515) that lets its bearer do something with a repository.
    fn sign(&self, repository: &str, actions: &[&str]) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let head = json!({"typ": "JWT", "alg": "RS256", "x5c": [self.certificate.0]});
        let access = json!([{"type": "repository", "name": repository, "actions": actions}]);
        let claims = json!({"iss": ISSUER, "sub": USER, "aud": "test-service", "exp": now + 300,
            "nbf": now - 10, "iat": now, "jti": "1", "access": access});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&head), part(&claims));
        let signature = self.signature(text.as_bytes())?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn signature(&self, text: &[u8]) -> Result<Vec<u8>> {
        use std::io::Write;
        let mut command = Command::new("openssl");
        command.args(["dgst", "-sha256", "-sign"]).arg(&self.key);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        child.stdin.take().context("piped")?.write_all(text)?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "openssl cannot sign");
        Ok(output.stdout)
    }
}
