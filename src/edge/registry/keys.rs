//! Which credentials to try on a host: a pod's pull secrets, the mounted docker config, nobody.
//!
//! Secrets are read only where the operator asked for it, by name and on demand, never listed or
//! watched, and kept for a minute. Which name's credentials a host gets is [`Host::login`]'s.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use moka::future::Cache;

use crate::edge::registry::credential::{self, Credential};
use crate::edge::registry::hosts::Host;
use crate::edge::unresolved::Holder;

/// Pull secrets that one pod may make us read; kubelets know no bound, pods have one or two.
const SECRETS_MAX: usize = 8;
/// Secrets and answers of helpers kept, and for how long: they rotate.
const KEPT_MAX: u64 = 1_000;
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Where credentials come from.
pub struct Keys {
    file: Option<PathBuf>,
    secrets: Option<Client>,
    /// By `namespace/name`, or why there is none.
    read: Cache<String, Result<Arc<Vec<u8>>, String>>,
    /// Of the file, by server, or why it cannot be used.
    of_file: Cache<String, Result<Option<Credential>, String>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Keys {
    /// Credentials out of a docker config file, and of pull secrets where a client is given.
    #[must_use]
    pub fn new(file: Option<PathBuf>, secrets: Option<Client>) -> Self {
        let read = Cache::builder().max_capacity(KEPT_MAX).time_to_live(KEPT_FOR).build();
        let of_file = Cache::builder().max_capacity(KEPT_MAX).time_to_live(KEPT_FOR).build();
        Self { file, secrets, read, of_file }
    }

    /// What to try on a host of a registry, in order; nobody last. And what could not be read, each in words
    /// without secrets.
    pub async fn for_host(
        &self,
        host: &Host,
        holder: Option<&Holder>,
    ) -> (Vec<Credential>, Vec<String>) {
        let server = &host.login;
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        if let (Some(holder), Some(client)) = (holder, &self.secrets) {
            for name in holder.secrets.iter().take(SECRETS_MAX) {
                let text = self.secret(client, &holder.namespace, name).await;
                match text.and_then(|text| credential::in_secret(&text, server)) {
                    Ok(credential) => found.extend(credential),
                    Err(why) => {
                        unread.push(format!("pull secret {}/{name}: {why}", holder.namespace));
                    }
                }
            }
        }
        match self.in_file(server.clone()).await {
            Ok(credential) => found.extend(credential),
            Err(why) => unread.push(format!("docker config {why}")),
        }
        found.push(Credential::Anonymous);
        found.dedup();
        (found, unread)
    }

    async fn secret(
        &self,
        client: &Client,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Vec<u8>>, String> {
        let read = async {
            let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
            let secret = secrets.get_opt(name).await.map_err(|error| {
                tracing::warn!(namespace, secret = name, %error, "cannot read a pull secret");
                "cannot be read".to_owned()
            })?;
            let secret = secret.ok_or("not found")?;
            Ok(Arc::new(config_of(secret).ok_or("not a pull secret")?))
        };
        self.read.get_with(format!("{namespace}/{name}"), read).await
    }

    async fn in_file(&self, server: String) -> Result<Option<Credential>, String> {
        let Some(file) = self.file.clone() else { return Ok(None) };
        let find = async {
            let asked = server.clone();
            // A helper is a program that may take its time.
            let found =
                tokio::task::spawn_blocking(move || credential::in_file(&file, &asked)).await;
            let found = found.unwrap_or_else(|error| Err(error.to_string()));
            found.inspect_err(|error| tracing::warn!(%error, "cannot use the docker config"))
        };
        self.of_file.get_with(server.clone(), find).await
    }
}

/// The docker config in a pull secret, of either type; `None` for any other secret.
fn config_of(secret: Secret) -> Option<Vec<u8>> {
    let mut data = secret.data?;
    match secret.type_.as_deref() {
        Some("kubernetes.io/dockerconfigjson") => Some(data.remove(".dockerconfigjson")?.0),
        Some("kubernetes.io/dockercfg") => {
            let auths: serde_json::Value =
                serde_json::from_slice(&data.remove(".dockercfg")?.0).ok()?;
            Some(serde_json::json!({ "auths": auths }).to_string().into_bytes())
        }
        _ => None,
    }
}
