//! What starts of pods take that are alone in the cluster: what the simulator is told of its machines.
//!
//! One pod of an image that every node has goes to each node, one after the other; then one of an image that
//! no node has to the first. Kubelet's event of the image is what parts the sandbox from the containers.

use std::time::Duration;

use anyhow::{Context, Result};
use dunnage::edge::object::pulled::{EventObject, PullReport};
use dunnage::model::unit::Nanos;
use futures::{Stream, TryStreamExt};
use k8s_openapi::api::core::v1::{Event as Told, Pod};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::time::{Instant, timeout};

use super::arm::LINK_BYTES_PER_SECOND;
use crate::cluster::{SOON, pinned};
use crate::testbed::real::{Cluster, ImageSpec, Layer, has_started, sleeping};
use crate::testbed::{PodSpec, make_namespace, make_pods};

const NAMESPACE: &str = "lone";
/// On every node: it holds the namespaces of pods.
const WARM: &str = "registry.testbed/pause:1";
/// No layer of the workload's: fetching takes 2.5 s, many times what it is measured by.
const COLD: Layer = Layer { seed: 1, bytes: 60_000_000 };

/// What they took.
#[derive(Clone, Copy, Debug)]
pub struct Lone {
    /// From creation until the image was asked for or found: the median.
    pub sandbox: Duration,
    /// From there, on the warm ones, until the container was seen started: the median.
    pub containers: Duration,
    /// From fetching to running, in compressed bytes: what the pull took beyond the link's share.
    pub unpack_bytes_per_second: f64,
}

/// A pod's start.
struct Start {
    sandbox: Duration,
    containers: Duration,
    /// How long its image was pulled; nothing if it was there.
    pull: Nanos,
}

impl Lone {
    /// Measures on an idle cluster.
    pub async fn measure(cluster: &Cluster) -> Result<Self> {
        let client = cluster.client();
        make_namespace(&client, NAMESPACE).await?;
        let mut starts = Vec::new();
        for node in cluster.nodes() {
            starts.push(start(&client, &format!("on-{}", node.name()), node.name(), WARM).await?);
        }
        let image = cluster.registry().push(&ImageSpec::new("lone", &[COLD])).await?;
        let node = cluster.nodes().first().context("no node")?;
        let cold = start(&client, "cold", node.name(), &image.reference).await?;
        let fetch_seconds = image.layers[1].bytes as f64 / LINK_BYTES_PER_SECOND;
        let unpack_seconds = cold.pull.0 as f64 / 1e9 - fetch_seconds;
        Ok(Self {
            sandbox: median(starts.iter().map(|start| start.sandbox)),
            containers: median(starts.iter().map(|start| start.containers)),
            // A clock of milliseconds; what takes none of them is as good as free.
            unpack_bytes_per_second: image.layers[1].bytes as f64 / unpack_seconds.max(0.001),
        })
    }
}

async fn start(client: &Client, name: &str, node: &str, image: &str) -> Result<Start> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let pods = watcher(pods, watcher::Config::default().fields(&format!("metadata.name={name}")));
    let events: Api<Told> = Api::namespaced(client.clone(), NAMESPACE);
    let of_pod = watcher::Config::default().fields(&format!("involvedObject.name={name}"));
    let events = watcher(events, of_pod);
    let pod = sleeping(pinned(PodSpec::new(name, image), node), 1);
    let created = Instant::now();
    let pulled = first(events, report);
    let started = first(pods, |pod| has_started(pod).then_some(()));
    let all = async { tokio::try_join!(make_pods(client, NAMESPACE, [pod]), pulled, started) };
    let ((), (pulled, report), (started, ())) =
        timeout(SOON, all).await.with_context(|| format!("{name} does not start"))??;
    let pull = report.times.map_or(Nanos(0), |times| times.pull);
    Ok(Start { sandbox: pulled - created, containers: started - pulled, pull })
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

fn median(durations: impl Iterator<Item = Duration>) -> Duration {
    let mut durations: Vec<_> = durations.collect();
    durations.sort();
    durations[durations.len() / 2]
}
