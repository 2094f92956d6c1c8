//! LRScheduler: the share of the pod's layer bytes that a node has, weighted up on nodes with room.
//!
//! Source: pwtttttt/Layer-Scheduler, `layer-scheduler-github/layer/score.go`, August 2024
//! (`ComputeLayerScore`, `computeWeight`); paper arXiv 2506.03694. It is a plugin of a rebuilt
//! kube-scheduler, so a point is one of the scheduler's own. Init containers count nothing; a layer counts
//! wherever it lies in an image. Left out: a layer that comes in two images of a pod counts twice there.

use crate::model::unit::Bytes;
use crate::sim::rival::View;

/// What a point is worth to kube-scheduler: a plugin's score at weight 1.
pub const UNITS_PER_POINT: u64 = 1;

/// It compares whole binary megabytes.
const BYTES_PER_MEGABYTE: u64 = 1024 * 1024;

/// `50 * present / needed`, rounded down, doubled where that is worth it and the node is free, else halved:
/// 0 to 100. A pod without layers, which it divides by zero for, gets 0.
///
/// 300 MB of 400 MB there: 37; 74 on a node that is free and balanced, else 18.
pub fn points(view: &impl View, node: usize) -> u64 {
    let (present, needed) = (view.layer_bytes_present(node), view.layer_bytes());
    let share = u128::from(present.0) * 50 / u128::from(needed.0.max(1));
    let share = u64::try_from(share).unwrap_or(50).min(50);
    if counts_double(view, node, present) { share * 2 } else { share / 2 }
}

/// More than 10 MB are present, and with the pod there `|cpu - memory| / 2 < 0.16` and `cpu < 0.6`, in
/// shares of what the node has.
fn counts_double(view: &impl View, node: usize, present: Bytes) -> bool {
    let (capacity, requests) = (view.capacity(node), view.requests());
    let taken = capacity.without(view.free(node)).with(requests);
    let (cpu, cpu_all) = (u128::from(taken.cpu_millis), u128::from(capacity.cpu_millis));
    let (memory, memory_all) = (u128::from(taken.memory.0), u128::from(capacity.memory.0));
    // Both shares over the same denominator.
    let apart = (cpu * memory_all).abs_diff(memory * cpu_all);
    let is_balanced = apart.saturating_mul(100) < (cpu_all * memory_all).saturating_mul(32);
    present.0 / BYTES_PER_MEGABYTE > 10 && is_balanced && cpu * 10 < cpu_all * 6
}
