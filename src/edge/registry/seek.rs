//! What the cluster holds or waits for whose layers nobody knows: found by looking, a little at a time.
//!
//! A pod is watched once it is bound and nodes report without end, so nothing is hung onto those events:
//! a slow pass sees both, and what an earlier one missed. Each step holds the tracker's lock for less
//! than a decision does.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::edge::shared::Shared;
use crate::edge::unresolved::{Holder, Target};
use crate::edge::view::copy::parts;
use crate::model::cluster::image::Record;
use crate::model::cluster::pod::Pod;
use crate::model::cluster::{Cluster, NodeId, PlatformId, RecordId, ReferenceId};
use crate::model::image::Platform;

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

/// Gives every image to `each` that a node holds or a pod names, bound or of a run and pending, and whose
/// layers are unknown. With secrets, bound pods' images come with their holders.
pub async fn pass(shared: &Shared, with_secrets: bool, mut each: impl FnMut(Target)) {
    let platforms = platforms(shared);
    let of_records = parts(
        shared,
        |cluster| cluster.records.len(),
        |cluster, at| {
            let id = u32::try_from(at).ok().filter(|id| cluster.record_ids.key(*id).is_some());
            id.map(|id| of_record(cluster, cluster.record(RecordId(id)), &platforms))
                .unwrap_or_default()
        },
    );
    give(of_records, &mut each).await;
    let of_names = parts(
        shared,
        |cluster| cluster.references.len(),
        |cluster, at| {
            let id = u32::try_from(at).ok().map(ReferenceId);
            id.map(|id| of_name(cluster, id, &platforms)).unwrap_or_default()
        },
    );
    give(of_names, &mut each).await;
    if with_secrets {
        let of_pods = parts(
            shared,
            |cluster| cluster.pods.len(),
            |cluster, at| cluster.pods.get(at).map(|pod| of_pod(cluster, pod)).unwrap_or_default(),
        );
        give(of_pods, &mut each).await;
    }
}

/// Passes parts on, and lets others run in between.
async fn give(parts: impl Iterator<Item = Vec<Target>>, each: &mut impl FnMut(Target)) {
    for part in parts {
        part.into_iter().for_each(&mut *each);
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

/// A name that only pods know.
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

/// What a bound pod waits for with secrets of its own; most wait for nothing, and nothing is made of them.
fn of_pod(cluster: &Cluster, pod: &Pod) -> Vec<Target> {
    let Some(platform) = pod.node.and_then(|node| cluster.node(node).platform) else {
        return Vec::new();
    };
    let is_wanted = |name: &&str| {
        let ids = cluster.name_ids(name);
        is_askable(name) && cluster.current_image(ids, Some(platform)).is_none()
    };
    let names = pod.images.iter().map(|image| cluster.reference_text(image.reference));
    let mut names = names.filter(is_wanted).peekable();
    let Some(holder) = names.peek().and_then(|_| holder(pod)) else { return Vec::new() };
    let target = |name: &str| Target {
        reference: name.to_owned(),
        platform: cluster.platform(platform).clone(),
        holder: Some(holder.clone()),
    };
    names.map(target).collect()
}

/// Whose secrets a pod has; `None` if it names none.
fn holder(pod: &Pod) -> Option<Arc<Holder>> {
    let secrets = pod.secrets.iter().filter_map(|name| name.split_once('/'));
    let (namespaces, secrets): (Vec<_>, Vec<_>) = secrets.unzip();
    let namespace = (*namespaces.first()?).to_owned();
    let secrets = secrets.into_iter().map(str::to_owned).collect();
    Some(Arc::new(Holder { namespace, secrets }))
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
