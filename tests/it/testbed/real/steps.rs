//! Pods that sleep for a while, and when they started and ended.
//!
//! Leaves alone where they go.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{Stream, TryStreamExt};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::time::Instant;

use super::super::cluster::PodSpec;

/// What became of a pod.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// The node that it was bound to.
    pub node: String,
    /// `Pending`, `Running`, `Succeeded` or `Failed`.
    pub phase: String,
    /// When it was first seen bound.
    pub bound: Option<Instant>,
    /// When its container was first seen started.
    pub started: Option<Instant>,
    /// When it was first seen to have ended.
    pub ended: Option<Instant>,
    /// What kubelet last said of a container that does not run.
    pub message: String,
}

impl Step {
    fn has_ended(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }
}

/// A pod of the given shape whose container sleeps and is done.
pub fn sleeping(spec: PodSpec, seconds: u32) -> Pod {
    let mut pod = Pod::from(spec);
    for container in pod.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
        let command = ["/bin/busybox", "sleep", &seconds.to_string()];
        container.command = Some(command.map(str::to_owned).to_vec());
    }
    pod
}

/// Waits until `count` pods of a namespace have ended, well or not. At the
/// deadline it fails and says where the others are.
pub async fn await_ended(
    client: &Client,
    namespace: &str,
    count: usize,
    within: Duration,
) -> Result<BTreeMap<String, Step>> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut steps = BTreeMap::new();
    let events = watcher(pods, watcher::Config::default());
    match tokio::time::timeout(within, follow(events, count, &mut steps)).await {
        Ok(followed) => followed.map(|()| steps),
        Err(_) => bail!("not {count} pods ended within {within:?}: {steps:#?}"),
    }
}

async fn follow(
    events: impl Stream<Item = watcher::Result<Event<Pod>>>,
    count: usize,
    steps: &mut BTreeMap<String, Step>,
) -> Result<()> {
    let mut events = std::pin::pin!(events);
    while steps.values().filter(|step| step.has_ended()).count() < count {
        match events.try_next().await?.context("the watch ended")? {
            Event::Apply(pod) | Event::InitApply(pod) => see(&pod, steps),
            Event::Delete(_) | Event::Init | Event::InitDone => {}
        }
    }
    Ok(())
}

fn see(pod: &Pod, steps: &mut BTreeMap<String, Step>) {
    let step = steps.entry(pod.name_any()).or_default();
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    if let Some(node) = node {
        step.node = node;
        step.bound.get_or_insert_with(Instant::now);
    }
    let Some(status) = &pod.status else {
        return;
    };
    step.phase = status.phase.clone().unwrap_or_default();
    let container = status.container_statuses.iter().flatten().next();
    if has_started(pod) {
        step.started.get_or_insert_with(Instant::now);
    }
    step.message = container.map(why_not).unwrap_or_default();
    if step.has_ended() {
        step.ended.get_or_insert_with(Instant::now);
    }
}

/// Whether its container runs or ran.
pub fn has_started(pod: &Pod) -> bool {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let state = statuses.filter_map(|container| container.state.as_ref()).next();
    state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
}

fn why_not(container: &ContainerStatus) -> String {
    let state = container.state.clone().unwrap_or_default();
    let waiting = state.waiting.and_then(|waiting| waiting.message);
    waiting.or(state.terminated.and_then(|ended| ended.message)).unwrap_or_default()
}
