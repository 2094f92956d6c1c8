//! Who we are to a registry: user and password out of a docker config, or nobody.
//!
//! A pull secret is a namespace's word, and must not make us run anything: only the `auths` of one are
//! read. The mounted docker config is the operator's and may name credential helpers.

use std::path::Path;

use docker_credential::{CredentialRetrievalError, DockerCredential};

/// Who we are to a registry.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// Nobody.
    Anonymous,
    /// By name and password.
    Password(String, String),
    /// By a token that gets further tokens.
    Identity(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Password(..) => "Password(..)",
            Self::Identity(_) => "Identity(..)",
        })
    }
}

/// What a docker config file has for a registry; `None` if nothing. May run a helper: it blocks.
///
/// # Errors
/// If the file cannot be read, or a helper fails.
pub fn in_file(file: &Path, registry: &str) -> Result<Option<Credential>, String> {
    let placed = |error: String| format!("{}: {error}", file.display());
    let text = std::fs::read(file).map_err(|error| placed(error.to_string()))?;
    find(&text, registry).map_err(placed)
}

/// What a pull secret's `.dockerconfigjson` has for a registry; `None` if nothing.
///
/// # Errors
/// If it is no docker config.
pub fn in_secret(text: &[u8], registry: &str) -> Result<Option<Credential>, String> {
    let mut config: serde_json::Value =
        serde_json::from_slice(text).map_err(|_| "not a docker config as JSON".to_owned())?;
    let auths = config.get_mut("auths").map(serde_json::Value::take).unwrap_or_default();
    find(serde_json::json!({ "auths": auths }).to_string().as_bytes(), registry)
}

fn find(text: &[u8], registry: &str) -> Result<Option<Credential>, String> {
    // The hub's name in docker configs.
    let server = if registry == "docker.io" { "index.docker.io" } else { registry };
    match docker_credential::get_credential_from_reader(text, server) {
        Ok(DockerCredential::UsernamePassword(name, password)) => {
            Ok(Some(Credential::Password(name, password)))
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Identity(token))),
        Err(CredentialRetrievalError::NoCredentialConfigured) => Ok(None),
        // A helper's output may hold a secret.
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            Err(format!("credential helper {helper} failed for {server}"))
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Credential, in_secret};

    #[test]
    fn a_secret_is_read_by_registry_and_runs_no_helper() {
        let text = br#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "YTpi"},
            "r.example:5000": {"username": "u", "password": "p"},
            "t.example": {"identitytoken": "i"}
        }, "credHelpers": {"h.example": "../../../bin/true"}, "credsStore": "../../../bin/true"}"#;
        let password = |name: &str, word: &str| {
            Ok(Some(Credential::Password(name.to_owned(), word.to_owned())))
        };
        assert_eq!(in_secret(text, "docker.io"), password("a", "b"));
        assert_eq!(in_secret(text, "r.example:5000"), password("u", "p"));
        assert_eq!(in_secret(text, "t.example"), Ok(Some(Credential::Identity("i".to_owned()))));
        assert_eq!(in_secret(text, "h.example"), Ok(None));
        assert_eq!(in_secret(b"{}", "h.example"), Ok(None));
        assert!(in_secret(b"[", "h.example").is_err());
        let shown = format!("{:?}", in_secret(text, "docker.io"));
        assert!(!shown.contains('b'), "{shown}");
    }
}
