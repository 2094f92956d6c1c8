//! Kubernetes objects to model facts: pure, total, one object at a time.
//!
//! Decides what counts as an image of a pod and in which order a kubelet pulls them, when a pod has
//! started or ended, and what of a node's labels is kept. Odd values become "untold", never errors.

use std::collections::{BTreeMap, BTreeSet};

use crate::edge::object::amount;
use crate::edge::object::run::run_facts;
use crate::edge::object::{
    Condition, Container, ContainerImage, ContainerStatus, Named, NodeInfo, NodeObject, PodObject,
    PodSpec, PodStatus, mount,
};
use crate::model::image::Platform;
use crate::model::node::{NodeFacts, ReportedImage};
use crate::model::pod::{PodFacts, PodImage, PodPhase, PullPolicy};
use crate::model::reference::Reference;
use crate::model::run::RunFacts;
use crate::model::unit::Time;
use crate::policy::interest::{Interest, PodSketch};

/// Waiting reasons with which a kubelet says that an image does not come
/// (`pkg/kubelet/images/types.go`).
const PULL_FAILURES: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Where a node is, by the label that cloud providers set (k8s.io/api/core/v1, `LabelTopologyZone`).
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// Whether the pod is a step pod.
pub fn is_step<M: Named>(pod: &PodObject<M>, interest: &Interest) -> bool {
    static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();
    let spec = pod.spec.as_ref();
    let restart_policy = spec.and_then(|spec| spec.restart_policy.as_deref()).unwrap_or_default();
    let scheduler_name = spec.and_then(|spec| spec.scheduler_name.as_deref()).unwrap_or_default();
    let labels = pod.metadata.labels().unwrap_or(&NO_LABELS);
    interest.is_step(&PodSketch { restart_policy, scheduler_name, labels })
}

/// What the model needs of a pod.
pub fn pod_facts<M: Named>(pod: PodObject<M>, is_step: bool) -> PodFacts {
    let mut run = if is_step { run_facts(&pod) } else { RunFacts::default() };
    let PodObject { metadata, spec, status } = pod;
    let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
    if is_step {
        mount::add_needs(&mut run, &spec);
    }
    let name = metadata.name().to_owned();
    let namespace = metadata.namespace().to_owned();
    let uid = match metadata.uid() {
        "" => format!("{namespace}/{name}"),
        uid => uid.to_owned(),
    };
    let asked = amount::requests(&spec);
    PodFacts {
        uid,
        namespace,
        name,
        is_step,
        phase: phase(&status),
        bound_at: bound_at(&status),
        ended_at: ended_at(&status),
        pull_secrets: secrets(&spec),
        images: images(&spec, &status),
        run,
        claims: mount::claims(&spec, metadata.name()),
        cpu_millis: asked.cpu_millis,
        memory: asked.memory,
        node: spec.node_name.filter(|name| !name.is_empty()),
    }
}

/// What the model needs of a node; of its labels, those in `label_keys`. Its group is the policy's to say.
pub fn node_facts<M: Named>(node: NodeObject<M>, label_keys: &BTreeSet<String>) -> NodeFacts {
    let NodeObject { metadata, status } = node;
    let status = status.unwrap_or_default();
    let info = status.node_info.unwrap_or_default();
    let room = status.allocatable.unwrap_or_default();
    let labels = metadata.labels();
    let kept = label_keys.iter().filter_map(|key| Some((key.clone(), labels?.get(key)?.clone())));
    NodeFacts {
        name: metadata.name().to_owned(),
        platform: platform(&info, labels),
        labels: kept.collect(),
        group: String::new(),
        zone: labels.and_then(|labels| labels.get(ZONE_LABEL)).cloned().unwrap_or_default(),
        kubelet_minor: kubelet_minor(&info),
        cpu_millis: room.cpu_millis,
        memory: room.memory,
        pods_max: u32::try_from(room.pods).unwrap_or(u32::MAX),
        is_ready: condition(status.conditions.as_ref(), "Ready").is_some(),
        images: status.images.unwrap_or_default().into_iter().map(reported).collect(),
    }
}

fn reported(image: ContainerImage) -> ReportedImage {
    ReportedImage {
        names: image.names.unwrap_or_default(),
        // A negative size is as untold as none.
        size_bytes: image.size_bytes.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
    }
}

/// Every image in the order a kubelet pulls them: image volumes are mounted before any container
/// starts, init containers run in order, then the containers.
fn images(spec: &PodSpec, status: &PodStatus) -> Vec<PodImage> {
    let volumes = spec.volumes.iter().flatten().filter_map(|volume| volume.image.as_ref());
    let volumes = volumes.filter_map(|image| {
        let reference = image.reference.as_deref()?;
        Some(wanted(reference, image.pull_policy.as_deref(), None))
    });
    let init =
        of_containers(spec.init_containers.as_ref(), status.init_container_statuses.as_ref());
    let init = init.map(|image| PodImage { is_init: true, ..image });
    let main = of_containers(spec.containers.as_ref(), status.container_statuses.as_ref());
    volumes.chain(init).chain(main).collect()
}

fn of_containers<'a>(
    containers: Option<&'a Vec<Container>>,
    statuses: Option<&'a Vec<ContainerStatus>>,
) -> impl Iterator<Item = PodImage> + 'a {
    containers.into_iter().flatten().filter_map(move |container| {
        let status = statuses.into_iter().flatten().find(|status| status.name == container.name);
        Some(wanted(container.image.as_deref()?, container.image_pull_policy.as_deref(), status))
    })
}

fn wanted(reference: &str, policy: Option<&str>, status: Option<&ContainerStatus>) -> PodImage {
    let waiting =
        status.and_then(|status| status.state.as_ref()?.waiting.as_ref()?.reason.as_deref());
    PodImage {
        reference: reference.to_owned(),
        pull_policy: pull_policy(policy, reference),
        image_id: status.and_then(|status| status.image_id.clone()).filter(|id| !id.is_empty()),
        pull_fails: waiting.is_some_and(|reason| PULL_FAILURES.contains(&reason)),
        is_init: false,
    }
}

/// As told; else the API server's default: `Always` for the tag `latest`.
pub(super) fn pull_policy(told: Option<&str>, reference: &str) -> PullPolicy {
    match told {
        Some("Always") => PullPolicy::Always,
        Some("Never") => PullPolicy::Never,
        Some("IfNotPresent") => PullPolicy::IfNotPresent,
        _ if Reference::parse(reference).is_some_and(|r| r.is_latest()) => PullPolicy::Always,
        _ => PullPolicy::IfNotPresent,
    }
}

fn phase(status: &PodStatus) -> PodPhase {
    match status.phase.as_deref() {
        Some("Running" | "Unknown") => PodPhase::Running,
        Some("Succeeded") => PodPhase::Ended,
        Some("Failed") => PodPhase::Failed,
        _ => PodPhase::Waiting,
    }
}

fn bound_at(status: &PodStatus) -> Option<Time> {
    let scheduled = condition(status.conditions.as_ref(), "PodScheduled")?;
    time(scheduled.last_transition_time.as_deref()?)
}

/// The condition of a kind, if it is true.
fn condition<'a>(conditions: Option<&'a Vec<Condition>>, kind: &str) -> Option<&'a Condition> {
    conditions.into_iter().flatten().find(|condition| {
        condition.kind.as_deref() == Some(kind) && condition.status.as_deref() == Some("True")
    })
}

fn ended_at(status: &PodStatus) -> Option<Time> {
    let statuses = status.container_statuses.iter().flatten();
    let ends = statuses.filter_map(|status| {
        time(status.state.as_ref()?.terminated.as_ref()?.finished_at.as_deref()?)
    });
    ends.max()
}

/// An RFC 3339 time as the API writes it.
fn time(text: &str) -> Option<Time> {
    let nanos = text.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
    u64::try_from(nanos).ok().map(Time)
}

fn secrets(spec: &PodSpec) -> Vec<String> {
    let secrets = spec.image_pull_secrets.iter().flatten();
    secrets.filter_map(|secret| secret.name.clone()).filter(|name| !name.is_empty()).collect()
}

fn platform(info: &NodeInfo, labels: Option<&BTreeMap<String, String>>) -> Platform {
    let label = |key: &str| labels.and_then(|labels| labels.get(key)).map(String::as_str);
    let told = |field: &'_ Option<String>| field.clone().filter(|text| !text.is_empty());
    let os = told(&info.operating_system)
        .or_else(|| label("kubernetes.io/os").map(str::to_owned))
        .unwrap_or_default();
    let architecture = told(&info.architecture)
        .or_else(|| label("kubernetes.io/arch").map(str::to_owned))
        .unwrap_or_default();
    Platform::new(&os, &architecture, "")
}

/// `v1.37.2-gke.5` is 37; anything else is 0.
fn kubelet_minor(info: &NodeInfo) -> u16 {
    let version = info.kubelet_version.as_deref().unwrap_or_default();
    let mut parts = version.trim_start_matches('v').split('.');
    match (parts.next(), parts.next().map(str::parse)) {
        (Some("1"), Some(Ok(minor))) => minor,
        _ => 0,
    }
}
