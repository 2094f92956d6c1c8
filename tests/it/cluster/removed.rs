//! Images that go from a node, by hand or by its kubelet's garbage collection, are gone from the server's
//! index: with an agent within its interval, without one within the kubelet's.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::write_manifests;
use crate::agent::rig::Agent;
use crate::deploy::definitions::establish;
use crate::support::Extender;
use crate::testbed::real::{Cluster, ImageSpec, Layer, Options, Pushed};

/// The agent's interval of a second, and more for a machine that also compiles.
const GONE_BY_AGENT: Duration = Duration::from_secs(10);
/// A kubelet lists its images every 30 seconds (`image_gc_manager.go`, 1.37: no setting changes that) and
/// reports them at the next update of its status, here after a second; and a few more.
const GONE_BY_KUBELET: Duration = Duration::from_secs(40);

/// Kubelets that report at once.
fn prompt() -> Value {
    json!({"nodeStatusUpdateFrequency": "1s", "nodeStatusReportFrequency": "1s"})
}

/// One that removes every image that no container uses, when it starts: collection runs then, and again
/// every five minutes (`kubelet.go`, `ImageGCPeriod`). By age, as usage of the machine's disk is not ours.
fn collecting() -> Value {
    json!({"imageMinimumGCAge": "1ns", "imageMaximumGCAge": "2ns"})
}

/// Three nodes, the first with an agent, each with an image of its own; on the first another one.
struct Scene {
    extender: Extender,
    _agent: Agent,
    cluster: Cluster,
}

impl Scene {
    async fn start(images: &[(&str, &str)]) -> Result<(Self, Vec<Pushed>)> {
        let options = Options { nodes: 3, kubelet: prompt(), ..Options::default() };
        let mut cluster = Cluster::start(&options).await?;
        let mut pushed = Vec::new();
        for (seed, (name, node)) in (600..).zip(images) {
            let image = ImageSpec::new(name, &[Layer { seed, bytes: 1_000_000 }]);
            let image = cluster.registry().push(&image).await?;
            cluster.node(node)?.pull(&image.reference).await?;
            pushed.push(image);
        }
        let plane = cluster.plane();
        establish(&cluster.client()).await?;
        let manifests = plane.dir().join("manifests.jsonl");
        write_manifests(&manifests, &pushed)?;
        let flags = [format!("--manifests={}", manifests.display()), "--resolve=off".to_owned()];
        let flags = flags.each_ref().map(String::as_str);
        let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &flags).await?;
        extender.await_ready().await?;
        let (node, dir) = (cluster.node("node-0")?, plane.dir());
        let socket = node.containerd_socket();
        let agent = Agent::start(dir, plane.kubeconfig(), node.name(), &socket, &[]).await?;
        // A kubelet that starts lists its images at once.
        for node in ["node-1", "node-2"] {
            cluster.node_mut(node)?.restart_kubelet(&json!({}))?;
        }
        Ok((Self { extender, _agent: agent, cluster }, pushed))
    }

    /// Waits until so many nodes hold all of an image; gives how long that took.
    async fn await_holders(&mut self, image: &Pushed, count: u64) -> Result<Duration> {
        let started = Instant::now();
        let holders = |_, text: &str| holders(text, &image.reference) == Some(count);
        self.extender.await_answer("/api/v1/images", holders).await?;
        Ok(started.elapsed())
    }
}

fn holders(text: &str, reference: &str) -> Option<u64> {
    let images: Value = serde_json::from_str(text).ok()?;
    let named = |item: &&Value| {
        let names = item["references"].as_array();
        names.is_some_and(|names| names.iter().any(|name| name == reference))
    };
    images["items"].as_array()?.iter().find(named)?["nodes"].as_u64()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_removed_or_collected_is_gone_from_the_index_in_time() -> Result<()> {
    let images = [
        ("by-hand-told-by-agent", "node-0"),
        ("collected-told-by-agent", "node-0"),
        ("by-hand-told-by-kubelet", "node-1"),
        ("collected-told-by-kubelet", "node-2"),
    ];
    let (mut scene, pushed) = Scene::start(&images).await?;
    for image in &pushed {
        scene.await_holders(image, 1).await?;
    }
    let removed_slowly = Instant::now();
    scene.cluster.node("node-1")?.remove(&pushed[2]).await?;
    scene.cluster.node("node-0")?.remove(&pushed[0]).await?;
    let took = scene.await_holders(&pushed[0], 0).await?;
    println!("removed by hand, told by the agent: {took:?}");
    ensure!(took < GONE_BY_AGENT, "told by the agent after {took:?}");

    let collected = Instant::now();
    for node in ["node-0", "node-2"] {
        scene.cluster.node_mut(node)?.restart_kubelet(&collecting())?;
    }
    scene.await_holders(&pushed[1], 0).await?;
    println!("collected, told by the agent: {:?} after the kubelet started", collected.elapsed());
    scene.await_holders(&pushed[3], 0).await?;
    println!("collected, told by the kubelet: {:?} after it started", collected.elapsed());
    ensure!(collected.elapsed() < GONE_BY_KUBELET, "after {:?}", collected.elapsed());
    let kubelet = scene.cluster.node("node-2")?.kubelet().log();
    ensure!(kubelet.contains("Removing image to free bytes"), "nothing was collected");
    scene.await_holders(&pushed[2], 0).await?;
    let took = removed_slowly.elapsed();
    println!("removed by hand, told by the kubelet: {took:?}");
    ensure!(took < GONE_BY_KUBELET, "told by the kubelet after {took:?}");
    Ok(())
}
