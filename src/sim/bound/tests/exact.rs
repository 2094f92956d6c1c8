//! The true least bytes of a tiny demand: every placement, every choice of what to remove.
//!
//! Layers are a set of bits, nodes three or fewer. Layers of running pods stay; others go only to make
//! room. Equal states after equal pods are solved once.

use std::collections::BTreeMap;

use crate::sim::bound::demand::{Parts, Pod};

/// What lies on each node, and where each pod that ran so far was placed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    pub(super) held: Vec<u32>,
    pub(super) placed: Vec<usize>,
}

/// A tiny demand, by starts.
pub(super) struct Instance<'a> {
    parts: &'a Parts,
    pub(super) pods: Vec<Pod>,
}

/// No placement of these pods moves less; `None` if they do not fit. Pods start as they are bound.
pub(super) fn least_bytes(parts: &Parts) -> Option<u64> {
    let instance = Instance::new(parts);
    let state = State { held: instance.brought(), placed: Vec::new() };
    instance.least(state, &mut BTreeMap::new())
}

impl<'a> Instance<'a> {
    pub(super) fn new(parts: &'a Parts) -> Self {
        assert!(parts.layers.len() <= 8 && parts.rooms.len() <= 3, "tiny");
        let mut pods = parts.pods.clone();
        pods.sort_by_key(|pod| pod.started_at);
        Self { parts, pods }
    }

    /// What lies on nodes at the start: the first node that brings a layer is the first of the list.
    pub(super) fn brought(&self) -> Vec<u32> {
        let mut held = vec![0; self.parts.rooms.len()];
        for (layer, facts) in self.parts.layers.iter().enumerate() {
            (0..facts.brought_at.len()).for_each(|node| held[node] |= 1 << layer);
        }
        held
    }

    fn least(&self, state: State, solved: &mut BTreeMap<State, Option<u64>>) -> Option<u64> {
        if state.placed.len() == self.pods.len() {
            return Some(0);
        }
        let known = State { placed: self.running_now(&state), ..state.clone() };
        if let Some(least) = solved.get(&known) {
            return *least;
        }
        let mut least = None;
        for node in self.nodes_with_room(&state) {
            for (after, moved) in self.outcomes(&state, node) {
                let beyond = self.least(after, solved).map(|bytes| bytes + moved);
                least = least.into_iter().chain(beyond).min();
            }
        }
        solved.insert(known, least);
        least
    }

    /// Placements so far, but for those of pods that have ended: they no longer matter.
    fn running_now(&self, state: &State) -> Vec<usize> {
        let runs = |pod: usize| self.runs_at_next(pod, state);
        let placed = state.placed.iter().enumerate();
        placed.map(|(pod, node)| if runs(pod) { *node } else { usize::MAX }).collect()
    }

    fn runs_at_next(&self, pod: usize, state: &State) -> bool {
        self.pods[pod].ended_at > self.pods[state.placed.len()].started_at
    }

    /// Nodes with room for the next pod, for its layers too.
    pub(super) fn nodes_with_room(&self, state: &State) -> Vec<usize> {
        let pod = &self.pods[state.placed.len()];
        let has_room = |node: &usize| {
            let room = &self.parts.rooms[*node];
            let (free, pods) = self.on_node(state, *node).fold((room.capacity, 1), |left, each| {
                (left.0.without(self.pods[each].requests), left.1 + 1)
            });
            let fits = self.bytes(self.in_use(state, *node)) <= self.disk_bytes(*node);
            free.holds(pod.requests) && pods <= room.pods_max && fits
        };
        (0..self.parts.rooms.len()).filter(has_room).collect()
    }

    fn on_node<'b>(&'b self, state: &'b State, node: usize) -> impl Iterator<Item = usize> + 'b {
        let placed = state.placed.iter().enumerate();
        let there = placed.filter(move |(_, on)| **on == node).map(|(pod, _)| pod);
        there.filter(|pod| self.runs_at_next(*pod, state))
    }

    /// Layers that must be on the node when the next pod has started there.
    fn in_use(&self, state: &State, node: usize) -> u32 {
        let next = state.placed.len();
        let pods = self.on_node(state, node).chain([next]);
        pods.fold(0, |used, pod| used | self.needed(pod))
    }

    fn needed(&self, pod: usize) -> u32 {
        let cargo = &self.parts.cargos[self.pods[pod].cargo];
        cargo.iter().fold(0, |bits, layer| bits | 1 << layer)
    }

    pub(super) fn bytes(&self, held: u32) -> u64 {
        let layers = self.parts.layers.iter().enumerate();
        layers.filter(|(layer, _)| held >> layer & 1 == 1).map(|(_, layer)| layer.bytes.0).sum()
    }

    fn disk_bytes(&self, node: usize) -> u64 {
        self.parts.rooms[node].disk.map_or(u64::MAX, |disk| disk.0)
    }

    /// Bytes that the next pod moves to the node.
    pub(super) fn missing(&self, state: &State, node: usize) -> u64 {
        self.bytes(self.needed(state.placed.len()) & !state.held[node])
    }

    /// Every state that the next pod's start on the node can lead to, and the bytes it moves.
    pub(super) fn outcomes(&self, state: &State, node: usize) -> Vec<(State, u64)> {
        let moved = self.missing(state, node);
        let in_use = self.in_use(state, node);
        let wanted = in_use | state.held[node];
        let disk = self.disk_bytes(node);
        let fits = |kept: u32| self.bytes(kept) <= disk;
        // More on a node is never worse: only what cannot be added to.
        let is_full = |kept: u32| {
            let more = (0..8).map(|layer| kept | 1 << layer).filter(|more| more & !wanted == 0);
            more.filter(|more| *more != kept).all(|more| !fits(more))
        };
        let kept = (0..=wanted).filter(|kept| kept & !wanted == 0 && in_use & !kept == 0);
        let full = kept.filter(|kept| fits(*kept) && is_full(*kept));
        let after = |kept: u32| {
            let mut after = state.clone();
            after.held[node] = kept;
            after.placed.push(node);
            (after, moved)
        };
        full.map(after).collect()
    }
}
