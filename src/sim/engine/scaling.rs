//! The cluster autoscaler: which pods that find no room a node is ordered for.
//!
//! As cluster-autoscaler does it: a pod that would fit onto a node that is being booted waits for that one;
//! otherwise one more is ordered, up to the bound. Nodes that are idle go by themselves
//! ([`crate::sim::world`]).

use std::collections::BTreeSet;

use crate::sim::placement::PodNumber;
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeNumber, Setup};
use crate::sim::world::World;

/// Nodes on order, and the pods that they are for.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Pods that a node was ordered for.
    pods: BTreeSet<PodNumber>,
    /// Nodes that are booted, and what the pods they are for leave of them.
    booting: Vec<(NodeNumber, Resources, u32)>,
    /// The kinds of nodes that there are or will be, each once.
    kinds: Option<Vec<Resources>>,
}

impl Orders {
    /// Whether some node, now or later, is large enough.
    pub(super) fn is_possible(&mut self, setup: &Setup, requests: Resources) -> bool {
        let kinds = self.kinds.get_or_insert_with(|| {
            let scaled = setup.scaling.iter().filter(|scaling| scaling.nodes_max > 0);
            let nodes = setup.nodes.iter().chain(scaled.map(|scaling| &scaling.template));
            let mut kinds = Vec::new();
            for node in nodes.filter(|node| node.pods_max > 0) {
                if !kinds.contains(&node.capacity) {
                    kinds.push(node.capacity);
                }
            }
            kinds
        });
        kinds.iter().any(|kind| kind.holds(requests))
    }

    /// Orders a node for a pod that finds no room, unless one is on order for it or would do.
    pub(super) fn order(&mut self, world: &mut World<'_>, pod: PodNumber, requests: Resources) {
        self.booting.retain(|&(node, ..)| world.is_coming(node));
        if !world.scales() || !self.pods.insert(pod) {
            return;
        }
        let fits = |&&mut (_, free, pods): &&mut (NodeNumber, Resources, u32)| {
            pods > 0 && free.holds(requests)
        };
        if let Some((_, free, pods)) = self.booting.iter_mut().find(fits) {
            *free = free.without(requests);
            *pods -= 1;
            return;
        }
        let ordered = world.order_node(requests);
        if let Some(node) = ordered {
            let (capacity, pods_max) = world.capacity(node);
            self.booting.push((node, capacity.without(requests), pods_max - 1));
        } else {
            // The cluster is as large as it may be: the pod is looked at again when it is tried again.
            self.pods.remove(&pod);
        }
    }

    /// The pod found room.
    pub(super) fn forget(&mut self, pod: PodNumber) {
        self.pods.remove(&pod);
    }
}
