//! Pulls in progress on real nodes, as agents see them: they draw pods of the same image, their bytes are
//! moved once, one whose pod is gone goes on, and one that breaks off counts no longer.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{NAMESPACE, SOON, assert_received, ensure_succeeded, pinned, write_manifests};
use crate::agent::rig::Agent;
use crate::deploy::definitions::establish;
use crate::support::{Extender, extender_args};
use crate::testbed::real::{Cluster, ImageSpec, Layer, Options, Pushed, await_ended, sleeping};
use crate::testbed::{PodSpec, Scheduler, SchedulerOptions, await_bound, make_pods};

/// Five megabytes a second: an image of [`BYTES`] is pulled for eight seconds.
const RATE: &str = "40mbit";
const BYTES: usize = 40_000_000;
/// The agents' interval of a second, the time after which an ingest that does not grow is no pull (three
/// seconds at this rate), and a few more for a machine that also compiles.
const ENDED_WITHIN: Duration = Duration::from_secs(8);

/// Two nodes with agents, and a scheduler that asks a server whose policy knows the links.
struct Scene {
    extender: Extender,
    _agents: Vec<Agent>,
    _scheduler: Scheduler,
    cluster: Cluster,
}

/// A pull as the server knows it.
#[derive(Debug, PartialEq)]
struct Arrival {
    asked_for: bool,
    bytes: u64,
    left: u64,
}

impl Scene {
    async fn start(images: &[&str]) -> Result<(Self, Vec<Pushed>)> {
        let options = Options { rate: Some(RATE.to_owned()), ..Options::default() };
        let cluster = Cluster::start(&options).await?;
        let mut pushed = Vec::new();
        for (seed, name) in (500..).zip(images) {
            let image = ImageSpec::new(name, &[Layer { seed, bytes: BYTES }]);
            pushed.push(cluster.registry().push(&image).await?);
        }
        let plane = cluster.plane();
        establish(&cluster.client()).await?;
        let manifests = plane.dir().join("manifests.jsonl");
        write_manifests(&manifests, &pushed)?;
        let policy = plane.dir().join("policy.yaml");
        fs::write(&policy, policy_of_the_links()?)?;
        let flags = [
            format!("--manifests={}", manifests.display()),
            format!("--policy={}", policy.display()),
            "--resolve=off".to_owned(),
        ];
        let flags = flags.each_ref().map(String::as_str);
        let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &flags).await?;
        extender.await_ready().await?;
        let mut agents = Vec::new();
        for node in cluster.nodes() {
            let (name, socket) = (node.name(), node.containerd_socket());
            let dir = plane.dir();
            agents.push(Agent::start(dir, plane.kubeconfig(), name, &socket, &[]).await?);
        }
        let options = SchedulerOptions {
            extender_url: Some(extender.url.clone()),
            ..SchedulerOptions::default()
        };
        let scheduler = Scheduler::start(plane, options).await?;
        Ok((Self { extender, _agents: agents, _scheduler: scheduler, cluster }, pushed))
    }

    /// Waits until the pulls of a node are as wanted.
    async fn await_pulls(&mut self, node: &str, wanted: impl Fn(&[Arrival]) -> bool) -> Result<()> {
        let is_wanted = |_, text: &str| arrivals(text, node).is_some_and(|pulls| wanted(&pulls));
        self.extender.await_answer("/api/v1/nodes", is_wanted).await
    }

    /// Waits until part of the one pull of a node has come, and the agent said so.
    async fn await_begun(&mut self, node: &str, asked_for: bool) -> Result<()> {
        let is_begun = |pulls: &[Arrival]| {
            let [pull] = pulls else { return false };
            pull.asked_for == asked_for && pull.left > 0 && pull.left * 4 < pull.bytes * 3
        };
        self.await_pulls(node, is_begun).await
    }

    /// Waits until nothing is on its way to a node; gives how long that took.
    async fn await_ended(&mut self, node: &str) -> Result<Duration> {
        let started = Instant::now();
        self.await_pulls(node, <[Arrival]>::is_empty).await?;
        Ok(started.elapsed())
    }

    /// The nodes that are preferred for a pod of this image.
    async fn preferred(&self, image: &Pushed) -> Result<Vec<String>> {
        let pod = json!({
            "metadata": {"name": "asked", "namespace": NAMESPACE, "uid": "asked"},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "c", "image": image.reference}],
            },
        });
        let names = ["node-0", "node-1"].map(str::to_owned);
        let answer = self.extender.prioritize(extender_args(&pod, &names)).await?;
        Ok(answer.scores()?.into_iter().map(|(node, _)| node).collect())
    }
}

/// Seconds alone, at the rate of the links.
fn policy_of_the_links() -> Result<String> {
    let named = dunnage::policy::NAMED.iter().find(|(name, _)| *name == "plain");
    let (_, text) = named.context("no plain policy")?;
    let slower = text.replace("fetchBytesPerSecond: 100000000", "fetchBytesPerSecond: 5000000");
    ensure!(slower != *text, "the policy has another rate");
    Ok(slower)
}

fn arrivals(text: &str, node: &str) -> Option<Vec<Arrival>> {
    let nodes: Value = serde_json::from_str(text).ok()?;
    let node = nodes["items"].as_array()?.iter().find(|item| item["name"] == node)?;
    let arrival = |pull: &Value| {
        Some(Arrival {
            asked_for: pull["askedFor"].as_bool()?,
            bytes: pull["bytes"].as_u64()?,
            left: pull["leftBytes"].as_u64()?,
        })
    };
    node["pulls"].as_array()?.iter().map(arrival).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_draws_pods_of_its_image_moves_once_and_ends_when_it_breaks_off() -> Result<()> {
    let (mut scene, images) = Scene::start(&["shared", "deleted", "by-hand"]).await?;
    let [shared, deleted, by_hand] = &images[..] else { unreachable!("three were asked for") };
    two_pods_of_one_image(&mut scene, shared).await?;
    a_pod_that_is_deleted(&mut scene, deleted).await?;
    a_pull_by_hand(&mut scene, by_hand).await
}

async fn two_pods_of_one_image(scene: &mut Scene, image: &Pushed) -> Result<()> {
    let client = scene.cluster.client();
    let received = |scene: &Scene, node| anyhow::Ok(scene.cluster.node(node)?.rx_bytes()?);
    let before = [received(scene, "node-0")?, received(scene, "node-1")?];
    let first = pinned(PodSpec::new("first", &image.reference), "node-0");
    make_pods(&client, NAMESPACE, [sleeping(first, 1)]).await?;
    scene.await_begun("node-0", true).await?;
    assert_eq!(scene.preferred(image).await?, ["node-0"]);
    let second = PodSpec::new("second", &image.reference);
    make_pods(&client, NAMESPACE, [sleeping(second, 1)]).await?;
    let landed = await_bound(&client, NAMESPACE, 2, SOON).await?;
    assert_eq!(landed["second"], "node-0");
    scene.await_begun("node-0", true).await?;
    let steps = await_ended(&client, NAMESPACE, 2, SOON).await?;
    ensure_succeeded(&steps)?;
    assert_received(received(scene, "node-0")? - before[0], image.layers[1].bytes);
    assert_received(received(scene, "node-1")? - before[1], 0);
    scene.await_ended("node-0").await?;
    Ok(())
}

/// Seen of kubelet 1.37: it does not break the pull off, so the image arrives all the same.
async fn a_pod_that_is_deleted(scene: &mut Scene, image: &Pushed) -> Result<()> {
    let client = scene.cluster.client();
    let pod = pinned(PodSpec::new("deleted", &image.reference), "node-1");
    make_pods(&client, NAMESPACE, [sleeping(pod, 1)]).await?;
    scene.await_begun("node-1", true).await?;
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    pods.delete("deleted", &DeleteParams::default().grace_period(0)).await?;
    scene.await_begun("node-1", false).await?;
    assert_eq!(scene.preferred(image).await?, ["node-1"]);
    scene.await_ended("node-1").await?;
    assert_eq!(scene.preferred(image).await?, ["node-1"]);
    Ok(())
}

async fn a_pull_by_hand(scene: &mut Scene, image: &Pushed) -> Result<()> {
    let mut pull = scene.cluster.node("node-1")?.begin_pull(&image.reference).await?;
    scene.await_begun("node-1", false).await?;
    assert_eq!(scene.preferred(image).await?, ["node-1"]);
    pull.kill();
    let took = scene.await_ended("node-1").await?;
    println!("a pull by hand that was killed counted for {took:?} more");
    ensure!(took < ENDED_WITHIN, "a pull by hand that was killed counted for {took:?} more");
    assert!(scene.preferred(image).await?.is_empty());
    Ok(())
}
