//! The tracker: events in, one [`Cluster`] kept.
//!
//! [`Tracker::apply`] is the only way to change the cluster, for `serve`, `demo` and `simulate` alike. It is
//! synchronous, reads no clock (`now` is an argument), and cannot fail: an odd object changes less,
//! never everything. It knows nothing of policies or scores.

mod claims;
pub mod event;
#[cfg(test)]
pub(crate) mod fixtures;
mod holding;
mod images;
mod inventory;
mod nodes;
mod observed;
mod pending;
mod pods;
mod pulls;
mod streams;
#[cfg(test)]
mod tests;
mod unasked;
mod volumes;

use std::collections::{BTreeSet, VecDeque};

use crate::model::cluster::{Cluster, ImageId, NodeId};
use crate::model::unit::Time;
use crate::state::event::{Event, Kind};

/// Owns the cluster and applies events to it.
#[derive(Debug, Default)]
pub struct Tracker {
    cluster: Cluster,
    /// When something inferred on a node ends by itself. May name nodes that are gone.
    deadlines: BTreeSet<(Time, NodeId)>,
    /// Counts resyncs of nodes; nodes without the current mark when one ends were deleted meanwhile.
    nodes_mark: u64,
    /// The same for pods: the two kinds resync independently of each other.
    pods_mark: u64,
    /// And for inventories.
    inventories_mark: u64,
    /// And for pods that are not bound yet.
    pending_mark: u64,
    /// Slots of images that were forgotten, the longest free first.
    free_images: VecDeque<ImageId>,
}

impl Tracker {
    /// The cluster as of the last event.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Applies one event that was observed at `now`.
    pub fn apply(&mut self, event: Event, now: Time) {
        match event {
            Event::ResyncStarted(kind) => self.start_resync(kind),
            Event::ResyncEnded(kind) => self.end_resync(kind, now),
            Event::NodeApplied(facts) => self.apply_node(facts, now),
            Event::NodeRemoved { name } => self.remove_node(&name, now),
            Event::PodApplied(facts) => {
                self.cluster.storage.note_uses(&facts);
                self.apply_pod(&facts, now);
            }
            Event::PodRemoved { uid } => {
                self.cluster.storage.end_uses(&uid);
                self.remove_pod(&uid, now);
            }
            Event::PendingPodApplied(facts) => self.apply_pending(&facts),
            Event::PendingPodRemoved { uid } => self.remove_pending(&uid),
            Event::PodExpected { uid, nodes } => self.cluster.expected.expect(uid, nodes, now),
            Event::PullObserved { node, reference, took } => {
                self.observe_pull(&node, &reference, took, now);
            }
            Event::ImageKnown(facts) => self.add_image(facts, now),
            Event::ImageForgotten { manifest, platform } => {
                self.forget_image(&manifest, &platform, now);
            }
            Event::InventoryReported { node, facts } => self.report_inventory(&node, facts, now),
            Event::InventoryRemoved { node } => self.remove_inventory(&node, now),
            Event::StorageApplied(object) => self.cluster.storage.apply(object),
            Event::StorageRemoved(object) => self.cluster.storage.remove(&object),
            Event::TimePassed => self.expire(now),
        }
    }

    fn start_resync(&mut self, kind: Kind) {
        self.cluster.storage.start_resync(kind);
        match kind {
            Kind::Nodes => self.nodes_mark += 1,
            Kind::Pods => self.pods_mark += 1,
            Kind::Inventories => self.inventories_mark += 1,
            Kind::PendingPods => self.pending_mark += 1,
            _ => {}
        }
    }

    fn end_resync(&mut self, kind: Kind, now: Time) {
        self.cluster.storage.end_resync(kind);
        match kind {
            Kind::Nodes => {
                let mark = self.nodes_mark;
                let gone = self.cluster.nodes.iter();
                let gone = gone.filter(|node| node.exists && node.resync_mark < mark);
                for name in gone.map(|node| node.name.clone()).collect::<Vec<_>>() {
                    self.remove_node(&name, now);
                }
                self.cluster.nodes_synced = true;
            }
            Kind::Pods => {
                let mark = self.pods_mark;
                let gone = self.cluster.pods.iter();
                let gone = gone.filter(|pod| pod.node.is_some() && pod.resync_mark < mark);
                for uid in gone.map(|pod| pod.uid.clone()).collect::<Vec<_>>() {
                    self.remove_pod(&uid, now);
                }
                self.cluster.pods_synced = true;
            }
            Kind::Inventories => self.end_unlisted_inventories(now),
            Kind::PendingPods => self.end_unlisted_pending(),
            // What a manifest says stays true; one that nobody holds any more costs only its memory.
            _ => {}
        }
    }

    /// Ends what was only inferred and has outlived its bound.
    fn expire(&mut self, now: Time) {
        self.cluster.expected.expire(now);
        self.cluster.begun.expire(now);
        while let Some(&(deadline, node)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            if node.index() < self.cluster.nodes.len() {
                self.expire_evidence(node, now);
                self.expire_inventory(node, now);
                self.refresh_pulls(node, now);
                self.refresh_volumes(node, now);
            }
        }
    }
}
