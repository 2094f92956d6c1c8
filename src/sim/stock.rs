//! What kube-scheduler does: which nodes it looks at, what its own plugins give them, whom it picks.
//!
//! The default plugins that can tell one plain step pod's nodes apart: `LeastAllocated`,
//! `BalancedAllocation` and `ImageLocality`, all of weight 1. The others give every node the same
//! (no taints, no affinities, no spread constraints). Formulas as in kube-scheduler 1.37,
//! `pkg/scheduler/framework/plugins`.

use crate::model::unit::Bytes;
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::random::Random;
use crate::sim::resource::Resources;
use crate::sim::setup::NodeNumber;

/// The scheduler: what it knows of nodes, and its own state between pods.
#[derive(Clone, Debug)]
pub struct Stock {
    random: Random,
    /// Where the search for nodes begins; matters only where it ends early.
    next_start: usize,
    /// By number; nodes that are not there have no room.
    nodes: Vec<Node>,
    /// Those that are there, in the order in which they came.
    order: Vec<NodeNumber>,
    /// By number of the reference: its size, and how many nodes list it.
    images: Vec<(Bytes, u64)>,
    candidates: Vec<NodeNumber>,
    listed: Vec<(ReferenceNumber, u64)>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    capacity: Resources,
    free: Resources,
    pods_left: u32,
    listed: Vec<ReferenceNumber>,
}

/// A pod as the scheduler looks at it.
#[derive(Clone, Copy, Debug)]
pub struct StockPod<'a> {
    /// What it asks for.
    pub requests: Resources,
    /// Its images, one for each container.
    pub images: &'a [ReferenceNumber],
}

/// The most that a plugin gives.
const SCORE_MAX: u64 = 100;
/// Fewer nodes than this are all looked at.
const SEARCHED_NODES_MIN: usize = 100;
/// Bounds of `ImageLocality` (`image_locality.go`): from 23 MiB to 1000 MiB for each container.
const IMAGE_BYTES_MIN: u64 = 23 << 20;
const IMAGE_BYTES_MAX: u64 = 1000 << 20;
/// Keeps this stream apart from others of the same seed.
const PURPOSE: u64 = 2;

impl Stock {
    /// A scheduler that breaks ties by chance from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed, PURPOSE),
            next_start: 0,
            nodes: Vec::new(),
            order: Vec::new(),
            images: Vec::new(),
            candidates: Vec::new(),
            listed: Vec::new(),
        }
    }

    /// A node came.
    pub fn add_node(&mut self, node: NodeNumber, allocatable: Resources, pods_max: u32) {
        let at = node.0 as usize;
        if self.nodes.len() <= at {
            self.nodes.resize_with(at + 1, Node::default);
        }
        let (capacity, free) = (allocatable, allocatable);
        self.nodes[at] = Node { capacity, free, pods_left: pods_max, listed: Vec::new() };
        self.order.push(node);
    }

    /// A node went.
    pub fn remove_node(&mut self, node: NodeNumber) {
        self.list_images(node, &[]);
        self.nodes[node.0 as usize] = Node::default();
        self.order.retain(|other| *other != node);
        self.next_start = 0;
    }

    /// The images that a node lists now, by the names that pods use.
    pub fn list_images(&mut self, node: NodeNumber, images: &[(ReferenceNumber, Bytes)]) {
        let mut listed = std::mem::take(&mut self.nodes[node.0 as usize].listed);
        for reference in listed.drain(..) {
            self.images[reference.0 as usize].1 -= 1;
        }
        for &(reference, bytes) in images {
            let at = reference.0 as usize;
            if self.images.len() <= at {
                self.images.resize(at + 1, (Bytes(0), 0));
            }
            self.images[at] = (bytes, self.images[at].1 + 1);
            listed.push(reference);
        }
        listed.sort_unstable();
        self.nodes[node.0 as usize].listed = listed;
    }

    /// A pod was bound to a node.
    pub fn assume(&mut self, node: NodeNumber, requests: Resources) {
        let node = &mut self.nodes[node.0 as usize];
        node.free = node.free.without(requests);
        node.pods_left = node.pods_left.saturating_sub(1);
    }

    /// A pod of a node ended.
    pub fn release(&mut self, node: NodeNumber, requests: Resources) {
        let node = &mut self.nodes[node.0 as usize];
        node.free = node.free.with(requests);
        node.pods_left += 1;
    }

    /// Nodes with room, from where the last search ended, until enough are found.
    pub fn candidates(&mut self, requests: Resources) -> &[NodeNumber] {
        let node_count = self.order.len();
        let wanted = searched_nodes(node_count);
        self.candidates.clear();
        let mut looked_at = 0;
        while looked_at < node_count && self.candidates.len() < wanted {
            let number = self.order[(self.next_start + looked_at) % node_count];
            let node = &self.nodes[number.0 as usize];
            if node.pods_left > 0 && node.free.holds(requests) {
                self.candidates.push(number);
            }
            looked_at += 1;
        }
        self.next_start = (self.next_start + looked_at) % node_count.max(1);
        &self.candidates
    }

    /// Of the last candidates the one with the highest total; `None` without any. `added` has one entry for
    /// each: what the extender added to its score, `None` where it was not in the answer.
    ///
    /// Equal totals: a node in the answer before others (1.35 to 1.37 give only those a random
    /// tie-breaker), then by chance. Without an extender upstream takes the first of a list that several
    /// threads filled; here that is chance too.
    pub fn choose(&mut self, pod: &StockPod<'_>, added: &[Option<u64>]) -> Option<NodeNumber> {
        debug_assert_eq!(self.candidates.len(), added.len(), "one entry for each candidate");
        self.note_images(pod);
        let mut best = None;
        for (&node, added) in self.candidates.iter().zip(added) {
            let total = self.plugin_score(pod, node) + added.unwrap_or(0);
            let rank = (total, added.is_some(), self.random.draw());
            if best.is_none_or(|(best, _)| rank > best) {
                best = Some((rank, node));
            }
        }
        best.map(|(_, node)| node)
    }

    /// Each image of the pod with the bytes that `ImageLocality` counts for a node that has it: its size
    /// times the share of nodes that have it.
    fn note_images(&mut self, pod: &StockPod<'_>) {
        let node_count = self.order.len().max(1) as u128;
        self.listed.clear();
        for &reference in pod.images {
            let Some(&(size, nodes)) = self.images.get(reference.0 as usize) else { continue };
            let bytes = u128::from(size.0) * u128::from(nodes) / node_count;
            self.listed.push((reference, u64::try_from(bytes).unwrap_or(u64::MAX)));
        }
    }

    fn plugin_score(&self, pod: &StockPod<'_>, node: NodeNumber) -> u64 {
        let node = &self.nodes[node.0 as usize];
        let before = node.capacity.without(node.free);
        let after = before.with(pod.requests);
        let held = self.listed.iter().filter(|(image, _)| node.listed.binary_search(image).is_ok());
        let bytes = held.map(|(_, bytes)| bytes).sum();
        least_allocated(after, node.capacity)
            + balanced_allocation(before, after, node.capacity)
            + image_locality(Bytes(bytes), pod.images.len())
    }
}

/// How many nodes with room end the search (`numFeasibleNodesToFind`): all under 100; else
/// 50% less 1% for each 125 nodes, at least 5% and 100 nodes.
///
/// 1,000 nodes: 42%, 420. 5,000 nodes: 10%, 500.
#[must_use]
pub fn searched_nodes(node_count: usize) -> usize {
    if node_count < SEARCHED_NODES_MIN {
        return node_count;
    }
    let percent = 50_usize.saturating_sub(node_count / 125).max(5);
    (node_count * percent / 100).max(SEARCHED_NODES_MIN)
}

/// `LeastAllocated`: the mean of the free shares of processor and memory with the pod on the node.
///
/// 2 of 16 processors and 16 of 64 GiB used: 87 and 75 of 100, so 81.
#[must_use]
pub fn least_allocated(used: Resources, capacity: Resources) -> u64 {
    let free = |used: u64, capacity: u64| {
        let free = capacity.saturating_sub(used) * SCORE_MAX;
        free.checked_div(capacity).unwrap_or(0)
    };
    let cpu = free(used.cpu_millis, capacity.cpu_millis);
    (cpu + free(used.memory.0, capacity.memory.0)) / 2
}

/// `BalancedAllocation`: how much nearer the pod brings the used shares of processor and memory to each
/// other, from 50 (farther) over 75 (no change) to 100.
///
/// From an idle node to 2 of 16 processors and 16 of 64 GiB: balance from 100 to 93, so 71.
#[must_use]
pub fn balanced_allocation(before: Resources, after: Resources, capacity: Resources) -> u64 {
    (SCORE_MAX + SCORE_MAX / 2 + balance(after, capacity) - balance(before, capacity)) / 2
}

/// 100 less half the distance of the two used shares, in percent; from 50 to 100, rounded down.
#[expect(clippy::cast_precision_loss, reason = "as upstream; only +, -, * and /, exact everywhere")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 50 to 100, rounded down as upstream"
)]
fn balance(used: Resources, capacity: Resources) -> u64 {
    let share = |used: u64, capacity: u64| (used as f64 / capacity.max(1) as f64).min(1.0);
    let cpu = share(used.cpu_millis, capacity.cpu_millis);
    let deviation = ((cpu - share(used.memory.0, capacity.memory.0)) / 2.0).abs();
    ((1.0 - deviation) * SCORE_MAX as f64) as u64
}

/// `ImageLocality` of a node: `bytes` are its images' sizes, each times the share of nodes that have it.
///
/// One container, 2 GB on 6 of 24 nodes: 500,000,000 bytes on a scale from 23 to 1000 MiB, so 46.
#[must_use]
pub fn image_locality(bytes: Bytes, image_count: usize) -> u64 {
    let most = IMAGE_BYTES_MAX * image_count.max(1) as u64;
    let bytes = bytes.0.clamp(IMAGE_BYTES_MIN, most);
    SCORE_MAX * (bytes - IMAGE_BYTES_MIN) / (most - IMAGE_BYTES_MIN)
}

#[cfg(test)]
mod tests {
    use super::{balanced_allocation, image_locality, least_allocated, searched_nodes};
    use crate::model::unit::Bytes;
    use crate::sim::resource::Resources;

    fn used(cpus: u64, gibs: u64) -> Resources {
        Resources { cpu_millis: cpus * 1000, memory: Bytes(gibs << 30) }
    }

    #[test]
    fn free_shares_are_rounded_down_one_by_one_and_averaged() {
        let capacity = used(16, 64);
        assert_eq!(least_allocated(used(2, 16), capacity), 81);
        assert_eq!(least_allocated(used(0, 0), capacity), 100);
        assert_eq!(least_allocated(used(16, 64), capacity), 0);
    }

    #[test]
    fn balance_is_scored_by_what_the_pod_changes() {
        let capacity = used(16, 64);
        // 1 - |0.125 - 0.25| / 2 = 0.9375, so 93; 50 + (50 + 93 - 100) / 2 = 71.
        assert_eq!(balanced_allocation(used(0, 0), used(2, 16), capacity), 71);
        assert_eq!(balanced_allocation(used(0, 0), used(4, 16), capacity), 75);
        // From 0.9375 back to even: 50 + (50 + 100 - 93) / 2 = 78.
        assert_eq!(balanced_allocation(used(2, 16), used(4, 16), capacity), 78);
    }

    #[test]
    fn an_image_counts_by_its_size_and_by_how_many_nodes_have_it() {
        // (500,000,000 - 24,117,248) * 100 / 1,024,458,752
        assert_eq!(image_locality(Bytes(500_000_000), 1), 46);
        // A 2 GiB image on one of 100 nodes: 21 MiB, under the least.
        assert_eq!(image_locality(Bytes((2 << 30) / 100), 1), 0);
        assert_eq!(image_locality(Bytes(5 << 30), 1), 100);
        assert_eq!(image_locality(Bytes(1000 << 20), 2), 49);
    }

    #[test]
    fn large_clusters_are_sampled() {
        for (nodes, expected) in [(24, 24), (99, 99), (100, 100), (1000, 420), (5000, 500)] {
            assert_eq!(searched_nodes(nodes), expected, "{nodes}");
        }
        assert_eq!(searched_nodes(15_000), 750);
    }
}
