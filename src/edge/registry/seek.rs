//! What the cluster holds or waits for whose layers nobody knows: found by looking, a little at a time.
//!
//! A pod is watched once it is bound and nodes report without end, so nothing is hung onto those events:
//! a slow pass sees both, and what an earlier one missed. Each step holds the tracker's lock for less
//! than a decision does.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::edge::shared::Shared;
use crate::edge::unresolved::{Holder, Target};
use crate::model::cluster::image::Record;
use crate::model::cluster::pod::Pod;
use crate::model::cluster::{Cluster, NodeId, PlatformId, RecordId, ReferenceId};
use crate::model::image::Platform;

/// Entries of a table read under one lock: some 20 microseconds.
const STEP: usize = 256;

/// The platforms of the cluster's nodes, ordered; what nearly all nodes are if none tells one.
#[must_use]
pub fn platforms(shared: &Shared) -> Vec<Platform> {
    let tracker = shared.read();
    let cluster = tracker.cluster();
    let nodes = (0u32..).map(NodeId).take(cluster.node_table_len());
    let ids: BTreeSet<PlatformId> = nodes.filter_map(|id| cluster.gist(id).platform).collect();
    let mut platforms: Vec<_> = ids.into_iter().map(|id| cluster.platform(id).clone()).collect();
    if platforms.is_empty() {
        platforms.push(Platform::new("linux", "amd64", ""));
    }
    platforms.sort();
    platforms
}

/// Gives every image to `each` that a node holds or a bound pod names, and whose layers are unknown.
/// With secrets, bound pods' images come with their holders.
pub async fn pass(shared: &Shared, with_secrets: bool, mut each: impl FnMut(Target)) {
    let platforms = platforms(shared);
    steps(shared, &mut each, |cluster, at, found| {
        let record = u32::try_from(at).ok().map(RecordId);
        let Some(record) = record.filter(|id| id.index() < cluster.records.len()) else {
            return false;
        };
        if cluster.record_ids.key(record.0).is_some() {
            found.extend(of_record(cluster, cluster.record(record), &platforms));
        }
        true
    })
    .await;
    steps(shared, &mut each, |cluster, at, found| {
        let id = u32::try_from(at).ok().map(ReferenceId);
        let Some(id) = id.filter(|id| id.index() < cluster.references.len()) else { return false };
        found.extend(of_name(cluster, id, &platforms));
        true
    })
    .await;
    if with_secrets {
        steps(shared, &mut each, |cluster, at, found| {
            let Some(pod) = cluster.pods.get(at) else { return false };
            of_pod(cluster, pod, found);
            true
        })
        .await;
    }
}

/// Reads a table in steps, each under a lock of its own, until `read` says that it is at the end.
async fn steps(
    shared: &Shared,
    each: &mut impl FnMut(Target),
    mut read: impl FnMut(&Cluster, usize, &mut Vec<Target>) -> bool,
) {
    let mut found = Vec::new();
    for start in (0..).step_by(STEP) {
        let more = {
            let tracker = shared.read();
            (start..start + STEP).all(|at| read(tracker.cluster(), at, &mut found))
        };
        found.drain(..).for_each(&mut *each);
        if !more {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// What a node reports: by digest, which cannot have moved, where it tells one.
fn of_record(cluster: &Cluster, record: &Record, platforms: &[Platform]) -> Vec<Target> {
    if record.image.is_some() {
        return Vec::new();
    }
    let names = record.references.iter().map(|&id| cluster.reference_text(id));
    let best = names.filter(|name| is_askable(name)).max_by_key(|name| name.contains('@'));
    let Some(name) = best else { return Vec::new() };
    let own = record.platform.map(|id| vec![cluster.platform(id).clone()]);
    targets(name, &own.unwrap_or_else(|| platforms.to_vec()))
}

/// A name that only bound pods know.
fn of_name(cluster: &Cluster, id: ReferenceId, platforms: &[Platform]) -> Vec<Target> {
    let name = cluster.reference_text(id);
    let facts = cluster.reference(id);
    if !is_askable(name) || !facts.records.is_empty() || !facts.images.is_empty() {
        return Vec::new();
    }
    let ids = cluster.name_ids(name);
    let unknown = |platform: &&Platform| {
        cluster.current_image(ids, cluster.known_platform(platform)).is_none()
    };
    targets(name, &platforms.iter().filter(unknown).cloned().collect::<Vec<_>>())
}

/// What a bound pod waits for with secrets of its own.
fn of_pod(cluster: &Cluster, pod: &Pod, found: &mut Vec<Target>) {
    if pod.secrets.is_empty() {
        return;
    }
    let platform = pod.node.and_then(|node| cluster.node(node).platform);
    let secrets = pod.secrets.iter().filter_map(|name| name.split_once('/'));
    let (namespaces, secrets): (Vec<_>, Vec<_>) = secrets.unzip();
    let Some(namespace) = namespaces.first() else { return };
    let secrets = secrets.into_iter().map(str::to_owned).collect();
    let holder = Arc::new(Holder { namespace: (*namespace).to_owned(), secrets });
    for image in &pod.images {
        let name = cluster.reference_text(image.reference);
        let known = cluster.current_image(cluster.name_ids(name), platform).is_some();
        let Some(platform) = platform.filter(|_| !known && is_askable(name)) else { continue };
        let platform = cluster.platform(platform).clone();
        found.push(Target { reference: name.to_owned(), platform, holder: Some(holder.clone()) });
    }
}

fn targets(name: &str, platforms: &[Platform]) -> Vec<Target> {
    let target = |platform: &Platform| Target {
        reference: name.to_owned(),
        platform: platform.clone(),
        holder: None,
    };
    platforms.iter().map(target).collect()
}

/// A bare image id names no registry.
fn is_askable(name: &str) -> bool {
    name.contains('/')
}
