//! `dunnage volume`: the store of this node for scripts, and where a volume comes from.
//!
//! What it did goes to standard output, one line or one JSON object; what went wrong is one error.

mod get;
mod show;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use reqwest::Body;

use crate::cli::volume::{Action, Common, Kind, Ls, Put, Remote, Rm, Volume};
use crate::cmd::Usage;
use crate::edge::clock::Clock;
use crate::edge::registry::artifact::{Artifact, Volumes};
use crate::edge::volume::record::check_key;
use crate::edge::volume::staging::Label;
use crate::edge::volume::{Content, Store, id, stream};
use crate::model::volume::VolumeKind;
use show::Shown;

/// Does it.
///
/// # Errors
/// If it cannot be done: then the store is as it was.
pub async fn run(flags: Volume) -> anyhow::Result<()> {
    match flags.action {
        Action::Put(flags) => put(flags).await,
        Action::Get(flags) => get::run(flags).await,
        Action::Ls(flags) => blocking(move || ls(&flags)).await,
        Action::Rm(flags) => blocking(move || rm(&flags)).await,
    }
}

/// Files block: not on the threads that answer sockets.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("a thread ended")?
}

fn usable_key(key: &str) -> anyhow::Result<()> {
    check_key(key).map_err(|why| Usage(format!("KEY {key:?} {why}")).into())
}

async fn put(flags: Put) -> anyhow::Result<()> {
    usable_key(&flags.key)?;
    let Put { key, dir, kind, common, remote: named, push } = flags;
    let to = if push { Some(remote(&named).await?) } else { None };
    let label = Label { key, kind: told(kind) };
    let root = common.store.clone();
    let (store, record) = blocking(move || {
        let store = Store::make(&root)?;
        recover(&store);
        let staging = store.stage()?;
        let content = staging.copy(&dir)?;
        let record = staging.seal(&label, content, Clock::Real.now())?;
        Ok((store, record))
    })
    .await?;
    let mut shown = Shown::put(&record);
    if let Some(to) = to {
        let name = named.registry.unwrap_or_default();
        let pushed = send(store, &record.key, &to).await;
        let bytes = pushed.with_context(|| {
            format!("volume {:?} is sealed on this node, but not pushed to {name}", record.key)
        })?;
        shown = shown.pushed(bytes);
    }
    show::print(common.output, &shown);
    Ok(())
}

const fn told(kind: Kind) -> VolumeKind {
    match kind {
        Kind::ResourceCache => VolumeKind::ResourceCache,
        Kind::TaskCache => VolumeKind::TaskCache,
        Kind::Output => VolumeKind::Output,
        Kind::Other => VolumeKind::Other,
    }
}

/// Pushes what the store has under a key by now.
async fn send(store: Store, key: &str, to: &Volumes) -> anyhow::Result<u64> {
    let wanted = key.to_owned();
    let (held, artifact) = blocking(move || {
        let held = store.find(&wanted)?;
        let mut held = held.with_context(|| absent(&wanted, store.root()))?;
        let content = held.content()?;
        let kind = held.record.kind().name().to_owned();
        let Content { digest, bytes } = content;
        Ok((Arc::new(held), Artifact { key: wanted, kind, digest, bytes }))
    })
    .await?;
    let data = held.data.try_clone()?;
    let archive = || match data.try_clone() {
        Ok(data) => Body::wrap_stream(stream::archive(data, 0, held.clone())),
        // Too short: the registry refuses it.
        Err(_) => Body::default(),
    };
    Ok(to.push(&id(key), &artifact, archive).await?)
}

/// The registry of these flags.
async fn remote(flags: &Remote) -> anyhow::Result<Volumes> {
    let name = flags.registry.as_deref().unwrap_or_default();
    let hosts = flags.registry_hosts_dir.clone();
    let volumes = Volumes::new(name, flags.docker_config.clone(), hosts).await;
    volumes.map_err(|error| anyhow::anyhow!("--registry {error}"))
}

/// What dead ones left is removed by whoever comes next; that it cannot be is not their failure.
fn recover(store: &Store) {
    let recovered = store.recover();
    if recovered.count > 0 {
        tracing::info!(count = recovered.count, "removed what dead producers left");
    }
    for fault in recovered.faults {
        tracing::warn!("{fault}");
    }
}

fn ls(flags: &Ls) -> anyhow::Result<()> {
    let store = existing(&flags.common)?;
    let listing = store.list()?;
    for (id, reason) in &listing.unreadable {
        tracing::warn!(folder = id, "not a volume: {reason}");
    }
    let mut volumes = Vec::new();
    for mut record in listing.volumes {
        match store.measure(&record.key, None) {
            Ok(Some(measured)) => record.bytes = measured.bytes,
            // Removed since it was listed.
            Ok(None) => continue,
            Err(error) => tracing::warn!("{error}: its bytes are as its producer told them"),
        }
        volumes.push(record);
    }
    show::print_list(flags.common.output, &volumes);
    Ok(())
}

fn rm(flags: &Rm) -> anyhow::Result<()> {
    usable_key(&flags.key)?;
    let store = existing(&flags.common)?;
    anyhow::ensure!(store.remove(&flags.key)?, absent(&flags.key, store.root()));
    show::print(flags.common.output, &Shown::removed(&flags.key));
    Ok(())
}

fn existing(common: &Common) -> anyhow::Result<Store> {
    let is_there = common.store.is_dir();
    anyhow::ensure!(is_there, "no store at {}: give --store DIR", common.store.display());
    Ok(Store::open(&common.store)?)
}

fn absent(key: &str, root: &Path) -> String {
    format!("no volume {key:?} in {}", root.display())
}
