//! The bytes a node misses, worked out one node and one layer at a time from the facts that went into
//! the cluster: the reference that the decision's word-wise charging is held against.
//!
//! Which image a reference means is asked of the cluster; what a node holds is not.

use std::collections::BTreeSet;

use crate::model::cluster::{Cluster, ImageId};
use crate::model::image::{ImageFacts, Layer};
use crate::model::node::NodeFacts;
use crate::model::pod::{PodFacts, PullPolicy};
use crate::model::reference::Reference;
use crate::model::unit::Bytes;
use crate::policy::Policy;

/// What was told to the cluster, and the cluster.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) images: &'a [ImageFacts],
    pub(super) cluster: &'a Cluster,
    pub(super) policy: &'a Policy,
}

/// A layer with everything below it, spelt out.
type Stack = Vec<String>;

/// What a node lacks for a pod.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) bytes: Bytes,
    pub(super) never_pulled: bool,
}

impl Told<'_> {
    /// What the node lacks for the pod, if nothing is on its way there.
    pub(super) fn lack(&self, pod: &PodFacts, node: &NodeFacts) -> Lack {
        let mut lack = Lack::default();
        let (mut asked, mut moved, mut moved_whole) =
            (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for image in &pod.images {
            let Some(reference) = Reference::parse(&image.reference) else {
                continue;
            };
            if asked.contains(&(reference.clone(), image.pull_policy)) {
                continue;
            }
            asked.push((reference.clone(), image.pull_policy));
            let held = listed_names(node).any(|name| name == reference);
            let trusted = pod.pull_secrets.is_empty() || node.kubelet_minor < 35;
            match image.pull_policy {
                PullPolicy::Never if held => continue,
                PullPolicy::IfNotPresent if held && trusted => continue,
                PullPolicy::Never => lack.never_pulled = true,
                PullPolicy::IfNotPresent | PullPolicy::Always => {}
            }
            lack.bytes += match self.current(&reference, node) {
                Some(id) => self.missing_layers(id, node, &mut moved),
                None => self.missing_whole(&reference, node, &mut moved_whole),
            };
        }
        lack
    }

    fn current(&self, reference: &Reference, node: &NodeFacts) -> Option<ImageId> {
        let name = self.cluster.name_ids(reference.as_str());
        let id = self.cluster.node_id(&node.name).expect("was told");
        self.cluster.current_image(name, self.cluster.node(id).platform)
    }

    fn missing_layers(&self, id: ImageId, node: &NodeFacts, moved: &mut BTreeSet<Stack>) -> Bytes {
        let manifest = self.cluster.digest_text(self.cluster.image(id).digests[0]);
        let facts = self.images.iter().find(|facts| facts.digests[0] == manifest);
        let facts = facts.expect("was told");
        let stacks = stacks(facts);
        let there = self.stacks_on(node);
        let depth = stacks.iter().take_while(|stack| there.contains(*stack)).count();
        let mut bytes = Bytes(0);
        for (at, stack) in stacks.into_iter().enumerate().skip(depth) {
            let layer = &facts.layers[at];
            let later = &facts.layers[at + 1..];
            let again = later.iter().any(|later| later.digest == layer.digest);
            if moved.insert(stack) && !again {
                bytes += layer.compressed_bytes;
            }
        }
        bytes
    }

    fn stacks_on(&self, node: &NodeFacts) -> BTreeSet<Stack> {
        let entries = node.images.iter();
        let images = entries.filter_map(|entry| {
            let digests: Vec<_> = references(&entry.names)
                .filter_map(|name| name.digest().map(str::to_owned))
                .collect();
            let named = |facts: &&ImageFacts| facts.digests.iter().any(|d| digests.contains(d));
            let runs = |facts: &&ImageFacts| {
                node.platform.os.is_empty() || facts.platform.runs_on(&node.platform)
            };
            let fitting = self.images.iter().filter(named).filter(runs);
            fitting.max_by_key(|facts| (facts.published_at, &facts.digests[0]))
        });
        images.flat_map(stacks).collect()
    }

    fn missing_whole(
        &self,
        reference: &Reference,
        node: &NodeFacts,
        moved: &mut BTreeSet<String>,
    ) -> Bytes {
        let name = self.cluster.name_ids(reference.as_str());
        let id = self.cluster.node_id(&node.name).expect("was told");
        let platform = self.cluster.node(id).platform;
        let Some(record) = self.cluster.newest_record(name, platform) else {
            return Bytes(0);
        };
        let newest = self.cluster.record(record).digests[0];
        let wanted = reference.digest().unwrap_or(self.cluster.digest_text(newest));
        if listed_names(node).any(|name| name.digest() == Some(wanted)) {
            return Bytes(0);
        }
        if !moved.insert(wanted.to_owned()) {
            return Bytes(0);
        }
        match self.cluster.reported_size(name, platform) {
            Bytes(0) => self.policy.unsized_image_bytes,
            bytes => bytes,
        }
    }
}

fn stacks(facts: &ImageFacts) -> Vec<Stack> {
    let known = facts.layers.iter().all(|layer| layer.diff_id.is_some());
    let id = |layer: &Layer| match &layer.diff_id {
        Some(diff_id) if known => format!("unpacked {diff_id}"),
        _ => format!("compressed {}", layer.digest),
    };
    let ids: Vec<_> = facts.layers.iter().map(id).collect();
    (1..=ids.len()).map(|len| ids[..len].to_vec()).collect()
}

fn references(names: &[String]) -> impl Iterator<Item = Reference> {
    names.iter().filter_map(|name| Reference::parse(name))
}

fn listed_names(node: &NodeFacts) -> impl Iterator<Item = Reference> {
    node.images.iter().flat_map(|entry| references(&entry.names))
}
