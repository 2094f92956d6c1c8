//! Watches nodes, pods and what agents publish, and turns what happens into events for the tracker.
//!
//! kube's watcher does the protocol: streaming lists, bookmarks, resuming. Objects are decoded
//! into the few fields of [`crate::edge::object`] and dropped. A watch never gives up: what is wrong is
//! shown by `/readyz`, logged once per change, and tried again.

mod agents;
mod claims;
mod complaints;
mod pending;
mod pulled;
mod retry;

use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::api::Api;
use kube::core::ObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Error, watcher};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::edge::cause::with_causes;
use crate::edge::object::convert::{is_step, node_facts, pod_facts};
use crate::edge::object::{Named, NodeObject, PodObject};
use crate::edge::shared::Shared;
use crate::edge::watch::complaints::Complaints;
use crate::edge::watch::retry::Retry;
use crate::model::pod::PodFacts;
use crate::state::event::{Event, Kind};

/// How often the API server is asked for a sign of life: three can fail before contact counts as lost.
const CONTACT_INTERVAL: Duration = Duration::from_secs(15);
/// Objects in one page of a list, where the server cannot stream: the API machinery's own default.
const PAGE_SIZE: u32 = 500;
/// Pods are on nodes when they are bound. Those before that are [`pending`]'s: a burst of new pods must not
/// delay the news of where the ones before it went.
const BOUND_PODS: &str = "spec.nodeName!=";
const ALL_PODS: &str = "";

/// Watches until cancelled. Each part runs on its own, so that one kind being refused does not silence
/// the other.
pub async fn run(client: Client, shared: Arc<Shared>) {
    // Ended with this future, which never ends by itself.
    let mut apart = JoinSet::new();
    apart.spawn(pending::run(client.clone(), shared.clone()));
    let nodes = watch_nodes(client.clone(), shared.clone());
    let (complaints, waiting) = Complaints::new();
    let noted = |pod: &PodFacts| complaints.note(pod, &shared);
    let pods = watch_pods(client.clone(), BOUND_PODS, &shared, noted);
    let posting = complaints::post(client.clone(), waiting, &complaints, shared.clone());
    let agents = agents::run(client.clone(), shared.clone());
    let claims = claims::run(client.clone(), shared.clone());
    let pulled = pulled::run(client.clone(), shared.clone());
    let contact = keep_contact(client, shared.clone());
    let time = pass_time(shared.clone());
    futures::join!(nodes, pods, posting, agents, claims, pulled, contact, time);
}

/// Watches what a recorder hears of, until cancelled: nodes, all pods in one stream, so that each is followed
/// from its creation to its deletion, what agents publish, and pulls. Nothing is written to the cluster.
pub async fn run_for_recorder(client: Client, shared: Arc<Shared>) {
    let nodes = watch_nodes(client.clone(), shared.clone());
    let offered = |pod: &PodFacts| {
        if pod.is_step && !pod.phase.is_over() {
            shared.unresolved.offer(pod);
        }
    };
    let pods = watch_pods(client.clone(), ALL_PODS, &shared, offered);
    let agents = agents::run(client.clone(), shared.clone());
    let pulled = pulled::run(client.clone(), shared.clone());
    let contact = keep_contact(client, shared.clone());
    futures::join!(nodes, pods, agents, pulled, contact, pass_time(shared.clone()));
}

async fn watch_nodes(client: Client, shared: Arc<Shared>) {
    let label_keys = shared.label_keys();
    let applied = |node: NodeObject<ObjectMeta>| {
        let mut facts = node_facts(node, &label_keys);
        facts.group = shared.policy.node_group(&facts.labels);
        Some(Event::NodeApplied(facts))
    };
    let removed = |node: NodeObject<ObjectMeta>| {
        let name = node.metadata.name().to_owned();
        Some(Event::NodeRemoved { name })
    };
    follow(Api::all(client), (Kind::Nodes, ""), &shared, applied, removed).await;
}

async fn watch_pods(client: Client, fields: &str, shared: &Shared, seen: impl Fn(&PodFacts)) {
    let applied = |pod: PodObject<ObjectMeta>| {
        let is_step = is_step(&pod, &shared.interest);
        let facts = pod_facts(pod, is_step);
        seen(&facts);
        Some(Event::PodApplied(facts))
    };
    let removed = |pod: PodObject<ObjectMeta>| {
        let uid = pod_facts(pod, false).uid;
        Some(Event::PodRemoved { uid })
    };
    follow(Api::all(client), (Kind::Pods, fields), shared, applied, removed).await;
}

/// Follows one kind for ever. Starts with streaming lists and falls back to paged ones where the API
/// server does not know them.
async fn follow<K>(
    api: Api<K>,
    (kind, fields): (Kind, &str),
    shared: &Shared,
    applied: impl Fn(K) -> Option<Event>,
    removed: impl Fn(K) -> Option<Event>,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let paged = watcher::Config::default().fields(fields).page_size(PAGE_SIZE);
    for (streams, config) in [(true, paged.clone().streaming_lists()), (false, paged)] {
        let stream = watcher(api.clone(), config).backoff(Retry::default());
        if consume(stream, kind, shared, streams, &applied, &removed).await.is_break() {
            tracing::info!(?kind, "the API server does not stream lists: listing in pages");
        }
    }
}

/// Consumes a watch stream; breaks if the server refuses to stream lists.
async fn consume<K>(
    stream: impl Stream<Item = Result<watcher::Event<K>, Error>>,
    kind: Kind,
    shared: &Shared,
    streams: bool,
    applied: &impl Fn(K) -> Option<Event>,
    removed: &impl Fn(K) -> Option<Event>,
) -> std::ops::ControlFlow<()> {
    let mut stream = pin!(stream);
    while let Some(result) = stream.next().await {
        let event = match result {
            Ok(event) => event,
            Err(error) if streams && refuses_streaming(&error) => {
                return std::ops::ControlFlow::Break(());
            }
            Err(error) => {
                note_error(shared, kind, &error);
                continue;
            }
        };
        note_success(shared, kind);
        let event = match event {
            watcher::Event::Init => Some(Event::ResyncStarted(kind)),
            watcher::Event::InitApply(object) | watcher::Event::Apply(object) => applied(object),
            watcher::Event::InitDone => Some(Event::ResyncEnded(kind)),
            watcher::Event::Delete(object) => removed(object),
        };
        if let Some(event) = event {
            shared.apply(event);
        }
    }
    std::ops::ControlFlow::Continue(())
}

/// `sendInitialEvents` is refused as invalid or forbidden by servers without the WatchList feature.
fn refuses_streaming(error: &Error) -> bool {
    match error {
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status)) => {
            status.message.contains("sendInitialEvents")
        }
        _ => false,
    }
}

fn note_error(shared: &Shared, kind: Kind, error: &Error) {
    if kind.is_optional() && agents::is_unknown_kind(error) {
        note_absence(shared, kind);
        return;
    }
    shared.metrics.watch_restarts.with_label_values(&[kind.name()]).inc();
    let text = with_causes(error);
    let mut health = shared.health();
    let watch = health.watch(kind);
    if watch.error.as_ref() != Some(&text) {
        tracing::warn!(kind = kind.name(), error = %text, "watch failed; trying again");
        watch.error = Some(text);
    }
}

/// What is not installed is nothing to warn of.
fn note_absence(shared: &Shared, kind: Kind) {
    let mut health = shared.health();
    let watch = health.watch(kind);
    watch.error = None;
    if !std::mem::replace(&mut watch.is_absent, true) {
        tracing::info!(kind = kind.name(), "the API server does not know the kind; asking again");
    }
}

fn note_success(shared: &Shared, kind: Kind) {
    let now = shared.clock.now();
    let mut health = shared.health();
    health.last_contact = Some(now);
    health.watch(kind).is_absent = false;
    if health.watch(kind).error.take().is_some() {
        tracing::info!(kind = kind.name(), "watch works again");
    }
}

/// Asks the API server for its version from time to time: a quiet cluster sends no events, and silence
/// must not be taken for a lost connection, nor the other way round.
async fn keep_contact(client: Client, shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(CONTACT_INTERVAL);
    loop {
        ticks.tick().await;
        match client.apiserver_version().await {
            Ok(_) => shared.health().last_contact = Some(shared.clock.now()),
            Err(error) => tracing::debug!(%error, "the API server does not answer"),
        }
    }
}

/// Tells the tracker every second that time has passed.
async fn pass_time(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        shared.apply(Event::TimePassed);
    }
}
