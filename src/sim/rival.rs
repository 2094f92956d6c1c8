//! How others would place a pod: each in a file of its own, by its published formula.
//!
//! A rival is a pure function of a [`View`]: what it could know of the pod and of the nodes with room for
//! it. Some give points to kube-scheduler ([`greedy`], [`stork`], [`lrscheduler`], [`skippy`]), the others
//! choose by themselves. Where a formula needs what our clusters do not have, its file says what was left
//! out. What each has seen, and the simulator's traits, are [`sight`]'s, [`scoring`]'s and [`choosing`]'s.

pub mod bounded;
pub mod choosing;
pub mod concourse;
pub mod foresight;
pub mod future;
pub mod greedy;
pub mod hindsight;
pub mod lrscheduler;
pub mod pack;
pub mod random;
pub mod recorded;
pub mod scoring;
pub mod seen;
pub mod sight;
pub mod skippy;
pub mod spread;
pub mod stork;

use std::cmp::Ordering;

use crate::model::unit::{Bytes, TransferRate};
use crate::sim::random::Random;
use crate::sim::resource::Resources;

/// What a rival can know when it is asked: of a pod, and of the nodes that have room for it. Images,
/// volumes and nodes are numbered from 0 by their place in the pod and among the candidates.
pub trait View {
    /// Number of candidates.
    fn nodes(&self) -> usize;
    /// What a node has for pods.
    fn capacity(&self, node: usize) -> Resources;
    /// What is left of that without the pod.
    fn free(&self, node: usize) -> Resources;
    /// Pods on a node that have not ended.
    fn pods(&self, node: usize) -> u64;

    /// What the pod asks for.
    fn requests(&self) -> Resources;
    /// Number of images, by name, each once.
    fn images(&self) -> usize;
    /// Compressed bytes of an image.
    fn image_bytes(&self, image: usize) -> Bytes;
    /// Whether the node last listed the image by the pod's name, or pulled it since.
    fn lists_image(&self, node: usize, image: usize) -> bool;
    /// Whether a pod with the image by that name was ever bound there.
    fn had_image_bound(&self, node: usize, image: usize) -> bool;
    /// How fast a node pulls from the registry.
    fn registry_rate(&self, node: usize) -> TransferRate;

    /// Compressed bytes of the layers of all images but those of init containers, each once.
    fn layer_bytes(&self) -> Bytes;
    /// Of these, those that are in images which the node listed.
    fn layer_bytes_present(&self, node: usize) -> Bytes;

    /// Number of volumes that the pod reads.
    fn volumes(&self) -> usize;
    /// Bytes of a volume.
    fn volume_bytes(&self, volume: usize) -> Bytes;
    /// How far the nearest copy is; `None` if no node holds one.
    fn nearest_copy(&self, node: usize, volume: usize) -> Option<Distance>;
    /// How fast the volume comes from the holder that is slowest; `None` if no node holds it.
    fn slowest_copy_rate(&self, node: usize, volume: usize) -> Option<TransferRate>;
}

/// From one node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// None: it is the same.
    Node,
    /// In the same rack.
    Rack,
    /// In the same zone.
    Zone,
    /// In the same region.
    Region,
    /// None of these.
    Elsewhere,
}

/// Whether a node should hold an image: it listed it, or a pod with it was bound there.
pub fn holds_image(view: &impl View, node: usize, image: usize) -> bool {
    view.lists_image(node, image) || view.had_image_bound(node, image)
}

/// The node that ranks highest, equal ones by chance; `None` without candidates.
pub fn best<Rank: Ord>(
    nodes: usize,
    random: &mut Random,
    rank: impl Fn(usize) -> Rank,
) -> Option<usize> {
    let mut best: Option<(usize, Rank)> = None;
    let mut equal = 0;
    for node in 0..nodes {
        let new = rank(node);
        let order = best.as_ref().map_or(Ordering::Greater, |(_, old)| new.cmp(old));
        equal = if order == Ordering::Greater { 1 } else { equal + u64::from(order.is_eq()) };
        // The n-th of equal ones takes over with a chance of 1 in n, so that all have the same.
        if order == Ordering::Greater || (order.is_eq() && random.below(equal) == 0) {
            best = Some((node, new));
        }
    }
    best.map(|(node, _)| node)
}

/// The larger share of a node's processors and memory that pods take together with this one, in millionths.
/// A kind that a node has nothing of is not shared.
pub fn dominant_share(view: &impl View, node: usize) -> u64 {
    let (capacity, requests) = (view.capacity(node), view.requests());
    let taken = capacity.without(view.free(node)).with(requests);
    let share = |taken: u64, has: u64| {
        let millionths = u128::from(taken) * 1_000_000 / u128::from(has.max(1));
        if has == 0 { 0 } else { u64::try_from(millionths).unwrap_or(u64::MAX) }
    };
    let cpu = share(taken.cpu_millis, capacity.cpu_millis);
    cpu.max(share(taken.memory.0, capacity.memory.0))
}

#[cfg(test)]
mod tests;
