//! Bytes on their way: how fast each flow is while others share its links, and when it is through.
//!
//! A fluid model. A node's link is shared evenly by the flows on it; a registry with a bound gives every
//! node that pulls the same, and what slow links cannot take is for the others. A flow gets the least of
//! its shares; what another bottleneck leaves unused on a link is not given to its neighbours, as the
//! server's cost does not either. All in integers: work is bytes times nanoseconds in a second, and a
//! flow is through at the first nanosecond by which all of its work is done. As long as its rate stays,
//! that is the closed form, foreseen once.

mod egress;

use crate::model::unit::{Bytes, NANOS_PER_SECOND, Nanos};
use crate::sim::setup::{NodeHardware, NodeNumber};
use crate::sim::world::agenda::{Agenda, Happening};
use crate::sim::world::link::egress::Egress;
use crate::sim::world::slab::{Slab, Slot};

/// Whose bytes they are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// A pull.
    Pull(Slot),
    /// A volume's stream.
    Stream(Slot),
}

/// Where bytes go and come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// A node.
    pub(super) to: NodeNumber,
    /// Another node; else the registry.
    pub(super) from: Option<NodeNumber>,
}

/// Bytes on their way.
#[derive(Debug, Default)]
pub(super) struct Flow {
    way: Option<Way>,
    owner: Option<Owner>,
    /// All of them.
    bytes: Bytes,
    /// Work left at `since`.
    left: u128,
    /// Bytes a second from `since` on.
    rate: u64,
    since: Nanos,
    /// Counts changes of the rate: what was foreseen before does not happen.
    prediction: u32,
    /// From when on which rate.
    history: Vec<(Nanos, u64)>,
}

/// All links and what is on them.
#[derive(Debug, Default)]
pub(super) struct Links {
    flows: Slab<Flow>,
    nodes: Vec<NodeLinks>,
    egress: Option<Egress>,
}

#[derive(Clone, Debug, Default)]
struct NodeLinks {
    down_rate: u64,
    up_rate: u64,
    down: Vec<Slot>,
    up: Vec<Slot>,
    from_registry: u32,
}

/// Work of so many bytes.
fn work(bytes: Bytes) -> u128 {
    u128::from(bytes.0) * u128::from(NANOS_PER_SECOND)
}

/// How long work takes, the last nanosecond begun.
fn duration(work: u128, rate: u64) -> Nanos {
    let nanos = match u64::try_from(work) {
        Ok(work) => work.div_ceil(rate),
        Err(_) => u64::try_from(work.div_ceil(u128::from(rate))).unwrap_or(u64::MAX),
    };
    Nanos(nanos)
}

impl Flow {
    fn ends_at(&self) -> Nanos {
        self.since + duration(self.left, self.rate)
    }

    fn left_at(&self, now: Nanos) -> u128 {
        let done = u128::from(self.rate) * u128::from((now - self.since).0);
        self.left.saturating_sub(done)
    }

    /// Goes on at another rate; whether it is another.
    fn go_on(&mut self, rate: u64, now: Nanos) -> bool {
        if rate == self.rate {
            return false;
        }
        self.left = self.left_at(now);
        self.since = now;
        self.rate = rate;
        self.history.push((now, rate));
        true
    }

    /// When its first `bytes` were through.
    fn reached(&self, bytes: Bytes) -> Nanos {
        let mut left = work(bytes);
        for (at, &(from, rate)) in self.history.iter().enumerate() {
            let until = self.history.get(at + 1).map_or(Nanos(u64::MAX), |next| next.0);
            let done = u128::from(rate) * u128::from((until - from).0);
            if left <= done {
                return from + duration(left, rate);
            }
            left -= done;
        }
        self.since
    }
}

impl Links {
    pub(super) fn new(egress_rate: Option<u64>) -> Self {
        Self { egress: egress_rate.map(Egress::new), ..Self::default() }
    }

    /// A node has links.
    pub(super) fn join(&mut self, node: NodeNumber, hardware: &NodeHardware) {
        let at = node.0 as usize;
        if self.nodes.len() <= at {
            self.nodes.resize_with(at + 1, NodeLinks::default);
        }
        self.nodes[at].down_rate = hardware.link_down.bytes_per_second();
        self.nodes[at].up_rate = hardware.link_up.bytes_per_second();
    }

    /// Puts bytes on their way.
    pub(super) fn start(
        &mut self,
        way: Way,
        bytes: Bytes,
        owner: Owner,
        now: Nanos,
        agenda: &mut Agenda,
    ) -> Slot {
        let slot = self.flows.acquire();
        let flow = &mut self.flows[slot];
        let (left, prediction) = (work(bytes), flow.prediction.wrapping_add(1));
        let mut history = std::mem::take(&mut flow.history);
        history.clear();
        let (way_of, owner) = (Some(way), Some(owner));
        *flow = Flow { way: way_of, owner, bytes, left, rate: 0, since: now, prediction, history };
        self.enter(slot, way);
        self.share_again(way, now, agenda);
        slot
    }

    /// Takes a flow off its links, through or not; it can be asked about until it is released.
    pub(super) fn stop(&mut self, slot: Slot, now: Nanos, agenda: &mut Agenda) {
        let flow = &mut self.flows[slot];
        flow.left = flow.left_at(now);
        flow.since = now;
        if let Some(way) = flow.way {
            self.exit(slot, way);
            self.share_again(way, now, agenda);
        }
    }

    pub(super) fn release(&mut self, slot: Slot) {
        self.flows.release(slot);
    }

    /// Whose flow is through, if what was foreseen is still so.
    pub(super) fn through(&self, flow: Slot, prediction: u32) -> Option<Owner> {
        let is_so = self.flows.is_alive(flow) && self.flows[flow].prediction == prediction;
        if is_so { self.flows[flow].owner } else { None }
    }

    /// The same of the first of those that share the registry.
    pub(super) fn first_through(&self, flow: Slot, prediction: u32) -> Option<Owner> {
        let egress = self.egress.as_ref()?;
        let is_so = egress.prediction == prediction && self.flows.is_alive(flow);
        if is_so { self.flows[flow].owner } else { None }
    }

    /// Where a flow goes and comes from.
    pub(super) fn way(&self, slot: Slot) -> Option<Way> {
        self.flows[slot].way
    }

    /// Whole bytes of a flow that have come by now.
    pub(super) fn moved(&self, slot: Slot, now: Nanos) -> Bytes {
        let flow = &self.flows[slot];
        let left = flow.left_at(now).div_ceil(u128::from(NANOS_PER_SECOND));
        flow.bytes - Bytes(u64::try_from(left).unwrap_or(u64::MAX))
    }

    /// When the first `bytes` of a flow were through.
    pub(super) fn reached(&self, slot: Slot, bytes: Bytes) -> Nanos {
        self.flows[slot].reached(bytes)
    }

    /// Flows from a node.
    pub(super) fn uploads(&self, node: NodeNumber) -> &[Slot] {
        self.nodes.get(node.0 as usize).map_or(&[], |links| &links.up)
    }

    /// Whose a flow is.
    pub(super) fn owner(&self, slot: Slot) -> Option<Owner> {
        self.flows[slot].owner
    }

    fn enter(&mut self, slot: Slot, way: Way) {
        let to = &mut self.nodes[way.to.0 as usize];
        to.down.push(slot);
        match (way.from, &mut self.egress) {
            (Some(from), _) => self.nodes[from.0 as usize].up.push(slot),
            (None, egress) => {
                to.from_registry += 1;
                if let Some(egress) = egress {
                    egress.enter(slot, (to.from_registry == 1).then_some(to.down_rate));
                }
            }
        }
    }

    fn exit(&mut self, slot: Slot, way: Way) {
        let to = &mut self.nodes[way.to.0 as usize];
        to.down.retain(|other| *other != slot);
        match (way.from, &mut self.egress) {
            (Some(from), _) => self.nodes[from.0 as usize].up.retain(|other| *other != slot),
            (None, egress) => {
                to.from_registry -= 1;
                if let Some(egress) = egress {
                    egress.exit(slot, (to.from_registry == 0).then_some(to.down_rate));
                }
            }
        }
        self.flows[slot].way = None;
        self.flows[slot].prediction = self.flows[slot].prediction.wrapping_add(1);
    }

    /// Works out the rates anew after a flow came to this way or left it.
    fn share_again(&mut self, way: Way, now: Nanos, agenda: &mut Agenda) {
        let is_short = self.egress.as_mut().is_some_and(Egress::share_again);
        for at in 0..self.nodes[way.to.0 as usize].down.len() {
            let slot = self.nodes[way.to.0 as usize].down[at];
            self.foresee_end(slot, is_short, now, agenda);
        }
        let uploads = way.from.map_or(0, |from| self.nodes[from.0 as usize].up.len());
        for at in 0..uploads {
            let Some(from) = way.from else { break };
            let slot = self.nodes[from.0 as usize].up[at];
            self.foresee_end(slot, is_short, now, agenda);
        }
        if is_short {
            self.foresee_first(now, agenda);
        }
    }

    /// Foresees the end of a flow that shares no registry with others.
    fn foresee_end(&mut self, slot: Slot, is_short: bool, now: Nanos, agenda: &mut Agenda) {
        let Some(way) = self.flows[slot].way else { return };
        if way.from.is_none() && is_short {
            return;
        }
        let rate = self.rate(way);
        let flow = &mut self.flows[slot];
        if flow.go_on(rate, now) {
            flow.prediction = flow.prediction.wrapping_add(1);
            let prediction = flow.prediction;
            agenda.foresee(flow.ends_at(), Happening::Through { flow: slot, prediction });
        }
    }

    /// Foresees which of the flows that share the registry is the first to end; or, where it is no
    /// bottleneck any more, the end of each.
    fn foresee_first(&mut self, now: Nanos, agenda: &mut Agenda) {
        let Some(egress) = &mut self.egress else { return };
        egress.prediction = egress.prediction.wrapping_add(1);
        let (count, prediction) = (egress.flows.len(), egress.prediction);
        let is_bottleneck = egress.level.is_some();
        let mut first: Option<(Nanos, Slot)> = None;
        for at in 0..count {
            let Some(slot) = self.egress.as_ref().map(|egress| egress.flows[at]) else { return };
            let Some(way) = self.flows[slot].way else { continue };
            let rate = self.rate(way);
            let flow = &mut self.flows[slot];
            flow.go_on(rate, now);
            flow.prediction = flow.prediction.wrapping_add(1);
            let ends_at = flow.ends_at();
            if !is_bottleneck {
                let prediction = flow.prediction;
                agenda.foresee(ends_at, Happening::Through { flow: slot, prediction });
            } else if first.is_none_or(|(earliest, _)| ends_at < earliest) {
                first = Some((ends_at, slot));
            }
        }
        if let Some((at, flow)) = first {
            agenda.foresee(at, Happening::FirstThrough { flow, prediction });
        }
    }

    /// The share of a flow on this way.
    fn rate(&self, way: Way) -> u64 {
        let to = &self.nodes[way.to.0 as usize];
        let down = to.down_rate / to.down.len().max(1) as u64;
        let other = match way.from {
            Some(from) => {
                let from = &self.nodes[from.0 as usize];
                from.up_rate / from.up.len().max(1) as u64
            }
            None => match self.egress.as_ref().and_then(|egress| egress.level) {
                Some(level) => level / u64::from(to.from_registry.max(1)),
                None => u64::MAX,
            },
        };
        down.min(other).max(1)
    }
}
