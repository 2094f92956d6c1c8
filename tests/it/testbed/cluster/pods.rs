//! Pods of one step each, and the wait until the scheduler has bound them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{
    Container, Namespace, Pod, PodSpec as ApiPodSpec, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt};

use super::WRITERS;

/// Pod names and the nodes they were bound to.
pub type Landed = BTreeMap<String, String>;

/// What a pod is to look like; `new` gives one step of a CI run.
#[derive(Clone, Debug)]
pub struct PodSpec {
    /// Its name.
    pub name: String,
    /// The image of its one container.
    pub image: String,
    /// When the image is pulled; none for what the API server fills in.
    pub pull_policy: Option<String>,
    /// Requested processors.
    pub cpu: String,
    /// Requested memory.
    pub memory: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether its container is started again: `Never` for a step.
    pub restart_policy: String,
    /// Labels that its node must have.
    pub node_selector: BTreeMap<String, String>,
}

impl PodSpec {
    /// Half a processor, 512 MiB, never restarted.
    pub fn new(name: &str, image: &str) -> Self {
        Self {
            name: name.to_owned(),
            image: image.to_owned(),
            pull_policy: None,
            cpu: "500m".to_owned(),
            memory: "512Mi".to_owned(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            restart_policy: "Never".to_owned(),
            node_selector: BTreeMap::new(),
        }
    }

    fn container(&self) -> Container {
        let requests = BTreeMap::from([
            ("cpu".to_owned(), Quantity(self.cpu.clone())),
            ("memory".to_owned(), Quantity(self.memory.clone())),
        ]);
        Container {
            name: "step".to_owned(),
            image: Some(self.image.clone()),
            image_pull_policy: self.pull_policy.clone(),
            resources: Some(ResourceRequirements {
                requests: Some(requests),
                ..ResourceRequirements::default()
            }),
            ..Container::default()
        }
    }
}

impl From<PodSpec> for Pod {
    fn from(spec: PodSpec) -> Self {
        let container = spec.container();
        Self {
            metadata: ObjectMeta {
                name: Some(spec.name),
                labels: Some(spec.labels),
                annotations: Some(spec.annotations),
                ..ObjectMeta::default()
            },
            spec: Some(ApiPodSpec {
                containers: vec![container],
                restart_policy: Some(spec.restart_policy),
                node_selector: Some(spec.node_selector),
                ..ApiPodSpec::default()
            }),
            status: None,
        }
    }
}

/// Makes a namespace.
pub async fn make_namespace(client: &Client, name: &str) -> Result<()> {
    let space = Namespace {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    Api::all(client.clone()).create(&PostParams::default(), &space).await?;
    Ok(())
}

/// Makes pods, several at a time: from a `PodSpec`, or any `Pod` of a test.
pub async fn make_pods<P: Into<Pod>>(
    client: &Client,
    namespace: &str,
    pods: impl IntoIterator<Item = P>,
) -> Result<()> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    stream::iter(pods)
        .map(|pod| Ok(pod.into()))
        .try_for_each_concurrent(WRITERS, |pod: Pod| {
            let api = api.clone();
            async move {
                api.create(&PostParams::default(), &pod)
                    .await
                    .with_context(|| format!("cannot make pod {}", pod.name_any()))?;
                Ok(())
            }
        })
        .await
}

/// Waits until `count` pods of a namespace are bound, those from before this
/// call included. At the deadline it fails and says why the others are not.
pub async fn await_bound(
    client: &Client,
    namespace: &str,
    count: usize,
    within: Duration,
) -> Result<Landed> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut landed = Landed::new();
    let events = watcher(pods.clone(), watcher::Config::default());
    match tokio::time::timeout(within, follow(events, count, &mut landed)).await {
        Ok(followed) => followed.map(|()| landed),
        Err(_) => bail!(
            "{} of {count} pods bound within {within:?}; {}",
            landed.len(),
            why_unbound(&pods).await?
        ),
    }
}

/// Keeps `landed` up to date until it has `count` pods.
async fn follow(
    events: impl Stream<Item = watcher::Result<Event<Pod>>>,
    count: usize,
    landed: &mut Landed,
) -> Result<()> {
    let mut events = std::pin::pin!(events);
    while landed.len() < count {
        match events.try_next().await?.context("the watch ended")? {
            Event::Apply(pod) | Event::InitApply(pod) => {
                let name = pod.name_any();
                landed.extend(pod.spec.and_then(|spec| spec.node_name).map(|node| (name, node)));
            }
            Event::Delete(pod) => {
                landed.remove(&pod.name_any());
            }
            Event::Init => landed.clear(),
            Event::InitDone => {}
        }
    }
    Ok(())
}

/// What the scheduler says of one pod that it has not bound.
async fn why_unbound(pods: &Api<Pod>) -> Result<String> {
    let unbound = pods.list(&ListParams::default().fields("spec.nodeName=")).await?;
    let Some(pod) = unbound.items.first() else {
        return Ok("no other pod exists".to_owned());
    };
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let said = conditions.filter_map(|condition| condition.message.as_deref()).next();
    Ok(format!("{}: {}", pod.name_any(), said.unwrap_or("never tried")))
}

/// Removes all pods of a namespace at once: no kubelet is there to end them.
pub async fn delete_pods(client: &Client, namespace: &str) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let now = DeleteParams::default().grace_period(0);
    pods.delete_collection(&now, &ListParams::default()).await?;
    Ok(())
}
