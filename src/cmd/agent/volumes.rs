//! The agent's part in the volume store: what dead ones left is removed, the budget is kept, and what is
//! there is told and served.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as ApiTime;

use crate::cli::volume::Serving;
use crate::cmd::{Usage, ports};
use crate::edge::inventory::node::StoredVolume;
use crate::edge::probe::AgentHealth;
use crate::edge::volume::access::Access;
use crate::edge::volume::rate::Rate;
use crate::edge::volume::record::Record;
use crate::edge::volume::{Error, Measured, Store, serve};

/// What is there, and what could not be done for it.
struct Kept {
    records: Vec<Record>,
    fault: Option<String>,
}

/// The store of a node, and how it is kept.
#[derive(Clone)]
pub struct Volumes {
    store: Store,
    budget_bytes: Option<u64>,
    health: Arc<AgentHealth>,
    /// By key: what is sealed does not change.
    measured: Arc<Mutex<HashMap<String, Measured>>>,
    /// Where other nodes find it.
    pub url: Option<String>,
}

impl Volumes {
    /// The store of these flags; `None` without one.
    ///
    /// # Errors
    /// If it cannot be made or opened.
    pub fn open(flags: &Serving, health: Arc<AgentHealth>) -> anyhow::Result<Option<Self>> {
        let Some(root) = &flags.store else {
            return Ok(None);
        };
        let store = Store::make(root).context("--store")?;
        health.checks().volumes = Some(Ok(()));
        let (budget_bytes, measured) = (flags.store_budget_bytes, Arc::default());
        Ok(Some(Self { store, budget_bytes, health, measured, url: None }))
    }

    /// Keeps the budget and lists what is left; `None` if it cannot be listed. What is wrong is said at the
    /// port and once in the log.
    pub async fn list(&self) -> Option<Vec<StoredVolume>> {
        let own = self.clone();
        let kept = tokio::task::spawn_blocking(move || own.keep());
        let kept = match kept.await {
            Ok(kept) => kept.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let (records, check) = match kept {
            Ok(Kept { records, fault }) => (Some(records), fault.map_or(Ok(()), Err)),
            Err(reason) => (None, Err(format!("{reason}; no volume is reported"))),
        };
        let before = self.health.checks().volumes.replace(check.clone());
        if let (Err(reason), true) = (&check, before != Some(check.clone())) {
            tracing::warn!("{reason}; trying again");
        }
        self.count(records.as_deref().unwrap_or_default());
        Some(records?.into_iter().map(stored).collect())
    }

    fn count(&self, records: &[Record]) {
        let metrics = &self.health.metrics;
        metrics.volumes.set(i64::try_from(records.len()).unwrap_or(i64::MAX));
        let bytes: u64 = records.iter().map(|record| record.bytes).sum();
        metrics.volume_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Blocks. What cannot be removed keeps nothing from being listed.
    fn keep(&self) -> Result<Kept, Error> {
        let recovered = self.store.recover();
        if recovered.count > 0 {
            tracing::info!(count = recovered.count, "removed what dead producers left");
        }
        let listing = self.store.list()?;
        for (folder, reason) in &listing.unreadable {
            tracing::debug!(folder, reason, "not a volume");
        }
        let mut records = self.measure(listing.volumes);
        let evicted = self.store.evict(&records, self.budget_bytes.unwrap_or(u64::MAX));
        self.health.metrics.evicted_volumes.inc_by(evicted.keys.len() as u64);
        if !evicted.keys.is_empty() {
            let (count, bytes) = (evicted.keys.len(), evicted.bytes);
            tracing::info!(count, bytes, "volumes removed for the budget");
        }
        records.retain(|record| !evicted.keys.contains(&record.key));
        let fault = recovered.faults.into_iter().chain(evicted.faults).next();
        Ok(Kept { records, fault })
    }

    /// What records tell of bytes is not believed: each volume is measured once. One that cannot be, as it is
    /// nested beyond what paths can say, could not be read by a step either, and is left out.
    fn measure(&self, records: Vec<Record>) -> Vec<Record> {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = HashMap::new();
        let mut result = Vec::new();
        for mut record in records {
            let before = measured.get(&record.key).copied();
            let found = self.store.measure(&record.key, before).unwrap_or_else(|error| {
                tracing::debug!(key = record.key, "{error}");
                None
            });
            // One that was removed meanwhile is none.
            if let Some(found) = found {
                kept.insert(record.key.clone(), found);
                record.bytes = found.bytes;
                result.push(record);
            }
        }
        *measured = kept;
        result
    }
}

fn stored(record: Record) -> StoredVolume {
    let kind = record.kind().name().to_owned();
    // To the second: nobody needs more, and a list of hundreds is shorter.
    let second = |at: jiff::Timestamp| jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
    let last_used = record.last_used.map(|at| ApiTime(second(at)));
    StoredVolume { key: record.key, kind, bytes: record.bytes, last_used }
}

/// The port for other nodes, bound.
pub struct VolumePort {
    port: ports::Port,
    tls: Option<RustlsConfig>,
    rate: Option<Rate>,
    handle: Handle<SocketAddr>,
}

impl VolumePort {
    /// Binds as the flags say; `None` if they do not. Says where other nodes find it.
    ///
    /// # Errors
    /// If it cannot be bound, or would give away tokens.
    pub async fn bind(flags: &Serving) -> anyhow::Result<Option<(Self, String)>> {
        let Some(listen) = flags.volume_listen else {
            return Ok(None);
        };
        let tls = match (&flags.volume_tls_cert, &flags.volume_tls_key) {
            (Some(cert), Some(key)) => Some(read_tls(cert, key).await?),
            _ => None,
        };
        if tls.is_none() && !listen.ip().is_loopback() && !flags.insecure_http {
            let why = "plain HTTP beyond loopback shows tokens and volumes to the network";
            let todo = "give --volume-tls-cert and --volume-tls-key, or --insecure-http";
            return Err(Usage(format!("--volume-listen {listen}: {why}: {todo}")).into());
        }
        let port = ports::Port::bind("--volume-listen", listen)?;
        let ip = flags.volume_advertise.unwrap_or(port.address.ip());
        if ip.is_unspecified() {
            let todo = "give --volume-advertise IP";
            return Err(
                Usage(format!("--volume-listen {listen}: no address to tell: {todo}")).into()
            );
        }
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", SocketAddr::new(ip, port.address.port()));
        let rate = flags.volume_serve_rate_bytes.and_then(NonZeroU64::new).map(Rate::new);
        Ok(Some((Self { port, tls, rate, handle: Handle::new() }, url)))
    }

    /// Serves a store until the process ends.
    ///
    /// # Errors
    /// If the socket fails.
    pub async fn serve(self, volumes: Volumes, client: kube::Client) -> anyhow::Result<()> {
        let requests = volumes.health.metrics.volume_requests.clone();
        let router = serve::router(volumes.store, Access::new(client), requests, self.rate);
        self.port.serve(router, self.tls, self.handle).await
    }
}

async fn read_tls(cert: &Path, key: &Path) -> anyhow::Result<RustlsConfig> {
    let (cert_name, key_name) = (cert.display(), key.display());
    let config = RustlsConfig::from_pem_file(cert, key).await;
    config.with_context(|| format!("--volume-tls-cert {cert_name}, --volume-tls-key {key_name}"))
}
