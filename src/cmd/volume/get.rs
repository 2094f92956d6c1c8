//! `dunnage volume get`: this node's store, else another node's agent, else the registry.
//!
//! What comes over the network is sealed in the store first, once its digest is right: the next step on
//! this node finds it there, and the folder never holds what was not checked.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail, ensure};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use futures::Stream;

use super::show::{self, Shown};
use super::{absent, blocking, recover, remote, usable_key};
use crate::cli::volume::Get;
use crate::cmd::serve;
use crate::edge::cause::with_causes;
use crate::edge::clock::Clock;
use crate::edge::registry::artifact::Volumes;
use crate::edge::volume::evict::make_writable;
use crate::edge::volume::fetch::{Refusal, fetch};
use crate::edge::volume::peer::{Holder, Offer, Peers, holders};
use crate::edge::volume::staging::Label;
use crate::edge::volume::{Error, Held, Store, copy, id, stream};
use crate::model::volume::VolumeKind;

/// Where a volume came from, and how many bytes came over the network for it.
struct Origin {
    source: &'static str,
    from: Option<String>,
    streamed_bytes: u64,
}

pub(super) async fn run(flags: Get) -> anyhow::Result<()> {
    usable_key(&flags.key)?;
    let root = flags.common.store.clone();
    let store = blocking(move || {
        let store = Store::make(&root)?;
        recover(&store);
        Ok(store)
    })
    .await?;
    let why_not = match local(&store, &flags).await? {
        Ok(shown) => {
            show::print(flags.common.output, &shown);
            return Ok(());
        }
        Err(reason) => reason,
    };
    let origin = bring(&store, &flags, why_not).await?;
    let (key, dir) = (flags.key.clone(), flags.dir.clone());
    let held = blocking(move || {
        let held = store.find(&key)?;
        // Evicted already: the budget is smaller than the volume.
        let mut held = held.with_context(|| absent(&key, store.root()))?;
        fill(&mut held, &dir)?;
        Ok(held)
    });
    let record = held.await?.record.clone();
    let Origin { source, from, streamed_bytes } = origin;
    show::print(flags.common.output, &Shown::got(&record, source, from, streamed_bytes));
    Ok(())
}

/// From this node's store; or why it is not there: also one that is damaged, which is removed.
async fn local(store: &Store, flags: &Get) -> anyhow::Result<Result<Shown, String>> {
    let (store, key, dir) = (store.clone(), flags.key.clone(), flags.dir.clone());
    blocking(move || {
        let filled = match store.find(&key) {
            Ok(None) => return Ok(Err(absent(&key, store.root()))),
            Ok(Some(mut held)) => fill(&mut held, &dir).map(|()| held.record.clone()),
            Err(error) => Err(error.into()),
        };
        let error = match filled {
            Ok(record) => return Ok(Ok(Shown::got(&record, "local", None, 0))),
            Err(error) => error,
        };
        if !matches!(error.downcast_ref(), Some(Error::Damaged { .. })) {
            return Err(error);
        }
        let done = match store.remove(&key) {
            Ok(_) => "removed".to_owned(),
            // Whatever comes from elsewhere takes its place.
            Err(why) => format!("not removed: {why}"),
        };
        tracing::warn!("{error:#}: {done}, and looked for elsewhere");
        Ok(Err(format!("{error:#}: {done}")))
    })
    .await
}

/// Copies a volume into a folder that is empty or missing; after an error it is so again.
fn fill(held: &mut Held, dir: &Path) -> anyhow::Result<()> {
    let is_new = !dir.exists();
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let placed = || format!("cannot fill {}", dir.display());
    let folder = Dir::open_ambient_dir(dir, ambient_authority()).with_context(placed)?;
    let is_empty = folder.entries().with_context(placed)?.next().is_none();
    ensure!(is_empty, "{} is not empty: give an empty folder", dir.display());
    held.note_use(Clock::Real.now());
    let copied = copy(&held.data, &folder).with_context(placed);
    let checked = copied.and_then(|content| Ok(held.check(&content)?));
    if checked.is_err() {
        empty(dir, is_new);
    }
    checked
}

/// What cannot be removed stays: the error that led here says more.
fn empty(dir: &Path, is_new: bool) {
    // Folders of a volume may be read-only.
    let _ = make_writable(dir);
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        let _ = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
    if is_new {
        let _ = fs::remove_dir(dir);
    }
}

/// Brings a volume into the store, from whoever has it.
async fn bring(store: &Store, flags: &Get, why_not: String) -> anyhow::Result<Origin> {
    let mut reasons = vec![why_not];
    let peers = Arc::new(
        Peers::new(&flags.token_file, flags.peer_ca.as_deref()).map_err(anyhow::Error::msg)?,
    );
    let holders = known_holders(flags, &mut reasons).await;
    if let Some(origin) = from_peers(store, &peers, holders, &flags.key, &mut reasons).await {
        return Ok(origin);
    }
    let Some(name) = flags.remote.registry.clone() else {
        reasons.push("no --registry to ask".to_owned());
        bail!("{}", reasons.join("; "));
    };
    match from_registry(store, flags).await {
        Ok(streamed_bytes) => Ok(Origin { source: "registry", from: Some(name), streamed_bytes }),
        Err(error) => {
            reasons.push(format!("registry {name}: {}", with_causes(error.as_ref())));
            bail!("{}", reasons.join("; "))
        }
    }
}

fn note(reasons: &mut Vec<String>, reason: String) {
    tracing::info!("{reason}; looking elsewhere");
    reasons.push(reason);
}

/// Those that were given, else those that the API server knows of.
async fn known_holders(flags: &Get, reasons: &mut Vec<String>) -> Vec<Holder> {
    if !flags.peer.is_empty() {
        let given = flags.peer.iter();
        return given.map(|url| Holder { name: url.clone(), url: url.clone() }).collect();
    }
    let found = async {
        let client = serve::client(flags.kubeconfig.as_deref()).await?;
        Ok::<_, anyhow::Error>(holders(client, &flags.key).await?)
    };
    match found.await {
        Ok(found) if found.is_empty() => reasons.push("no node reports it".to_owned()),
        Ok(found) => return found,
        Err(error) => {
            let causes = with_causes(error.as_ref());
            note(reasons, format!("cannot ask the API server who has it: {causes}"));
        }
    }
    Vec::new()
}

/// From the first that gives it. Those that are busy are waited for when no other has it.
async fn from_peers(
    store: &Store,
    peers: &Arc<Peers>,
    mut holders: Vec<Holder>,
    key: &str,
    reasons: &mut Vec<String>,
) -> Option<Origin> {
    for waits in [false, true] {
        let mut busy = Vec::new();
        for holder in holders {
            match from_peer(store, peers, &holder, key, waits).await {
                Ok(Some(streamed_bytes)) => {
                    let from = Some(holder.name);
                    return Some(Origin { source: "peer", from, streamed_bytes });
                }
                Ok(None) => busy.push(holder),
                Err(error) => {
                    let causes = with_causes(error.as_ref());
                    note(reasons, format!("peer {}: {causes}", holder.name));
                }
            }
        }
        holders = busy;
    }
    None
}

/// The bytes that came; `None` from one that is busy and is not to be waited for.
async fn from_peer(
    store: &Store,
    peers: &Arc<Peers>,
    holder: &Holder,
    key: &str,
    waits: bool,
) -> anyhow::Result<Option<u64>> {
    let offer = peers.offer(holder, key).await.map_err(anyhow::Error::msg)?;
    let offer = offer.context("it has no such volume")?;
    let first = match waits {
        true => None,
        false => match peers.open(holder, key, &offer.digest, 0).await {
            Err(refusal) if refusal.is_busy => return Ok(None),
            // Whatever else is wrong may pass.
            opened => opened.ok(),
        },
    };
    let (peers, holder, asked) = (peers.clone(), holder.clone(), key.to_owned());
    let digest = offer.digest.clone();
    let open = move |offset| {
        let (peers, holder, key) = (peers.clone(), holder.clone(), asked.clone());
        let digest = digest.clone();
        async move { peers.open(&holder, &key, &digest, offset).await }
    };
    let received = Arc::new(AtomicU64::new(0));
    let archive = fetch(offer.bytes, received.clone(), first, open);
    keep(store, key, offer, archive).await?;
    Ok(Some(received.load(Ordering::Relaxed)))
}

async fn from_registry(store: &Store, flags: &Get) -> anyhow::Result<u64> {
    let volumes: Arc<Volumes> = Arc::new(remote(&flags.remote).await?);
    let found = volumes.find(&id(&flags.key)).await?;
    let artifact = found.context("it has no such volume")?;
    ensure!(artifact.key == flags.key, "it has {:?} under that tag", artifact.key);
    let kind = VolumeKind::named(&artifact.kind);
    let offer = Offer { digest: artifact.digest.clone(), bytes: artifact.bytes, kind };
    let open = move |offset| {
        let (volumes, digest) = (volumes.clone(), artifact.digest.clone());
        async move {
            let opened = volumes.open(&digest, offset).await;
            opened.map_err(|failure| {
                let is_final = !failure.kind.is_of_registry();
                Refusal { is_final, ..Refusal::passing(failure.reason) }
            })
        }
    };
    let received = Arc::new(AtomicU64::new(0));
    let archive = fetch(offer.bytes, received.clone(), None, open);
    keep(store, &flags.key, offer, archive).await?;
    Ok(received.load(Ordering::Relaxed))
}

/// Seals what comes, if it is what was offered.
async fn keep(
    store: &Store,
    key: &str,
    offer: Offer,
    archive: impl Stream<Item = std::io::Result<axum::body::Bytes>> + Send + 'static,
) -> anyhow::Result<()> {
    let own = store.clone();
    let staging = blocking(move || Ok(own.stage()?)).await?;
    let (staging, content) = stream::unpack(staging, archive).await?;
    let label = Label { key: key.to_owned(), kind: offer.kind };
    blocking(move || {
        let (came, wanted) = (&content.digest, &offer.digest);
        ensure!(came == wanted, "wrong digest: {wanted} was offered, {came} came");
        staging.seal(&label, content, Clock::Real.now())?;
        Ok(())
    })
    .await
}
