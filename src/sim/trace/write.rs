//! What happens to a live cluster made into lines of a trace: the same events that the tracker hears, and the
//! cluster that it keeps of them, go in; entries come out.
//!
//! What is told is the difference between what was seen and what was told before: a list that is read anew
//! repeats nothing, and events of different kinds may overtake each other. Kept are the nodes and pods that
//! are there, the images whose layers are known, and the names of what was told.
//!
//! Modelling choices. All that is there when recording begins is told at time zero: nodes with the images
//! that they report, and pods. One that runs already then has brought its bytes: it is told without images
//! and needs, so that it takes room and leaves its volumes. Pods that are not recorded take their room from
//! the node's, as of when the node is told. A node goes together with its pods. Times are those at which the
//! recorder heard of something. A pod that came and went unseen is not there. One image stands for a name
//! on all platforms: that for the commonest when recording began, if there is one.

mod images;
mod nodes;
mod pods;
mod volumes;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::model::cluster::Cluster;
use crate::model::image::{ImageFacts, Platform};
use crate::model::unit::Time;
use crate::policy::Policy;
use crate::sim::trace::entry::Entry;
use crate::sim::trace::write::images::Told;
use crate::sim::trace::write::nodes::LiveNode;
use crate::sim::trace::write::pods::LivePod;
use crate::state::event::{Event, Kind};

/// What is known of the cluster, and how much of that was told.
#[derive(Debug)]
pub struct Recorder {
    /// For the sizes that it assumes of volumes.
    policy: Policy,
    /// When recording began; `None` before.
    epoch: Option<Time>,
    /// Of the last entry.
    at_nanos: u64,
    nodes: BTreeMap<String, LiveNode>,
    /// By uid, those that are not recorded among them.
    pods: BTreeMap<String, LivePod>,
    /// Uids of those that were deleted last, the longest gone first.
    deleted: VecDeque<String>,
    nodes_mark: u64,
    pods_mark: u64,
    /// Of most nodes when recording began.
    platform: Option<Platform>,
    /// Images whose layers are known, by manifest.
    known: BTreeMap<String, ImageFacts>,
    images_told: BTreeSet<String>,
    /// By canonical reference.
    names_told: BTreeMap<String, Told>,
    /// Names that mean an estimate.
    names_estimated: BTreeSet<String>,
    /// By key, whether the size is an estimate.
    volumes_told: BTreeMap<String, bool>,
    counts: Counts,
}

/// What was told, for whoever wants to know how much it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nodes, those that went among them.
    pub nodes: usize,
    /// Pods.
    pub pods: usize,
    /// Of these, those that started.
    pub started: usize,
    /// Pulls.
    pub pulls: usize,
}

impl Recorder {
    /// One that has seen nothing.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            epoch: None,
            at_nanos: 0,
            nodes: BTreeMap::new(),
            pods: BTreeMap::new(),
            deleted: VecDeque::new(),
            nodes_mark: 0,
            pods_mark: 0,
            platform: None,
            known: BTreeMap::new(),
            images_told: BTreeSet::new(),
            names_told: BTreeMap::new(),
            names_estimated: BTreeSet::new(),
            volumes_told: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// Tells all that is there, as of time zero, which is `now`. Before, nothing is told.
    pub fn begin(&mut self, cluster: &Cluster, now: Time, out: &mut Vec<Entry>) {
        self.epoch = Some(now);
        self.platform = self.commonest_platform();
        self.tell_nodes(cluster, out);
        for uid in self.pods_in_order() {
            self.tell_pod(&uid, true, cluster, out);
        }
    }

    /// Whether it has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.epoch.is_some()
    }

    /// Takes note of an event that happened at `now` and has been applied to the cluster, and tells what is
    /// to be told of it.
    pub fn observe(&mut self, event: &Event, cluster: &Cluster, now: Time, out: &mut Vec<Entry>) {
        self.advance(now);
        match event {
            Event::ResyncStarted(Kind::Nodes) => self.nodes_mark += 1,
            Event::ResyncStarted(Kind::Pods) => self.pods_mark += 1,
            Event::ResyncEnded(Kind::Nodes) => self.end_unlisted_nodes(out),
            Event::ResyncEnded(Kind::Pods) => self.end_unlisted_pods(out),
            Event::NodeApplied(facts) => self.see_node(facts, cluster, out),
            Event::NodeRemoved { name } => self.end_node(name, out),
            Event::PodApplied(facts) => self.see_pod(facts, cluster, out),
            Event::PodRemoved { uid } => self.end_pod(uid, out),
            Event::PullObserved { node, reference, took: Some(took) } if self.has_begun() => {
                self.tell_pull(node, reference, *took, cluster, out);
            }
            Event::ImageKnown(facts) => self.know_image(facts),
            Event::ImageForgotten { manifest, .. } => _ = self.known.remove(manifest),
            Event::TimePassed if self.has_begun() => {
                self.settle_names(cluster, out);
                self.settle_volumes(cluster, out);
            }
            _ => {}
        }
    }

    /// When it ends, if that is `now`: nanoseconds since the epoch.
    pub fn end(&mut self, now: Time) -> u64 {
        self.advance(now);
        self.at_nanos
    }

    /// How much was told.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The clock of a machine can be set back; a trace's cannot.
    fn advance(&mut self, now: Time) {
        let since = self.epoch.map_or(0, |epoch| now.since(epoch).0);
        self.at_nanos = self.at_nanos.max(since);
    }
}
