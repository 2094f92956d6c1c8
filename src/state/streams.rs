//! From which holder each volume on its way most likely comes.
//!
//! Holders in the node's zone take turns, else all holders do. A guess at what nodes do by themselves; it
//! tells how many streams share a holder's uplink. It follows from who holds what, never from the order in
//! which that became known.

use std::collections::BTreeMap;

use crate::model::cluster::volume::Stream;
use crate::model::cluster::{Cluster, NodeId, VolumeId};
use crate::model::node::ZoneId;
use crate::model::unit::Time;
use crate::state::Tracker;

impl Tracker {
    /// Works out anew the streams of all that is on a node or on its way there, after its zone changed.
    pub(super) fn restream_all(&mut self, node: NodeId) {
        let placed = self.cluster.node(node).volumes.placed.iter();
        for volume in placed.map(|placed| placed.volume).collect::<Vec<_>>() {
            self.cluster.assign_streams(volume);
        }
    }
}

impl Cluster {
    /// A volume is on its way to a node since a time, or is not; or came there, or went.
    pub(super) fn restream(&mut self, id: VolumeId, node: NodeId, begun_at: Option<Time>) {
        let streams = &mut self.volumes[id.index()].streams;
        let known = streams.iter().position(|stream| stream.to == node);
        match (known, begun_at) {
            (Some(at), Some(begun_at)) => streams[at].begun_at = begun_at,
            (None, Some(begun_at)) => streams.push(Stream { to: node, from: None, begun_at }),
            (Some(at), None) => {
                if let Some(from) = streams.remove(at).from {
                    self.nodes[from.index()].volumes.uploads -= 1;
                }
            }
            (None, None) => {}
        }
        self.assign_streams(id);
    }

    /// Gives each stream its holder.
    fn assign_streams(&mut self, id: VolumeId) {
        let mut streams = std::mem::take(&mut self.volumes[id.index()].streams);
        if streams.is_empty() {
            return;
        }
        for from in streams.iter().filter_map(|stream| stream.from) {
            self.nodes[from.index()].volumes.uploads -= 1;
        }
        let mut holders: Vec<_> = self.volumes[id.index()].holders.iter().collect();
        holders.sort_unstable_by_key(|&holder| self.node(holder).name_hash);
        streams.sort_by_key(|stream| (stream.begun_at, self.node(stream.to).name_hash));
        let mut by_zone: BTreeMap<ZoneId, Vec<NodeId>> = BTreeMap::new();
        for &holder in &holders {
            by_zone.entry(self.node(holder).zone).or_default().push(holder);
        }
        let mut turns: BTreeMap<Option<ZoneId>, usize> = BTreeMap::new();
        for stream in &mut streams {
            let zone = self.node(stream.to).zone;
            let near = by_zone.get(&zone);
            let (whose, from) = near.map_or((None, &holders), |near| (Some(zone), near));
            let turn = turns.entry(whose).or_default();
            stream.from = from.get(*turn % from.len().max(1)).copied();
            *turn += 1;
        }
        for from in streams.iter().filter_map(|stream| stream.from) {
            self.nodes[from.index()].volumes.uploads += 1;
        }
        self.volumes[id.index()].streams = streams;
    }
}
