//! Pulls of a node: whose turn it is, what each fetches and unpacks, and when it has come.
//!
//! A kubelet pulls as many images at once as it may, in the order asked; a pull asks the registry what its
//! name means when its turn comes. It moves the layers beyond the longest chain that lies there, base
//! first, some at once, and unpacks each once it has come and the one below is unpacked. A layer that
//! another pull of the node brings already is not moved again: then it ends when that one does, if not
//! later. Images that find no room, even after garbage collection, are tried again as kubelets do:
//! after 10 s, twice that, at most 5 min.

use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, NANOS_PER_SECOND, Nanos};
use crate::sim::catalogue::{ChainNumber, ImageNumber, ReferenceNumber};
use crate::sim::placement::Change;
use crate::sim::record::Outcome;
use crate::sim::setup::NodeNumber;
use crate::sim::world::World;
use crate::sim::world::agenda::Happening;
use crate::sim::world::layer::{PullLayer, through_at};
use crate::sim::world::link::{Owner, Way};
use crate::sim::world::slab::Slot;

/// A pull in progress.
#[derive(Debug, Default)]
pub(super) struct Pull {
    /// For whom.
    pub(super) pod: Option<Slot>,
    pub(super) node: u32,
    pub(super) image: Option<ImageNumber>,
    reference: Option<ReferenceNumber>,
    begun_at: Nanos,
    /// What is to come, base first.
    pub(super) layers: Vec<PullLayer>,
    /// The first layer of `layers` that is not fetched yet, and the first after those of the flow.
    pub(super) next: usize,
    end: usize,
    pub(super) flow: Option<Slot>,
    /// When the layers that were fetched are unpacked.
    unpacked_at: Nanos,
    /// Bytes that have come.
    pub(super) moved: Bytes,
    /// All of its own is unpacked.
    is_through: bool,
}

/// Kubelet's pause after a pull that failed, and the longest (`MaxContainerBackOff`).
const BACKOFF_SECONDS: u64 = 10;
const BACKOFF_SECONDS_MAX: u64 = 300;
/// With these pauses an hour, after which Tekton ends a run: kubelets go on for ever, and nothing would
/// end.
const TRIES_MAX: u8 = 16;

impl Pull {
    /// Part of its next layer has come, and the rest comes from elsewhere.
    pub(super) fn divert(&mut self, came: Bytes, now: Nanos) {
        self.layers[self.next].fetched = self.layers[self.next].fetched - came;
        self.moved += came;
        self.unpacked_at = self.unpacked_at.max(now);
    }
}

impl World<'_> {
    /// Gets the pod's images that are there or whose turn has come, one after the other; starts it after
    /// the last one.
    pub(super) fn want_images(&mut self, slot: Slot) {
        let (pod, node) = (self.pods[slot].pod, self.pods[slot].node);
        let job = self.setup.job(pod.job);
        while let Some(container) = job.containers.get(self.pods[slot].images.len()) {
            let store = &self.nodes[node.0 as usize].store;
            let here = store.meaning(container.reference);
            match (container.pull_policy, here) {
                (PullPolicy::IfNotPresent | PullPolicy::Never, Some(image)) => {
                    self.has_image(slot, image, Bytes(0));
                }
                (PullPolicy::Never, None) => return self.give_up(slot, Outcome::ImageAbsent),
                (PullPolicy::Always, _) | (PullPolicy::IfNotPresent, None) => {
                    self.nodes[node.0 as usize].queue.push_back(slot);
                    return self.begin_pulls(node);
                }
            }
        }
        self.start_containers(slot);
    }

    /// The pod's next image is there: it has come for it with so many bytes, or lay there.
    fn has_image(&mut self, slot: Slot, image: ImageNumber, moved: Bytes) {
        let pod = &mut self.pods[slot];
        pod.images.push(image);
        pod.wanted += self.setup.catalogue.image(image).bytes;
        pod.moved += moved;
        pod.tries = 0;
        let store = &mut self.nodes[pod.node.0 as usize].store;
        if let Some(held) = store.image_mut(image) {
            held.users += 1;
        }
    }

    /// Begins the pulls whose turn has come.
    fn begin_pulls(&mut self, node: NodeNumber) {
        let at = node.0 as usize;
        // A pull can end as it begins, and its pod want the next image: that one has its turn in the loop.
        if std::mem::replace(&mut self.nodes[at].begins, true) {
            return;
        }
        let pulls_max = self.nodes[at].hardware.pulls_max.max(1) as usize;
        while self.nodes[at].pulling.len() < pulls_max {
            let Some(pod) = self.nodes[at].queue.pop_front() else { break };
            self.begin_pull(pod, node);
        }
        self.nodes[at].begins = false;
    }

    fn begin_pull(&mut self, pod: Slot, node: NodeNumber) {
        let job = self.setup.job(self.pods[pod].pod.job);
        let reference = job.containers[self.pods[pod].images.len()].reference;
        let image = self.setup.catalogue.reference(reference).at(self.now);
        let slot = self.pulls.acquire();
        let needed = self.prepare_pull(slot, image, node);
        if !self.make_room(node, needed, image) {
            self.pulls.release(slot);
            self.refuse(pod);
            return;
        }
        let now = self.now;
        let pull = &mut self.pulls[slot];
        pull.pod = Some(pod);
        pull.reference = Some(reference);
        pull.begun_at = now;
        pull.unpacked_at = now;
        self.nodes[node.0 as usize].store.used += needed;
        self.nodes[node.0 as usize].pulling.push(slot);
        if !self.pulls[slot].layers.is_empty() {
            self.note_news(node);
        }
        self.fetch_on(slot);
    }

    /// Works out what a pull brings; the bytes that this takes on the disk.
    fn prepare_pull(&mut self, slot: Slot, image: ImageNumber, node: NodeNumber) -> Bytes {
        let entry = self.setup.catalogue.image(image);
        let store = &self.nodes[node.0 as usize].store;
        let depth = store.depth_of(entry);
        let mut layers = std::mem::take(&mut self.pulls[slot].layers);
        layers.clear();
        let mut needed = Bytes(0);
        for place in depth..entry.layers.len() {
            if self.is_on_its_way(node, entry.layers[place].chain) {
                continue;
            }
            let layer = &entry.layers[place];
            let fetched = store.bytes_fetched(entry, depth, place);
            if !store.has_chain(layer.chain) {
                needed += store.room_of(layer.bytes);
            }
            layers.push(PullLayer { place, fetched, unpacked: layer.bytes });
        }
        let image = Some(image);
        self.pulls[slot] = Pull { node: node.0, image, layers, ..Pull::default() };
        needed
    }

    /// Whether a pull in progress on the node brings this chain.
    fn is_on_its_way(&self, node: NodeNumber, chain: ChainNumber) -> bool {
        self.nodes[node.0 as usize].pulling.iter().any(|&slot| {
            let pull = &self.pulls[slot];
            let Some(image) = pull.image else { return false };
            let entry = self.setup.catalogue.image(image);
            pull.layers.iter().any(|layer| entry.layers[layer.place].chain == chain)
        })
    }

    /// Whether each layer of a pull's image is there or brought by the pull itself.
    fn is_whole(&self, slot: Slot) -> bool {
        let pull = &self.pulls[slot];
        let Some(image) = pull.image else { return true };
        let store = &self.nodes[pull.node as usize].store;
        let mut layers = self.setup.catalogue.image(image).layers.iter().enumerate();
        layers.all(|(place, layer)| {
            store.has_chain(layer.chain) || pull.layers.iter().any(|own| own.place == place)
        })
    }

    /// Fetches the next layers that are to be fetched, or unpacks what has come.
    fn fetch_on(&mut self, slot: Slot) {
        self.skip_unfetched(slot);
        let pull = &self.pulls[slot];
        let (to, next) = (NodeNumber(pull.node), pull.next);
        if next == pull.layers.len() {
            let at = pull.unpacked_at;
            if at <= self.now {
                self.unpacked(slot);
            } else {
                self.agenda.foresee(at, Happening::Unpacked(slot));
            }
            return;
        }
        let (from, end) = self.source_of(slot);
        let bytes = self.pulls[slot].layers[next..end].iter();
        let bytes = bytes.fold(Bytes(0), |sum, layer| sum + layer.fetched);
        let (way, now) = (Way { to, from }, self.now);
        let flow = self.links.start(way, bytes, Owner::Pull(slot), now, &mut self.agenda);
        let pull = &mut self.pulls[slot];
        pull.flow = Some(flow);
        pull.end = end;
    }

    /// Layers that lie there compressed are only unpacked.
    fn skip_unfetched(&mut self, slot: Slot) {
        let unpack = self.nodes[self.pulls[slot].node as usize].hardware.unpack;
        let pull = &mut self.pulls[slot];
        while let Some(layer) = pull.layers.get(pull.next).filter(|layer| layer.fetched.0 == 0) {
            pull.unpacked_at = pull.unpacked_at + unpack.duration_of(layer.unpacked);
            pull.next += 1;
        }
    }

    /// The chain of the next layer that is fetched.
    pub(super) fn next_chain(&self, slot: Slot) -> Option<ChainNumber> {
        let pull = &self.pulls[slot];
        let entry = self.setup.catalogue.image(pull.image?);
        pull.layers.get(pull.next).map(|layer| entry.layers[layer.place].chain)
    }

    /// Where the next layers come from, and how many come from there.
    fn source_of(&self, slot: Slot) -> (Option<NodeNumber>, usize) {
        let pull = &self.pulls[slot];
        match self.next_chain(slot).filter(|_| self.peers.is_some()) {
            Some(chain) => (self.peer_with(chain, NodeNumber(pull.node)), pull.next + 1),
            None => (None, pull.layers.len()),
        }
    }

    /// The layers of a pull's flow have come.
    pub(super) fn fetched(&mut self, slot: Slot) {
        let Some(flow) = self.pulls[slot].flow.take() else { return };
        let moved = self.end_flow(flow, Owner::Pull(slot));
        let hardware = &self.nodes[self.pulls[slot].node as usize].hardware;
        let pull = &mut self.pulls[slot];
        pull.moved += moved;
        let layers = &pull.layers[pull.next..pull.end];
        for (layer, bytes) in layers.iter().zip(through_at(layers, hardware.layers_max)) {
            let fetched_at = self.links.reached(flow, bytes);
            let begun_at = pull.unpacked_at.max(fetched_at);
            pull.unpacked_at = begun_at + hardware.unpack.duration_of(layer.unpacked);
        }
        pull.next = pull.end;
        self.links.release(flow);
        self.fetch_on(slot);
    }

    /// All that a pull brings is unpacked; others of the node may wait for it, and it for others.
    pub(super) fn unpacked(&mut self, slot: Slot) {
        self.pulls[slot].is_through = true;
        if !self.is_whole(slot) {
            return;
        }
        let node = NodeNumber(self.pulls[slot].node);
        self.finish_pull(slot);
        while let Some(waiting) = self.pull_made_whole(node) {
            self.finish_pull(waiting);
        }
        self.begin_pulls(node);
    }

    fn pull_made_whole(&self, node: NodeNumber) -> Option<Slot> {
        let mut pulls = self.nodes[node.0 as usize].pulling.iter().copied();
        pulls.find(|&slot| self.pulls[slot].is_through && self.is_whole(slot))
    }

    /// The image is there.
    fn finish_pull(&mut self, slot: Slot) {
        let pull = &self.pulls[slot];
        let (node, moved, begun_at) = (NodeNumber(pull.node), pull.moved, pull.begun_at);
        let (Some(image), Some(reference), Some(pod)) = (pull.image, pull.reference, pull.pod)
        else {
            return;
        };
        self.pulls.release(slot);
        let on_node = &mut self.nodes[node.0 as usize];
        on_node.pulling.retain(|other| *other != slot);
        let peers = &mut self.peers;
        on_node.store.unpack(self.setup.catalogue.image(image), |chain| {
            if let Some(peers) = peers {
                peers[chain.0].set(node.0 as usize);
            }
        });
        on_node.store.insert(image);
        on_node.store.name(reference, image);
        self.note_images(node);
        self.note(Change::Pulled { node, reference, took: self.now - begun_at });
        self.has_image(pod, image, moved);
        self.want_images(pod);
    }

    /// The disk is full: the pod tries again later, and others have their turn.
    fn refuse(&mut self, slot: Slot) {
        self.record.run.pulls_refused += 1;
        let pod = &mut self.pods[slot];
        pod.tries += 1;
        if pod.tries >= TRIES_MAX {
            return self.give_up(slot, Outcome::DiskFull);
        }
        let seconds = (BACKOFF_SECONDS << (pod.tries - 1)).min(BACKOFF_SECONDS_MAX);
        self.agenda.foresee(self.now + Nanos(seconds * NANOS_PER_SECOND), Happening::Wanted(slot));
    }
}
