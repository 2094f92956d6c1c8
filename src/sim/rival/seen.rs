//! What a rival has seen of the cluster.
//!
//! Told only what an API server tells its watchers, and of volumes what the rival's own books would say:
//! where a pod that read one started, where a pod that made one ended. Whether a pod ended well is not in
//! its books. Nothing is removed from a node but by its next list.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::unit::Bytes;
use crate::sim::catalogue::ImageNumber;
use crate::sim::job::Job;
use crate::sim::placement::{Change, ImageList};
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeHardware, NodeNumber, Setup, VolumeNumber, ZoneNumber};

/// What was seen of a cluster.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    setup: &'a Setup,
    layers: Layers,
    /// By number, those that left among them.
    nodes: Vec<Node>,
    /// Those that are there, ascending.
    present: Vec<NodeNumber>,
    /// By volume, where it lies.
    holders: BTreeMap<VolumeNumber, BTreeSet<NodeNumber>>,
    pods: u64,
}

/// Layers of the catalogue by digest, numbered.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    /// By image, ascending, each once.
    pub(super) of_image: Vec<Vec<usize>>,
    /// By layer.
    pub(super) bytes: Vec<Bytes>,
}

/// What was seen of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    is_present: bool,
    pub(super) zone: ZoneNumber,
    pub(super) capacity: Resources,
    pub(super) free: Resources,
    pub(super) pods: u64,
    pods_max: u64,
    /// By reference: in the last list, or pulled since.
    pub(super) listed: Vec<bool>,
    /// By reference: a pod with it was bound there.
    pub(super) bound: Vec<bool>,
    /// By layer: in an image of the last list.
    pub(super) layers: Vec<bool>,
}

impl Layers {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut numbers = BTreeMap::new();
        let mut bytes = Vec::new();
        let of_image = setup.catalogue.images().map(|image| {
            let layers = image.facts.layers.iter().map(|layer| {
                *numbers.entry(layer.digest.as_str()).or_insert_with(|| {
                    bytes.push(layer.compressed_bytes);
                    bytes.len() - 1
                })
            });
            layers.collect::<BTreeSet<_>>().into_iter().collect()
        });
        let of_image = of_image.collect();
        Self { of_image, bytes }
    }

    /// Bytes of layers that `is_counted`.
    pub(super) fn sum(&self, layers: &[usize], is_counted: impl Fn(usize) -> bool) -> Bytes {
        let counted = layers.iter().filter(|layer| is_counted(**layer));
        counted.fold(Bytes(0), |sum, layer| sum + self.bytes[*layer])
    }
}

impl<'a> Seen<'a> {
    /// Of a cluster without nodes.
    #[must_use]
    pub fn new(setup: &'a Setup) -> Self {
        Self {
            setup,
            layers: Layers::new(setup),
            nodes: Vec::new(),
            present: Vec::new(),
            holders: BTreeMap::new(),
            pods: 0,
        }
    }

    /// The setup.
    #[must_use]
    pub fn setup(&self) -> &'a Setup {
        self.setup
    }

    pub(super) fn layers(&self) -> &Layers {
        &self.layers
    }

    /// Nodes that are there, ascending.
    #[must_use]
    pub fn present(&self) -> &[NodeNumber] {
        &self.present
    }

    /// Pods that are bound and have not ended.
    #[must_use]
    pub fn pods(&self) -> u64 {
        self.pods
    }

    /// Pods of a node.
    #[must_use]
    pub fn pods_on(&self, node: NodeNumber) -> u64 {
        self.node(node).pods
    }

    /// Whether a node that is there has room for a pod.
    #[must_use]
    pub fn has_room(&self, node: NodeNumber, requests: Resources) -> bool {
        let node = self.nodes.get(node.0 as usize).filter(|node| node.is_present);
        node.is_some_and(|node| node.pods < node.pods_max && node.free.holds(requests))
    }

    /// Takes note of a change. What is heard of a node only after it has left is no news.
    pub fn observe(&mut self, change: &Change) {
        match change {
            Change::Bound { node, .. }
            | Change::Pulled { node, .. }
            | Change::Listed { node, .. }
                if !self.node(*node).is_present => {}
            Change::NodeJoined { node, zone, capacity, pods_max } => {
                self.join(*node, *zone, *capacity, *pods_max);
            }
            Change::NodeLeft { node } => self.leave(*node),
            Change::Bound { pod, node } => self.bound(*node, self.setup.job(pod.job)),
            Change::Pulled { node, reference, .. } => {
                self.node_mut(*node).listed[reference.0 as usize] = true;
            }
            Change::Started { pod, node, .. } => {
                self.hold(*node, &self.setup.job(pod.job).needs);
            }
            Change::Ended { pod, node, .. } => self.ended(*node, self.setup.job(pod.job)),
            Change::Removed { .. } => {}
            Change::Listed { node, images } => self.list(*node, images),
            Change::Reported { node, report } => self.list(*node, &report.images),
        }
    }

    /// Where a volume lies.
    pub(super) fn holders(&self, volume: VolumeNumber) -> impl Iterator<Item = NodeNumber> {
        self.holders.get(&volume).into_iter().flatten().copied()
    }

    pub(super) fn node(&self, node: NodeNumber) -> &Node {
        &self.nodes[node.0 as usize]
    }

    fn node_mut(&mut self, node: NodeNumber) -> &mut Node {
        &mut self.nodes[node.0 as usize]
    }

    fn join(&mut self, number: NodeNumber, zone: ZoneNumber, capacity: Resources, pods_max: u32) {
        if self.nodes.len() <= number.0 as usize {
            self.nodes.resize(number.0 as usize + 1, Node::default());
        }
        let references = self.setup.catalogue.references().len();
        *self.node_mut(number) = Node {
            is_present: true,
            zone,
            capacity,
            free: capacity,
            pods: 0,
            pods_max: pods_max.into(),
            listed: vec![false; references],
            bound: vec![false; references],
            layers: vec![false; self.layers.bytes.len()],
        };
        if let Err(at) = self.present.binary_search(&number) {
            self.present.insert(at, number);
        }
        for (volume, facts) in (0..).map(VolumeNumber).zip(&self.setup.volumes) {
            if facts.holders.contains(&number) {
                self.hold(number, &[volume]);
            }
        }
    }

    fn leave(&mut self, number: NodeNumber) {
        self.pods -= std::mem::take(self.node_mut(number)).pods;
        self.present.retain(|other| *other != number);
        self.holders.values_mut().for_each(|nodes| {
            nodes.remove(&number);
        });
    }

    fn bound(&mut self, number: NodeNumber, job: &Job) {
        let node = self.node_mut(number);
        node.free = node.free.without(job.requests);
        node.pods += 1;
        for container in &job.containers {
            node.bound[container.reference.0 as usize] = true;
        }
        self.pods += 1;
    }

    fn ended(&mut self, number: NodeNumber, job: &Job) {
        let node = self.node_mut(number);
        if node.is_present && node.pods > 0 {
            node.free = node.free.with(job.requests);
            node.pods -= 1;
            self.pods -= 1;
        }
        self.hold(number, &job.produces);
    }

    fn hold(&mut self, node: NodeNumber, volumes: &[VolumeNumber]) {
        for volume in volumes.iter().filter(|_| self.nodes[node.0 as usize].is_present) {
            self.holders.entry(*volume).or_default().insert(node);
        }
    }

    fn list(&mut self, number: NodeNumber, images: &ImageList) {
        let node = &mut self.nodes[number.0 as usize];
        node.listed.fill(false);
        node.layers.fill(false);
        for (image, references) in images.iter() {
            references.iter().for_each(|each| node.listed[each.0 as usize] = true);
            self.layers.of_image[image.0].iter().for_each(|layer| node.layers[*layer] = true);
        }
    }

    pub(super) fn layers_of(&self, images: impl Iterator<Item = ImageNumber>) -> Vec<usize> {
        let mut layers: Vec<usize> =
            images.flat_map(|image| &self.layers.of_image[image.0]).copied().collect();
        layers.sort_unstable();
        layers.dedup();
        layers
    }

    pub(super) fn hardware(&self, node: NodeNumber) -> Option<&'a NodeHardware> {
        let template = || self.setup.scaling.as_ref().map(|scaling| &scaling.template);
        let node = self.setup.nodes.get(node.0 as usize).or_else(template);
        node.map(|node| &node.hardware)
    }
}
