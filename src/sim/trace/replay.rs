//! A setup out of a trace: the same pods at the same times, to be placed by whoever is asked.
//!
//! Modelling choices: a pod takes as long as it took, whatever node it is on; one that never started is left
//! out, and one that had not ended runs until the recording ends; a pod that reads a volume waits for the
//! last pod created before it that leaves it, and one that failed leaves none. Links, unpacking and garbage
//! collection of the nodes are not in a trace: they are the scenario's, or as everywhere else.

use std::collections::BTreeSet;

use crate::model::unit::Nanos;
use crate::sim::catalogue::{Catalogue, ImageNumber, Reference, ReferenceNumber};
use crate::sim::job::{Container, Job, JobNumber};
use crate::sim::setup::{NodeNumber, NodeSetup, Setup, VolumeNumber, VolumeSetup, ZoneNumber};
use crate::sim::trace::{RecordedContainer, RecordedNode, RecordedPod, Recording};
use crate::sim::workload::volume::Volumes;
use crate::sim::workload::{Scale, node};

/// The setup `base` with the workload of a recording, and with its nodes where it has none.
///
/// # Errors
/// If the recording has no pods that started, or there are no nodes.
pub fn setup(
    recording: &Recording,
    mut base: Setup,
    volumes: Volumes,
    scale: Scale,
) -> Result<Setup, String> {
    let has_own_nodes = !base.nodes.is_empty() || base.scaling.is_some();
    let (catalogue, numbers) = catalogue(recording);
    if !has_own_nodes {
        base.zones = zones(recording);
        base.nodes = nodes(recording, &base.zones, &numbers);
    }
    if base.nodes.is_empty() && base.scaling.is_none() {
        return Err("the trace has no nodes, and the scenario none either".to_owned());
    }
    base.epoch = recording.epoch;
    base.catalogue = catalogue;
    base.notes.extend(estimates(recording));
    base.notes.extend(pulls(recording));
    let numbers = add_volumes(recording, volumes, has_own_nodes, &mut base);
    let started = recording.pods.iter().filter(|pod| pod.started_at.is_some());
    let all = u32::try_from(started.clone().count()).unwrap_or(u32::MAX);
    let never = recording.pods.len() - all as usize;
    if never > 0 {
        base.notes.push(format!("{never} pods of the trace never started and are left out"));
    }
    let started = started.take(scale.of(all) as usize);
    if !has_own_nodes {
        let bound = started.clone().filter_map(|pod| pod.bound);
        base.recorded = bound.map(|(place, _)| node_number(place)).collect();
    }
    base.jobs = jobs(recording, started, &numbers);
    if base.jobs.is_empty() {
        Err("the trace has no pod that started".to_owned())
    } else {
        Ok(base)
    }
}

fn zones(recording: &Recording) -> Vec<String> {
    let mut zones: Vec<_> = recording.nodes.iter().filter_map(|node| node.zone.clone()).collect();
    zones.sort_unstable();
    zones.dedup();
    zones
}

/// A node that came back under its name is another one, and called by its place, too.
fn nodes(
    recording: &Recording,
    zones: &[String],
    numbers: &[Option<ImageNumber>],
) -> Vec<NodeSetup> {
    let nodes = recording.nodes.iter().map(|node| {
        let images = node.images.iter().filter_map(|place| numbers[*place]).collect();
        NodeSetup { preloaded: images, ..recorded(node, zones) }
    });
    let mut nodes: Vec<NodeSetup> = nodes.collect();
    let mut seen = BTreeSet::new();
    for (place, node) in nodes.iter_mut().enumerate() {
        if !seen.insert(node.name.clone()) {
            node.name = format!("{}-back-{place}", node.name);
        }
    }
    nodes
}

fn recorded(recorded: &RecordedNode, zones: &[String]) -> NodeSetup {
    let zone = zones.iter().position(|zone| Some(zone) == recorded.zone.as_ref()).unwrap_or(0);
    NodeSetup {
        name: recorded.name.clone(),
        zone: ZoneNumber(u16::try_from(zone).unwrap_or(0)),
        capacity: recorded.capacity,
        pods_max: recorded.pods_max,
        hardware: node::usual_hardware(recorded.disk_bytes),
        preloaded: Vec::new(),
        joins_at: recorded.joins_at,
        leaves_at: recorded.leaves_at,
    }
}

/// With the number of each image, an estimate's being that of what it turned out to be. Images that no name
/// ever meant cannot be asked for.
fn catalogue(recording: &Recording) -> (Catalogue, Vec<Option<ImageNumber>>) {
    let mut kept = Vec::new();
    let mut own = Vec::new();
    for image in &recording.images {
        let is_kept = !image.references.is_empty();
        own.push(is_kept.then_some(ImageNumber(kept.len())));
        kept.extend(is_kept.then(|| image.clone()));
    }
    let numbers: Vec<_> = (0..own.len()).map(|place| own[settled(recording, place)]).collect();
    let number = |place: usize| numbers[place].unwrap_or(ImageNumber(0));
    let references = recording.names.iter().map(|(name, history)| Reference {
        name: name.clone(),
        history: history.iter().map(|(at, image)| (*at, number(*image))).collect(),
    });
    (Catalogue::with_references(kept, references.collect()), numbers)
}

/// The image that one turned out to be; of estimates that are told to be each other, any.
fn settled(recording: &Recording, place: usize) -> usize {
    let next = |place: &usize| recording.estimates.get(place).copied().flatten();
    let chain = std::iter::successors(Some(place), next);
    chain.take(recording.estimates.len() + 1).last().unwrap_or(place)
}

/// What a report must say of things that nobody knew to the end.
fn estimates(recording: &Recording) -> Option<String> {
    let images = recording.estimates.values().filter(|image| image.is_none()).count();
    let volumes = recording.volumes.iter().filter(|volume| volume.is_estimate).count();
    let note = format!(
        "the trace has {images} images whose layers were not known, each as one layer of the size \
         that nodes reported, and {volumes} volumes of sizes assumed for their kind"
    );
    (images + volumes > 0).then_some(note)
}

/// What the nodes' links and disks in the scenario are to be held against.
fn pulls(recording: &Recording) -> Option<String> {
    let mut seconds: Vec<f64> = recording.pulls.iter().map(|took| took.as_seconds()).collect();
    seconds.sort_by(f64::total_cmp);
    let (median, last) = (seconds.get(seconds.len() / 2)?, seconds.last()?);
    let count = seconds.len();
    Some(format!(
        "kubelets told of {count} pulls, which took {median:.1} s in the median and {last:.1} s at \
         most; links and disks are the scenario's"
    ))
}

fn node_number(place: usize) -> NodeNumber {
    NodeNumber(u32::try_from(place).unwrap_or(u32::MAX))
}

/// Where the recorded nodes are not the setup's, a volume that lay on some is in the registry instead.
fn add_volumes(
    recording: &Recording,
    mut volumes: Volumes,
    has_own_nodes: bool,
    base: &mut Setup,
) -> Vec<VolumeNumber> {
    let numbers = recording.volumes.iter().map(|volume| {
        let moved = has_own_nodes && !volume.holders.is_empty();
        let holders =
            volume.holders.iter().map(|place| node_number(*place)).filter(|_| !has_own_nodes);
        volumes.insert(VolumeSetup {
            key: volume.key.clone(),
            kind: volume.kind,
            bytes: volume.bytes,
            holders: holders.collect(),
            is_pushed: volume.is_pushed || moved,
        })
    });
    let numbers = numbers.collect();
    base.volumes = volumes.finish();
    numbers
}

fn jobs<'a>(
    recording: &Recording,
    started: impl Iterator<Item = &'a RecordedPod>,
    volumes: &[VolumeNumber],
) -> Vec<Job> {
    let mut makers: Vec<Option<JobNumber>> = vec![None; recording.volumes.len()];
    let mut jobs = Vec::new();
    for (number, pod) in (0..).map(JobNumber).zip(started) {
        let mut after: Vec<_> = pod.needs.iter().filter_map(|volume| makers[*volume]).collect();
        after.sort_unstable();
        after.dedup();
        let numbered = |places: &[usize]| places.iter().map(|place| volumes[*place]).collect();
        jobs.push(Job {
            name: pod.name.clone(),
            run: pod.run,
            containers: pod.containers.iter().map(container).collect(),
            requests: pod.requests,
            arrives_at: pod.created_at,
            after: after.into(),
            runs_for: ran_for(pod, recording.ends_at),
            failures: 0,
            needs: numbered(&pod.needs),
            produces: numbered(left(pod)),
            next: pod.next.iter().map(|place| reference_number(*place)).collect(),
        });
        left(pod).iter().for_each(|volume| makers[*volume] = Some(number));
    }
    jobs
}

fn reference_number(place: usize) -> ReferenceNumber {
    ReferenceNumber(u32::try_from(place).unwrap_or(u32::MAX))
}

fn left(pod: &RecordedPod) -> &[usize] {
    if pod.has_failed { &[] } else { &pod.produces }
}

fn container(recorded: &RecordedContainer) -> Container {
    Container {
        reference: reference_number(recorded.name),
        pull_policy: recorded.pull_policy,
        is_init: recorded.is_init,
    }
}

fn ran_for(pod: &RecordedPod, ends_at: Nanos) -> Nanos {
    let until = pod.ended_at.unwrap_or(ends_at);
    pod.started_at.map_or(Nanos(0), |started| until - started)
}
