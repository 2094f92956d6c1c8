//! The extender of an afternoon: full points where every image of the pod is reported or was bound before.
//!
//! Nobody published it; it is what is left of warm placement without layers, sizes, volumes, load or
//! eviction. Its memory of bound pods has no end, as an afternoon's has: what was removed since is not seen.

use crate::sim::rival::{View, holds_image};

/// What a point is worth to kube-scheduler: that of an extender of weight 1.
pub const UNITS_PER_POINT: u64 = 10;

/// The most that kube-scheduler takes from an extender (`MaxExtenderPriority`).
const POINTS_MAX: u64 = 10;

/// 10 for a node that should hold every image, else 0.
pub fn points(view: &impl View, node: usize) -> u64 {
    let holds_all = (0..view.images()).all(|image| holds_image(view, node, image));
    if holds_all { POINTS_MAX } else { 0 }
}
