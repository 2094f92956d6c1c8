//! One way of scheduling, and a run of the workload with it on a cluster that is new and empty.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use dunnage::model::quantity;
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use tokio::time::{Instant, interval, sleep};

use super::demand::Demand;
use super::outcome::{Outcome, Ran};
use super::probe::Probes;
use crate::cluster::{NAMESPACE, ensure_succeeded, write_manifests};
use crate::support::Extender;
use crate::testbed::real::{Cluster, Options, Pushed, Step, await_ended, sleeping};
use crate::testbed::{PodSpec, Scheduler, SchedulerOptions, make_pods};

/// Between the creations of two steps.
pub const PAUSE: Duration = Duration::from_millis(1500);
pub const STEP_SECONDS: u32 = 5;
/// The longest that a run may take: several times the 100 s of an even one.
const PATIENCE: Duration = Duration::from_secs(600);

/// A way of scheduling.
pub struct Arm {
    /// What it is called.
    pub name: String,
    /// Ours, if we are asked.
    pub policy: Option<PathBuf>,
    /// The extender's weight.
    pub weight: i64,
}

/// A cluster to run a workload on.
pub struct Terms {
    pub nodes: u8,
    /// Of each node's link.
    pub megabits: u64,
    /// How long it is watched while idle, to tell what nodes receive beside the workload.
    pub idle: Duration,
}

impl Terms {
    /// What a node's link carries of blobs: the rest are the headers of Ethernet, IP and TCP.
    pub fn link_bytes_per_second(&self) -> f64 {
        (self.megabits * 125_000 * 1_448 / 1_514) as f64
    }
}

/// A node as the scheduler sees it.
pub struct Node {
    pub name: String,
    pub cpu_millis: u64,
    pub memory_bytes: u64,
    pub pods_max: u32,
}

impl Arm {
    /// The scheduler alone.
    pub fn stock() -> Self {
        Self { name: "stock".to_owned(), policy: None, weight: 1 }
    }

    /// With us, by a policy of that file.
    pub fn with_policy(name: &str, file: &str, weight: i64) -> Self {
        Self { name: name.to_owned(), policy: Some(file.into()), weight }
    }

    /// Runs the workload once, after probes of the nodes, of which the extender sees nothing.
    pub async fn run(&self, demand: &Demand, terms: &Terms) -> Result<Outcome> {
        let rate = Some(format!("{}mbit", terms.megabits));
        let options = Options { nodes: terms.nodes, rate, ..Options::default() };
        let cluster = Cluster::start(&options).await?;
        let mut images = Vec::new();
        for image in &demand.images {
            images.push(cluster.registry().push(image).await?);
        }
        let probing = Scheduler::start(cluster.plane(), SchedulerOptions::default()).await?;
        let probes = Probes::run(&cluster, terms.link_bytes_per_second()).await?;
        drop(probing);
        let extender = self.extender(&cluster, &images).await?;
        let scheduler = SchedulerOptions {
            extender_url: extender.as_ref().map(|extender| extender.url.clone()),
            weight: self.weight,
            ..SchedulerOptions::default()
        };
        let _scheduler = Scheduler::start(cluster.plane(), scheduler).await?;
        let idle_rate = idle_rate(&cluster, terms.idle).await?;
        let (started, before) = (Instant::now(), received(&cluster)?);
        let steps = steps(&cluster, demand, &images).await?;
        let idle_bytes = idle_rate * started.elapsed().as_secs_f64();
        let received_bytes = (received(&cluster)? - before) as f64 - idle_bytes;
        let nodes = nodes_of(&cluster).await?;
        Ok(Outcome { received_bytes, probes, nodes, images, steps })
    }

    async fn extender(&self, cluster: &Cluster, images: &[Pushed]) -> Result<Option<Extender>> {
        let Some(policy) = &self.policy else {
            return Ok(None);
        };
        let (plane, manifests) = (cluster.plane(), cluster.plane().dir().join("manifests.jsonl"));
        write_manifests(&manifests, images)?;
        let flags = [
            format!("--policy={}", policy.display()),
            format!("--manifests={}", manifests.display()),
        ];
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &flags).await?;
        extender.await_ready().await?;
        Ok(Some(extender))
    }
}

/// Makes the steps one after the other and waits until all have ended.
async fn steps(cluster: &Cluster, demand: &Demand, images: &[Pushed]) -> Result<Vec<Ran>> {
    let client = cluster.client();
    let make = async {
        let mut made = Vec::new();
        let mut ticks = interval(PAUSE);
        for (number, image) in demand.steps.iter().enumerate() {
            ticks.tick().await;
            let name = format!("step-{number}");
            let pod = PodSpec::new(&name, &images[*image].reference);
            made.push((name.clone(), *image, Instant::now()));
            make_pods(&client, NAMESPACE, [sleeping(pod, STEP_SECONDS)]).await?;
        }
        Ok(made)
    };
    let ended = await_ended(&client, NAMESPACE, demand.steps.len(), PATIENCE);
    let (made, steps) = tokio::try_join!(make, ended)?;
    ensure_succeeded(&steps)?;
    let first = made.first().map_or_else(Instant::now, |(.., created)| *created);
    made.into_iter().map(|made| ran(made, &steps, first)).collect()
}

fn ran(
    (name, image, created): (String, usize, Instant),
    steps: &BTreeMap<String, Step>,
    first: Instant,
) -> Result<Ran> {
    let Step { node, bound, started, ended, .. } = steps[&name].clone();
    let since = |seen: Option<Instant>| {
        Ok::<_, anyhow::Error>(seen.with_context(|| format!("{name} was not seen"))? - first)
    };
    let (bound, started, ended) = (since(bound)?, since(started)?, since(ended)?);
    Ok(Ran { name, image, node, created: created - first, bound, started, ended })
}

async fn nodes_of(cluster: &Cluster) -> Result<Vec<Node>> {
    let nodes = Api::<NodeObject>::all(cluster.client()).list(&ListParams::default()).await?;
    nodes.items.iter().map(node).collect()
}

fn node(object: &NodeObject) -> Result<Node> {
    let allocatable = object.status.as_ref().and_then(|status| status.allocatable.as_ref());
    let allocatable = allocatable.context("a node tells nothing of its room")?;
    let of = |resource: &str| allocatable.get(resource).map_or("", |quantity| &quantity.0);
    let read = |read: Result<u64, String>| read.map_err(anyhow::Error::msg);
    Ok(Node {
        name: object.name_any(),
        cpu_millis: read(quantity::millis(of("cpu")))?,
        memory_bytes: read(quantity::bytes(of("memory")).map(|bytes| bytes.0))?,
        pods_max: of("pods").parse().context("pods of a node")?,
    })
}

fn received(cluster: &Cluster) -> Result<u64> {
    cluster.nodes().iter().map(|node| node.rx_bytes()).sum()
}

/// Bytes a second that all nodes receive while nothing runs on them.
async fn idle_rate(cluster: &Cluster, idle: Duration) -> Result<f64> {
    let before = received(cluster)?;
    sleep(idle).await;
    Ok((received(cluster)? - before) as f64 / idle.as_secs_f64().max(1.0))
}
