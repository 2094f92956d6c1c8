//! The admin port: probes, metrics, the read-only API, `explain`, and the page.
//!
//! Nothing here changes anything. `/livez` says that the process answers; `/readyz` that the extender
//! knows enough to prefer nodes. The JSON shapes are [`crate::edge::view`]'s. Locks are held to copy what
//! is needed, and let go before anything is made of it.

mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Router, body::Bytes};
use prometheus::IntCounterVec;
use serde::Serialize;
use serde_json::{Value, json};

use crate::edge::metrics::volume::VolumeMetrics;
use crate::edge::object::PodObject;
use crate::edge::object::convert::{is_step, pod_facts};
use crate::edge::recent::Entry;
use crate::edge::shared::{Shared, WatchHealth};
use crate::edge::view::legend::Legend;
use crate::edge::view::{API_VERSION, DecisionView, cluster, copy, volume};
use crate::model::pod::PodFacts;
use crate::score::decision::Decision;
use crate::score::{Candidates, decide, learned_factor};
use crate::state::event::Kind;

/// Decisions in one answer unless the query says otherwise, and at most; the page shows the former.
const LISTED_DECISIONS: usize = 50;
const LISTED_DECISIONS_MAX: usize = 1_000;
/// Candidates of each decision in a list of decisions; one decision alone comes whole.
const LISTED_NODES_MAX: usize = 5;
/// A pod's object is at most 1.5 MiB in etcd.
const POD_BYTES_MAX: usize = 2 << 20;

/// The port's routes.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page::html))
        .route("/page.css", get(page::css))
        .route("/page.js", get(page::js))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
        .route("/api/v1/nodes", get(nodes))
        .route("/api/v1/images", get(images))
        .route("/api/v1/volumes", get(volumes))
        .route("/api/v1/decisions", get(decisions))
        .route("/api/v1/summary", get(summary))
        .route("/api/v1/explain", post(explain))
        .layer(axum::extract::DefaultBodyLimit::max(POD_BYTES_MAX))
        .with_state(shared)
}

type Arguments = Query<BTreeMap<String, String>>;

async fn readyz(State(shared): State<Arc<Shared>>, Query(query): Arguments) -> Response {
    let health = shared.health().clone();
    let blind = shared.blind();
    let status = if blind.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if !query.contains_key("verbose") {
        let text = blind.map_or_else(|| "ok\n".to_owned(), |reason| format!("{reason}\n"));
        return (status, text).into_response();
    }
    let contact = match (blind, health.last_contact) {
        (Some("stale"), _) => "[-]api-server: no sign of life; answers are neutral\n".to_owned(),
        (_, None) => "[-]api-server: has not answered yet\n".to_owned(),
        (_, Some(_)) => "[+]api-server ok\n".to_owned(),
    };
    let verdict = if blind.is_none() { "readyz check passed\n" } else { "readyz check failed\n" };
    let text = format!(
        "{}{}{}{}{}{}{}{contact}{verdict}",
        watch_line("nodes", &health.nodes),
        watch_line("pods", &health.pods),
        pending_line(shared.policy.run.lookahead.share.0 > 0, &health.pending_pods),
        agents_line("inventories", &health.inventories),
        agents_line("manifests", &health.manifests),
        storage_lines(&health.storage),
        events_line(shared.policy.learn.enabled, &health.events)
    );
    (status, text).into_response()
}

fn watch_line(kind: &str, watch: &WatchHealth) -> String {
    match (watch.synced, &watch.error) {
        (true, None) => format!("[+]watch-{kind} ok\n"),
        (true, Some(error)) => format!("[+]watch-{kind} ok, but broken now: {error}\n"),
        (false, None) => format!("[-]watch-{kind}: not listed yet\n"),
        (false, Some(error)) => format!("[-]watch-{kind}: {error}\n"),
    }
}

/// Never a failure: without pods that are not bound only lookahead stops.
fn pending_line(is_wanted: bool, watch: &WatchHealth) -> String {
    let kind = Kind::PendingPods.name();
    match (is_wanted, &watch.error) {
        (false, _) => format!("[+]watch-{kind}: lookahead is switched off by the policy\n"),
        (true, Some(error)) => format!("[+]watch-{kind}: lookahead is off: {error}\n"),
        (true, None) if watch.synced => format!("[+]watch-{kind} ok\n"),
        (true, None) => format!("[+]watch-{kind}: not listed yet\n"),
    }
}

/// Of what agents publish: nothing is wrong without it, and where nobody watches nothing is said.
fn agents_line(kind: &str, watch: &WatchHealth) -> String {
    match (watch.is_absent, watch.synced, &watch.error) {
        (true, ..) => format!("[+]watch-{kind} ok: not installed (deploy/crds.yaml)\n"),
        (false, false, None) => String::new(),
        _ => watch_line(kind, watch),
    }
}

/// Never a failure: without a kind less is known of where volumes are.
fn storage_lines(watches: &BTreeMap<&'static str, WatchHealth>) -> String {
    let line = |(kind, watch): (&&str, &WatchHealth)| match &watch.error {
        _ if watch.is_absent => format!("[+]watch-{kind} ok: unknown to the API server\n"),
        Some(error) => format!("[+]watch-{kind}: where volumes are is not known: {error}\n"),
        None if watch.synced => format!("[+]watch-{kind} ok\n"),
        None => format!("[+]watch-{kind}: not listed yet\n"),
    };
    watches.iter().map(line).collect()
}

/// Never a failure: without reports only learning stops.
fn events_line(is_wanted: bool, events: &WatchHealth) -> String {
    match (is_wanted, &events.error) {
        (false, _) => "[+]watch-events: learning is switched off by the policy\n".to_owned(),
        (true, Some(error)) => format!("[+]watch-events: learning is off: {error}\n"),
        (true, None) if events.synced => "[+]watch-events ok\n".to_owned(),
        (true, None) => "[+]watch-events: not watched yet\n".to_owned(),
    }
}

/// What was learned of how fast pulls are: node group, registry, factor and pulls it is from.
fn learned(shared: &Shared) -> Vec<(String, String, f64, u32)> {
    let tracker = shared.read();
    let pairs = tracker.cluster().observed().pairs().map(|(group, registry, knowledge)| {
        let factor = learned_factor(&shared.policy, &knowledge);
        (group.to_owned(), registry.to_owned(), factor, knowledge.pair.count)
    });
    pairs.collect()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let (sizes, of_storage) = {
        let tracker = shared.read();
        (tracker.cluster().sizes(), tracker.cluster().storage().sizes())
    };
    for (kind, entries) in sizes.into_iter().chain(of_storage) {
        let entries = i64::try_from(entries).unwrap_or(i64::MAX);
        shared.metrics.index_entries.with_label_values(&[kind]).set(entries);
    }
    for (group, registry, factor, _) in learned(&shared) {
        shared.metrics.learning.factor.with_label_values(&[&group, &registry]).set(factor);
    }
    shared.metrics.synced.set(i64::from(shared.blind().is_none()));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], shared.metrics.text())
}

async fn version() -> Json<Value> {
    Json(json!({ "name": "dunnage", "version": env!("CARGO_PKG_VERSION") }))
}

async fn nodes(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let now = shared.clock.now();
    list("NodeList", cluster::nodes(copy::nodes(&shared), now))
}

async fn images(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let reasons = shared.unresolved.reasons();
    list("ImageList", cluster::images(copy::images(&shared), reasons))
}

async fn volumes(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    list("VolumeList", volume::volumes(copy::volumes(&shared)))
}

/// What the API answers with many of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<T> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<T>,
}

fn list<T>(kind: &'static str, items: Vec<T>) -> Json<List<T>> {
    Json(List { api_version: API_VERSION, kind, items })
}

/// The last decisions, newest first; with `?pod=NAMESPACE/NAME` only that pod's, with all candidates.
async fn decisions(
    State(shared): State<Arc<Shared>>,
    Query(query): Arguments,
) -> Result<Json<List<DecisionView>>, Refusal> {
    let limit = match query.get("limit").map(|text| text.parse::<usize>()) {
        None => LISTED_DECISIONS,
        Some(Ok(limit)) => limit.min(LISTED_DECISIONS_MAX),
        Some(Err(_)) => return Err(Refusal("limit: expected a number".to_owned())),
    };
    let wanted = query.get("pod").map(String::as_str);
    let nodes_max = wanted.map_or(LISTED_NODES_MAX, |_| usize::MAX);
    let entries = remembered(&shared, wanted, limit);
    let decisions = entries.iter().map(|entry| &*entry.decision);
    let legend = Legend::of(decisions, shared.read().cluster());
    let views = entries.iter().map(|entry| DecisionView::of_entry(entry, &legend, nodes_max));
    Ok(list("DecisionList", views.collect()))
}

/// The last decisions, all or of the pod `NAMESPACE/NAME`, newest first.
fn remembered(shared: &Shared, wanted: Option<&str>, limit: usize) -> Vec<Entry> {
    let of_pod = wanted.map(|wanted| wanted.split_once('/').unwrap_or(("", wanted)));
    let is_wanted =
        |entry: &&Entry| of_pod.is_none_or(|pod| pod == (&entry.pod.namespace, &entry.pod.name));
    shared.recent().newest_first().filter(is_wanted).take(limit).cloned().collect()
}

async fn summary(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let metrics = &shared.metrics;
    let index: BTreeMap<_, _> = shared.read().cluster().sizes().into_iter().collect();
    let wanted = metrics.wanted_bytes.get();
    let present = metrics.present_bytes.get();
    Json(json!({
        "apiVersion": API_VERSION,
        "kind": "Summary",
        "version": env!("CARGO_PKG_VERSION"),
        "ready": shared.blind().is_none(),
        "notReadyReason": shared.blind(),
        "index": index,
        "decisions": metrics.decisions.get(),
        "boundPods": {
            "onBestNode": metrics.bound.with_label_values(&["true"]).get(),
            "onOtherNode": metrics.bound.with_label_values(&["false"]).get(),
        },
        "bytes": bytes(wanted, present, metrics.arriving_bytes.get(), &metrics.move_bytes),
        "volumeBytes": volume_bytes(&metrics.volumes),
        "hitRate": ratio(present, wanted),
        "pulls": pulls(&shared),
    }))
}

/// What bound pods wanted, what of it their nodes had, and what candidates would have moved.
fn bytes(wanted: u64, present: u64, arriving: u64, moved: &IntCounterVec) -> Value {
    let moved = |node: &str| moved.with_label_values(&[node]).get();
    json!({
        "wanted": wanted,
        "present": present,
        "arriving": arriving,
        "movedToChosen": moved("chosen"),
        "movedToBest": moved("best"),
        "movedToMedian": moved("median"),
    })
}

/// The same of volumes.
fn volume_bytes(metrics: &VolumeMetrics) -> Value {
    let [present, arriving, missing] = ["present", "arriving", "missing"]
        .map(|state| metrics.bytes.with_label_values(&[state]).get());
    bytes(present + arriving + missing, present, arriving, &metrics.move_bytes)
}

/// How predictions of pulls did, and what was learned; `null` while no pull was observed.
fn pulls(shared: &Shared) -> Value {
    let rates = learned(shared).into_iter().map(|(group, registry, factor, observed)| {
        let factor = thousandths(factor);
        json!({ "nodeGroup": group, "registry": registry, "factor": factor, "observed": observed })
    });
    let rates: Vec<Value> = rates.collect();
    let accuracy = shared.accuracy();
    json!({
        "observed": accuracy.count(),
        "medianBias": accuracy.bias().map(thousandths),
        "medianError": accuracy.error().map(thousandths),
        "rates": rates,
    })
}

fn thousandths(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// `null` while there is nothing to divide by.
#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A Pod in, the decision over all nodes out. Nothing is remembered.
async fn explain(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let pod: PodObject = serde_json::from_slice(&body)
        .map_err(|error| Refusal(format!("not a Pod as JSON: {error}")))?;
    if pod.spec.is_none() {
        return Err(Refusal("not a Pod: it has no spec".to_owned()));
    }
    let is_step = is_step(&pod, &shared.interest);
    let pod = pod_facts(pod, is_step);
    let (decision, legend) = decide_over_all(&shared, &pod);
    let mut view = serde_json::to_value(DecisionView::new(&pod, &decision, &legend))
        .map_err(|error| Refusal(error.to_string()))?;
    view["stepPod"] = json!(is_step);
    view["notReadyReason"] = json!(shared.blind());
    Ok(Json(view))
}

/// A decision over all nodes in the order of their names, which is made between two looks at the tracker.
fn decide_over_all(shared: &Shared, pod: &PodFacts) -> (Decision, Legend) {
    let mut names = copy::node_names(shared);
    names.sort_unstable();
    let now = shared.clock.now();
    let tracker = shared.read();
    let cluster = tracker.cluster();
    let nodes = names.iter().filter_map(|name| cluster.node_id(name)).collect();
    let candidates = Candidates { nodes, unknown_count: 0 };
    let decision = decide(pod, &candidates, cluster, &shared.policy, now);
    let legend = Legend::of(std::iter::once(&decision), cluster);
    (decision, legend)
}

/// A request that cannot be answered: 400 with the reason.
struct Refusal(String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}
