//! A scenario and its data made into a [`Setup`]: everything numbered, everything checked.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use crate::model::image::Platform;
use crate::model::unit::{Nanos, Time};
use crate::model::volume::VolumeKind;
use crate::sim::data::Data;
use crate::sim::job::{Job, JobNumber};
use crate::sim::scenario::generator::Generator;
use crate::sim::scenario::{Error, Scenario, ViewKeys, VolumeKeys, VolumeKindKey, refuse};
use crate::sim::setup::{NodeSetup, RegistrySetup, Setup, StartSetup, ViewSetup, VolumeSetup};
use crate::sim::trace;
use crate::sim::workload::generate::{self, Timed, container};
use crate::sim::workload::image::Images;
use crate::sim::workload::volume::Volumes;
use crate::sim::workload::{Scale, node};

/// The setup of a scenario called `name`.
///
/// # Errors
/// If something that it names is not there, with its line.
pub fn setup(
    name: &str,
    scenario: &Scenario,
    seed: u64,
    scale: Scale,
    data: &Data,
) -> Result<Setup, Error> {
    let platform = platform(scenario)?;
    let mut images = Images::new(&scenario.images, &platform, seed, data)?;
    let sources = node::Sources { zones: &scenario.zones, platform: &platform, data };
    let nodes = sources.nodes(&scenario.nodes, scale, &mut images)?;
    let scaling = scenario.scaling.as_ref();
    let scaling = scaling.map(|keys| sources.scaling(keys, scale, &mut images)).transpose()?;
    unique_names(scenario, &nodes)?;
    let mut setup = Setup {
        name: name.to_owned(),
        seed,
        epoch: epoch(scenario),
        nodes,
        scaling,
        zones: scenario.zones.clone(),
        registry: registry(scenario, &sources)?,
        start: StartSetup {
            sandbox: scenario.start.sandbox.0,
            containers: scenario.start.containers.0,
        },
        view: view(&scenario.view),
        ..Setup::default()
    };
    let mut volumes = Volumes::default();
    for volume in &scenario.volumes {
        volumes.insert(initial(volume, &setup.nodes)?);
    }
    match scenario.trace.as_ref() {
        Some(file) => replay(scenario, file, scale, data, volumes, setup),
        None => {
            let sources = generate::Sources { seed, scale, data };
            setup.jobs = generated(scenario, &sources, &mut images, &mut volumes)?;
            setup.volumes = volumes.finish();
            setup.catalogue = images.finish();
            Ok(setup)
        }
    }
}

fn replay(
    scenario: &Scenario,
    file: &Spanned<String>,
    scale: Scale,
    data: &Data,
    volumes: Volumes,
    setup: Setup,
) -> Result<Setup, Error> {
    let missing = || refuse(file, format!("{}: was not read", file.value));
    let recording = data.traces.get(&file.value).ok_or_else(missing)?;
    let mut setup = trace::replay::setup(recording, setup, volumes, scale)
        .map_err(|reason| refuse(file, reason))?;
    if let Some(epoch) = scenario.epoch {
        setup.epoch = epoch.0;
    }
    Ok(setup)
}

fn platform(scenario: &Scenario) -> Result<Platform, Error> {
    let Some(written) = &scenario.platform else {
        return Ok(Platform::new("linux", "amd64", ""));
    };
    Platform::parse(&written.value).ok_or_else(|| {
        refuse(written, format!("platform {:?}: expected os/architecture", written.value))
    })
}

fn epoch(scenario: &Scenario) -> Time {
    let tags = scenario.images.iter().find_map(|source| source.value.tags.as_ref());
    scenario.epoch.or(tags.map(|tags| tags.from)).unwrap_or_default().0
}

fn registry(scenario: &Scenario, nodes: &node::Sources<'_>) -> Result<RegistrySetup, Error> {
    let Some(keys) = &scenario.registry else {
        return Ok(RegistrySetup::default());
    };
    let zone = keys.value.zone.as_ref().map(|name| nodes.zone(name)).transpose();
    Ok(RegistrySetup {
        egress: keys.value.egress_bytes_per_second.map(|rate| rate.0),
        zone: zone.map_err(|reason| refuse(keys, reason))?,
        peers: keys.value.peers,
    })
}

fn view(keys: &ViewKeys) -> ViewSetup {
    let life = ViewSetup::default();
    ViewSetup {
        status_interval: keys.status_interval.map_or(life.status_interval, |span| span.0),
        list_interval: keys.list_interval.map_or(life.list_interval, |span| span.0),
        listed_images_max: keys.listed_images_max.unwrap_or(life.listed_images_max),
        pod_delay: keys.pod_delay.map_or(life.pod_delay, |span| span.0),
        node_delay: keys.node_delay.map_or(life.node_delay, |span| span.0),
        agents: keys.agents.map(|span| span.0),
        layers_known: keys.layers_known.unwrap_or(life.layers_known),
    }
}

fn initial(volume: &Spanned<VolumeKeys>, nodes: &[NodeSetup]) -> Result<VolumeSetup, Error> {
    let keys = &volume.value;
    let names = node::by_name(nodes);
    let holder = |name: &String| {
        let number = names.get(name.as_str()).copied();
        number.ok_or_else(|| refuse(volume, format!("holders: no node is called {name:?}")))
    };
    if keys.holders.is_empty() && !keys.pushed {
        return Err(refuse(volume, "expected holders, or pushed: true"));
    }
    Ok(VolumeSetup {
        key: keys.key.clone(),
        kind: match keys.kind {
            VolumeKindKey::ResourceCache => VolumeKind::ResourceCache,
            VolumeKindKey::TaskCache => VolumeKind::TaskCache,
            VolumeKindKey::Output => VolumeKind::Output,
            VolumeKindKey::Other => VolumeKind::Other,
        },
        bytes: keys.bytes.0,
        holders: keys.holders.iter().map(holder).collect::<Result<_, _>>()?,
        is_pushed: keys.pushed,
    })
}

/// `ci-1` and `1` as prefixes can make one name.
fn unique_names(scenario: &Scenario, nodes: &[NodeSetup]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    match nodes.iter().find(|node| !seen.insert(&node.name)) {
        None => Ok(()),
        Some(node) => {
            let reason = format!("two nodes are called {}: change a prefix", node.name);
            Err(scenario.nodes.last().map_or_else(
                || Error::Sense { line: 0, reason: reason.clone() },
                |group| refuse(group, reason.clone()),
            ))
        }
    }
}

/// The pods of all generators, by time; those of one time in the order of the scenario.
fn generated(
    scenario: &Scenario,
    sources: &generate::Sources<'_>,
    images: &mut Images<'_>,
    volumes: &mut Volumes,
) -> Result<Vec<Job>, Error> {
    let mut parts: Vec<(&Generator, Vec<Timed>)> = Vec::new();
    for generator in &scenario.generate {
        parts.push((&generator.value, sources.pods(generator, images, volumes)?));
    }
    let mut order: Vec<(Nanos, usize, usize)> = Vec::new();
    for (part, (_, pods)) in parts.iter().enumerate() {
        order.extend(pods.iter().enumerate().map(|(number, pod)| (pod.arrives_at, part, number)));
    }
    order.sort_unstable();
    let mut numbers: Vec<Vec<u32>> = parts.iter().map(|(_, pods)| vec![0; pods.len()]).collect();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut jobs = Vec::with_capacity(order.len());
    for (place, (_, part, number)) in (0_u32..).zip(&order) {
        numbers[*part][*number] = place;
        let (keys, pods) = &parts[*part];
        let pod = &pods[*number];
        // Pods of a run come one after the other, as they have one time and one generator.
        if runs.last() != Some(&(*part, pod.run)) {
            runs.push((*part, pod.run));
        }
        let run = u32::try_from(runs.len() - 1).unwrap_or(u32::MAX);
        jobs.push(job(keys, pod, run, &numbers[*part], images));
    }
    Ok(jobs)
}

/// `numbers` tells the places of pods that came before.
fn job(keys: &Generator, pod: &Timed, run: u32, numbers: &[u32], images: &Images<'_>) -> Job {
    let draft = &pod.draft;
    let mut after: Vec<_> = draft.after.iter().map(|before| JobNumber(numbers[before.0])).collect();
    after.sort_unstable();
    after.dedup();
    let mut needs = draft.needs.clone();
    needs.sort_unstable();
    needs.dedup();
    let containers = draft.images.iter();
    let containers = containers.map(|image| container(*image, keys.pull_policy, images));
    Job {
        name: pod_name(&keys.name, pod.run, &draft.step).into(),
        run,
        containers: containers.collect(),
        requests: pod.requests,
        arrives_at: pod.arrives_at,
        after: after.into(),
        runs_for: pod.runs_for,
        failures: pod.failures,
        needs: needs.into(),
        produces: draft.produces.clone().into(),
        next: draft.next.clone().into(),
    }
}

/// Names of pods have at most 253 bytes; steps of pipelines are long.
const STEP_BYTES_MAX: usize = 60;

fn pod_name(generator: &str, run: usize, step: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let step: String = step.chars().take(STEP_BYTES_MAX).map(plain).collect();
    format!("{generator}-{}-{}", run + 1, step.trim_matches('-'))
}

#[cfg(test)]
mod tests;
