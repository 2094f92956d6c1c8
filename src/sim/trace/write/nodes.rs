//! Nodes: told when they are ready, with the room that pods which are not recorded leave, what lies there,
//! and what comes there.

use std::collections::BTreeMap;

use super::Recorder;
use crate::model::cluster::Cluster;
use crate::model::image::Platform;
use crate::model::node::NodeFacts;
use crate::model::unit::Nanos;
use crate::sim::resource::Resources;
use crate::sim::trace::entry::Entry;

/// A node that is there.
#[derive(Debug, Default)]
pub(super) struct LiveNode {
    zone: String,
    platform: Platform,
    capacity: Resources,
    pods_max: u32,
    is_ready: bool,
    pub(super) is_told: bool,
    mark: u64,
}

/// What pods that are not recorded take of a node.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    room: Resources,
    pods: u32,
}

impl Taken {
    fn add(&mut self, requests: Resources) {
        self.room = self.room.with(requests);
        self.pods = self.pods.saturating_add(1);
    }
}

impl Recorder {
    pub(super) fn see_node(&mut self, facts: &NodeFacts, cluster: &Cluster, out: &mut Vec<Entry>) {
        let mark = self.nodes_mark;
        let node = self.nodes.entry(facts.name.clone()).or_default();
        node.mark = mark;
        if node.is_told {
            return;
        }
        node.zone.clone_from(&facts.zone);
        node.platform.clone_from(&facts.platform);
        node.capacity = Resources { cpu_millis: facts.cpu_millis, memory: facts.memory };
        node.pods_max = facts.pods_max;
        node.is_ready = facts.is_ready;
        if self.epoch.is_none() || !node.is_ready {
            return;
        }
        self.tell_node(&facts.name, cluster, out);
        // Pods that were heard of before their node.
        for uid in self.pods_on(&facts.name) {
            self.tell_pod(&uid, false, cluster, out);
        }
    }

    /// Tells all nodes that are ready.
    pub(super) fn tell_nodes(&mut self, cluster: &Cluster, out: &mut Vec<Entry>) {
        // In one pass: nodes times pods are too many.
        let mut taken: BTreeMap<String, Taken> = BTreeMap::new();
        for pod in self.pods.values().filter(|pod| !pod.is_step) {
            if let Some(node) = pod.room_taken_on() {
                taken.entry(node.to_owned()).or_default().add(pod.requests);
            }
        }
        let ready = self.nodes.iter().filter(|(_, node)| node.is_ready);
        for name in ready.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            let taken = taken.get(&name).copied().unwrap_or_default();
            self.push_node(&name, taken, cluster, out);
        }
    }

    /// Tells that an image has come to a node. From one that was not told nothing is: its room is not known.
    pub(super) fn tell_pull(
        &mut self,
        node: &str,
        reference: &str,
        took: Nanos,
        cluster: &Cluster,
        out: &mut Vec<Entry>,
    ) {
        if !self.nodes.get(node).is_some_and(|node| node.is_told) {
            return;
        }
        self.tell_name(reference, cluster, out);
        self.counts.pulls += 1;
        let (node, image) = (node.to_owned(), reference.to_owned());
        out.push(Entry::Pulled { at_nanos: self.at_nanos, node, image, took_nanos: took.0 });
    }

    /// Tells a node, unless it was told.
    pub(super) fn tell_node(&mut self, name: &str, cluster: &Cluster, out: &mut Vec<Entry>) {
        if self.nodes.get(name).is_none_or(|node| node.is_told) {
            return;
        }
        let mut taken = Taken::default();
        let others = self.pods.values().filter(|pod| !pod.is_step);
        let others = others.filter(|pod| pod.room_taken_on() == Some(name));
        others.for_each(|pod| taken.add(pod.requests));
        self.push_node(name, taken, cluster, out);
    }

    fn push_node(&mut self, name: &str, taken: Taken, cluster: &Cluster, out: &mut Vec<Entry>) {
        let has_room = |node: &LiveNode| {
            node.capacity.cpu_millis > 0 && node.capacity.memory.0 > 0 && node.pods_max > 0
        };
        if !self.nodes.get(name).is_some_and(has_room) {
            return;
        }
        let images = self.tell_images_on(name, cluster, out);
        let Some(node) = self.nodes.get_mut(name) else { return };
        node.is_told = true;
        self.counts.nodes += 1;
        let free = node.capacity.without(taken.room);
        let disk_bytes = cluster.node_id(name).and_then(|id| cluster.disk_bytes(id));
        out.push(Entry::Node {
            at_nanos: self.at_nanos,
            name: name.to_owned(),
            zone: Some(node.zone.clone()).filter(|zone| !zone.is_empty()),
            // A node that others fill is still one, and nothing must have no room at all.
            cpu_millis: free.cpu_millis.max(1),
            memory_bytes: free.memory.0.max(1),
            pods_max: node.pods_max.saturating_sub(taken.pods).max(1),
            disk_bytes: disk_bytes.map(|bytes| bytes.0),
            images,
        });
    }

    /// A node goes, and its pods with it.
    pub(super) fn end_node(&mut self, name: &str, out: &mut Vec<Entry>) {
        let Some(node) = self.nodes.remove(name) else { return };
        if !node.is_told {
            return;
        }
        for uid in self.pods_on(name) {
            self.tell_end(&uid, true, out);
        }
        out.push(Entry::NodeGone { at_nanos: self.at_nanos, name: name.to_owned() });
    }

    pub(super) fn end_unlisted_nodes(&mut self, out: &mut Vec<Entry>) {
        let gone = self.nodes.iter().filter(|(_, node)| node.mark < self.nodes_mark);
        for name in gone.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.end_node(&name, out);
        }
    }

    pub(super) fn commonest_platform(&self) -> Option<Platform> {
        let mut counts: BTreeMap<&Platform, usize> = BTreeMap::new();
        for node in self.nodes.values().filter(|node| !node.platform.os.is_empty()) {
            *counts.entry(&node.platform).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(platform, _)| platform.clone())
    }
}
