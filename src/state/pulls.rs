//! What is on its way to a node: the pulls that its waiting pods cause, in the kubelet's order, and behind
//! them what only its agent saw (`unasked`).
//!
//! Decides which images a node still has to pull, how many bytes each brings and how many of those are still
//! to be downloaded. How long that takes is the policy's (`cost`); whether a pod likes to wait for it is
//! `score`'s.

use crate::model::cluster::image::Image;
use crate::model::cluster::node::{Inventory, Node, Pull};
use crate::model::cluster::pod::{Pod, PodImageState};
use crate::model::cluster::{Cluster, ImageId, NodeId};
use crate::model::pod::PullPolicy;
use crate::model::resolve::NameIds;
use crate::model::unit::{Bytes, Nanos, Time};
use crate::state::Tracker;

/// A pod that has waited this long is a ghost and brings nothing more: a kubelet that is alive starts
/// even a 30 GB image at 50 MB/s within it, and one that is dead will not.
pub(super) const WAIT_MAX: Nanos = Nanos::from_seconds(15 * 60);

impl Tracker {
    /// Works out anew what is on its way to a node.
    pub(super) fn refresh_pulls(&mut self, node: NodeId, now: Time) {
        self.drop_ghosts(node, now);
        let mut pulls = Vec::new();
        for &pod in &self.cluster.node(node).waiting {
            self.cluster.add_pulls(node, &self.cluster.pods[pod.index()], &mut pulls);
        }
        self.cluster.add_unasked_pulls(node, &mut pulls, now);
        if pulls.is_empty() {
            self.cluster.pulling.remove(node);
        } else {
            self.cluster.pulling.insert(node);
        }
        self.cluster.nodes[node.index()].pulls = pulls;
        self.note_begun(node, now);
        self.cluster.note_gist(node);
    }

    /// Works out all pulls anew, after images became known: also where nothing seemed to be missing.
    pub(super) fn refresh_all_pulls(&mut self, now: Time) {
        let nodes = (0u32..).map(NodeId).zip(&self.cluster.nodes);
        let pulling = nodes.filter(|(_, node)| node.may_pull());
        for node in pulling.map(|(id, _)| id).collect::<Vec<_>>() {
            self.refresh_pulls(node, now);
        }
    }

    /// The same for one node, after something on it changed.
    pub(super) fn refresh_pulls_if_any(&mut self, node: NodeId, now: Time) {
        if self.cluster.node(node).may_pull() {
            self.refresh_pulls(node, now);
        }
    }

    /// Takes pods out of the queue that have waited too long, and asks to be called for the next.
    fn drop_ghosts(&mut self, node: NodeId, now: Time) {
        let pods = &self.cluster.pods;
        let on_node = &mut self.cluster.nodes[node.index()];
        on_node.waiting.retain(|pod| now < pods[pod.index()].bound_at.after(WAIT_MAX));
        let steps = on_node.waiting.iter().filter(|pod| pods[pod.index()].is_step).count();
        on_node.waiting_step_pods = u32::try_from(steps).unwrap_or(u32::MAX);
        if let Some(first) = on_node.waiting.first() {
            self.deadlines.insert((pods[first.index()].bound_at.after(WAIT_MAX), node));
        }
    }
}

impl Cluster {
    /// Adds the pulls that a waiting pod causes beyond those already in `pulls`.
    ///
    /// Behind an init container whose image cannot be had there are none: the kubelet tries that one again
    /// and again, and an event tells when it has come. Other containers do not wait for each other.
    /// Source: `SyncPod` and `computeInitContainerActions` in `pkg/kubelet/kuberuntime`, 1.37.
    fn add_pulls(&self, node: NodeId, pod: &Pod, pulls: &mut Vec<Pull>) {
        let mut next_in_line = true;
        for wanted in pod.images.iter().filter(|image| !image.pulled) {
            if wanted.pull_fails && wanted.is_init {
                return;
            }
            if wanted.pull_policy == PullPolicy::Never || wanted.pull_fails {
                continue;
            }
            let image = self.image_wanted(node, wanted);
            if self.is_there(node, wanted, image) {
                continue;
            }
            let same = |pull: &&mut Pull| {
                pull.reference == Some(wanted.reference) || (image.is_some() && pull.image == image)
            };
            if let Some(pull) = pulls.iter_mut().find(same) {
                pull.next_in_line |= next_in_line;
            } else {
                let (bytes, left) = self.bytes_to_pull(node, wanted, image, pulls);
                let reference = Some(wanted.reference);
                // What agents see of blobs tells nothing of an image whose layers nobody knows.
                let seen = image.map(|_| self.node(node).seen_since(pod.bound_at));
                let since = seen.unwrap_or(pod.bound_at);
                pulls.push(Pull { reference, image, bytes, left, next_in_line, since });
            }
            next_in_line = false;
        }
    }

    fn image_wanted(&self, node: NodeId, wanted: &PodImageState) -> Option<ImageId> {
        self.current_image(self.wanted_name(wanted), self.node(node).platform)
    }

    fn wanted_name(&self, wanted: &PodImageState) -> NameIds {
        self.name_ids(self.reference_text(wanted.reference))
    }

    fn is_there(&self, node: NodeId, wanted: &PodImageState, image: Option<ImageId>) -> bool {
        let named = self.reference(wanted.reference).holders.contains(node);
        if named && wanted.pull_policy == PullPolicy::IfNotPresent {
            return true;
        }
        match image.map(|id| self.image(id)) {
            Some(image) => self.depth_on(node, image) == image.chains.len(),
            None => named,
        }
    }

    /// Bytes of the layers that are neither unpacked here nor brought by an earlier pull, and what of them is
    /// still to be downloaded. Zero where the size of an image nobody knows would have to be made up.
    fn bytes_to_pull(
        &self,
        node: NodeId,
        wanted: &PodImageState,
        image: Option<ImageId>,
        pulls: &[Pull],
    ) -> (Bytes, Bytes) {
        let Some(image) = image.map(|id| self.image(id)) else {
            let bytes = self.reported_size(self.wanted_name(wanted), self.node(node).platform);
            return (bytes, bytes);
        };
        self.bytes_of_layers(node, image, pulls)
    }

    /// The same of an image whose layers are known.
    pub(super) fn bytes_of_layers(
        &self,
        node: NodeId,
        image: &Image,
        pulls: &[Pull],
    ) -> (Bytes, Bytes) {
        let earlier = pulls.iter().filter_map(|pull| pull.image.map(|id| self.image(id)));
        let moved = earlier.map(|other| other.common_depth(image)).max().unwrap_or(0);
        let start = self.depth_on(node, image).max(moved);
        let bytes = image.bytes_beyond[start];
        let Some(inventory) = &self.node(node).inventory else { return (bytes, bytes) };
        let mut left = Bytes(0);
        for depth in start..image.chains.len() {
            let blob = image.blobs[depth];
            if !self.blob_holders(blob).is_some_and(|nodes| nodes.contains(node)) {
                left += inventory.left_of(blob, image.layer_bytes(depth));
            }
        }
        (bytes, left)
    }
}

impl Node {
    /// Whether something can be on its way here.
    fn may_pull(&self) -> bool {
        let is_seen = |inventory: &Inventory| !inventory.pulls.is_empty();
        !self.waiting.is_empty()
            || !self.pulls.is_empty()
            || self.inventory.as_ref().is_some_and(is_seen)
    }

    /// As of when the bytes are told of a pull that a pod bound at `bound_at` waits for.
    fn seen_since(&self, bound_at: Time) -> Time {
        self.inventory.as_ref().map_or(bound_at, |inventory| bound_at.max(inventory.observed_at))
    }
}
