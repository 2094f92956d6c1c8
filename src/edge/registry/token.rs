//! How a registry is convinced: the answer to its challenge, kept while it is good.
//!
//! Bearer tokens as the distribution project specifies them (`spec/auth/token.md`), else HTTP Basic. A
//! credential goes to the registry's own host and to the token server that it names, never in the clear
//! where the registry itself is asked by HTTPS.

use std::time::{Duration, Instant};

use moka::sync::Cache;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{RequestBuilder, Response, Url};
use serde::Deserialize;

use crate::edge::registry::connection::{unreachable, whole};
use crate::edge::registry::credential::Credential;
use crate::edge::registry::failure::{Failure, Kind};
use crate::edge::registry::hosts::Host;

/// Tokens with many grants are tens of kilobytes.
const TOKEN_BYTES_MAX: usize = 256 << 10;
/// Tokens kept; one serves a repository.
const TOKENS_MAX: u64 = 10_000;
/// Of a token that tells no lifetime (the specification's own default).
const LIFETIME: Duration = Duration::from_secs(60);
/// A token is given up so long before its end: a request takes its time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(10);
/// No token is trusted to be good for longer: rights are withdrawn, too.
const LIFETIME_MAX: Duration = Duration::from_secs(3600);

/// For whom and what a token is good.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Root of the host's API.
    pub root: String,
    /// Repository, without the registry.
    pub repository: String,
    /// Who asks.
    pub credential: Credential,
    /// For what: [`PULL`] or [`PUSH`].
    pub actions: &'static str,
}

/// Reading.
pub const PULL: &str = "pull";
/// Reading and writing.
pub const PUSH: &str = "pull,push";

/// `Authorization` headers that were good a moment ago.
#[derive(Debug)]
pub struct Tokens(Cache<Key, (HeaderValue, Instant)>);

impl Default for Tokens {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(TOKENS_MAX).time_to_live(LIFETIME_MAX).build())
    }
}

impl Tokens {
    /// A header that should still be good.
    #[must_use]
    pub fn kept(&self, key: &Key) -> Option<HeaderValue> {
        let (header, end) = self.0.get(key)?;
        (Instant::now() < end).then_some(header)
    }

    /// The header that answers a challenge; asks the token server if there is one.
    ///
    /// # Errors
    /// If the challenge cannot be answered by who asks: [`Kind::Denied`]. Else what went wrong on the way.
    async fn answer(
        &self,
        host: &Host,
        key: &Key,
        challenges: &HeaderMap,
    ) -> Result<HeaderValue, Failure> {
        let (header, lifetime) = match challenge(challenges) {
            Some(Challenge::Bearer { realm, service }) => {
                token(host, key, &realm, &service).await?
            }
            Some(Challenge::Basic) => (basic(host, &key.credential)?, LIFETIME_MAX),
            None => return Err(denied("it asks to log in, but not how")),
        };
        let header = HeaderValue::from_str(&header);
        let mut header = header.map_err(|_| denied("its token is not one that HTTP allows"))?;
        header.set_sensitive(true);
        self.0.insert(key.clone(), (header.clone(), Instant::now() + lifetime));
        Ok(header)
    }
}

/// Asks a host as somebody: with the header that was good before, and once more with the answer to its
/// challenge. What is for the host alone, that header and the host's own, goes to no other place, wherever
/// the request goes. Whatever its status, the last response is the result.
///
/// # Errors
/// If there is no response, or the challenge cannot be answered.
pub async fn send(
    tokens: &Tokens,
    host: &Host,
    key: &Key,
    request: impl Fn() -> RequestBuilder,
) -> Result<Response, Failure> {
    let (first, is_own) = send_with(host, request(), tokens.kept(key)).await?;
    let is_challenge = matches!(first.status().as_u16(), 401 | 403)
        && first.headers().contains_key(WWW_AUTHENTICATE);
    if !is_own || !is_challenge {
        return Ok(first);
    }
    let header = tokens.answer(host, key, first.headers()).await?;
    Ok(send_with(host, request(), Some(header)).await?.0)
}

/// The response, and whether the host itself was asked.
async fn send_with(
    host: &Host,
    request: RequestBuilder,
    authorization: Option<HeaderValue>,
) -> Result<(Response, bool), Failure> {
    let (client, built) = request.build_split();
    let built = built.map_err(|error| unreachable(&error))?;
    let is_own = built.url().origin() == host.root.origin();
    let mut request = RequestBuilder::from_parts(client, built);
    if is_own {
        request = request.headers(host.headers.clone());
    }
    if let Some(header) = authorization.filter(|_| is_own) {
        request = request.header(AUTHORIZATION, header);
    }
    let response = request.send().await.map_err(|error| unreachable(&error))?;
    Ok((response, is_own))
}

#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Bearer { realm: String, service: String },
    Basic,
}

/// The best of the challenges: a token before a password.
fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let mut basic = None;
    for challenge in texts.flat_map(|text| http_auth::parse_challenges(text).unwrap_or_default()) {
        let value = |name: &str| {
            let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped()).unwrap_or_default()
        };
        if challenge.scheme.eq_ignore_ascii_case("bearer") {
            return Some(Challenge::Bearer { realm: value("realm"), service: value("service") });
        }
        if challenge.scheme.eq_ignore_ascii_case("basic") {
            basic = Some(Challenge::Basic);
        }
    }
    basic
}

#[derive(Deserialize)]
struct Granted {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

async fn token(
    host: &Host,
    key: &Key,
    realm: &str,
    service: &str,
) -> Result<(String, Duration), Failure> {
    let mut url = Url::parse(realm).map_err(|_| denied("it names no token server"))?;
    if host.root.scheme() == "https" && url.scheme() != "https" {
        return Err(denied("its token server is not asked by HTTPS"));
    }
    let scope = format!("repository:{}:{}", key.repository, key.actions);
    let asked = [("service", service), ("scope", &scope)];
    let request = match &key.credential {
        Credential::Identity(refresh) => {
            let grant = [("grant_type", "refresh_token"), ("client_id", "dunnage")];
            let form =
                encoded(asked.iter().chain(&grant).chain(&[("refresh_token", refresh.as_str())]));
            host.client
                .post(url)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form)
        }
        credential => {
            url.query_pairs_mut().extend_pairs(asked.iter().filter(|(_, value)| !value.is_empty()));
            let request = host.client.get(url);
            match credential {
                Credential::Password(name, password) => request.basic_auth(name, Some(password)),
                _ => request,
            }
        }
    };
    let response = request.send().await.map_err(|error| unreachable(&error));
    let answer = async { whole(response?, TOKEN_BYTES_MAX).await };
    let answer = answer.await.map_err(|mut failure| {
        failure.reason = format!("token server: {}", failure.reason);
        failure
    })?;
    let granted: Granted = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::new(Kind::Invalid, "token server: not a token as JSON"))?;
    let Some(token) = granted.token.or(granted.access_token).filter(|token| !token.is_empty())
    else {
        return Err(denied("token server: no token"));
    };
    let lifetime = granted.expires_in.map_or(LIFETIME, Duration::from_secs).min(LIFETIME_MAX);
    Ok((format!("Bearer {token}"), lifetime.saturating_sub(MARGIN)))
}

fn encoded<'a>(pairs: impl Iterator<Item = &'a (&'a str, &'a str)>) -> String {
    let mut url = Url::parse("form:x").expect("a URL");
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

fn basic(host: &Host, credential: &Credential) -> Result<String, Failure> {
    let Credential::Password(name, password) = credential else {
        return Err(denied("it wants name and password"));
    };
    // The one place that spells Basic is the client's own.
    let request = host.client.get(host.root.clone()).basic_auth(name, Some(password)).build();
    let headers = request.map(|request| request.headers().clone()).unwrap_or_default();
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    header.map(str::to_owned).ok_or_else(|| denied("name or password cannot be sent"))
}

fn denied(reason: &str) -> Failure {
    Failure::new(Kind::Denied, reason)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

    use super::{Challenge, challenge};

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let of = |texts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(text));
            }
            challenge(&headers)
        };
        let (realm, service) = ("https://t.example/token".to_owned(), "r,x".to_owned());
        let bearer = "Bearer realm=\"https://t.example/token\",service=\"r,x\",error=\"e\"";
        assert_eq!(of(&["Basic realm=\"r\"", bearer]), Some(Challenge::Bearer { realm, service }));
        assert_eq!(of(&["basic realm=r"]), Some(Challenge::Basic));
        assert_eq!(of(&["Negotiate"]), None);
        assert_eq!(of(&[]), None);
    }
}
