//! What is copied of nodes and images while the tracker is locked: counts, and pointers to names.
//!
//! Scheduling requests read the same tracker, and wait behind an event that waits for us. So a list is
//! copied some entries at a time with the lock let go in between, and neither sorted, summed up in seconds
//! nor written as text before that is done. Its entries are therefore as of slightly different moments.

use std::sync::Arc;

use crate::cost::queue::QueueRules;
use crate::edge::shared::Shared;
use crate::model::cluster::image::{Image, Record};
use crate::model::cluster::node::{Node, Pull};
use crate::model::cluster::volume::{PlacedVolume, Volume};
use crate::model::cluster::{Cluster, ImageId, NodeId, RecordId, VolumeId};
use crate::model::unit::{Bytes, Nanos, Time};
use crate::model::volume::VolumeKind;
use crate::score::{pull_times, queue_rules};

/// Entries copied under one lock: of full nodes (50 images each) some 0.1 ms, a small part of what the
/// scheduler waits for anyway.
pub(super) const COPIED_AT_ONCE: usize = 256;

/// Nodes named of a volume: beyond, their number tells enough. A task cache can be on every node.
const NODES_NAMED_MAX: usize = 100;

/// A node, copied.
#[derive(Debug)]
pub struct NodeCopy {
    pub(super) name: Arc<str>,
    pub(super) platform: Option<String>,
    pub(super) image_count: usize,
    pub(super) image_bytes: u64,
    pub(super) list_cut: bool,
    pub(super) waiting_pods: u32,
    pub(super) rules: QueueRules,
    pub(super) takes: Vec<Nanos>,
    pub(super) pulls: Vec<Pull>,
    /// What each of `pulls` pulls.
    pub(super) pulled: Vec<Arc<str>>,
}

/// An image, or a record without known layers, copied.
#[derive(Debug)]
pub struct ImageCopy {
    pub(super) references: Vec<Arc<str>>,
    pub(super) digests: Vec<Arc<str>>,
    pub(super) platform: Option<String>,
    pub(super) bytes: u64,
    pub(super) layer_count: Option<usize>,
    pub(super) node_count: usize,
    pub(super) base_node_count: usize,
}

/// A named volume, copied.
#[derive(Debug)]
pub struct VolumeCopy {
    pub(super) key: Arc<str>,
    pub(super) kind: VolumeKind,
    pub(super) bytes: Option<Bytes>,
    pub(super) measured: bool,
    /// Number of nodes that hold it.
    pub(super) node_count: usize,
    /// Of those at most [`NODES_NAMED_MAX`].
    pub(super) holders: Vec<HolderCopy>,
    /// As many nodes that it is on its way to, and from where.
    pub(super) streams: Vec<(Arc<str>, Option<Arc<str>>)>,
}

/// A node that holds a volume, copied.
#[derive(Debug)]
pub struct HolderCopy {
    pub(super) node: Arc<str>,
    pub(super) reported: bool,
    pub(super) users: u32,
    pub(super) used_at: Option<Time>,
}

/// The names of all existing nodes, in no promised order.
#[must_use]
pub fn node_names(shared: &Shared) -> Vec<Arc<str>> {
    in_parts(shared, Cluster::node_table_len, |cluster, at| {
        existing(cluster, at).map(|node| node.name.clone())
    })
}

/// All existing nodes, in no promised order.
#[must_use]
pub fn nodes(shared: &Shared) -> Vec<NodeCopy> {
    in_parts(shared, Cluster::node_table_len, |cluster, at| {
        existing(cluster, at).map(|node| copy_node(node, cluster, shared))
    })
}

/// All images with known layers, and all records without, in no promised order.
#[must_use]
pub fn images(shared: &Shared) -> Vec<ImageCopy> {
    let image_count = |cluster: &Cluster| cluster.images.len();
    let mut copies = in_parts(shared, image_count, |cluster, at| {
        cluster.images[at].as_ref().map(|image| copy_image(image, cluster))
    });
    let record_count = |cluster: &Cluster| cluster.records.len();
    copies.append(&mut in_parts(shared, record_count, |cluster, at| {
        let id = u32::try_from(at).ok()?;
        cluster.record_ids.key(id)?;
        let record = cluster.record(RecordId(id));
        record.image.is_none().then(|| copy_record(record, cluster))
    }));
    copies
}

/// All named volumes, in no promised order.
#[must_use]
pub fn volumes(shared: &Shared) -> Vec<VolumeCopy> {
    in_parts(
        shared,
        |cluster| cluster.volumes.len(),
        |cluster, at| {
            let id = VolumeId(u32::try_from(at).ok()?);
            let key = cluster.volume_ids.key(id.0)?;
            Some(copy_volume(key.clone(), id, cluster))
        },
    )
}

/// What `copy` makes of entries 0 to `len`, all at once.
fn in_parts<T>(
    shared: &Shared,
    len: impl Fn(&Cluster) -> usize,
    copy: impl Fn(&Cluster, usize) -> Option<T>,
) -> Vec<T> {
    parts(shared, len, copy).flatten().collect()
}

/// What `copy` makes of entries 0 to `len`, in parts: one for every [`COPIED_AT_ONCE`] entries, each made
/// under a lock of its own when it is asked for. `len` is asked again for each.
pub fn parts<T, I: IntoIterator<Item = T>>(
    shared: &Shared,
    len: impl Fn(&Cluster) -> usize,
    copy: impl Fn(&Cluster, usize) -> I,
) -> impl Iterator<Item = Vec<T>> {
    let mut starts = (0..).step_by(COPIED_AT_ONCE);
    std::iter::from_fn(move || {
        let start = starts.next()?;
        let tracker = shared.read();
        let cluster = tracker.cluster();
        let end = len(cluster).min(start + COPIED_AT_ONCE);
        (start < end).then(|| (start..end).flat_map(|at| copy(cluster, at)).collect())
    })
}

fn existing(cluster: &Cluster, at: usize) -> Option<&Node> {
    let id = NodeId(u32::try_from(at).ok()?);
    cluster.node_ids.key(id.0)?;
    Some(cluster.node(id)).filter(|node| node.exists)
}

fn copy_node(node: &Node, cluster: &Cluster, shared: &Shared) -> NodeCopy {
    let size = |id: RecordId| {
        let record = cluster.record(id);
        let layers = record.image.map(|image: ImageId| cluster.image(image).total_bytes());
        layers.unwrap_or_default().max(record.size).0
    };
    let records = node.held.iter().map(|held| held.record);
    let whole = records.filter(|&id| cluster.record(id).unpacked.is_none());
    let mut takes = Vec::with_capacity(node.pulls.len());
    pull_times(&mut takes, &shared.policy, cluster, node);
    NodeCopy {
        name: node.name.clone(),
        platform: node.platform.map(|id| cluster.platform(id).to_string()),
        image_count: whole.clone().count(),
        image_bytes: whole.map(size).sum(),
        list_cut: node.list_cut_at.is_some(),
        waiting_pods: node.waiting_step_pods,
        rules: queue_rules(&shared.policy, node),
        takes,
        pulls: node.pulls.clone(),
        pulled: node.pulls.iter().map(|pull| pulled_name(pull, cluster)).collect(),
    }
}

/// What the pod asked for; else the image's first name, or its digest.
fn pulled_name(pull: &Pull, cluster: &Cluster) -> Arc<str> {
    let image = pull.image.map(|id| cluster.image(id));
    let reference = pull.reference.or_else(|| image?.references.first().copied());
    let digest = || image.and_then(|image| image.digests.first()).copied();
    match (reference, digest()) {
        (Some(reference), _) => cluster.reference_name(reference),
        (None, Some(digest)) => cluster.digest_name(digest),
        (None, None) => Arc::default(),
    }
}

fn copy_image(image: &Image, cluster: &Cluster) -> ImageCopy {
    let holder_count =
        |at: Option<usize>| at.map_or(0, |at| cluster.chain(image.chains[at]).holders.len());
    let last = image.chains.len().checked_sub(1);
    ImageCopy {
        references: image.references.iter().map(|&id| cluster.reference_name(id)).collect(),
        digests: image.digests.iter().map(|&id| cluster.digest_name(id)).collect(),
        platform: Some(cluster.platform(image.platform).to_string()),
        bytes: image.total_bytes().0,
        layer_count: Some(image.chains.len()),
        node_count: holder_count(last),
        base_node_count: holder_count(last.map(|_| 0)),
    }
}

fn copy_record(record: &Record, cluster: &Cluster) -> ImageCopy {
    ImageCopy {
        references: record.references.iter().map(|&id| cluster.reference_name(id)).collect(),
        digests: record.digests.iter().map(|&id| cluster.digest_name(id)).collect(),
        platform: record.platform.map(|id| cluster.platform(id).to_string()),
        bytes: record.size.0,
        layer_count: None,
        node_count: record.holders.len(),
        base_node_count: record.holders.len(),
    }
}

fn copy_volume(key: Arc<str>, id: VolumeId, cluster: &Cluster) -> VolumeCopy {
    let volume: &Volume = cluster.volume(id);
    let name = |node: NodeId| cluster.node(node).name.clone();
    let holder = |node: NodeId| {
        let placed = PlacedVolume::find(&cluster.node(node).volumes.placed, id)?;
        let (reported, used_at) = (placed.reported.is_some(), placed.used_at());
        Some(HolderCopy { node: name(node), reported, users: placed.users, used_at })
    };
    let streams = volume.streams.iter().map(|stream| (name(stream.to), stream.from.map(name)));
    VolumeCopy {
        key,
        kind: volume.kind(),
        bytes: volume.bytes(),
        measured: volume.is_measured(),
        node_count: volume.holders.len(),
        holders: volume.holders.iter().filter_map(holder).take(NODES_NAMED_MAX).collect(),
        streams: streams.take(NODES_NAMED_MAX).collect(),
    }
}
