//! Skippy: seconds until a pod's images and data are there, each scaled over the candidates.
//!
//! Source: edgerun/skippy-core, `skippy/core/priorities.py`, 2021 (`LatencyAwareImageLocalityPriority`,
//! `DataLocalityPriority`), `clustercontext.py`; Rausch, Rashed, Dustdar, FGCS 114. An image counts whole,
//! and is taken for present from when a pod with it was placed; init containers count nothing there and
//! cannot be told apart here, so they count. Data comes from the slowest holder, as its code has it where
//! its comment says the closest. Both at weight 1. Left out: its priorities for labels of edge and cloud,
//! which nodes here have none of, and what a pod sends, which stays on its node here.

use crate::model::unit::{Bytes, NANOS_PER_SECOND, TransferRate};
use crate::sim::rival::{Distance, View, holds_image};

/// What a point is worth to kube-scheduler: 10 of its own are 100 of today's.
pub const UNITS_PER_POINT: u64 = 10;

const POINTS_MAX: u64 = 10;

/// For each node the points of both: 0 to 20.
pub fn points(view: &impl View) -> Vec<u64> {
    let nodes = 0..view.nodes();
    let pull: Vec<u64> = nodes.clone().map(|node| pull_seconds(view, node)).collect();
    let data: Vec<u64> = nodes.map(|node| data_seconds(view, node)).collect();
    scaled_to_most(&pull).zip(scaled_to_range(&data)).map(|(one, two)| one + two).collect()
}

/// `10 * (most - own + least) / most`, rounded down; 0 for all if all are 0.
///
/// 2 s, 10 s and 12 s: 10, 3 and 1.
pub fn scaled_to_most(seconds: &[u64]) -> impl Iterator<Item = u64> {
    let (least, most) = least_and_most(seconds);
    let scaled =
        move |own: &u64| (POINTS_MAX * (most - own + least)).checked_div(most).unwrap_or(0);
    seconds.iter().map(scaled)
}

/// `10 * (most - own) / (most - least)`, rounded down; 0 for all if all are equal.
///
/// 2 s, 10 s and 12 s: 10, 2 and 0.
pub fn scaled_to_range(seconds: &[u64]) -> impl Iterator<Item = u64> {
    let (least, most) = least_and_most(seconds);
    let scaled =
        move |own: &u64| (POINTS_MAX * (most - own)).checked_div(most - least).unwrap_or(0);
    seconds.iter().map(scaled)
}

fn least_and_most(seconds: &[u64]) -> (u64, u64) {
    let (least, most) = (seconds.iter().min(), seconds.iter().max());
    (least.copied().unwrap_or(0), most.copied().unwrap_or(0))
}

/// Whole seconds for the bytes of all images that the node is not thought to hold.
fn pull_seconds(view: &impl View, node: usize) -> u64 {
    let missing = (0..view.images()).filter(|image| !holds_image(view, node, *image));
    let bytes = missing.fold(Bytes(0), |sum, image| sum + view.image_bytes(image));
    whole_seconds(bytes, view.registry_rate(node))
}

/// Whole seconds for each volume that is not on the node and is on another.
fn data_seconds(view: &impl View, node: usize) -> u64 {
    let of_volume = |volume| {
        let is_here = view.nearest_copy(node, volume) == Some(Distance::Node);
        let rate = view.slowest_copy_rate(node, volume).filter(|_| !is_here);
        rate.map_or(0, |rate| whole_seconds(view.volume_bytes(volume), rate))
    };
    (0..view.volumes()).map(of_volume).sum()
}

fn whole_seconds(bytes: Bytes, rate: TransferRate) -> u64 {
    rate.duration_of(bytes).0 / NANOS_PER_SECOND
}
