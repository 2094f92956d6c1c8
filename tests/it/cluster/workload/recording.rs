//! What a run was, as the simulator takes it: a trace of its pods, and a scenario with what its nodes are
//! like.
//!
//! Layers of busybox are left out: every node has that one from the start.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use dunnage::sim::trace::entry::{
    ContainerEntry, Entry, Header, LayerEntry, PodEntry, PullPolicyEntry,
};

use super::arm::Node;
use super::outcome::{Outcome, Ran};
use super::probe::Probes;
use crate::testbed::real::{Pushed, Stored};

/// What a pod asks for by [`crate::testbed::PodSpec::new`].
const CPU_MILLIS: u64 = 500;
const MEMORY_BYTES: u64 = 512 << 20;

/// Writes both into a folder; gives the path of the scenario.
pub fn write(folder: &Path, outcome: &Outcome) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("trace.jsonl"), trace(outcome)?)?;
    let path = folder.join("scenario.yaml");
    fs::write(&path, scenario(&outcome.nodes, outcome.probes))?;
    Ok(path)
}

fn trace(outcome: &Outcome) -> Result<String> {
    let mut entries: Vec<Entry> = outcome.nodes.iter().map(node).collect();
    entries.extend(outcome.images.iter().flat_map(image));
    let mut lives: Vec<Entry> = outcome.steps.iter().flat_map(|step| life(step, outcome)).collect();
    lives.sort_by_key(Entry::at_nanos);
    entries.extend(lives);
    let header = Header {
        api_version: "dunnage.dev/v1alpha1".to_owned(),
        kind: "Trace".to_owned(),
        epoch: "2026-01-01T00:00:00Z".to_owned(),
    };
    let at_nanos = entries.last().map_or(0, Entry::at_nanos);
    entries.push(Entry::End { at_nanos, lines: entries.len() as u64 + 1 });
    let mut lines = vec![serde_json::to_string(&header)?];
    for entry in &entries {
        lines.push(serde_json::to_string(entry)?);
    }
    Ok(lines.join("\n") + "\n")
}

fn node(node: &Node) -> Entry {
    Entry::Node {
        at_nanos: 0,
        name: node.name.clone(),
        zone: None,
        cpu_millis: node.cpu_millis,
        memory_bytes: node.memory_bytes,
        pods_max: node.pods_max,
        disk_bytes: None,
        images: Vec::new(),
    }
}

fn image(image: &Pushed) -> [Entry; 2] {
    let layer = |layer: &Stored| LayerEntry {
        digest: layer.digest.clone(),
        size: layer.bytes,
        diff_id: Some(layer.diff_id.clone()),
    };
    let (at_nanos, digest) = (0, image.digest.clone());
    [
        Entry::Image {
            at_nanos,
            digest: digest.clone(),
            platform: "linux/amd64".to_owned(),
            layers: image.layers.iter().skip(1).map(layer).collect(),
            estimate: false,
        },
        Entry::Tag { at_nanos, name: image.reference.clone(), digest },
    ]
}

fn life(step: &Ran, outcome: &Outcome) -> [Entry; 4] {
    let uid = || step.name.clone();
    let container = ContainerEntry {
        image: outcome.images[step.image].reference.clone(),
        pull_policy: PullPolicyEntry::IfNotPresent,
        init: false,
    };
    [
        Entry::Pod(PodEntry {
            at_nanos: nanos(step.created),
            uid: uid(),
            name: uid(),
            run: None,
            containers: vec![container],
            cpu_millis: CPU_MILLIS,
            memory_bytes: MEMORY_BYTES,
            needs: Vec::new(),
            produces: Vec::new(),
            next: Vec::new(),
        }),
        Entry::Bound { at_nanos: nanos(step.bound), pod: uid(), node: step.node.clone() },
        Entry::Started { at_nanos: nanos(step.started), pod: uid() },
        Entry::Ended { at_nanos: nanos(step.ended), pod: uid(), failed: false },
    ]
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Its rates and times are those of [`Probes`]; the rest is what the harness asks containerd and kubelet for.
fn scenario(nodes: &[Node], probes: Probes) -> String {
    let count = nodes.len();
    let node = &nodes[0];
    let (cpu, memory, pods) = (node.cpu_millis, node.memory_bytes, node.pods_max);
    format!(
        "\
apiVersion: dunnage.dev/v1alpha1
kind: Scenario
about: A workload that ran on real nodes.
choices:
  data: {{pods: 'when they were made, and how long they ran'}}
  modelled: {{hardware: as pods before found it}}
nodes:
  - prefix: node-
    count: {count}
    cpu: {cpu}m
    memory: {memory}
    podsMax: {pods}
    linkDownBytesPerSecond: {:.0}
    unpackBytesPerSecond: {:.0}
    keepsBlobs: true
    layersMax: 3
start: {{sandbox: {}ms, containers: {}ms}}
trace: trace.jsonl
",
        probes.link_bytes_per_second,
        probes.unpack_bytes_per_second,
        probes.sandbox.as_millis(),
        probes.containers.as_millis(),
    )
}
