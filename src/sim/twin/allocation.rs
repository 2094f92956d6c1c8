//! What `NodeResourcesFit` (`LeastAllocated`) and `NodeResourcesBalancedAllocation` give a node.
//!
//! `least_allocated.go`, `balanced_allocation.go` and `resource_allocation.go` of
//! `pkg/scheduler/framework/plugins/noderesources`, Kubernetes 1.37.2, with their defaults: processors and
//! memory, each of weight 1. Also a memory of what was computed: pods come in few sizes, and between two
//! of one size few nodes change.

use crate::sim::resource::Resources;
use crate::sim::setup::NodeNumber;
use crate::sim::twin::SCORE_MAX;
use crate::sim::twin::node::{NodeTable, Used};
use crate::sim::twin::request::Requests;

/// Sizes of pods that are remembered: more than a cluster's pipelines have in common use. At 1,000 nodes
/// they take half a megabyte.
const SIZES_MAX: usize = 64;

/// What a node gets for what pods ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Allocation {
    pub(super) least_allocated: u64,
    pub(super) balanced_allocation: u64,
}

/// Sums of both, by size of pod and by node.
#[derive(Clone, Debug, Default)]
pub(super) struct Allocations {
    sizes: Vec<Size>,
    /// Where the next size goes when all places are taken.
    oldest: usize,
}

/// Of one size of pod.
#[derive(Clone, Debug)]
pub(super) struct Size {
    requests: Requests,
    nodes: Vec<Remembered>,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    version: u32,
    sum: u32,
}

/// No node has got this version by its first use, and none gets it again within four billion changes.
const NEVER: Remembered = Remembered { version: 0, sum: 0 };

impl Allocations {
    /// What is remembered for pods that ask for this.
    pub(super) fn of(&mut self, requests: Requests, node_count: usize) -> &mut Size {
        let known = self.sizes.iter().position(|size| size.requests == requests);
        let at = known.unwrap_or_else(|| self.forget_for(requests));
        let size = &mut self.sizes[at];
        if size.nodes.len() < node_count {
            size.nodes.resize(node_count, NEVER);
        }
        size
    }

    fn forget_for(&mut self, requests: Requests) -> usize {
        if self.sizes.len() < SIZES_MAX {
            self.sizes.push(Size { requests, nodes: Vec::new() });
            return self.sizes.len() - 1;
        }
        let at = self.oldest;
        self.oldest = (at + 1) % SIZES_MAX;
        self.sizes[at].requests = requests;
        self.sizes[at].nodes.fill(NEVER);
        at
    }
}

impl Size {
    /// Both scores together.
    pub(super) fn sum(&mut self, node: NodeNumber, nodes: &NodeTable) -> u64 {
        let used = nodes.used(node);
        let remembered = &mut self.nodes[node.0 as usize];
        if remembered.version != used.version {
            let own = allocation(used, self.requests);
            let sum = own.least_allocated + own.balanced_allocation;
            let sum = u32::try_from(sum).unwrap_or(u32::MAX);
            *remembered = Remembered { version: used.version, sum };
        }
        u64::from(remembered.sum)
    }
}

/// What a node gets.
pub(super) fn allocation(used: &Used, requests: Requests) -> Allocation {
    let capacity = used.allocatable;
    let after = used.asked.with(requests.asked);
    // `PreScore` skips the plugin for pods that ask for nothing.
    let asks = requests.asked != Resources::default();
    Allocation {
        least_allocated: least_allocated(used.scored.with(requests.scored), capacity),
        balanced_allocation: if asks {
            balanced_allocation(used.asked, after, capacity)
        } else {
            0
        },
    }
}

/// `LeastAllocated`: the mean of the free shares of processors and memory with the pod on the node; what the
/// node has nothing of is left out.
///
/// 3,000 of 4,000 processors and 5,000 of 10,000 bytes used: 25 and 50 of 100, so 37.
#[must_use]
pub fn least_allocated(used: Resources, capacity: Resources) -> u64 {
    let free = |used: u64, capacity: u64| {
        (capacity.saturating_sub(used) * SCORE_MAX).checked_div(capacity)
    };
    let cpu = free(used.cpu_millis, capacity.cpu_millis);
    let memory = free(used.memory.0, capacity.memory.0);
    match (cpu, memory) {
        (Some(cpu), Some(memory)) => (cpu + memory) / 2,
        (one, other) => one.or(other).unwrap_or(0),
    }
}

/// `BalancedAllocation`: how much nearer the pod brings the used shares of processors and memory to each
/// other, from 50 (farther) over 75 (no change) to 100.
///
/// From an idle node to 75% of its processors and 50% of its memory: balance from 100 to 87, so 68.
#[must_use]
pub fn balanced_allocation(before: Resources, after: Resources, capacity: Resources) -> u64 {
    SCORE_MAX / 2 + (SCORE_MAX / 2 + balance(after, capacity) - balance(before, capacity)) / 2
}

/// 100 less half the distance of the two used shares, in percent; from 50 to 100, rounded down.
#[expect(clippy::cast_precision_loss, reason = "as upstream; only +, -, * and /, exact everywhere")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 50 to 100, rounded down as upstream"
)]
fn balance(used: Resources, capacity: Resources) -> u64 {
    if capacity.cpu_millis == 0 || capacity.memory.0 == 0 {
        return SCORE_MAX;
    }
    let share = |used: u64, capacity: u64| (used as f64 / capacity as f64).min(1.0);
    let cpu = share(used.cpu_millis, capacity.cpu_millis);
    let deviation = ((cpu - share(used.memory.0, capacity.memory.0)) / 2.0).abs();
    ((1.0 - deviation) * SCORE_MAX as f64) as u64
}

#[cfg(test)]
mod tests;
