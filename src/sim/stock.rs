//! What kube-scheduler does: which nodes it looks at, what its own plugins give them, whom it picks.
//!
//! The default plugins that can tell one plain step pod's nodes apart: `LeastAllocated`,
//! `BalancedAllocation` and `ImageLocality`, all of weight 1. The others give every node the same
//! (no taints, no affinities, no spread constraints). Formulas as in kube-scheduler 1.37,
//! `pkg/scheduler/framework/plugins`.

use crate::model::unit::Bytes;
use crate::sim::catalogue::{Catalogue, ImageNumber};
use crate::sim::random::Random;
use crate::sim::resource::Resources;
use crate::sim::workload::Job;
use crate::sim::world::{NodeNumber, World};

/// The scheduler's own state between pods.
#[derive(Clone, Debug)]
pub struct Scheduler {
    random: Random,
    /// Where the search for nodes begins; matters only where it ends early.
    next_start: usize,
}

/// The most that a plugin gives.
const SCORE_MAX: u64 = 100;
/// An extender's points times this are in the plugins' units, at the extender's weight of 1.
const SCORE_PER_POINT: u64 = 10;
/// Fewer nodes than this are all looked at.
const SEARCHED_NODES_MIN: usize = 100;
/// Bounds of `ImageLocality` (`image_locality.go`): from 23 MiB to 1000 MiB for each container.
const IMAGE_BYTES_MIN: u64 = 23 << 20;
const IMAGE_BYTES_MAX: u64 = 1000 << 20;
/// Keeps this stream apart from others of the same seed.
const PURPOSE: u64 = 2;

impl Scheduler {
    /// A scheduler that breaks ties by chance from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let random = Random::new(seed, PURPOSE);
        Self { random, next_start: 0 }
    }

    /// Nodes with room, from where the last search ended, until enough are found.
    pub fn candidates(&mut self, world: &World<'_>, requests: Resources) -> Vec<NodeNumber> {
        let node_count = world.hardware().node_count;
        let wanted = searched_nodes(node_count);
        let mut found = Vec::with_capacity(wanted);
        let mut looked_at = 0;
        while looked_at < node_count && found.len() < wanted {
            let node = NodeNumber((self.next_start + looked_at) % node_count);
            if world.free(node).holds(requests) {
                found.push(node);
            }
            looked_at += 1;
        }
        self.next_start = (self.next_start + looked_at) % node_count.max(1);
        found
    }

    /// The node with the highest total; `None` without candidates. `points` has one entry for each
    /// candidate: what the extender gave it, `None` where it was not in the answer.
    ///
    /// Equal totals: a node in the answer before others (1.35 to 1.37 give only those a random
    /// tie-breaker), then by chance. Without an extender upstream takes the first of a list that several
    /// threads filled; here that is chance too.
    pub fn choose(
        &mut self,
        world: &World<'_>,
        catalogue: &Catalogue,
        job: &Job,
        candidates: &[NodeNumber],
        points: &[Option<u8>],
    ) -> Option<NodeNumber> {
        debug_assert_eq!(candidates.len(), points.len(), "one entry for each candidate");
        let images = spread_bytes(world, catalogue, job);
        let best = candidates.iter().zip(points).max_by_key(|&(&node, points)| {
            let own = plugin_score(world, job, node, &images);
            let total = own + u64::from(points.unwrap_or(0)) * SCORE_PER_POINT;
            (total, points.is_some(), self.random.draw())
        });
        best.map(|(node, _)| *node)
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

/// Each image of the pod with the bytes that `ImageLocality` counts for a node that has it: its size
/// times the share of nodes that have it.
fn spread_bytes(world: &World<'_>, catalogue: &Catalogue, job: &Job) -> Vec<(ImageNumber, u64)> {
    let node_count = world.hardware().node_count;
    let on_nodes = |image: ImageNumber| {
        let nodes = (0..node_count).map(NodeNumber);
        nodes.filter(|node| world.listed(*node).contains(&image)).count() as u64
    };
    let images = job.images.iter().map(|&image| {
        let share = u128::from(catalogue.image(image).bytes.0) * u128::from(on_nodes(image));
        let bytes = share / node_count.max(1) as u128;
        (image, u64::try_from(bytes).unwrap_or(u64::MAX))
    });
    images.collect()
}

fn plugin_score(
    world: &World<'_>,
    job: &Job,
    node: NodeNumber,
    images: &[(ImageNumber, u64)],
) -> u64 {
    let capacity = world.hardware().capacity;
    let before = capacity.without(world.free(node));
    let after = before.with(job.requests);
    let listed = world.listed(node);
    let held = images.iter().filter(|(image, _)| listed.contains(image));
    let bytes = held.map(|(_, bytes)| bytes).sum();
    least_allocated(after, capacity)
        + balanced_allocation(before, after, capacity)
        + image_locality(Bytes(bytes), images.len())
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
