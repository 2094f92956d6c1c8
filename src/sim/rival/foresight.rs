//! What [`crate::sim::rival::hindsight`] goes by: what lies on nodes, what would go, and when it is used
//! again.

use std::collections::BTreeMap;

use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::ImageNumber;
use crate::sim::job::Job;
use crate::sim::placement::{Change, ImageList, PodNumber, Resolved};
use crate::sim::rival::future::Future;
use crate::sim::rival::hindsight::{Victim, cost};
use crate::sim::rival::seen::Seen;
use crate::sim::setup::{DiskSetup, NodeNumber, Setup};

/// Books of all nodes, and the future.
#[derive(Clone, Debug)]
pub struct Foresight {
    future: Future,
    nodes: BTreeMap<NodeNumber, Books>,
    /// By image: nodes that hold it.
    copies: BTreeMap<ImageNumber, u64>,
}

/// What is thought to lie on a node.
#[derive(Clone, Debug, Default)]
struct Books {
    disk: Option<DiskSetup>,
    images: BTreeMap<ImageNumber, Use>,
    /// By layer: images that it is in.
    layers: BTreeMap<usize, u64>,
    /// Bytes of all layers.
    bytes: Bytes,
}

#[derive(Clone, Copy, Debug, Default)]
struct Use {
    last: Nanos,
    running: u64,
}

impl Foresight {
    /// Of nothing seen yet.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        Self { future: Future::new(setup), nodes: BTreeMap::new(), copies: BTreeMap::new() }
    }

    /// Takes note of a change, of a cluster seen so far.
    pub fn observe(&mut self, seen: &Seen<'_>, at: Nanos, change: &Change) {
        match change {
            Change::NodeJoined { node, .. } => {
                let disk = seen.hardware(*node).and_then(|hardware| hardware.disk);
                self.nodes.insert(*node, Books { disk, ..Books::default() });
            }
            Change::NodeLeft { node } => {
                for image in self.nodes.remove(node).unwrap_or_default().images.keys() {
                    self.forget(*image);
                }
            }
            Change::Started { pod, node, images } => {
                self.used(seen, at, *node, &resolved(seen, *pod, images), true);
            }
            Change::Ended { pod, node, images } => {
                self.used(seen, at, *node, &resolved(seen, *pod, images), false);
            }
            Change::Listed { node, images } => self.listed(seen, at, *node, images),
            Change::Reported { node, report } => self.listed(seen, at, *node, &report.images),
            Change::Bound { .. } | Change::Pulled { .. } | Change::Removed { .. } => {}
        }
    }

    /// By candidate, what the pod would cost there: now and later.
    #[must_use]
    pub fn costs(
        &self,
        seen: &Seen<'_>,
        at: Nanos,
        job: &Job,
        candidates: &[NodeNumber],
    ) -> Vec<Bytes> {
        let images: Vec<ImageNumber> = meant(seen, job, at);
        let layers = seen.layers_of(images.iter().copied());
        let cost_on = |node: &NodeNumber| {
            let Some(books) = self.nodes.get(node) else {
                return seen.layers().sum(&layers, |_| true);
            };
            let missing = seen.layers().sum(&layers, |layer| !books.layers.contains_key(&layer));
            let victims = books.victims(seen, &images, missing).into_iter();
            cost(missing, victims.map(|(image, bytes)| self.victim(image, bytes, at)))
        };
        candidates.iter().map(cost_on).collect()
    }

    fn victim(&self, image: ImageNumber, bytes: Bytes, at: Nanos) -> Victim {
        let copies = self.copies.get(&image).copied().unwrap_or(1);
        Victim { bytes, next_use: self.future.next_use(image, at), copies }
    }

    fn used(
        &mut self,
        seen: &Seen<'_>,
        at: Nanos,
        node: NodeNumber,
        images: &[ImageNumber],
        begins: bool,
    ) {
        for image in images {
            self.hold(seen, node, *image, at);
            let books = self.nodes.get_mut(&node).and_then(|books| books.images.get_mut(image));
            if let Some(found) = books {
                found.last = at;
                found.running = match begins {
                    true => found.running + 1,
                    false => found.running.saturating_sub(1),
                };
            }
        }
    }

    /// What is not listed is gone, unless a pod uses it: lists are late, and cut.
    fn listed(&mut self, seen: &Seen<'_>, at: Nanos, node: NodeNumber, images: &ImageList) {
        let listed: Vec<ImageNumber> = images.iter().map(|(image, _)| image).collect();
        let held = self.nodes.get(&node).into_iter().flat_map(|books| &books.images);
        let unused = held.filter(|(_, found)| found.running == 0).map(|(image, _)| *image);
        let gone: Vec<ImageNumber> = unused.filter(|image| !listed.contains(image)).collect();
        for image in gone {
            if let Some(books) = self.nodes.get_mut(&node) {
                books.remove(seen, image);
                self.forget(image);
            }
        }
        listed.into_iter().for_each(|image| self.hold(seen, node, image, at));
    }

    fn hold(&mut self, seen: &Seen<'_>, node: NodeNumber, image: ImageNumber, at: Nanos) {
        let Some(books) = self.nodes.get_mut(&node) else { return };
        if !books.images.contains_key(&image) {
            books.add(seen, image, at);
            *self.copies.entry(image).or_default() += 1;
        }
    }

    fn forget(&mut self, image: ImageNumber) {
        if let Some(copies) = self.copies.get_mut(&image) {
            *copies = copies.saturating_sub(1);
        }
    }
}

impl Books {
    fn add(&mut self, seen: &Seen<'_>, image: ImageNumber, at: Nanos) {
        self.images.insert(image, Use { last: at, running: 0 });
        for layer in &seen.layers().of_image[image.0] {
            let images = self.layers.entry(*layer).or_default();
            *images += 1;
            if *images == 1 {
                self.bytes += seen.layers().bytes[*layer];
            }
        }
    }

    fn remove(&mut self, seen: &Seen<'_>, image: ImageNumber) {
        self.images.remove(&image);
        for layer in &seen.layers().of_image[image.0] {
            let left = self.layers.get(layer).copied().unwrap_or(0).saturating_sub(1);
            if left > 0 {
                self.layers.insert(*layer, left);
            } else if self.layers.remove(layer).is_some() {
                self.bytes = self.bytes - seen.layers().bytes[*layer];
            }
        }
    }

    /// What a kubelet would remove to make room for so many more bytes: the least recently used first, none
    /// that runs or that the pod needs, with the bytes that no other image on the node uses.
    fn victims(
        &self,
        seen: &Seen<'_>,
        needed: &[ImageNumber],
        missing: Bytes,
    ) -> Vec<(ImageNumber, Bytes)> {
        let Some(disk) = self.disk else { return Vec::new() };
        let allowed = |percent: u8| {
            let bytes = u128::from(disk.bytes.0) * u128::from(percent) * 10;
            let compressed = bytes / u128::from(disk.unpacked_per_mille.max(1));
            Bytes(u64::try_from(compressed).unwrap_or(u64::MAX))
        };
        let mut held = self.bytes + missing;
        if held <= allowed(disk.high_percent) {
            return Vec::new();
        }
        let idle = self
            .images
            .iter()
            .filter(|(image, found)| found.running == 0 && !needed.contains(image));
        let mut idle: Vec<_> = idle.map(|(image, found)| (found.last, *image)).collect();
        idle.sort_unstable();
        let mut victims = Vec::new();
        for (_, image) in idle {
            if held <= allowed(disk.low_percent) {
                break;
            }
            let layers = &seen.layers().of_image[image.0];
            let bytes = seen.layers().sum(layers, |layer| self.layers.get(&layer) == Some(&1));
            held = held - bytes;
            victims.push((image, bytes));
        }
        victims
    }
}

/// The images that a pod's names mean at a time.
fn meant(seen: &Seen<'_>, job: &Job, at: Nanos) -> Vec<ImageNumber> {
    let catalogue = &seen.setup().catalogue;
    let containers = job.containers.iter();
    containers.map(|container| catalogue.reference(container.reference).at(at)).collect()
}

/// What a pod's images turned out to be.
fn resolved(seen: &Seen<'_>, pod: PodNumber, images: &Resolved) -> Vec<ImageNumber> {
    let first = || meant(seen, seen.setup().job(pod.job), Nanos(0));
    images.as_ref().map_or_else(first, |images| images.to_vec())
}
