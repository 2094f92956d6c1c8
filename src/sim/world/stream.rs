//! Named volumes: where they lie, and how they come to where a pod needs them.
//!
//! From the nearest that has it: a node of the zone, a node elsewhere, the registry; of several nodes the
//! one that serves the fewest. What came stays, and is had from there too. A volume that is nowhere the
//! pod does without.

use crate::model::unit::Bytes;
use crate::sim::setup::{NodeNumber, Setup, VolumeNumber};
use crate::sim::world::World;
use crate::sim::world::link::{Owner, Way};
use crate::sim::world::slab::Slot;

/// All volumes.
#[derive(Debug, Default)]
pub(super) struct Volumes {
    all: Vec<Volume>,
    /// By node: what lies there, the oldest first.
    on_node: Vec<Vec<VolumeNumber>>,
    /// Nodes with the volumes that lie there when they join, by node.
    first: Vec<(NodeNumber, VolumeNumber)>,
}

#[derive(Debug, Default)]
struct Volume {
    /// Nodes where it lies.
    holders: Vec<NodeNumber>,
    /// On their way.
    streams: Vec<Slot>,
    /// The registry has it.
    is_pushed: bool,
}

/// A volume on its way to a node.
#[derive(Debug, Default)]
pub(super) struct Stream {
    volume: Option<VolumeNumber>,
    to: Option<NodeNumber>,
    flow: Option<Slot>,
    /// Pods that need it there; the first one is whose bytes they are.
    waiting: Vec<Slot>,
    /// What came before its source went.
    moved: Bytes,
}

impl Volumes {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut all: Vec<_> = setup.volumes.iter().map(|_| Volume::default()).collect();
        for (volume, setup) in all.iter_mut().zip(&setup.volumes) {
            volume.is_pushed = setup.is_pushed;
        }
        for made in setup.jobs.iter().flat_map(|job| &job.produces) {
            all[made.0 as usize].is_pushed = false;
        }
        let numbered = (0..).map(VolumeNumber).zip(&setup.volumes);
        let first = numbered.flat_map(|(number, volume)| {
            volume.holders.iter().map(move |&holder| (holder, number))
        });
        let mut first: Vec<_> = first.collect();
        first.sort_unstable();
        first.dedup();
        Self { all, on_node: Vec::new(), first }
    }

    /// What lies on a node, the oldest first.
    pub(super) fn on(&self, node: NodeNumber) -> &[VolumeNumber] {
        self.on_node.get(node.0 as usize).map_or(&[], Vec::as_slice)
    }

    fn place(&mut self, volume: VolumeNumber, node: NodeNumber) {
        let holders = &mut self.all[volume.0 as usize].holders;
        if holders.contains(&node) {
            return;
        }
        holders.push(node);
        if self.on_node.len() <= node.0 as usize {
            self.on_node.resize_with(node.0 as usize + 1, Vec::new);
        }
        self.on_node[node.0 as usize].push(volume);
    }
}

impl World<'_> {
    /// Puts the volumes of a node that joins there.
    pub(super) fn place_volumes(&mut self, node: NodeNumber) {
        let first = &self.volumes.first;
        let start = first.partition_point(|(holder, _)| *holder < node);
        let own = first[start..].iter().take_while(|(holder, _)| *holder == node);
        for volume in own.map(|(_, volume)| *volume).collect::<Vec<_>>() {
            self.volumes.place(volume, node);
        }
    }

    /// Asks for the volumes that a pod needs and that are not on its node.
    pub(super) fn want_volumes(&mut self, slot: Slot) {
        let (pod, node) = (self.pods[slot].pod, self.pods[slot].node);
        for &volume in &self.setup.job(pod.job).needs {
            let bytes = self.setup.volumes[volume.0 as usize].bytes;
            self.record.pods[pod.job.0 as usize].volumes_wanted += bytes;
            if self.volumes.all[volume.0 as usize].holders.contains(&node) {
                continue;
            }
            if let Some(stream) = self.stream_to(volume, node) {
                self.streams[stream].waiting.push(slot);
                self.pods[slot].volumes_left += 1;
            } else if let Some(way) = self.way_of(volume, node) {
                self.begin_stream(volume, way, slot);
                self.pods[slot].volumes_left += 1;
            } else {
                self.record.run.volumes_missing += 1;
            }
        }
    }

    fn stream_to(&self, volume: VolumeNumber, node: NodeNumber) -> Option<Slot> {
        let streams = &self.volumes.all[volume.0 as usize].streams;
        streams.iter().copied().find(|&stream| self.streams[stream].to == Some(node))
    }

    /// The nearest that has a volume.
    fn way_of(&self, volume: VolumeNumber, to: NodeNumber) -> Option<Way> {
        let volume = &self.volumes.all[volume.0 as usize];
        let zone = self.nodes[to.0 as usize].zone;
        let rank = |&holder: &NodeNumber| {
            let is_far = self.nodes[holder.0 as usize].zone != zone;
            (is_far, self.links.uploads(holder).len(), holder)
        };
        let from = volume.holders.iter().copied().min_by_key(rank);
        (from.is_some() || volume.is_pushed).then_some(Way { to, from })
    }

    fn begin_stream(&mut self, volume: VolumeNumber, way: Way, pod: Slot) {
        let slot = self.streams.acquire();
        let bytes = self.setup.volumes[volume.0 as usize].bytes;
        let owner = Owner::Stream(slot);
        let flow = self.links.start(way, bytes, owner, self.now, &mut self.agenda);
        let stream = &mut self.streams[slot];
        stream.volume = Some(volume);
        stream.to = Some(way.to);
        stream.flow = Some(flow);
        stream.moved = Bytes(0);
        stream.waiting.clear();
        stream.waiting.push(pod);
        self.volumes.all[volume.0 as usize].streams.push(slot);
    }

    /// A volume has come.
    pub(super) fn streamed(&mut self, slot: Slot) {
        let moved = self.stop_stream(slot);
        let (volume, to) = (self.streams[slot].volume, self.streams[slot].to);
        if let (Some(volume), Some(to)) = (volume, to) {
            self.volumes.place(volume, to);
            self.note_news(to);
        }
        if let Some(&first) = self.streams[slot].waiting.first() {
            let job = self.pods[first].pod.job;
            self.record.pods[job.0 as usize].streamed += moved;
        }
        self.end_stream(slot);
    }

    /// Takes a stream off the links; the bytes that came of it.
    fn stop_stream(&mut self, slot: Slot) -> Bytes {
        let mut moved = self.streams[slot].moved;
        if let Some(flow) = self.streams[slot].flow.take() {
            moved += self.end_flow(flow, Owner::Stream(slot));
            self.links.release(flow);
        }
        moved
    }

    /// Those that waited for it wait no longer.
    fn end_stream(&mut self, slot: Slot) {
        if let Some(volume) = self.streams[slot].volume {
            let streams = &mut self.volumes.all[volume.0 as usize].streams;
            streams.retain(|other| *other != slot);
        }
        let waiting = std::mem::take(&mut self.streams[slot].waiting);
        self.streams.release(slot);
        for pod in waiting {
            self.pods[pod].volumes_left -= 1;
            if self.pods[pod].volumes_left == 0 {
                self.make_sandbox(pod);
            }
        }
    }

    /// All that is on its way to a node that goes is lost.
    pub(super) fn cancel_streams(&mut self, node: NodeNumber) {
        for at in 0..self.nodes[node.0 as usize].pods.len() {
            let pod = self.pods[self.nodes[node.0 as usize].pods[at]].pod;
            for &volume in &self.setup.job(pod.job).needs {
                let Some(slot) = self.stream_to(volume, node) else { continue };
                let lost = self.stop_stream(slot);
                self.record.run.lost += lost;
                let streams = &mut self.volumes.all[volume.0 as usize].streams;
                streams.retain(|other| *other != slot);
                self.streams.release(slot);
            }
        }
    }

    /// Goes on with a volume from elsewhere, as its source is gone.
    pub(super) fn divert_stream(&mut self, slot: Slot) {
        let moved = self.stop_stream(slot);
        let (Some(volume), Some(to)) = (self.streams[slot].volume, self.streams[slot].to) else {
            return;
        };
        let Some(way) = self.way_of(volume, to) else {
            self.record.run.lost += moved;
            self.record.run.volumes_missing += 1;
            return self.end_stream(slot);
        };
        let left = self.setup.volumes[volume.0 as usize].bytes - moved;
        let owner = Owner::Stream(slot);
        let flow = self.links.start(way, left, owner, self.now, &mut self.agenda);
        self.streams[slot].moved = moved;
        self.streams[slot].flow = Some(flow);
    }

    /// The pod leaves what it made on its node, and in the registry where that is told.
    pub(super) fn make_volumes(&mut self, slot: Slot) {
        let (pod, node) = (self.pods[slot].pod, self.pods[slot].node);
        for &volume in &self.setup.job(pod.job).produces {
            self.volumes.place(volume, node);
            let is_pushed = self.setup.volumes[volume.0 as usize].is_pushed;
            self.volumes.all[volume.0 as usize].is_pushed |= is_pushed;
            self.note_news(node);
        }
    }

    /// What lay on a node went with it.
    pub(super) fn forget_holder(&mut self, node: NodeNumber) {
        let Some(own) = self.volumes.on_node.get_mut(node.0 as usize) else { return };
        for volume in std::mem::take(own) {
            self.volumes.all[volume.0 as usize].holders.retain(|holder| *holder != node);
        }
    }
}
