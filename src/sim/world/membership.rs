//! Nodes that come, with what lies on them, and go, with all that is on its way to them.

use std::sync::Arc;

use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::ImageNumber;
use crate::sim::placement::Change;
use crate::sim::record::NodeRecord;
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeNumber, NodeSetup, ZoneNumber};
use crate::sim::world::World;
use crate::sim::world::agenda::Happening;
use crate::sim::world::link::Owner;
use crate::sim::world::node::{Node, Presence};
use crate::sim::world::slab::Slot;
use crate::sim::world::store::Store;

impl World<'_> {
    /// A node that will be ready at a time.
    pub(super) fn foresee_node(&mut self, setup: &NodeSetup, zone: ZoneNumber, at: Nanos) {
        // Numbers are 32 bits wide, and a node takes more than a byte.
        let number = NodeNumber(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node::new(setup, zone));
        self.record.run.nodes.push(NodeRecord { joined_at: at, ..NodeRecord::default() });
        self.nodes_coming += 1;
        self.agenda.foresee(at, Happening::Joined(number));
    }

    /// Whether there is an autoscaler.
    #[must_use]
    pub fn scales(&self) -> bool {
        self.setup.scaling.is_some()
    }

    /// Whether a node is still to come.
    #[must_use]
    pub fn is_coming(&self, node: NodeNumber) -> bool {
        self.nodes[node.0 as usize].presence == Presence::Coming
    }

    /// Whether a node was there and has gone.
    #[must_use]
    pub fn has_left(&self, node: NodeNumber) -> bool {
        self.nodes[node.0 as usize].presence == Presence::Gone
    }

    /// Orders a node of the autoscaler's for a pod that asks for so much; `None` if such a node is too
    /// small or there are as many as may be.
    pub fn order_node(&mut self, requests: Resources) -> Option<NodeNumber> {
        let scaling = self.setup.scaling.as_ref()?;
        let template = &scaling.template;
        let is_large_enough = template.capacity.holds(requests) && template.pods_max > 0;
        if !is_large_enough || self.nodes_scaled >= scaling.nodes_max {
            return None;
        }
        let ordered = self.nodes.len() - self.setup.nodes.len();
        let zone = match scaling.zones.len() {
            0 => template.zone,
            count => scaling.zones[ordered % count],
        };
        self.foresee_node(template, zone, self.now + scaling.boot);
        self.nodes_scaled += 1;
        u32::try_from(self.nodes.len() - 1).ok().map(NodeNumber)
    }

    /// What a node has for pods in all.
    #[must_use]
    pub fn capacity(&self, node: NodeNumber) -> (Resources, u32) {
        let node = &self.nodes[node.0 as usize];
        (node.capacity, node.pods_max)
    }

    pub(super) fn join(&mut self, number: NodeNumber) {
        let setup = self.setup;
        let at = number.0 as usize;
        self.nodes_coming -= 1;
        self.nodes[at].presence = Presence::Here;
        let hardware = self.nodes[at].hardware;
        self.links.join(number, &hardware);
        let own = setup.nodes.get(at);
        let preloaded = own.or(setup.scaling.as_ref().map(|scaling| &scaling.template));
        let preloaded = preloaded.map_or(&[][..], |node| &node.preloaded);
        self.preload(number, preloaded);
        self.place_volumes(number);
        let node = &self.nodes[at];
        let (zone, capacity, pods_max) = (node.zone, node.capacity, node.pods_max);
        self.note(Change::NodeJoined { node: number, zone, capacity, pods_max });
        if !preloaded.is_empty() {
            let list = self.image_list(number);
            self.tell_first(number, list);
        }
        self.note_news(number);
        self.gained.push(number);
        if let Some(leaves_at) = own.and_then(|node| node.leaves_at) {
            self.agenda.foresee(leaves_at.max(self.now), Happening::Left(number));
        }
        self.watch_idle(number);
    }

    fn tell_first(&mut self, node: NodeNumber, images: Arc<crate::sim::placement::ImageList>) {
        self.nodes[node.0 as usize].telling.told = images.clone();
        self.note(Change::Listed { node, images });
    }

    /// Puts images on a node that joins, as far as there is room, under the names that mean them now.
    fn preload(&mut self, node: NodeNumber, images: &[ImageNumber]) {
        let catalogue = &self.setup.catalogue;
        let store = &mut self.nodes[node.0 as usize].store;
        let peers = &mut self.peers;
        for &image in images {
            let entry = catalogue.image(image);
            let missing = entry.layers.iter().filter(|layer| !store.has_chain(layer.chain));
            let needed = missing.fold(Bytes(0), |sum, layer| sum + store.room_of(layer.bytes));
            if needed > store.free() {
                continue;
            }
            store.used += needed;
            store.unpack(entry, |chain| {
                if let Some(peers) = peers {
                    peers[chain.0].set(node.0 as usize);
                }
            });
            store.insert(image);
        }
        if images.is_empty() {
            return;
        }
        for (number, reference) in (0..).zip(catalogue.references()) {
            let image = reference.at(self.now);
            if store.has_image(image) {
                store.name(crate::sim::catalogue::ReferenceNumber(number), image);
            }
        }
    }

    /// Evicts all pods of a node, and takes it away.
    pub(super) fn leave(&mut self, number: NodeNumber) {
        let at = number.0 as usize;
        if self.nodes[at].presence != Presence::Here {
            return;
        }
        self.nodes[at].presence = Presence::Gone;
        self.nodes[at].queue.clear();
        for pull in std::mem::take(&mut self.nodes[at].pulling) {
            self.cancel_pull(pull);
        }
        self.cancel_streams(number);
        for pod in std::mem::take(&mut self.nodes[at].pods) {
            self.evict(pod);
        }
        if let Some(peers) = &mut self.peers {
            let chains: Vec<_> = self.nodes[at].store.chains().collect();
            chains.into_iter().for_each(|chain| peers[chain.0].clear(at));
        }
        self.nodes[at].store = Store::default();
        self.forget_holder(number);
        if at >= self.setup.nodes.len() {
            self.nodes_scaled -= 1;
        }
        self.record.run.nodes[at].left_at = Some(self.now);
        self.note(Change::NodeLeft { node: number });
        self.divert_uploads(number);
    }

    /// What of it has come is lost.
    fn cancel_pull(&mut self, slot: Slot) {
        let mut lost = self.pulls[slot].moved;
        if let Some(flow) = self.pulls[slot].flow.take() {
            lost += self.end_flow(flow, Owner::Pull(slot));
            self.links.release(flow);
        }
        self.record.run.lost += lost;
        self.pulls.release(slot);
    }

    /// A node of the autoscaler's that has no pods goes after a while.
    pub(super) fn watch_idle(&mut self, number: NodeNumber) {
        let at = number.0 as usize;
        let node = &mut self.nodes[at];
        let Some(scaling) = &self.setup.scaling else { return };
        let is_scaled = at >= self.setup.nodes.len() && node.presence == Presence::Here;
        if is_scaled && node.pods_live == 0 {
            node.idle_since = Some(self.now);
            let since = self.now;
            self.agenda.foresee(since + scaling.idle, Happening::Idle { node: number, since });
        }
    }

    pub(super) fn go_if_idle(&mut self, number: NodeNumber, since: Nanos) {
        if self.nodes[number.0 as usize].idle_since == Some(since) {
            self.leave(number);
        }
    }
}
