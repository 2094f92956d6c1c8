//! A node of the world: its room, its image store, its queue of pulls.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::unit::Nanos;
use crate::sim::placement::ImageList;
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeHardware, NodeSetup, ZoneNumber};
use crate::sim::world::slab::Slot;
use crate::sim::world::store::Store;

/// One node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) presence: Presence,
    pub(super) zone: ZoneNumber,
    pub(super) capacity: Resources,
    pub(super) free: Resources,
    pub(super) pods_max: u32,
    pub(super) hardware: NodeHardware,
    pub(super) store: Store,
    /// Pods whose objects are there, ended ones too.
    pub(super) pods: Vec<Slot>,
    /// Of these, those that have not ended.
    pub(super) pods_live: u32,
    /// Pods whose next image is to be pulled, first come, first served.
    pub(super) queue: VecDeque<Slot>,
    /// Pulls in progress.
    pub(super) pulling: Vec<Slot>,
    /// Its pulls are being begun.
    pub(super) begins: bool,
    pub(super) telling: Telling,
    /// A look at the disk is foreseen.
    pub(super) collects: bool,
    /// Since when it has no pods, for a node of an autoscaler.
    pub(super) idle_since: Option<Nanos>,
}

/// Whether a node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Not yet.
    Coming,
    /// Ready.
    Here,
    /// No more.
    Gone,
}

/// What a node has told, and will.
#[derive(Debug, Default)]
pub(super) struct Telling {
    /// Its kubelet will read its images.
    pub(super) is_read_due: bool,
    /// What it read, and will tell.
    pub(super) read: Option<Arc<ImageList>>,
    /// What it told last.
    pub(super) told: Arc<ImageList>,
    /// Its agent will look.
    pub(super) is_report_due: bool,
    /// Something is there of which its agent has not told.
    pub(super) is_news: bool,
    /// When its agent told last.
    pub(super) reported_at: Nanos,
}

impl Node {
    /// A node that is to come.
    pub(super) fn new(setup: &NodeSetup, zone: ZoneNumber) -> Self {
        Self {
            presence: Presence::Coming,
            zone,
            capacity: setup.capacity,
            free: setup.capacity,
            pods_max: setup.pods_max,
            hardware: setup.hardware,
            store: Store::new(&setup.hardware),
            pods: Vec::new(),
            pods_live: 0,
            queue: VecDeque::new(),
            pulling: Vec::new(),
            begins: false,
            telling: Telling::default(),
            collects: false,
            idle_since: None,
        }
    }

    /// Whether a pod that asks for so much can be bound to it.
    pub(super) fn has_room(&self, requests: Resources) -> bool {
        self.presence == Presence::Here
            && self.pods_live < self.pods_max
            && self.free.holds(requests)
    }
}
