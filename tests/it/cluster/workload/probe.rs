//! What starts of pods take on these nodes: what the simulator is told of them, measured before the workload.
//!
//! Each node gets a pod whose image it has and one whose image nobody has, at the workload's pace: nodes
//! share this machine's processors, and a start is slower while others pull. Kubelet's event of the image is
//! what parts the sandbox from the containers.

use std::time::Duration;

use anyhow::{Context, Result};
use dunnage::edge::object::pulled::{EventObject, PullReport};
use dunnage::model::unit::Nanos;
use futures::future::try_join_all;
use futures::{Stream, TryStreamExt};
use k8s_openapi::api::core::v1::{Event as Told, Pod};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::time::{Instant, sleep_until, timeout};

use super::arm::{PAUSE, STEP_SECONDS};
use crate::cluster::{SOON, pinned};
use crate::testbed::real::{Cluster, ImageSpec, Layer, await_ended, has_started, sleeping};
use crate::testbed::{PodSpec, make_namespace, make_pods};

const NAMESPACE: &str = "probes";
/// On every node: it holds the namespaces of pods.
const HELD: &str = "registry.testbed/pause:1";
/// As most layers of the workload.
const LAYER_BYTES: usize = 40_000_000;

/// What they took: medians.
#[derive(Clone, Copy, Debug)]
pub struct Probes {
    /// Of pods whose image was there, from creation until it was found.
    pub sandbox: Duration,
    /// Of the same, from there until the container was seen started.
    pub containers: Duration,
    /// What their links were taken to carry.
    pub link_bytes_per_second: f64,
    /// Of what pulls took beyond the link's share, in compressed bytes.
    pub unpack_bytes_per_second: f64,
}

/// A pod's start.
struct Start {
    sandbox: Duration,
    containers: Duration,
    /// How long its image was pulled; nothing if it was there.
    pull: Option<Nanos>,
}

impl Probes {
    /// Measures on an idle cluster, which is idle again afterwards.
    pub async fn run(cluster: &Cluster, link_bytes_per_second: f64) -> Result<Self> {
        let client = cluster.client();
        make_namespace(&client, NAMESPACE).await?;
        let mut pods = Vec::new();
        for (seed, node) in (1..).zip(cluster.nodes()) {
            let layer = Layer { seed, bytes: LAYER_BYTES };
            let image = ImageSpec::new(&format!("probe-{seed}"), &[layer]);
            let image = cluster.registry().push(&image).await?.reference;
            pods.push((format!("held-{seed}"), node.name(), HELD.to_owned()));
            pods.push((format!("pulled-{seed}"), node.name(), image));
        }
        let begun = Instant::now();
        let starts = (0..).zip(&pods).map(async |(number, (name, node, image))| {
            sleep_until(begun + PAUSE * number).await;
            start(&client, name, node, image).await
        });
        let starts = try_join_all(starts).await?;
        await_ended(&client, NAMESPACE, pods.len(), SOON).await?;
        let held = || starts.iter().filter(|start| start.pull.is_none());
        let pulls = starts.iter().filter_map(|start| start.pull);
        let pull_seconds = median(pulls).context("no pull")?.0 as f64 / 1e9;
        let unpack_seconds = pull_seconds - LAYER_BYTES as f64 / link_bytes_per_second;
        Ok(Self {
            link_bytes_per_second,
            sandbox: median(held().map(|start| start.sandbox)).context("no start")?,
            containers: median(held().map(|start| start.containers)).context("no start")?,
            // A clock of milliseconds; what takes none of them is as good as free.
            unpack_bytes_per_second: LAYER_BYTES as f64 / unpack_seconds.max(0.001),
        })
    }
}

async fn start(client: &Client, name: &str, node: &str, image: &str) -> Result<Start> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let pods = watcher(pods, watcher::Config::default().fields(&format!("metadata.name={name}")));
    let events: Api<Told> = Api::namespaced(client.clone(), NAMESPACE);
    let of_pod = watcher::Config::default().fields(&format!("involvedObject.name={name}"));
    let events = watcher(events, of_pod);
    let pod = sleeping(pinned(PodSpec::new(name, image), node), STEP_SECONDS);
    let created = Instant::now();
    let pulled = first(events, report);
    let started = first(pods, |pod| has_started(pod).then_some(()));
    let all = async { tokio::try_join!(make_pods(client, NAMESPACE, [pod]), pulled, started) };
    let ((), (pulled, report), (started, ())) =
        timeout(SOON, all).await.with_context(|| format!("{name} does not start"))??;
    let pull = report.times.map(|times| times.pull);
    // The two come by two watches.
    let containers = started.saturating_duration_since(pulled);
    Ok(Start { sandbox: pulled - created, containers, pull })
}

/// When something was first seen, and what.
async fn first<K, T>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    seen: impl Fn(&K) -> Option<T>,
) -> Result<(Instant, T)> {
    let mut events = std::pin::pin!(events);
    loop {
        if let Event::Apply(object) | Event::InitApply(object) =
            events.try_next().await?.context("the watch ended")?
            && let Some(found) = seen(&object)
        {
            return Ok((Instant::now(), found));
        }
    }
}

/// What kubelet says of the image, read as the server reads it.
fn report(event: &Told) -> Option<PullReport> {
    let event = serde_json::from_value::<EventObject>(serde_json::to_value(event).ok()?).ok()?;
    event.report()
}

fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort();
    values.get(values.len() / 2).copied()
}
