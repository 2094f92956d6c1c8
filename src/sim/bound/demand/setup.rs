//! The demand of a run of the simulator.
//!
//! What a pod needs for sure, wherever it is placed: of an image whose tag never moved, its layers. Of a
//! moving one pulled `Always`, the layers that all images have in common that the tag meant while the pod was
//! getting ready; pulled `IfNotPresent`, those that are common to all images that can lie on some node under
//! that name by then, since a node with any of them moves nothing. `Never` moves nothing. What the nodes of
//! an autoscaler bring along is left out: nobody knows how many there will be.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos};
use crate::sim::bound::demand::{Demand, Layer, Parts, Pod, Room};
use crate::sim::catalogue::{Catalogue, ImageNumber, ReferenceNumber};
use crate::sim::job::{Container, Job, JobNumber};
use crate::sim::record::PodRecord;
use crate::sim::setup::{DiskSetup, NodeSetup, Setup};

/// One time that a job's pod was bound: jobs that fail are made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The job.
    pub job: JobNumber,
    /// When it was bound.
    pub bound_at: Nanos,
    /// When it started; `None`: it was evicted before, and counts only for what it may have pulled.
    pub started_at: Option<Nanos>,
    /// When it ended; the end of time if it still ran.
    pub ended_at: Nanos,
}

/// The attempts that records of a run tell of, by job: the last one of each. Of earlier ones only that they
/// may have pulled, from when the job's first pod was created. What they demanded themselves is left out,
/// which makes bounds lower, never wrong.
#[must_use]
pub fn attempts(pods: &[PodRecord]) -> Vec<Attempt> {
    let of_job = |(job, pod): (JobNumber, &PodRecord)| {
        let ended_at = pod.ended_at.unwrap_or(Nanos(u64::MAX));
        let attempt = |bound_at, started_at| Attempt { job, bound_at, started_at, ended_at };
        let earlier = pod.first_created_at.filter(|_| pod.attempts > 1);
        let last = pod.bound_at.map(|bound_at| attempt(bound_at, pod.started_at));
        earlier.map(|created_at| attempt(created_at, None)).into_iter().chain(last)
    };
    (0..).map(JobNumber).zip(pods).flat_map(of_job).collect()
}

/// What the pods of a run demanded, by the times at which they ran.
#[must_use]
pub fn demand(setup: &Setup, attempts: &[Attempt]) -> Demand {
    let mut needs = Needs::new(setup, attempts);
    let pods = attempts.iter().filter_map(|attempt| needs.pod(attempt)).collect();
    let cargos = needs.cargos();
    let layers = layers(setup, &needs.digests);
    let rooms = setup.nodes.iter().map(|node| room(node, needs.digests.len()));
    let mut rooms: Vec<Room> = rooms.collect();
    if let Some(scaling) = &setup.scaling {
        let grown = room(&scaling.template, needs.digests.len());
        let grown = Room { joins_at: Nanos(0), leaves_at: None, ..grown };
        rooms.extend((0..scaling.nodes_max).map(|_| grown));
    }
    Demand::new(Parts { layers, cargos, pods, rooms })
}

/// A span of a reference's history, and whether images that nodes bring along under that name will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Versions {
    reference: ReferenceNumber,
    /// Places in the history, the last included.
    first: usize,
    last: usize,
    or_brought: bool,
}

struct Needs<'a> {
    setup: &'a Setup,
    /// By reference: when the first pod with it was bound.
    first_bound_at: BTreeMap<ReferenceNumber, Nanos>,
    /// Layers by digest, numbered in the order of the catalogue.
    digests: BTreeMap<&'a str, usize>,
    /// What nodes bring along.
    brought: BTreeSet<ImageNumber>,
    cargo_numbers: BTreeMap<Vec<Versions>, usize>,
}

impl<'a> Needs<'a> {
    fn new(setup: &'a Setup, attempts: &[Attempt]) -> Self {
        let mut first_bound_at = BTreeMap::new();
        for attempt in attempts {
            for container in job(setup, attempt).into_iter().flat_map(|job| &job.containers) {
                let first = first_bound_at.entry(container.reference).or_insert(attempt.bound_at);
                *first = attempt.bound_at.min(*first);
            }
        }
        let mut digests = BTreeMap::new();
        for layer in setup.catalogue.images().flat_map(|image| &image.facts.layers) {
            let fresh = digests.len();
            digests.entry(layer.digest.as_str()).or_insert(fresh);
        }
        let scaled = setup.scaling.iter().map(|scaling| &scaling.template);
        let brought = setup.nodes.iter().chain(scaled).flat_map(|node| &node.preloaded);
        let brought = brought.copied().collect();
        Self { setup, first_bound_at, digests, brought, cargo_numbers: BTreeMap::new() }
    }

    fn pod(&mut self, attempt: &Attempt) -> Option<Pod> {
        let (job, started_at) = (job(self.setup, attempt)?, attempt.started_at?);
        let Attempt { bound_at, ended_at, .. } = *attempt;
        let containers = job.containers.iter();
        let versions = containers.filter_map(|each| self.versions(each, bound_at, started_at));
        let mut versions: Vec<Versions> = versions.collect();
        versions.sort_unstable();
        versions.dedup();
        let fresh = self.cargo_numbers.len();
        let cargo = *self.cargo_numbers.entry(versions).or_insert(fresh);
        Some(Pod { bound_at, started_at, ended_at, requests: job.requests, cargo })
    }

    fn versions(
        &self,
        container: &Container,
        bound_at: Nanos,
        started_at: Nanos,
    ) -> Option<Versions> {
        let Container { reference, pull_policy, .. } = *container;
        let (from, or_brought) = match pull_policy {
            PullPolicy::Never => return None,
            PullPolicy::Always => (bound_at, false),
            PullPolicy::IfNotPresent => (*self.first_bound_at.get(&reference)?, true),
        };
        let history = &self.setup.catalogue.reference(reference).history;
        let at = |time: Nanos| history.partition_point(|(from, _)| *from <= time).saturating_sub(1);
        Some(Versions { reference, first: at(from), last: at(started_at), or_brought })
    }

    /// The layers of each set of versions, by number.
    fn cargos(&self) -> Vec<Vec<usize>> {
        let mut cargos = vec![Vec::new(); self.cargo_numbers.len()];
        for (versions, number) in &self.cargo_numbers {
            let layers = versions.iter().flat_map(|versions| self.layers_in_all(*versions));
            cargos[*number] = layers.collect::<BTreeSet<_>>().into_iter().collect();
        }
        cargos
    }

    fn layers_in_all(&self, versions: Versions) -> BTreeSet<usize> {
        let Versions { reference, first, last, or_brought } = versions;
        let history = &self.setup.catalogue.reference(reference).history;
        let will_do = |image: &ImageNumber| or_brought && self.brought.contains(image);
        let brought = history.iter().filter(|(_, image)| will_do(image));
        let images = history[first..=last].iter().chain(brought).map(|(_, image)| *image);
        let layers = images.map(|image| self.layers(image));
        layers.reduce(|common, layers| &common & &layers).unwrap_or_default()
    }

    fn layers(&self, image: ImageNumber) -> BTreeSet<usize> {
        let layers = &self.setup.catalogue.image(image).facts.layers;
        layers.iter().map(|layer| self.digests[layer.digest.as_str()]).collect()
    }
}

fn job<'a>(setup: &'a Setup, attempt: &Attempt) -> Option<&'a Job> {
    setup.jobs.get(attempt.job.0 as usize)
}

/// By number: sizes, and when nodes bring them along. Those of an autoscaler's nodes have no size.
fn layers(setup: &Setup, digests: &BTreeMap<&str, usize>) -> Vec<Layer> {
    let mut layers = vec![Layer::default(); digests.len()];
    for layer in setup.catalogue.images().flat_map(|image| &image.facts.layers) {
        layers[digests[layer.digest.as_str()]].bytes = layer.compressed_bytes;
    }
    for node in &setup.nodes {
        for digest in preloaded(&setup.catalogue, node) {
            layers[digests[digest]].brought_at.push(node.joins_at);
        }
    }
    layers.iter_mut().for_each(|layer| layer.brought_at.sort_unstable());
    if let Some(scaling) = &setup.scaling {
        for digest in preloaded(&setup.catalogue, &scaling.template) {
            layers[digests[digest]].bytes = Bytes(0);
        }
    }
    layers
}

fn preloaded<'a>(catalogue: &'a Catalogue, node: &NodeSetup) -> BTreeSet<&'a str> {
    let images = node.preloaded.iter().map(|image| &catalogue.image(*image).facts.layers);
    images.flatten().map(|layer| layer.digest.as_str()).collect()
}

fn room(node: &NodeSetup, layer_count: usize) -> Room {
    Room {
        capacity: node.capacity,
        pods_max: node.pods_max,
        disk: node.hardware.disk.map(|disk| compressed(disk, layer_count)),
        joins_at: node.joins_at,
        leaves_at: node.leaves_at,
    }
}

/// Compressed bytes that a disk holds at most, whichever way the size of each layer on it is rounded.
fn compressed(disk: DiskSetup, layer_count: usize) -> Bytes {
    let bytes = u128::from(disk.bytes.0) + layer_count as u128;
    let compressed = (bytes * 1000).div_ceil(u128::from(disk.unpacked_per_mille.max(1)));
    Bytes(u64::try_from(compressed).unwrap_or(u64::MAX))
}
