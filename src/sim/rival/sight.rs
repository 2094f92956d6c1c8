//! What a rival sees when it is asked: what it has seen, of one pod and the nodes with room for it.

use crate::model::cluster::mix;
use crate::model::unit::{Bytes, Nanos, TransferRate};
use crate::sim::catalogue::{ImageNumber, ReferenceNumber};
use crate::sim::job::Job;
use crate::sim::resource::Resources;
use crate::sim::rival::seen::{Node, Seen};
use crate::sim::rival::{Distance, View};
use crate::sim::setup::NodeNumber;

/// The view of a pod and of candidates for it.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    seen: &'a Seen<'a>,
    job: &'a Job,
    candidates: &'a [NodeNumber],
    /// Each once, in the order of containers, with the image that it means now.
    images: Vec<(ReferenceNumber, ImageNumber)>,
    /// Layers of those that are not only init containers', each once.
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
            let image = seen.setup().catalogue.reference(reference).at(at);
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
        self.seen.holders(self.job.needs[volume])
    }
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
        self.seen.setup().catalogue.image(self.images[image].1).bytes
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
        self.seen.layers().sum(&self.layers, |_| true)
    }

    fn layer_bytes_present(&self, node: usize) -> Bytes {
        let node = self.node(node);
        self.seen.layers().sum(&self.layers, |layer| node.layers[layer])
    }

    fn volumes(&self) -> usize {
        self.job.needs.len()
    }

    fn volume_bytes(&self, volume: usize) -> Bytes {
        self.seen.setup().volumes[self.job.needs[volume].0 as usize].bytes
    }

    /// A cluster with zones is one region; racks are not known.
    fn nearest_copy(&self, node: usize, volume: usize) -> Option<Distance> {
        let (number, zone) = (self.candidates[node], self.node(node).zone);
        let has_zones = !self.seen.setup().zones.is_empty();
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

/// What equal pods have in common: their images, by name and in order.
#[must_use]
pub fn cargo_hash(job: &Job) -> u64 {
    let references = job.containers.iter().map(|container| u64::from(container.reference.0));
    references.fold(mix(0), |hash, reference| mix(hash.rotate_left(7) ^ mix(!reference)))
}
