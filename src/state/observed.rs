//! Pulls that begin, and what kubelets report of them: what each tells of how fast bytes come.
//!
//! Learned from are pulls whose layers are known and that were seen from the beginning. What that makes of
//! predictions is `cost`'s.

use std::sync::Arc;

use crate::model::begun::BegunPull;
use crate::model::cluster::NodeId;
use crate::model::cluster::node::Pull;
use crate::model::observed::registry_of;
use crate::model::unit::{Nanos, Time, TransferRate};
use crate::state::Tracker;

impl Tracker {
    /// Notes the pulls that a node has now as they begin.
    pub(super) fn note_begun(&mut self, node: NodeId, now: Time) {
        let pulls = self.cluster.node(node).pulls.iter();
        let begun = pulls.filter_map(|pull| self.begun(node, pull)).collect();
        self.cluster.begun.refresh(node, begun, now);
    }

    /// Nothing for a pull of which no kubelet will report.
    fn begun(&self, node: NodeId, pull: &Pull) -> Option<(Arc<str>, BegunPull)> {
        let (cluster, group) = (&self.cluster, self.cluster.node(node).group);
        let reference = cluster.reference_name(pull.reference?);
        let registry = cluster.observed.registry_id(registry_of(&reference));
        let knowledge = cluster.observed.knowledge(group, registry);
        // What is found waiting in the first lists may have begun, or even come, long before.
        let (has_layers, is_new) = (pull.image.is_some(), cluster.is_synced());
        Some((reference, BegunPull::new(group, pull.bytes, has_layers, is_new, knowledge)))
    }

    /// Learns from a pull that was reported. One that nobody expected tells nothing.
    pub(super) fn observe_pull(
        &mut self,
        node: &str,
        reference: &str,
        took: Option<Nanos>,
        now: Time,
    ) {
        let Some(node) = self.cluster.node_id(node) else { return };
        let Some(pull) = self.cluster.begun.take(node, reference, now) else { return };
        if let Some(took) = took.filter(|took| took.0 > 0 && pull.is_telling()) {
            let rate = TransferRate::of(pull.bytes, took);
            self.cluster.observed.add(pull.group, registry_of(reference), rate);
        }
    }
}
