//! Nodes that serve layers to others of their zone, as Spegel and Dragonfly make them do.

use crate::sim::catalogue::ChainNumber;
use crate::sim::setup::NodeNumber;
use crate::sim::world::World;
use crate::sim::world::link::{Owner, Way};
use crate::sim::world::slab::Slot;

impl World<'_> {
    /// The node of the same zone that holds a chain and serves the fewest others; the first of equals.
    pub(super) fn peer_with(&self, chain: ChainNumber, to: NodeNumber) -> Option<NodeNumber> {
        let zone = self.nodes[to.0 as usize].zone;
        let holders = self.peers.as_ref()?[chain.0].iter();
        let near = holders.filter(|&at| self.nodes[at].zone == zone && at != to.0 as usize);
        let near = near.filter_map(|at| u32::try_from(at).ok().map(NodeNumber));
        near.min_by_key(|&node| self.links.uploads(node).len())
    }

    /// Goes on from elsewhere with all that came from a node that is gone.
    pub(super) fn divert_uploads(&mut self, gone: NodeNumber) {
        for flow in self.links.uploads(gone).to_vec() {
            match self.links.owner(flow) {
                Some(Owner::Pull(pull)) => self.divert_pull(pull, flow),
                Some(Owner::Stream(stream)) => self.divert_stream(stream),
                None => {}
            }
        }
    }

    /// A layer in part is fetched on from where it is: blobs are resumed.
    fn divert_pull(&mut self, slot: Slot, flow: Slot) {
        let came = self.end_flow(flow, Owner::Pull(slot));
        self.links.release(flow);
        let to = NodeNumber(self.pulls[slot].node);
        let (next, chain) = (self.pulls[slot].next, self.next_chain(slot));
        let from = chain.and_then(|chain| self.peer_with(chain, to));
        let pull = &mut self.pulls[slot];
        pull.divert(came, self.now);
        let left = pull.layers[next].fetched;
        let (way, now) = (Way { to, from }, self.now);
        let flow = self.links.start(way, left, Owner::Pull(slot), now, &mut self.agenda);
        self.pulls[slot].flow = Some(flow);
    }
}
