//! What comes back from a registry: at most so many bytes, in time.
//!
//! Decides what an answer's status means and which redirects are followed. What the bytes are is
//! [`super::document`]'s. The library's client reads every answer whole, errors too, and whoever may
//! create a pod chooses the registry: hence this.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, StatusCode, redirect};

use crate::edge::body;
use crate::edge::cause::innermost;
use crate::edge::registry::failure::{Failure, Kind, retry_after};

/// To connect: a registry further away than this serves no pod either.
pub const CONNECT_MAX: Duration = Duration::from_secs(5);
/// From the request to the last byte: manifests and configs are kilobytes.
const EXCHANGE_MAX: Duration = Duration::from_secs(15);
/// A registry sends blobs from its store at one remove, sometimes two.
const REDIRECTS_MAX: usize = 5;
/// Of an error's body only the words are wanted.
const ERROR_BYTES_MAX: usize = 16 << 10;
/// Words of a registry that are passed on: one line of a page.
const REASON_CHARS_MAX: usize = 160;
/// Connections kept open to one host: as many as are asked at once.
const IDLE_CONNECTIONS_MAX: usize = 4;

/// What came back with status 200.
#[derive(Debug)]
pub struct Answer {
    /// Of the last of the redirects.
    pub headers: HeaderMap,
    /// Whole.
    pub body: Vec<u8>,
}

/// What a client of ours is like, whatever it connects to.
pub fn builder() -> ClientBuilder {
    let policy = redirect::Policy::custom(|attempt| {
        let from = attempt.previous().last().map(reqwest::Url::scheme);
        if attempt.previous().len() > REDIRECTS_MAX {
            attempt.error(format!("more than {REDIRECTS_MAX} redirects"))
        } else if from == Some("https") && attempt.url().scheme() != "https" {
            attempt.error("a redirect from https to http")
        } else {
            attempt.follow()
        }
    });
    Client::builder()
        .user_agent(concat!("dunnage/", env!("CARGO_PKG_VERSION")))
        .redirect(policy)
        .connect_timeout(CONNECT_MAX)
        .timeout(EXCHANGE_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
}

/// The client for registries without settings of their own.
///
/// # Errors
/// If TLS cannot be set up.
pub fn plain_client() -> reqwest::Result<Client> {
    // Fails only where it is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    builder().build()
}

/// The whole answer, up to `bytes_max`.
///
/// # Errors
/// If its status is another than 200, or as [`read`].
pub async fn whole(response: reqwest::Response, bytes_max: usize) -> Result<Answer, Failure> {
    if response.status() != StatusCode::OK {
        return Err(refused(response).await);
    }
    let headers = response.headers().clone();
    let body = read(response, bytes_max).await?;
    Ok(Answer { headers, body })
}

/// The body of an answer, up to so many bytes.
///
/// # Errors
/// If it is longer or does not come whole.
pub async fn read(response: reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let body = body::read(response, bytes_max).await.map_err(|error| unreachable(&error))?;
    let too_large = || Failure::new(Kind::Invalid, format!("an answer of over {bytes_max} bytes"));
    body.ok_or_else(too_large)
}

/// Why an answer of another status is none.
pub async fn refused(response: reqwest::Response) -> Failure {
    let (status, headers) = (response.status(), response.headers().clone());
    let words = read(response, ERROR_BYTES_MAX).await.unwrap_or_default();
    refusal(status, &headers, &words)
}

/// Why there was no answer.
pub fn unreachable(error: &reqwest::Error) -> Failure {
    let mut text =
        if error.is_timeout() { "no answer in time" } else { "no connection" }.to_owned();
    // It says most, and names no address twice.
    let cause = innermost(error);
    let kind = if error.is_redirect() { Kind::Invalid } else { Kind::Unreachable };
    if error.is_redirect() || error.is_body() || error.is_decode() {
        text = "no whole answer".to_owned();
    }
    Failure::new(kind, format!("{text}: {}", shortened(&cause.to_string())))
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let kind = match status.as_u16() {
        401 | 403 => Kind::Denied,
        404 | 410 => Kind::NotFound,
        429 => Kind::TooManyRequests,
        500.. => Kind::ServerError,
        _ => Kind::Invalid,
    };
    let words = words(body);
    let reason = if words.is_empty() { format!("{status}") } else { format!("{status}: {words}") };
    let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    // Meaningful with these alone.
    let after = after.filter(|_| kind.is_of_registry());
    let retry_after = after.and_then(|text| retry_after(text, jiff::Timestamp::now()));
    Failure { kind, reason, retry_after }
}

/// The first message of an error as registries write them; empty for anything else.
fn words(body: &[u8]) -> String {
    let envelope: Result<oci_distribution::errors::OciEnvelope, _> = serde_json::from_slice(body);
    let first = envelope.ok().and_then(|envelope| envelope.errors.into_iter().next());
    first.map(|error| shortened(&error.message)).unwrap_or_default()
}

/// The words of others, in one line of bounded length.
fn shortened(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(REASON_CHARS_MAX).collect()
}
