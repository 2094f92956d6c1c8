//! What a rival has seen of the cluster, and the view of it when a pod is to be placed.
//!
//! Told only what an API server tells its watchers, and of volumes what the rival's own books would say: where
//! a pod that read one started, where a pod that made one ended. Whether a pod ended well is not in its
//! books. Nothing is removed from a node but by its next list.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::cluster::mix;
use crate::model::unit::{Bytes, Nanos, TransferRate};
use crate::sim::catalogue::{ImageNumber, ReferenceNumber};
use crate::sim::job::Job;
use crate::sim::placement::{Change, ImageList};
use crate::sim::resource::Resources;
use crate::sim::rival::{Distance, View};
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

#[derive(Clone, Debug, Default)]
struct Node {
    is_present: bool,
    zone: ZoneNumber,
    capacity: Resources,
    free: Resources,
    pods: u64,
    pods_max: u64,
    /// By reference: in the last list, or pulled since.
    listed: Vec<bool>,
    /// By reference: a pod with it was bound there.
    bound: Vec<bool>,
    /// By layer: in an image of the last list.
    layers: Vec<bool>,
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
        let node = self.node(node);
        node.is_present && node.pods < node.pods_max && node.free.holds(requests)
    }

    /// Takes note of a change.
    pub fn observe(&mut self, change: &Change) {
        match change {
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

    fn node(&self, node: NodeNumber) -> &Node {
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

    pub(super) fn hardware(&self, node: NodeNumber) -> Option<&'a NodeHardware> {
        let template = || self.setup.scaling.as_ref().map(|scaling| &scaling.template);
        let node = self.setup.nodes.get(node.0 as usize).or_else(template);
        node.map(|node| &node.hardware)
    }
}

/// What a rival sees when it is asked for a node among candidates.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    seen: &'a Seen<'a>,
    job: &'a Job,
    candidates: &'a [NodeNumber],
    /// Each once, in the order of containers, with the image that it means now.
    images: Vec<(ReferenceNumber, ImageNumber)>,
    /// Of those that are not only init containers', each once.
    layers: Vec<usize>,
}

impl<'a> Sight<'a> {
    /// What is seen at a time.
    #[must_use]
    pub fn new(seen: &'a Seen<'a>, at: Nanos, job: &'a Job, candidates: &'a [NodeNumber]) -> Self {
        let mut images: Vec<(ReferenceNumber, ImageNumber)> = Vec::new();
        let mut main = Vec::new();
        for container in &job.containers {
            let reference = container.reference;
            let image = seen.setup.catalogue.reference(reference).at(at);
            if images.iter().all(|(other, _)| *other != reference) {
                images.push((reference, image));
            }
            if !container.is_init {
                main.push(image);
            }
        }
        let layers = seen.layers_of(main.into_iter());
        Self { seen, job, candidates, images, layers }
    }

    fn node(&self, node: usize) -> &Node {
        self.seen.node(self.candidates[node])
    }

    fn holders(&self, volume: usize) -> impl Iterator<Item = NodeNumber> {
        let holders = self.seen.holders.get(&self.job.needs[volume]);
        holders.into_iter().flatten().copied()
    }
}

impl Seen<'_> {
    pub(super) fn layers_of(&self, images: impl Iterator<Item = ImageNumber>) -> Vec<usize> {
        let mut layers: Vec<usize> =
            images.flat_map(|image| &self.layers.of_image[image.0]).copied().collect();
        layers.sort_unstable();
        layers.dedup();
        layers
    }
}

/// What equal pods have in common: their images, by name and in order.
#[must_use]
pub fn cargo_hash(job: &Job) -> u64 {
    let references = job.containers.iter().map(|container| u64::from(container.reference.0));
    references.fold(mix(0), |hash, reference| mix(hash.rotate_left(7) ^ mix(!reference)))
}

impl View for Sight<'_> {
    fn nodes(&self) -> usize {
        self.candidates.len()
    }

    fn capacity(&self, node: usize) -> Resources {
        self.node(node).capacity
    }

    fn free(&self, node: usize) -> Resources {
        self.node(node).free
    }

    fn pods(&self, node: usize) -> u64 {
        self.node(node).pods
    }

    fn requests(&self) -> Resources {
        self.job.requests
    }

    fn images(&self) -> usize {
        self.images.len()
    }

    fn image_bytes(&self, image: usize) -> Bytes {
        self.seen.setup.catalogue.image(self.images[image].1).bytes
    }

    fn lists_image(&self, node: usize, image: usize) -> bool {
        self.node(node).listed[self.images[image].0.0 as usize]
    }

    fn had_image_bound(&self, node: usize, image: usize) -> bool {
        self.node(node).bound[self.images[image].0.0 as usize]
    }

    fn registry_rate(&self, node: usize) -> TransferRate {
        let hardware = self.seen.hardware(self.candidates[node]);
        hardware.map_or(TransferRate::default(), |hardware| hardware.link_down)
    }

    fn layer_bytes(&self) -> Bytes {
        self.seen.layers.sum(&self.layers, |_| true)
    }

    fn layer_bytes_present(&self, node: usize) -> Bytes {
        let node = self.node(node);
        self.seen.layers.sum(&self.layers, |layer| node.layers[layer])
    }

    fn volumes(&self) -> usize {
        self.job.needs.len()
    }

    fn volume_bytes(&self, volume: usize) -> Bytes {
        self.seen.setup.volumes[self.job.needs[volume].0 as usize].bytes
    }

    /// A cluster with zones is one region; racks are not known.
    fn nearest_copy(&self, node: usize, volume: usize) -> Option<Distance> {
        let (number, zone) = (self.candidates[node], self.node(node).zone);
        let has_zones = !self.seen.setup.zones.is_empty();
        let distance = |holder: NodeNumber| match self.seen.node(holder).zone {
            _ if holder == number => Distance::Node,
            _ if !has_zones => Distance::Elsewhere,
            other if other == zone => Distance::Zone,
            _ => Distance::Region,
        };
        self.holders(volume).map(distance).min()
    }

    fn slowest_copy_rate(&self, node: usize, volume: usize) -> Option<TransferRate> {
        let down = self.registry_rate(node);
        let up = |holder| self.seen.hardware(holder).map_or(down, |hardware| hardware.link_up);
        let slower =
            |rate: TransferRate| if rate.slowness() > down.slowness() { rate } else { down };
        self.holders(volume).map(up).map(slower).max_by_key(|rate| rate.slowness())
    }
}
