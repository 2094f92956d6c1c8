//! What is on its way to a node: the pulls that its waiting pods cause, in the kubelet's order.
//!
//! Decides which images a node still has to pull and how many bytes each moves. How long that takes
//! is the policy's (`cost`); whether a pod likes to wait for it is `score`'s.

use crate::model::cluster::node::Pull;
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
        let waiting = nodes.filter(|(_, node)| !node.waiting.is_empty());
        for node in waiting.map(|(id, _)| id).collect::<Vec<_>>() {
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
                pull.reference == wanted.reference || (image.is_some() && pull.image == image)
            };
            if let Some(pull) = pulls.iter_mut().find(same) {
                pull.next_in_line |= next_in_line;
            } else {
                pulls.push(Pull {
                    reference: wanted.reference,
                    image,
                    bytes: self.bytes_to_pull(node, wanted, image, pulls),
                    next_in_line,
                    bound_at: pod.bound_at,
                });
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

    /// Bytes of the layers that are neither there nor moved by an earlier pull. Zero where the size of
    /// an image nobody knows would have to be made up.
    fn bytes_to_pull(
        &self,
        node: NodeId,
        wanted: &PodImageState,
        image: Option<ImageId>,
        pulls: &[Pull],
    ) -> Bytes {
        let Some(image) = image.map(|id| self.image(id)) else {
            return self.reported_size(self.wanted_name(wanted), self.node(node).platform);
        };
        let earlier = pulls.iter().filter_map(|pull| pull.image.map(|id| self.image(id)));
        let moved = earlier.map(|other| other.common_depth(image)).max().unwrap_or(0);
        image.bytes_beyond[self.depth_on(node, image).max(moved)]
    }
}
