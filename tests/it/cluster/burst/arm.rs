//! One way of placing a burst, and the burst on a cluster that is new.
//!
//! Steps read the volume where it lies in the node's store, by the protocol for readers, and the first on a
//! node that lacks it gets it: forty copies of it would measure this machine's one disk.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use dunnage::edge::volume::id;
use dunnage::sim::random::Random;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::time::{Instant, interval};

use super::outcome::Outcome;
use crate::cluster::NAMESPACE;
use crate::cluster::volumes::stage::{STORE, Stage, Terms};
use crate::cluster::volumes::step::{PROGRAM, Step, WORK};
use crate::testbed::make_pods;
use crate::testbed::real::Options;

const NODES: u8 = 6;
const STEPS: usize = 40;
/// Both ways, of every node: so the holder's uplink is what streams from it share.
const RATE: &str = "400mbit";
const LINK_BYTES_PER_SECOND: f64 = (50_000_000_u64 * 1_448 / 1_514) as f64;
/// Twelve fill one of the nodes, which have the machine's two processors each.
const STEP_CPU: &str = "160m";
/// Several times what the slowest way takes.
const PATIENCE: Duration = Duration::from_secs(900);

/// Where the steps go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    Ours,
    OnHolder,
    Spread,
}

impl Arm {
    pub const ALL: [Self; 3] = [Self::Ours, Self::OnHolder, Self::Spread];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OnHolder => "on holder",
            Self::Spread => "spread",
        }
    }
}

/// A volume, and steps that need it.
pub struct Burst {
    pub seed: u64,
    pub megabytes: u64,
    /// How long a step works once it has the volume.
    pub work_seconds: u64,
    /// The extender's.
    pub weight: i64,
}

impl Burst {
    pub async fn run(&self, arm: Arm) -> Result<Outcome> {
        let rate = LINK_BYTES_PER_SECOND;
        let link = || Some(RATE.to_owned());
        let mut stage = Stage::set(&Terms {
            options: Options {
                nodes: NODES,
                rate: link(),
                uplink_rate: link(),
                ..Options::default()
            },
            policy: &[("zoneBytesPerSecond", rate), ("crossZoneBytesPerSecond", rate)],
            weight: self.weight,
            with_us: arm == Arm::Ours,
        })
        .await?;
        let holder = format!("node-{}", Random::new(self.seed, 0).index(NODES.into()));
        stage.run(&self.maker(&holder)).await?;
        stage.delete("maker").await?;
        stage.await_holders(&self.key(), &[&holder]).await?;
        let selector = match arm {
            Arm::OnHolder => json!({ "kubernetes.io/hostname": holder }),
            Arm::Ours | Arm::Spread => json!({}),
        };
        let steps = (0..STEPS).map(|number| self.step(number, &selector).pod(&stage));
        let steps: Vec<Pod> = steps.collect::<Result<_>>()?;
        let (received, created) = (received(&stage)?, SystemTime::now());
        make_pods(&stage.cluster.client(), NAMESPACE, steps).await?;
        let starts = starts(&stage, created).await?;
        Ok(Outcome {
            starts,
            received_bytes: self::received(&stage)? - received,
            volume_bytes: self.megabytes * 1_000_000,
            per_node: per_node(&stage).await?,
        })
    }

    fn key(&self) -> String {
        format!("cache@{}", self.seed)
    }

    /// Nobody pushes it: nodes that hold it are where it can be had.
    fn volume(&self) -> Value {
        json!({ "key": self.key(), "kind": "task-cache" })
    }

    fn maker(&self, holder: &str) -> Step {
        let (key, count) = (self.key(), self.megabytes);
        let make = format!(
            "/bin/busybox mkdir {WORK}/built
            /bin/busybox dd if=/dev/urandom of={WORK}/built/file bs=1000000 count={count}"
        );
        let put = format!("put {key} {WORK}/built --kind=task-cache");
        let mut maker = Step::volume("maker", &make, &put).with("produces", &self.volume());
        maker.node_selector = json!({ "kubernetes.io/hostname": holder });
        maker
    }

    fn step(&self, number: usize, selector: &Value) -> Step {
        let (name, key, seconds) = (name(number), self.key(), self.work_seconds);
        let folder = format!("{STORE}/{}", id(&key));
        let get = format!("[ -d {folder} ] || {PROGRAM} volume get {key} {WORK}/got");
        let script = format!(
            "exec 2>/said/{name}.log
            /flock {STORE}/.burst /bin/busybox sh -c '{get}'
            : >/said/{name}.has-it
            exec /flock -s {folder} /bin/busybox sleep {seconds}"
        );
        let mut step = Step::new(&name, &script).with("needs", &self.volume());
        (step.cpu, step.node_selector) = (STEP_CPU, selector.clone());
        step
    }
}

fn name(number: usize) -> String {
    format!("step-{number:02}")
}

/// Waits until every step has had the volume; gives how long after their creation.
async fn starts(stage: &Stage, created: SystemTime) -> Result<Vec<Duration>> {
    let deadline = Instant::now() + PATIENCE;
    let mut ticks = interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        let files = (0..STEPS).map(|number| stage.said_at(&format!("{}.has-it", name(number))));
        if let Ok(times) = files.collect::<Result<Vec<_>>>() {
            let since =
                |time: SystemTime| time.duration_since(created).context("before it was made");
            return times.into_iter().map(since).collect();
        }
        let placed = per_node(stage).await?;
        ensure!(Instant::now() < deadline, "not all have the volume: {placed:?}");
    }
}

async fn per_node(stage: &Stage) -> Result<BTreeMap<String, usize>> {
    let pods: Api<Pod> = Api::namespaced(stage.cluster.client(), NAMESPACE);
    let mut per_node = BTreeMap::new();
    for pod in pods.list(&ListParams::default()).await? {
        let phase = pod.status.as_ref().and_then(|status| status.phase.clone());
        ensure!(phase.as_deref() != Some("Failed"), "{} failed", pod.name_any());
        let node = pod.spec.and_then(|spec| spec.node_name).unwrap_or_default();
        *per_node.entry(node).or_default() += 1;
    }
    Ok(per_node)
}

fn received(stage: &Stage) -> Result<u64> {
    stage.cluster.nodes().iter().map(|node| node.rx_bytes()).sum()
}
