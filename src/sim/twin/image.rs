//! What the scheduler's cache knows of images, and what `ImageLocality` gives for it.
//!
//! `imageStates` of `pkg/scheduler/backend/cache/cache.go` and
//! `pkg/scheduler/framework/plugins/imagelocality/image_locality.go`, Kubernetes 1.37.2. Two things there are
//! not what one would think, and are kept: an image's size is what the first node said that listed it, for
//! as long as any node lists it; and how many nodes list it is read when a node's snapshot is taken, which is
//! when something on that node changes, so that nodes can be of different opinions.

use std::borrow::Cow;

use crate::model::unit::Bytes;
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::setup::NodeNumber;
use crate::sim::twin::SCORE_MAX;

/// Under this a pod's images count as nothing (`minThreshold`, 23 MiB).
const BYTES_MIN: u64 = 23 << 20;
/// This much, for each container, is the most that counts (`maxContainerThreshold`, 1000 MiB).
const BYTES_MAX: u64 = 1000 << 20;

/// All images that any node lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Images {
    /// By name.
    states: Vec<State>,
    /// By node.
    lists: Vec<List>,
    /// Counts what changes in `states`.
    now: u64,
    /// Nodes of the cluster when bytes were counted.
    node_count: usize,
}

/// An image, by one of its names.
#[derive(Clone, Debug, Default)]
struct State {
    size_bytes: u64,
    /// When size or number of nodes last changed.
    changed_at: u64,
    /// By node.
    holders: Vec<Holder>,
}

/// A node that lists an image, and what its snapshot says of the image.
#[derive(Clone, Copy, Debug)]
struct Holder {
    node: NodeNumber,
    nodes_seen: u32,
    bytes_seen: u64,
    /// Size times the share of nodes.
    counted_bytes: u64,
}

/// What a node lists.
#[derive(Clone, Debug, Default)]
struct List {
    /// By name, each once.
    images: Vec<(ReferenceNumber, Bytes)>,
    /// What changed until then is in the node's snapshot.
    seen_at: u64,
}

impl Images {
    /// Replaces what a node lists.
    pub(super) fn list(&mut self, node: NodeNumber, listed: &[(ReferenceNumber, Bytes)]) {
        let at = node.0 as usize;
        if at >= self.lists.len() {
            self.lists.resize(at + 1, List::default());
        }
        let mut images = listed.to_vec();
        // Of a name that comes twice the first one counts, so the order among equals must stay.
        images.sort_by_key(|(name, _)| *name);
        images.dedup_by_key(|(name, _)| *name);
        let last = images.last().map_or(0, |(name, _)| name.0 as usize + 1);
        if last > self.states.len() {
            self.states.resize(last, State::default());
        }
        let gone = std::mem::take(&mut self.lists[at].images);
        self.now += 1;
        for (name, _) in gone.iter().filter(|(name, _)| find(&images, *name).is_none()) {
            self.states[name.0 as usize].remove(node, self.now);
        }
        for (name, bytes) in &images {
            let was_listed = find(&gone, *name).is_some();
            self.states[name.0 as usize].add(node, bytes.0, was_listed, self.now);
        }
        self.lists[at].images = images;
    }

    /// Takes a node's snapshot anew.
    pub(super) fn refresh(&mut self, node: NodeNumber) {
        let Some(list) = self.lists.get_mut(node.0 as usize) else {
            return;
        };
        for (name, _) in &list.images {
            let state = &mut self.states[name.0 as usize];
            if state.changed_at > list.seen_at {
                state.refresh(node, self.node_count);
            }
        }
        list.seen_at = self.now;
    }

    /// The cluster has so many nodes.
    pub(super) fn count_nodes(&mut self, node_count: usize) {
        if self.node_count == node_count {
            return;
        }
        self.node_count = node_count;
        for holder in self.states.iter_mut().flat_map(|state| &mut state.holders) {
            holder.counted_bytes = counted(holder.bytes_seen, holder.nodes_seen, node_count);
        }
    }

    /// Adds to each node's entry the bytes that its images of this pod count as.
    pub(super) fn add_bytes(&self, images: &[ReferenceNumber], by_node: &mut [u64]) {
        for holder in self.holders(images) {
            by_node[holder.node.0 as usize] += holder.counted_bytes;
        }
    }

    /// Sets to zero what [`Self::add_bytes`] may have changed.
    pub(super) fn clear_bytes(&self, images: &[ReferenceNumber], by_node: &mut [u64]) {
        for holder in self.holders(images) {
            by_node[holder.node.0 as usize] = 0;
        }
    }

    fn holders(&self, images: &[ReferenceNumber]) -> impl Iterator<Item = &Holder> {
        let states = images.iter().filter_map(|name| self.states.get(name.0 as usize));
        states.flat_map(|state| &state.holders)
    }
}

impl State {
    /// A node lists the image, again or for the first time. Upstream takes its old list out and puts the
    /// new one in: the only node that has an image thus says anew how large it is.
    fn add(&mut self, node: NodeNumber, size_bytes: u64, was_listed: bool, now: u64) {
        let is_alone = self.holders.len() == usize::from(was_listed);
        if is_alone && self.size_bytes != size_bytes {
            self.size_bytes = size_bytes;
            self.changed_at = now;
        }
        if let Err(at) = self.holders.binary_search_by_key(&node, |holder| holder.node) {
            let unseen = Holder { node, nodes_seen: 0, bytes_seen: 0, counted_bytes: 0 };
            self.holders.insert(at, unseen);
            self.changed_at = now;
        }
    }

    fn remove(&mut self, node: NodeNumber, now: u64) {
        if let Ok(at) = self.holders.binary_search_by_key(&node, |holder| holder.node) {
            self.holders.remove(at);
            self.changed_at = now;
        }
    }

    fn refresh(&mut self, node: NodeNumber, node_count: usize) {
        let nodes_seen = u32::try_from(self.holders.len()).unwrap_or(u32::MAX);
        if let Ok(at) = self.holders.binary_search_by_key(&node, |holder| holder.node) {
            let counted_bytes = counted(self.size_bytes, nodes_seen, node_count);
            let bytes_seen = self.size_bytes;
            self.holders[at] = Holder { node, nodes_seen, bytes_seen, counted_bytes };
        }
    }
}

fn find(list: &[(ReferenceNumber, Bytes)], name: ReferenceNumber) -> Option<usize> {
    list.binary_search_by_key(&name, |(other, _)| *other).ok()
}

/// An image's size times the share of nodes that list it.
#[expect(clippy::cast_precision_loss, reason = "as upstream; only * and /, exact everywhere")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, rounded down as upstream"
)]
fn counted(size_bytes: u64, holders: u32, node_count: usize) -> u64 {
    let spread = f64::from(holders) / node_count.max(1) as f64;
    (size_bytes as f64 * spread) as u64
}

/// `ImageLocality` of a node: `bytes` are its images' sizes, each times the share of nodes that list it, and
/// `image_count` the images of the pod, those of init containers and volumes among them.
///
/// One container, 2 GB on 6 of 24 nodes: 500,000,000 bytes on a scale from 23 to 1000 MiB, so 46.
#[must_use]
pub fn image_locality(bytes: u64, image_count: usize) -> u64 {
    if bytes <= BYTES_MIN || image_count == 0 {
        return 0;
    }
    let most = BYTES_MAX * image_count as u64;
    SCORE_MAX * (bytes.min(most) - BYTES_MIN) / (most - BYTES_MIN)
}

/// An image's name as the scheduler looks it up in nodes' lists, whose names it takes as they are: with the
/// tag `latest` where it has neither tag nor digest (`normalizedImageName`).
#[must_use]
pub fn normalized_name(name: &str) -> Cow<'_, str> {
    if name.rfind(':') <= name.rfind('/') {
        return Cow::Owned(format!("{name}:latest"));
    }
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests;
