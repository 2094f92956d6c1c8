//! What bounds are computed from: which layers the pods of a run needed, when, and what nodes had room.
//!
//! Layers that the same pods need form a group, which loses nothing (Lou et al., "Efficient container
//! assignment and layer sequencing in edge computing", IEEE TSC 2023) and keeps a million pods small. Where
//! the pods were placed is not in here. How a run of the simulator becomes one is [`setup`]'s.

pub mod setup;

use std::collections::BTreeMap;

use crate::model::unit::{Bytes, Nanos};
use crate::sim::resource::Resources;

/// The pods of a run and what nodes could hold.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// By start.
    pub(super) pods: Vec<Pod>,
    /// Pods of each cargo, by number, in the order of starts.
    of_cargo: Vec<Vec<usize>>,
    /// Every layer that some pod needs is in one of them.
    pub(super) groups: Vec<Group>,
    pub(super) rooms: Vec<Room>,
}

/// A demand as it is told: numbers index these lists.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Every layer.
    pub layers: Vec<Layer>,
    /// Sets of layers that pods need, each ascending and without repeats.
    pub cargos: Vec<Vec<usize>>,
    /// The pods that started; of those that did so at the same time, in the order in which they did.
    pub pods: Vec<Pod>,
    /// The nodes.
    pub rooms: Vec<Room>,
}

/// A layer, by digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer {
    /// Compressed.
    pub bytes: Bytes,
    /// When nodes joined that brought it along, ascending.
    pub brought_at: Vec<Nanos>,
}

/// A pod that was bound, started and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its place on the node was taken from then on.
    pub bound_at: Nanos,
    /// All its layers were on the node from then on.
    pub started_at: Nanos,
    /// Until then. A pod that never ended has the end of time.
    pub ended_at: Nanos,
    /// What it took of the node.
    pub requests: Resources,
    /// What it needed: a place in [`Parts::cargos`].
    pub cargo: usize,
}

/// What a node has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// For pods.
    pub capacity: Resources,
    /// Pods at a time.
    pub pods_max: u32,
    /// Compressed bytes of layers; `None` is no limit.
    pub disk: Option<Bytes>,
    /// From when on it is there.
    pub joins_at: Nanos,
    /// Until when.
    pub leaves_at: Option<Nanos>,
}

/// Layers that the same pods need and that the same nodes brought along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Cargos that they are part of.
    cargos: Vec<usize>,
    /// Sizes of the layers.
    pub(super) layers: Vec<Bytes>,
    /// As of each of its layers.
    pub(super) brought_at: Vec<Nanos>,
}

impl Group {
    /// Bytes of all its layers.
    pub(super) fn bytes(&self) -> Bytes {
        self.layers.iter().fold(Bytes(0), |sum, bytes| sum + *bytes)
    }
}

impl Demand {
    /// The demand of these pods; panics on numbers that index nothing.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { layers, cargos, mut pods, rooms } = parts;
        pods.sort_by_key(|pod| pod.started_at);
        let mut of_cargo = vec![Vec::new(); cargos.len()];
        for (number, pod) in pods.iter().enumerate() {
            of_cargo[pod.cargo].push(number);
        }
        let groups = grouped(&layers, &cargos, &of_cargo);
        Self { pods, of_cargo, groups, rooms }
    }

    /// Numbers of the pods that need a group, in the order of starts.
    pub(super) fn users(&self, group: &Group) -> Vec<usize> {
        let users = group.cargos.iter().flat_map(|cargo| &self.of_cargo[*cargo]);
        let mut users: Vec<usize> = users.copied().collect();
        users.sort_unstable();
        users
    }
}

/// Groups in the order of their first layers; layers that no pod needs are left out.
fn grouped(layers: &[Layer], cargos: &[Vec<usize>], of_cargo: &[Vec<usize>]) -> Vec<Group> {
    let mut cargos_of = vec![Vec::new(); layers.len()];
    for (cargo, needed) in cargos.iter().enumerate() {
        if !of_cargo[cargo].is_empty() {
            needed.iter().for_each(|layer| cargos_of[*layer].push(cargo));
        }
    }
    let mut numbers = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (layer, cargos) in layers.iter().zip(cargos_of) {
        if cargos.is_empty() {
            continue;
        }
        let number = *numbers.entry((cargos.clone(), &layer.brought_at)).or_insert(groups.len());
        if number == groups.len() {
            let brought_at = layer.brought_at.clone();
            groups.push(Group { cargos, layers: Vec::new(), brought_at });
        }
        groups[number].layers.push(layer.bytes);
    }
    groups
}
