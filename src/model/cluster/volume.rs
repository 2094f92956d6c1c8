//! Named volumes and runs in the cluster: on which nodes they lie, why, and what is on its way.

use std::collections::BTreeMap;

use crate::model::cluster::pending::ComingImage;
use crate::model::cluster::{NodeId, RunId, VolumeId};
use crate::model::node_set::NodeSet;
use crate::model::unit::{Bytes, Time};
use crate::model::volume::VolumeKind;

/// A named volume that some node holds or some pod names.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    /// Nodes where it lies: reported, in use, or left there a while ago.
    pub holders: NodeSet,
    /// On its way to nodes for pods that wait there: by beginning, then by hash of the node's name.
    pub streams: Vec<Stream>,
    /// Sizes that agents report.
    pub(crate) reported: Sizes,
    /// Sizes that pods tell.
    pub(crate) told: Sizes,
    /// How often it is said to be of each kind, in the order of [`VolumeKind::ALL`].
    pub(crate) kinds: [u32; 4],
}

/// A volume on its way to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Where it goes.
    pub to: NodeId,
    /// The holder that it most likely comes from; `None` if no node holds it.
    pub from: Option<NodeId>,
    /// When the first pod that needs it was bound there.
    pub begun_at: Time,
}

/// A run some of whose pods are or were in the cluster, or wait to be bound.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Nodes where pods of it are, or were a while ago.
    pub nodes: NodeSet,
    /// Images that its pods which are not bound yet will ask for, and how many of them each.
    pub coming: BTreeMap<ComingImage, u32>,
}

/// What of volumes and runs is on a node.
#[derive(Debug, Default)]
pub struct NodeVolumes {
    /// Volumes on it or on their way to it, by ascending id. Worked out from pods, report and traces.
    pub placed: Vec<PlacedVolume>,
    /// Runs of which pods are here or were a while ago, by ascending id; worked out likewise.
    pub runs: Vec<RunId>,
    /// Streams to other nodes that most likely come from here.
    pub uploads: u32,
    /// Pods on it that name a volume or a run.
    pub(crate) pods: u32,
    /// When pods that are gone last used a volume here, each volume once.
    pub(crate) left: Vec<(VolumeId, Time)>,
    /// When the last pods of runs that are gone from here ended, each run once.
    pub(crate) left_runs: Vec<(RunId, Time)>,
}

/// Why a volume is on a node, or will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedVolume {
    /// Which.
    pub volume: VolumeId,
    /// What the node's agent tells of it, while that is believed.
    pub reported: Option<ReportedVolume>,
    /// Pods that run with it.
    pub users: u32,
    /// When the first of the pods was bound that need it and wait, or run and still get it.
    pub wanted_at: Option<Time>,
    /// When a pod last used or made it, while that alone is believed.
    pub last_used: Option<Time>,
}

/// What an agent tells of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReportedVolume {
    /// Which.
    pub volume: VolumeId,
    /// Its size.
    pub bytes: Bytes,
    /// What it is.
    pub kind: VolumeKind,
    /// When a step there last used it, as of the report, where the agent tells.
    pub last_used: Option<Time>,
}

/// What a bound pod tells of its run and its volumes, each volume once.
#[derive(Clone, Debug, Default)]
pub struct PodVolumes {
    /// Its run.
    pub run: Option<RunId>,
    /// What it reads.
    pub needs: Vec<ToldVolume>,
    /// What it leaves.
    pub produces: Vec<ToldVolume>,
    /// When it ended, if it has.
    pub(crate) ended_at: Option<Time>,
}

/// What a pod tells of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldVolume {
    /// Which.
    pub volume: VolumeId,
    /// Its size, where the pod tells.
    pub bytes: Option<Bytes>,
    /// What it is.
    pub kind: VolumeKind,
}

/// Sizes that were told, and how often each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes(BTreeMap<Bytes, u32>);

impl Volume {
    /// Its size: the largest that agents report, else the largest that pods tell.
    #[must_use]
    pub fn bytes(&self) -> Option<Bytes> {
        self.reported.largest().or(self.told.largest())
    }

    /// What it is: of what is said the first in the order of [`VolumeKind::ALL`].
    #[must_use]
    pub fn kind(&self) -> VolumeKind {
        let said = VolumeKind::ALL.into_iter().zip(self.kinds).find(|(_, count)| *count > 0);
        said.map_or_else(VolumeKind::default, |(kind, _)| kind)
    }

    /// Whether a node tells its size.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        self.reported.largest().is_some()
    }

    pub(crate) fn say_kind(&mut self, kind: VolumeKind) {
        self.kinds[kind as usize] += 1;
    }

    pub(crate) fn unsay_kind(&mut self, kind: VolumeKind) {
        self.kinds[kind as usize] -= 1;
    }
}

impl PlacedVolume {
    /// A volume with nothing that speaks for it.
    pub(crate) const fn new(volume: VolumeId) -> Self {
        Self { volume, reported: None, users: 0, wanted_at: None, last_used: None }
    }

    /// The entry of a volume in a node's table.
    #[must_use]
    pub fn find(table: &[Self], volume: VolumeId) -> Option<&Self> {
        table.binary_search_by_key(&volume, |placed| placed.volume).ok().map(|at| &table[at])
    }

    /// A pod waits for it that was bound at a time.
    pub(crate) fn want(&mut self, bound_at: Time) {
        self.wanted_at = Some(self.wanted_at.map_or(bound_at, |first| first.min(bound_at)));
    }

    /// Whether it lies on the node.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.reported.is_some() || self.users > 0 || self.last_used.is_some()
    }

    /// When it was last put or used there, as far as the agent or pods tell.
    #[must_use]
    pub fn used_at(&self) -> Option<Time> {
        self.last_used.max(self.reported.and_then(|reported| reported.last_used))
    }

    /// Since when it is on its way, if it is.
    #[must_use]
    pub fn begun_at(&self) -> Option<Time> {
        if self.is_there() { None } else { self.wanted_at }
    }
}

impl PodVolumes {
    /// Whether the pod names neither a run nor a volume.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.run.is_none() && self.needs.is_empty() && self.produces.is_empty()
    }

    /// All it names.
    pub fn told(&self) -> impl Iterator<Item = &ToldVolume> {
        self.needs.iter().chain(&self.produces)
    }
}

impl Sizes {
    pub(crate) fn add(&mut self, bytes: Bytes) {
        *self.0.entry(bytes).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, bytes: Bytes) {
        if let Some(count) = self.0.get_mut(&bytes) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&bytes);
            }
        }
    }

    pub(crate) fn largest(&self) -> Option<Bytes> {
        self.0.last_key_value().map(|(bytes, _)| *bytes)
    }
}
