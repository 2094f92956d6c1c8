//! A cluster of real nodes: pods run, bytes are counted, and nothing is left afterwards.

mod arriving;
mod burst;
mod learning;
mod leftovers;
mod pulls;
mod removed;
mod setup;
mod volumes;
mod workload;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::testbed::real::{Cluster, Pushed, Step, await_ended, sleeping};
use crate::testbed::{PodSpec, make_pods};

/// The namespace that steps run in: every cluster has it from the start.
const NAMESPACE: &str = "default";
/// Many times what a pull and a step of a second take, on a machine that compiles.
const SOON: Duration = Duration::from_secs(120);
/// More than a node receives beside an image in the few seconds of a pull: what kubelet asks the API
/// server, the manifest and configuration, and the headers of packets, which are under 5 % of the bytes.
const NOISE_BYTES: u64 = 1_000_000;

/// Runs a step on a node, to its end, as the `count`th pod of the cluster; gives the bytes that the node
/// received meanwhile.
pub async fn bytes_of_step(
    cluster: &Cluster,
    node: &str,
    image: &str,
    count: usize,
) -> Result<u64> {
    let before = cluster.node(node)?.rx_bytes()?;
    let pod = pinned(PodSpec::new(&format!("step-{count}"), image), node);
    make_pods(&cluster.client(), NAMESPACE, [sleeping(pod, 1)]).await?;
    let steps = await_ended(&cluster.client(), NAMESPACE, count, SOON).await?;
    let after = cluster.node(node)?.rx_bytes()?;
    ensure_succeeded(&steps)?;
    let landed = &steps[&format!("step-{count}")].node;
    ensure!(landed == node, "it ran on {landed}");
    Ok(after - before)
}

/// The pod, on that node and no other.
fn pinned(mut pod: PodSpec, node: &str) -> PodSpec {
    pod.node_selector = BTreeMap::from([("kubernetes.io/hostname".to_owned(), node.to_owned())]);
    pod
}

fn ensure_succeeded(steps: &BTreeMap<String, Step>) -> Result<()> {
    ensure!(steps.values().all(|step| step.phase == "Succeeded"), "{steps:#?}");
    Ok(())
}

/// Writes a file that says of what layers these images are.
fn write_manifests(file: &Path, images: &[Pushed]) -> Result<()> {
    let line = |image: &Pushed| {
        let layers = image.layers.iter();
        let layers = layers.map(|layer| json!({"digest": layer.digest, "size": layer.bytes}));
        let line = json!({
            "image": image.reference,
            "platform": "linux/amd64",
            "manifest": image.digest,
            "first_seen": "2026-01-01T00:00:00Z",
            "layers": layers.collect::<Vec<_>>(),
        });
        format!("{line}\n")
    };
    Ok(fs::write(file, images.iter().map(line).collect::<String>())?)
}

/// Whether a node received these bytes of layers, and little more.
pub fn assert_received(received: u64, layer_bytes: u64) {
    let most = layer_bytes + layer_bytes / 20 + NOISE_BYTES;
    assert!((layer_bytes..=most).contains(&received), "{received} bytes for {layer_bytes}");
}
