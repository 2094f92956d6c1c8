//! What the scheduler's cache knows of each node's room: what it has, what pods on it ask for, what fits.
//!
//! `NodeInfo` of `pkg/scheduler/framework/types.go` and the filter of
//! `pkg/scheduler/framework/plugins/noderesources/fit.go`, Kubernetes 1.37.2.

use crate::sim::resource::Resources;
use crate::sim::setup::{NodeNumber, ZoneNumber};
use crate::sim::twin::request::Requests;

/// A node as its object describes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TwinNode {
    /// Where it is.
    pub zone: ZoneNumber,
    /// What it has for pods.
    pub allocatable: Resources,
    /// Pods at a time.
    pub pods_max: u32,
}

/// What is known of all nodes, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeTable {
    /// What a search reads, apart from all else so that it stays in the nearest cache.
    room: Vec<Room>,
    used: Vec<Used>,
    /// Nodes whose objects or pods changed since the last snapshot.
    changed: Vec<NodeNumber>,
}

/// What is left of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Room {
    cpu_millis: u64,
    memory_bytes: u64,
    pods: u32,
}

/// What is used of a node; kept when it leaves, until its pods are gone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    /// What it has.
    pub(super) allocatable: Resources,
    /// What its pods ask for.
    pub(super) asked: Resources,
    /// What they count as where scores are made.
    pub(super) scored: Resources,
    /// Changes with each of the above, so that what was computed from them can be told to be old.
    pub(super) version: u32,
    pods: u32,
    pods_max: u32,
    is_present: bool,
    is_changed: bool,
}

impl NodeTable {
    /// A node joins, or changes.
    pub(super) fn add(&mut self, node: NodeNumber, facts: TwinNode) {
        self.change(node, |used| {
            used.is_present = true;
            used.allocatable = facts.allocatable;
            used.pods_max = facts.pods_max;
        });
    }

    /// A node leaves.
    pub(super) fn remove(&mut self, node: NodeNumber) {
        self.change(node, |used| used.is_present = false);
    }

    /// A pod comes to a node.
    pub(super) fn assume(&mut self, node: NodeNumber, requests: Requests) {
        self.change(node, |used| {
            used.asked = used.asked.with(requests.asked);
            used.scored = used.scored.with(requests.scored);
            used.pods += 1;
        });
    }

    /// A pod is gone from a node.
    pub(super) fn release(&mut self, node: NodeNumber, requests: Requests) {
        self.change(node, |used| {
            used.asked = used.asked.without(requests.asked);
            used.scored = used.scored.without(requests.scored);
            used.pods = used.pods.saturating_sub(1);
        });
    }

    /// Anything else of a node or of a pod on it changes.
    pub(super) fn touch(&mut self, node: NodeNumber) {
        self.change(node, |_| {});
    }

    /// Whether the node is there.
    pub(super) fn is_present(&self, node: NodeNumber) -> bool {
        self.used.get(node.0 as usize).is_some_and(|used| used.is_present)
    }

    /// What is used of a node that is there.
    pub(super) fn used(&self, node: NodeNumber) -> &Used {
        &self.used[node.0 as usize]
    }

    /// Number of all nodes that ever were.
    pub(super) fn len(&self) -> usize {
        self.used.len()
    }

    /// Whether the pod fits: one pod more, and of what it asks for as much as is left. Of what it does not
    /// ask for, a node may have given away more than it has.
    pub(super) fn has_room(&self, node: NodeNumber, asked: Resources) -> bool {
        let room = &self.room[node.0 as usize];
        room.pods > 0
            && (asked.cpu_millis == 0 || asked.cpu_millis <= room.cpu_millis)
            && (asked.memory.0 == 0 || asked.memory.0 <= room.memory_bytes)
    }

    /// Hands on each node that changed since the last call.
    pub(super) fn each_changed(&mut self, mut each: impl FnMut(NodeNumber)) {
        for node in self.changed.drain(..) {
            self.used[node.0 as usize].is_changed = false;
            each(node);
        }
    }

    fn change(&mut self, node: NodeNumber, change: impl FnOnce(&mut Used)) {
        let at = node.0 as usize;
        if at >= self.used.len() {
            self.used.resize(at + 1, Used::default());
            self.room.resize(at + 1, Room::default());
        }
        let used = &mut self.used[at];
        change(used);
        used.version = used.version.wrapping_add(1);
        if !std::mem::replace(&mut used.is_changed, true) {
            self.changed.push(node);
        }
        let free = used.allocatable.without(used.asked);
        self.room[at] = Room {
            cpu_millis: free.cpu_millis,
            memory_bytes: free.memory.0,
            pods: used.pods_max.saturating_sub(used.pods),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{NodeTable, TwinNode};
    use crate::model::unit::Bytes;
    use crate::sim::resource::Resources;
    use crate::sim::setup::NodeNumber;
    use crate::sim::twin::request::Requests;

    const NODE: NodeNumber = NodeNumber(0);

    fn of(cpu_millis: u64, memory: u64) -> Resources {
        Resources { cpu_millis, memory: Bytes(memory) }
    }

    /// A node of 10 thousandths and 20 bytes, as in upstream's `fit_test.go`, for two pods; one is there.
    fn used(by: Resources) -> NodeTable {
        let mut table = NodeTable::default();
        table.add(NODE, TwinNode { allocatable: of(10, 20), pods_max: 2, ..TwinNode::default() });
        table.assume(NODE, Requests { asked: by, scored: by });
        table
    }

    #[test]
    fn a_pod_fits_up_to_the_last_of_each() {
        assert!(used(of(5, 19)).has_room(NODE, of(5, 1)));
        assert!(!used(of(5, 19)).has_room(NODE, of(6, 1)));
        assert!(!used(of(5, 19)).has_room(NODE, of(5, 2)));
    }

    #[test]
    fn what_is_not_asked_for_need_not_be_left() {
        assert!(used(of(12, 20)).has_room(NODE, of(0, 0)));
        assert!(used(of(12, 19)).has_room(NODE, of(0, 1)));
        assert!(!used(of(12, 19)).has_room(NODE, of(1, 0)));
    }

    #[test]
    fn pods_are_counted_too() {
        let mut table = used(of(1, 1));
        table.assume(NODE, Requests::default());
        assert!(!table.has_room(NODE, of(0, 0)));
        table.release(NODE, Requests::default());
        assert!(table.has_room(NODE, of(0, 0)));
    }
}
