//! The physics of a simulated cluster: nodes that come and go, honest pulls and streams, disks that fill
//! and are cleared, pods that wait, run and end.
//!
//! What happens next is in [`agenda`]; bytes on their way are [`link`]'s, pulls [`pull`]'s, volumes
//! [`stream`]'s, disks [`store`]'s and [`collect`]'s, pods [`pod`]'s, nodes [`membership`]'s, and what of
//! all that an API server is told [`tell`]'s. Not here: failures of registries and links, disks that
//! volumes fill, what registries take to answer, nodes that are slow because they have much to do. Which pods
//! there are and where they go is [`crate::sim::engine`]'s.

mod agenda;
mod bits;
mod collect;
mod layer;
mod link;
mod membership;
mod node;
mod peer;
mod pod;
mod pull;
mod slab;
mod store;
mod stream;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::model::unit::{Bytes, Nanos};
use crate::sim::job::JobNumber;
use crate::sim::placement::{Change, PodNumber};
use crate::sim::record::{BySource, Outcome, PodRecord, Record};
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeNumber, Setup};
use crate::sim::world::agenda::{Agenda, Happening};
use crate::sim::world::bits::Bits;
use crate::sim::world::link::{Links, Owner};
use crate::sim::world::node::Node;
use crate::sim::world::pod::LivePod;
use crate::sim::world::pull::Pull;
use crate::sim::world::slab::{Slab, Slot};
use crate::sim::world::stream::{Stream, Volumes};

pub use tell::heartbeat;

/// The world at one time.
#[derive(Debug)]
pub struct World<'a> {
    setup: &'a Setup,
    now: Nanos,
    nodes: Vec<Node>,
    /// Nodes that are to come.
    nodes_coming: u32,
    /// Nodes of the autoscaler that are there or coming.
    nodes_scaled: u32,
    pods: Slab<LivePod>,
    /// Pods that are bound and have not ended.
    pods_live: u32,
    pulls: Slab<Pull>,
    streams: Slab<Stream>,
    volumes: Volumes,
    links: Links,
    /// By chain: nodes that hold it; only where nodes serve each other.
    peers: Option<Vec<Bits>>,
    agenda: Agenda,
    /// How often a job's pods were evicted, where that is not never.
    evictions: BTreeMap<JobNumber, u16>,
    record: Record,
    changes: Vec<(Nanos, Change)>,
    finished: Vec<(PodNumber, Finish)>,
    gained: Vec<NodeNumber>,
}

/// How a pod ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Well.
    Well,
    /// Not well, or evicted: it is to be made anew.
    Again,
    /// Not well, and another one would not either.
    ForGood(Outcome),
}

impl<'a> World<'a> {
    /// The world of a setup at time zero, before anything happened: no node is there yet.
    #[must_use]
    pub fn new(setup: &'a Setup) -> Self {
        let peers = setup.registry.peers;
        let peers = peers.then(|| vec![Bits::default(); setup.catalogue.chain_count()]);
        let egress = setup.registry.egress.map(|rate| rate.bytes_per_second());
        let mut record = Record::default();
        record.pods.resize(setup.jobs.len(), PodRecord::default());
        let mut world = Self {
            setup,
            now: Nanos(0),
            nodes: Vec::with_capacity(setup.nodes.len()),
            nodes_coming: 0,
            nodes_scaled: 0,
            pods: Slab::default(),
            pods_live: 0,
            pulls: Slab::default(),
            streams: Slab::default(),
            volumes: Volumes::new(setup),
            links: Links::new(egress),
            peers,
            agenda: Agenda::default(),
            evictions: BTreeMap::new(),
            record,
            changes: Vec::new(),
            finished: Vec::new(),
            gained: Vec::new(),
        };
        for node in &setup.nodes {
            world.foresee_node(node, node.zone, node.joins_at);
        }
        world
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// When something happens next by itself.
    #[must_use]
    pub fn next_at(&self) -> Option<Nanos> {
        self.agenda.next_at()
    }

    /// What became of all until now.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    pub(super) fn record_mut(&mut self) -> &mut Record {
        &mut self.record
    }

    /// Nodes that are there or were, by number, and those that are to come.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Whether a pod that asks for so much can be bound to the node now.
    #[must_use]
    pub fn has_room(&self, node: NodeNumber, requests: Resources) -> bool {
        self.nodes.get(node.0 as usize).is_some_and(|node| node.has_room(requests))
    }

    /// Whether a node can still gain room: a pod will end, or a node come.
    #[must_use]
    pub fn may_gain_room(&self) -> bool {
        self.pods_live > 0 || self.nodes_coming > 0
    }

    /// Moves out what happened since the last call, in order.
    pub fn take_changes(&mut self, into: &mut Vec<(Nanos, Change)>) {
        into.append(&mut self.changes);
    }

    /// Moves out the pods that ended since the last call.
    pub fn take_finished(&mut self, into: &mut Vec<(PodNumber, Finish)>) {
        into.append(&mut self.finished);
    }

    /// Moves out the nodes that gained room since the last call.
    pub fn take_gained(&mut self, into: &mut Vec<NodeNumber>) {
        into.append(&mut self.gained);
    }

    /// Lets time pass until `time`; what is due then has happened.
    pub fn advance(&mut self, time: Nanos) {
        while let Some((at, happening)) = self.agenda.pop_until(time) {
            self.now = at;
            self.happen(happening);
        }
        self.now = self.now.max(time);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Through { flow, prediction } => {
                self.through(self.links.through(flow, prediction));
            }
            Happening::FirstThrough { flow, prediction } => {
                self.through(self.links.first_through(flow, prediction));
            }
            Happening::Unpacked(pull) if self.pulls.is_alive(pull) => self.unpacked(pull),
            Happening::Wanted(pod) if self.pods.is_alive(pod) => self.want_images(pod),
            Happening::Started(pod) if self.pods.is_alive(pod) => self.start(pod),
            Happening::Ended(pod) if self.pods.is_alive(pod) => self.end(pod),
            Happening::Removed(pod) if self.pods.is_alive(pod) => self.remove(pod),
            Happening::ImagesRead(node) => self.read_images(node),
            Happening::ImagesTold(node) => self.tell_images(node),
            Happening::Reported(node) => self.report(node),
            Happening::Collected(node) => self.collect(node),
            Happening::Joined(node) => self.join(node),
            Happening::Left(node) => self.leave(node),
            Happening::Idle { node, since } => self.go_if_idle(node, since),
            Happening::Unpacked(_)
            | Happening::Wanted(_)
            | Happening::Started(_)
            | Happening::Ended(_)
            | Happening::Removed(_) => {}
        }
    }

    fn through(&mut self, owner: Option<Owner>) {
        match owner {
            Some(Owner::Pull(pull)) => self.fetched(pull),
            Some(Owner::Stream(stream)) => self.streamed(stream),
            None => {}
        }
    }

    /// Takes a flow off its links, through or not, and counts the bytes that came. It is to be released.
    fn end_flow(&mut self, flow: Slot, owner: Owner) -> Bytes {
        let (moved, way) = (self.links.moved(flow, self.now), self.links.way(flow));
        self.links.stop(flow, self.now, &mut self.agenda);
        let Some(way) = way else { return moved };
        let to = &self.nodes[way.to.0 as usize];
        let from = way.from.map(|from| self.nodes[from.0 as usize].zone);
        let is_near = from == Some(to.zone);
        let crosses = match from {
            Some(_) => !is_near,
            None => self.setup.registry.zone.is_some_and(|zone| zone != to.zone),
        };
        let run = &mut self.record.run;
        let sums = match owner {
            Owner::Pull(_) => &mut run.images,
            Owner::Stream(_) => &mut run.volumes,
        };
        let BySource { registry, peer, zone } = sums;
        *(match from {
            None => registry,
            Some(_) if is_near => peer,
            Some(_) => zone,
        }) += moved;
        if crosses {
            run.crossed_zone += moved;
        }
        run.nodes[way.to.0 as usize].moved += moved;
        run.curve.add(self.now, moved);
        moved
    }

    fn note(&mut self, change: Change) {
        self.changes.push((self.now, change));
    }
}
