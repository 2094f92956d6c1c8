//! Consistent hashing with bounded loads: equal pods on one node until it has a quarter more than its
//! share.
//!
//! Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018; as
//! substratusai/kubeai, `internal/loadbalancer/balance_chwbl.go` does it: a ring with 256 places per node,
//! a mean load factor of 125 %, the first node on the way round that may bear one more ([`Ring::bears`]),
//! and the first at all if there is none. The key is what equal pods have in common, their images, where
//! KubeAI's is the beginning of a prompt; the hash is ours. It knows nothing of what nodes hold.

use crate::model::cluster::mix;
use crate::sim::setup::NodeNumber;

/// KubeAI's `replication`.
const PLACES_PER_NODE: u64 = 256;
/// KubeAI's `meanPercentage`.
const LOAD_PERCENT: u64 = 125;

/// All nodes on a ring.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    /// By hash, once somebody asks: clusters join as one, and each node would move all places.
    places: Vec<(u64, NodeNumber)>,
    is_sorted: bool,
    nodes: u64,
}

impl Ring {
    /// Puts a node, which must not be on it, on the ring.
    pub fn add(&mut self, node: NodeNumber) {
        let place = |place: u64| (mix(mix(u64::from(node.0)) ^ mix(!place)), node);
        self.places.extend((0..PLACES_PER_NODE).map(place));
        self.nodes += 1;
        self.is_sorted = false;
    }

    /// Takes a node off the ring.
    pub fn remove(&mut self, node: NodeNumber) {
        let before = self.places.len();
        self.places.retain(|(_, other)| *other != node);
        self.nodes -= u64::from(self.places.len() < before);
    }

    /// The node for a key among those with room; `None` if none has. `total` is the load of all nodes
    /// together.
    pub fn choose(
        &mut self,
        key: u64,
        total: u64,
        has_room: impl Fn(NodeNumber) -> bool,
        load: impl Fn(NodeNumber) -> u64,
    ) -> Option<NodeNumber> {
        if !self.is_sorted {
            self.places.sort_unstable();
            self.is_sorted = true;
        }
        let start = self.places.partition_point(|(hash, _)| *hash < key);
        let (before, from) = self.places.split_at(start);
        let round = from.iter().chain(before).map(|(_, node)| *node);
        let mut first = None;
        for node in round.filter(|node| has_room(*node)) {
            if self.bears(load(node), total) {
                return Some(node);
            }
            first = first.or(Some(node));
        }
        first
    }

    /// Whether a node with that load may take one more: `load + 1 <= (total + 1) / nodes * 1.25`.
    ///
    /// 10 nodes, 79 in all: up to 10 on each, so 9 may take one more and 10 may not.
    #[must_use]
    pub fn bears(&self, load: u64, total: u64) -> bool {
        let own = u128::from(load + 1) * 100 * u128::from(self.nodes);
        total == 0 || own <= u128::from(total + 1) * u128::from(LOAD_PERCENT)
    }
}
