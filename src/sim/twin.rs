//! kube-scheduler 1.37 as a value: which nodes it looks at, what its plugins give them, whom it picks.
//!
//! Written after `pkg/scheduler` of Kubernetes 1.37.2, file by file as the modules below say, and held
//! against the real one by `tests/it/placement/twin.rs`. Like the real one it keeps a cache of its own and is
//! told of nodes and pods; it knows nothing of the simulated world. One pod is placed by
//! [`Twin::candidates`], then [`Twin::choose`], then [`Twin::assume`].
//!
//! What the default profile's other plugins give simple step pods is the same for all nodes:
//! - `TaintToleration` gives each 100, times its weight of 3: nodes have no taints;
//! - `NodeAffinity`, `InterPodAffinity` and `PodTopologySpread` are skipped: pods have no preferred
//!   affinity and no spread constraints, and the default constraints are for pods that a service,
//!   replica set or stateful set selects; nor has any pod on a node an affinity that others match;
//! - `VolumeBinding` is skipped and `DynamicResources` gives 0: no claim is left to bind or allocate;
//! - opportunistic batching never begins: the default constraints make every pod unsignable.
//!
//! Left out: taints, affinities, claims, extended resources, priorities, preemption, nominated nodes, pod
//! groups, and filters of extenders.

mod allocation;
mod choice;
mod image;
mod node;
mod order;
mod request;
mod search;

pub use allocation::{balanced_allocation, least_allocated};
pub use image::{image_locality, normalized_name};
pub use node::TwinNode;
pub use request::{ContainerRequests, Requests};

use crate::model::unit::Bytes;
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::random::Random;
use crate::sim::setup::NodeNumber;
use allocation::{Allocations, allocation};
use choice::Choice;
use image::Images;
use node::NodeTable;
use order::NodeOrder;
use search::Search;

/// The most that a plugin gives (`MaxNodeScore`).
pub const SCORE_MAX: u64 = 100;
/// What a point of an extender is worth, at the extender's weight of 1: `MaxNodeScore` over
/// `MaxExtenderPriority` (`prioritizeNodes` of `schedule_one.go`).
pub const SCORE_PER_POINT: u64 = 10;
/// `TaintToleration` where no node has taints, times its weight in `default_plugins.go`.
const TAINT_TOLERATION: u64 = 3 * SCORE_MAX;
/// Keeps this stream apart from others of the same seed.
const PURPOSE: u64 = 2;

/// A scheduler.
#[derive(Clone, Debug)]
pub struct Twin {
    random: Random,
    order: NodeOrder,
    nodes: NodeTable,
    images: Images,
    search: Search,
    allocations: Allocations,
    candidates: Vec<NodeNumber>,
    /// By node; zero between two pods.
    image_bytes: Vec<u64>,
}

/// What a scheduler looks at in a pod.
#[derive(Clone, Copy, Debug)]
pub struct TwinPod<'a> {
    /// What it asks for.
    pub requests: Requests,
    /// Images of its containers, init containers and volumes, each as often as it occurs, by
    /// [`normalized_name`].
    pub images: &'a [ReferenceNumber],
}

/// What a candidate gets, by plugin and in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scores {
    /// The candidate.
    pub node: NodeNumber,
    /// `TaintToleration`, times its weight.
    pub taint_toleration: u64,
    /// `NodeResourcesFit`.
    pub least_allocated: u64,
    /// `NodeResourcesBalancedAllocation`.
    pub balanced_allocation: u64,
    /// `ImageLocality`.
    pub image_locality: u64,
    /// What the extender added; `None` where it did not name the node.
    pub extender: Option<u64>,
    /// All together.
    pub total: u64,
}

impl Twin {
    /// A scheduler without nodes that breaks ties by chance from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed, PURPOSE),
            order: NodeOrder::default(),
            nodes: NodeTable::default(),
            images: Images::default(),
            search: Search::default(),
            allocations: Allocations::default(),
            candidates: Vec::new(),
            image_bytes: Vec::new(),
        }
    }

    /// A node joins; one that is there changes in what it has, not in its zone.
    pub fn add_node(&mut self, node: NodeNumber, facts: TwinNode) {
        self.order.add(node, facts.zone);
        self.nodes.add(node, facts);
    }

    /// A node leaves. Its pods still count, should it come back, until each is released.
    pub fn remove_node(&mut self, node: NodeNumber) {
        self.order.remove(node);
        self.nodes.remove(node);
        self.images.list(node, &[]);
    }

    /// A node that is there says what images it has, by every name and in its order; replaces what it said
    /// before.
    pub fn list_images(&mut self, node: NodeNumber, images: &[(ReferenceNumber, Bytes)]) {
        if self.nodes.is_present(node) {
            self.images.list(node, images);
            self.nodes.touch(node);
        }
    }

    /// A pod was given to a node.
    pub fn assume(&mut self, node: NodeNumber, requests: Requests) {
        self.nodes.assume(node, requests);
    }

    /// A pod that was given to a node has ended or gone.
    pub fn release(&mut self, node: NodeNumber, requests: Requests) {
        self.nodes.release(node, requests);
    }

    /// The status of a node, or of a pod on it, was written: how many nodes have its images is read anew.
    pub fn touch(&mut self, node: NodeNumber) {
        self.nodes.touch(node);
    }

    /// The candidates for a pod: nodes with room, in the order in which they are found, as many as are
    /// looked for. Of a single one no extender is asked: it is chosen as it is.
    pub fn candidates(&mut self, requests: Requests) -> &[NodeNumber] {
        self.take_snapshot();
        let order = self.order.list();
        self.search.run(order, &self.nodes, requests.asked, &mut self.candidates);
        &self.candidates
    }

    /// Puts a search that somebody else made in the place of the last one's: what was found, and how many
    /// nodes later than that one the next begins.
    pub fn adopt_search(&mut self, candidates: &[NodeNumber], begun_at: usize, looked_at: usize) {
        self.candidates.clear();
        self.candidates.extend_from_slice(candidates);
        self.search.next_start = begun_at;
        self.search.advance(looked_at, self.order.list().len());
    }

    /// Where in the order of nodes the next search begins.
    #[must_use]
    pub fn next_start(&self) -> usize {
        self.search.next_start
    }

    /// The candidate with the highest total; `None` without candidates.
    ///
    /// `added` has one entry for each candidate: the extender's points in the plugins' units, that is times
    /// its weight and [`SCORE_PER_POINT`]; `None` where it did not name the node. Empty: no extender.
    pub fn choose(&mut self, pod: &TwinPod<'_>, added: &[Option<u64>]) -> Option<NodeNumber> {
        debug_assert!(added.is_empty() || added.len() == self.candidates.len());
        if self.candidates.len() < 2 {
            return self.candidates.first().copied();
        }
        let node_count = self.nodes.len();
        self.image_bytes.resize(node_count, 0);
        self.images.add_bytes(pod.images, &mut self.image_bytes);
        let size = self.allocations.of(pod.requests, node_count);
        let mut choice = Choice::default();
        for (at, &node) in self.candidates.iter().enumerate() {
            let bytes = self.image_bytes[node.0 as usize];
            let own = size.sum(node, &self.nodes) + image_locality(bytes, pod.images.len());
            let points = added.get(at).copied().flatten();
            choice.offer(at, own + points.unwrap_or(0), points.is_some(), &mut self.random);
        }
        self.images.clear_bytes(pod.images, &mut self.image_bytes);
        choice.position().map(|at| self.candidates[at])
    }

    /// What each candidate gets, in their order; `added` as in [`Self::choose`].
    #[must_use]
    pub fn scores(&self, pod: &TwinPod<'_>, added: &[Option<u64>]) -> Vec<Scores> {
        let mut image_bytes = vec![0; self.nodes.len()];
        self.images.add_bytes(pod.images, &mut image_bytes);
        let scores = self.candidates.iter().enumerate().map(|(at, &node)| {
            let own = allocation(self.nodes.used(node), pod.requests);
            let mut scores = Scores {
                node,
                taint_toleration: TAINT_TOLERATION,
                least_allocated: own.least_allocated,
                balanced_allocation: own.balanced_allocation,
                image_locality: image_locality(image_bytes[node.0 as usize], pod.images.len()),
                extender: added.get(at).copied().flatten(),
                total: 0,
            };
            scores.total = scores.sum();
            scores
        });
        scores.collect()
    }

    /// What the scheduling cycle sees: nodes that changed are looked at anew, others stay as they were.
    fn take_snapshot(&mut self) {
        self.images.count_nodes(self.order.list().len());
        let images = &mut self.images;
        self.nodes.each_changed(|node| images.refresh(node));
    }
}

impl Scores {
    fn sum(&self) -> u64 {
        let own = self.taint_toleration + self.least_allocated + self.balanced_allocation;
        own + self.image_locality + self.extender.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
