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
    /// By `namespace/name`; `None` for one that is missing or no pull secret.
    read: Cache<String, Option<Arc<Vec<u8>>>>,
    /// Of the file, by server.
    of_file: Cache<String, Option<Credential>>,
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

    /// What to try on a host of a registry, in order; nobody last.
    pub async fn for_host(&self, host: &Host, holder: Option<&Holder>) -> Vec<Credential> {
        let server = &host.login;
        let mut found = Vec::new();
        if let (Some(holder), Some(client)) = (holder, &self.secrets) {
            for name in holder.secrets.iter().take(SECRETS_MAX) {
                let Some(text) = self.secret(client, &holder.namespace, name).await else {
                    continue;
                };
                found.extend(credential::in_secret(&text, server).unwrap_or_default());
            }
        }
        found.extend(self.in_file(server.clone()).await);
        found.push(Credential::Anonymous);
        found.dedup();
        found
    }

    async fn secret(&self, client: &Client, namespace: &str, name: &str) -> Option<Arc<Vec<u8>>> {
        let read = async {
            let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
            let secret = secrets.get_opt(name).await;
            let secret = secret.inspect_err(|error| {
                tracing::warn!(namespace, secret = name, %error, "cannot read a pull secret");
            });
            config_of(secret.ok().flatten()?).map(Arc::new)
        };
        self.read.get_with(format!("{namespace}/{name}"), read).await
    }

    async fn in_file(&self, server: String) -> Option<Credential> {
        let file = self.file.clone()?;
        let find = async {
            let asked = server.clone();
            // A helper is a program that may take its time.
            let found =
                tokio::task::spawn_blocking(move || credential::in_file(&file, &asked)).await;
            let found = found.unwrap_or_else(|error| Err(error.to_string()));
            found.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot use the docker config");
                None
            })
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
