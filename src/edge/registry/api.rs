//! The registry's API as far as we use it: what a tag means, manifests, and small blobs.
//!
//! Each question goes to the registry's hosts in turn until one answers it well. A body whose digest is
//! not the one asked for counts as no answer.

use prometheus::IntCounterVec;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap};
use sha2::{Digest, Sha256, Sha512};

use crate::edge::registry::connection::{Answer, whole};
use crate::edge::registry::credential::Credential;
use crate::edge::registry::failure::{Failure, Kind};
use crate::edge::registry::hosts::Host;
use crate::edge::registry::token::{Key, PULL, Tokens, send};

/// Manifests may have 4 MiB (distribution specification); configs of that size are unheard of.
const BODY_BYTES_MAX: usize = 4 << 20;
/// What we can read of manifests.
const MANIFEST_TYPES: &str = "application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1";
/// Where a registry says what the digest of its answer is.
const DIGEST_HEADER: &str = "docker-content-digest";

/// One repository, and how to get at it.
#[derive(Debug)]
pub struct Repository {
    /// Name without the registry.
    pub name: String,
    /// To be asked in this order; each with who we are to it, best first, never nobody at all.
    pub hosts: Vec<(Host, Vec<Credential>)>,
    /// Credentials that could not be read, and why: told where we are refused.
    pub unread: Vec<String>,
}

/// The API of any registry.
#[derive(Debug)]
pub struct Api {
    tokens: Tokens,
    requests: IntCounterVec,
}

impl Api {
    /// Counts its requests by result.
    #[must_use]
    pub fn new(requests: IntCounterVec) -> Self {
        Self { tokens: Tokens::default(), requests }
    }

    /// The digest that a tag has now, if a host tells it without sending the manifest.
    ///
    /// # Errors
    /// If no host answers.
    pub async fn digest_of_tag(
        &self,
        repository: &Repository,
        tag: &str,
    ) -> Result<Option<String>, Failure> {
        let path = format!("manifests/{tag}");
        let digest = |answer: Answer| Ok(told_digest(&answer.headers));
        self.ask(repository, Method::HEAD, &path, true, &digest).await
    }

    /// The manifest or index that a tag means now, and its digest.
    ///
    /// # Errors
    /// If no host has it as it says.
    pub async fn tagged_manifest(
        &self,
        repository: &Repository,
        tag: &str,
    ) -> Result<(String, Vec<u8>), Failure> {
        let path = format!("manifests/{tag}");
        let check = |answer: Answer| {
            let own = sha256(&answer.body);
            match told_digest(&answer.headers) {
                Some(told) => {
                    verify(&answer.body, &told)?;
                    Ok((told, answer.body))
                }
                None => Ok((own, answer.body)),
            }
        };
        self.ask(repository, Method::GET, &path, true, &check).await
    }

    /// A manifest or index by digest.
    ///
    /// # Errors
    /// If no host has it whole and unchanged.
    pub async fn manifest(
        &self,
        repository: &Repository,
        digest: &str,
    ) -> Result<Vec<u8>, Failure> {
        self.verified(repository, &format!("manifests/{digest}"), digest).await
    }

    /// A small blob by digest.
    ///
    /// # Errors
    /// If no host has it whole and unchanged.
    pub async fn blob(&self, repository: &Repository, digest: &str) -> Result<Vec<u8>, Failure> {
        self.verified(repository, &format!("blobs/{digest}"), digest).await
    }

    async fn verified(
        &self,
        repository: &Repository,
        path: &str,
        digest: &str,
    ) -> Result<Vec<u8>, Failure> {
        let check = |answer: Answer| verify(&answer.body, digest).map(|()| answer.body);
        self.ask(repository, Method::GET, path, false, &check).await
    }

    async fn ask<T>(
        &self,
        repository: &Repository,
        method: Method,
        path: &str,
        resolves: bool,
        check: &impl Fn(Answer) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut worst: Option<Failure> = None;
        let hosts = repository.hosts.iter().filter(|(host, _)| host.resolves || !resolves);
        for (host, credentials) in hosts {
            for credential in credentials {
                let (root, name) = (host.root.to_string(), repository.name.clone());
                let credential = credential.clone();
                let key = Key { root, repository: name, credential, actions: PULL };
                let answer = self.ask_host(host, &key, &method, path).await;
                let result = answer.and_then(check);
                let label = result.as_ref().map_or_else(|failure| failure.kind.name(), |_| "ok");
                self.requests.with_label_values(&[label]).inc();
                let failure = match result {
                    Ok(found) => return Ok(found),
                    Err(failure) => failure,
                };
                let is_denied = failure.kind == Kind::Denied;
                worst = Some(more_telling(worst, failure));
                if !is_denied {
                    break;
                }
            }
        }
        let none = || Failure::new(Kind::NotAsked, "no host of this registry is to be asked");
        let mut failure = worst.unwrap_or_else(none);
        if failure.kind == Kind::Denied {
            for unread in &repository.unread {
                failure.reason = format!("{}; {unread}", failure.reason);
            }
        }
        Err(failure)
    }

    async fn ask_host(
        &self,
        host: &Host,
        key: &Key,
        method: &Method,
        path: &str,
    ) -> Result<Answer, Failure> {
        let url = host.pull_url(&key.repository, path);
        let request =
            || host.client.request(method.clone(), url.clone()).header(ACCEPT, MANIFEST_TYPES);
        whole(send(&self.tokens, host, key, request).await?, BODY_BYTES_MAX).await
    }
}

/// Of two hosts' failures the one that says more: "not found" is what every mirror says.
fn more_telling(before: Option<Failure>, now: Failure) -> Failure {
    match before {
        Some(before) if before.kind != Kind::NotFound || now.kind == Kind::NotFound => before,
        _ => now,
    }
}

fn told_digest(headers: &HeaderMap) -> Option<String> {
    let told = headers.get(DIGEST_HEADER)?.to_str().ok()?;
    (!told.is_empty()).then(|| told.to_owned())
}

/// Refuses a body that is not the one of a digest.
fn verify(body: &[u8], digest: &str) -> Result<(), Failure> {
    let actual = match digest.split_once(':') {
        Some(("sha256", _)) => sha256(body),
        Some(("sha512", _)) => format!("sha512:{}", hex(&Sha512::digest(body))),
        _ => return Err(Failure::new(Kind::Invalid, format!("cannot verify digest {digest:?}"))),
    };
    if actual == digest {
        return Ok(());
    }
    Err(Failure::new(Kind::Invalid, format!("wrong digest: {digest} was asked for, {actual} came")))
}

fn sha256(body: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(body)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::{sha256, verify};

    #[test]
    fn only_the_body_of_the_digest_passes() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
        assert!(verify(b"", empty).is_ok());
        assert!(verify(b"x", empty).is_err());
        assert!(verify(b"", "md5:d41d8cd98f00b204e9800998ecf8427e").is_err());
        let long = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                    47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
        assert!(verify(b"", long).is_ok());
    }
}
