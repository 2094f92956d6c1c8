//! One way of scheduling, and a run of the workload with it on a cluster that is new and empty.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, interval, sleep};

use super::demand::Demand;
use super::outcome::Outcome;
use crate::cluster::{NAMESPACE, ensure_succeeded, write_manifests};
use crate::support::Extender;
use crate::testbed::real::{Cluster, Options, Pushed, await_ended, sleeping};
use crate::testbed::{PodSpec, Scheduler, SchedulerOptions, make_pods};

const NODES: u8 = 6;
const RATE: &str = "200mbit";
const PAUSE: Duration = Duration::from_millis(1500);
const STEP_SECONDS: u32 = 5;
/// How long idle nodes are watched: two of kubelet's reports.
const IDLE: Duration = Duration::from_secs(20);
/// The longest that a run may take: several times the 100 s of an even one.
const PATIENCE: Duration = Duration::from_secs(600);

/// A way of scheduling.
pub struct Arm {
    /// What it is called.
    pub name: String,
    policy: Option<PathBuf>,
    weight: i64,
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

    /// Runs the workload once.
    pub async fn run(&self, demand: &Demand) -> Result<Outcome> {
        let options = Options { nodes: NODES, rate: Some(RATE.to_owned()), ..Options::default() };
        let cluster = Cluster::start(&options).await?;
        let mut images = Vec::new();
        for image in &demand.images {
            images.push(cluster.registry().push(image).await?);
        }
        let extender = self.extender(&cluster, &images).await?;
        let scheduler = SchedulerOptions {
            extender_url: extender.as_ref().map(|extender| extender.url.clone()),
            weight: self.weight,
            ..SchedulerOptions::default()
        };
        let _scheduler = Scheduler::start(cluster.plane(), scheduler).await?;
        let idle_rate = idle_rate(&cluster).await?;
        let (started, before) = (Instant::now(), received(&cluster)?);
        let waits = steps(&cluster, demand, &images).await?;
        let idle_bytes = idle_rate * started.elapsed().as_secs_f64();
        let bytes = (received(&cluster)? - before) as f64 - idle_bytes;
        Ok(Outcome { received_bytes: bytes, least_bytes: demand.least_bytes(), waits })
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

/// Makes the steps one after the other and waits until all have ended; gives their start waits.
async fn steps(cluster: &Cluster, demand: &Demand, images: &[Pushed]) -> Result<Vec<Duration>> {
    let client = cluster.client();
    let make = async {
        let mut made = BTreeMap::new();
        let mut ticks = interval(PAUSE);
        for (number, image) in demand.steps.iter().enumerate() {
            ticks.tick().await;
            let name = format!("step-{number}");
            let pod = PodSpec::new(&name, &images[*image].reference);
            made.insert(name, Instant::now());
            make_pods(&client, NAMESPACE, [sleeping(pod, STEP_SECONDS)]).await?;
        }
        Ok(made)
    };
    let ended = await_ended(&client, NAMESPACE, demand.steps.len(), PATIENCE);
    let (made, steps) = tokio::try_join!(make, ended)?;
    ensure_succeeded(&steps)?;
    let wait = |(name, step): (&String, &crate::testbed::real::Step)| {
        let started = step.started.with_context(|| format!("{name} was never seen started"))?;
        Ok(started - made[name])
    };
    steps.iter().map(wait).collect()
}

fn received(cluster: &Cluster) -> Result<u64> {
    cluster.nodes().iter().map(|node| node.rx_bytes()).sum()
}

/// Bytes a second that all nodes receive while nothing runs on them.
async fn idle_rate(cluster: &Cluster) -> Result<f64> {
    let before = received(cluster)?;
    sleep(IDLE).await;
    Ok((received(cluster)? - before) as f64 / IDLE.as_secs_f64())
}
