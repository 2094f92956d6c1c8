//! Stork: points for a node by how near the pod's volumes are, far beyond what others can give.
//!
//! Source: libopenstorage/stork, `pkg/extender/extender.go`, October 2024 (`getNodeScore`,
//! `processPrioritizeRequest`), and `specs/stork-deployment.yaml` for the weight. Images count nothing.
//! Left out: its filter, nodes whose storage is down, labels that switch scoring off; racks and regions
//! count where a view knows them.

use crate::sim::rival::{Distance, View};

/// What a point is worth to kube-scheduler: weight 5 of the shipped configuration, times 10 as for any
/// extender. A volume at hand is thus worth 5,000, where all in-tree plugins together give about 1,200.
pub const UNITS_PER_POINT: u64 = 50;

/// A node that is near no volume of the pod.
const POINTS_DEFAULT: u64 = 5;

/// The sum over the pod's volumes; 5 where that is nothing.
///
/// One volume here and one in the zone: 125.
pub fn points(view: &impl View, node: usize) -> u64 {
    let of_volume = |volume| view.nearest_copy(node, volume).map_or(0, of_distance);
    match (0..view.volumes()).map(of_volume).sum() {
        0 => POINTS_DEFAULT,
        points => points,
    }
}

const fn of_distance(distance: Distance) -> u64 {
    match distance {
        Distance::Node => 100,
        Distance::Rack => 50,
        Distance::Zone => 25,
        Distance::Region => 10,
        Distance::Elsewhere => 0,
    }
}
