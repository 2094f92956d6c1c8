//! Tests of the admin port, through its router.

mod claims;
mod volumes;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use tower::ServiceExt;

use super::*;
use crate::edge::clock::Clock;
use crate::model::node::{NodeFacts, ReportedImage};
use crate::model::pod::{PodFacts, PodImage};
use crate::policy::Policy;
use crate::policy::interest::Interest;
use crate::score::decision::volume::VolumeReasons;
use crate::score::decision::{Neutral, Reasons};
use crate::state::event::{Event, Kind};

const HTML: &str = include_str!("page.html");
const CSS: &str = include_str!("page.css");
const JS: &str = include_str!("page.js");

const IMAGE: &str = "registry.example/ci/build:1";
const IMAGE_BYTES: u64 = 1 << 30;

struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answered {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers[name].to_str().expect("text")
    }
}

async fn ask(shared: &Arc<Shared>, method: Method, path: &str, body: &str) -> Answered {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Body::from(body.to_owned())).expect("valid");
    let response = router(shared.clone()).oneshot(request).await;
    let (head, body) = response.expect("infallible").into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("whole");
    Answered {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).expect("text"),
    }
}

async fn get_of(shared: &Arc<Shared>, path: &str) -> Answered {
    ask(shared, Method::GET, path, "").await
}

fn blind() -> Arc<Shared> {
    Arc::new(Shared::new(Policy::default(), Interest::default(), Clock::Real))
}

/// A dozen nodes, of which the first three hold the image.
fn synced() -> Arc<Shared> {
    let shared = blind();
    shared.health().last_contact = Some(shared.clock.now());
    shared.apply(Event::ResyncStarted(Kind::Nodes));
    for number in 0..12 {
        let image = ReportedImage { names: vec![IMAGE.to_owned()], size_bytes: IMAGE_BYTES };
        shared.apply(Event::NodeApplied(NodeFacts {
            name: format!("node-{number:02}"),
            images: if number < 3 { vec![image] } else { Vec::new() },
            ..NodeFacts::default()
        }));
    }
    shared.apply(Event::ResyncEnded(Kind::Nodes));
    shared.apply(Event::ResyncStarted(Kind::Pods));
    shared.apply(Event::ResyncEnded(Kind::Pods));
    shared
}

/// Decides on a pod over all nodes, and remembers it.
fn remember(shared: &Shared, pod: &PodFacts) {
    let decision = {
        let tracker = shared.read();
        let nodes = tracker.cluster().nodes_by_name();
        let candidates =
            Candidates { nodes: nodes.into_iter().map(|(id, _)| id).collect(), unknown_count: 0 };
        let now = shared.clock.now();
        decide(pod, &candidates, tracker.cluster(), &shared.policy, now)
    };
    shared.recent().remember(pod.clone(), decision, true);
}

/// Decides on a pod over all nodes, remembers it, and binds it.
fn decide_and_bind(shared: &Shared, node: &str) {
    let image = PodImage { reference: IMAGE.to_owned(), ..PodImage::default() };
    let pod = PodFacts {
        uid: "uid-1".to_owned(),
        namespace: "ci".to_owned(),
        name: "build".to_owned(),
        is_step: true,
        images: vec![image],
        ..PodFacts::default()
    };
    remember(shared, &pod);
    shared.apply(Event::PodApplied(PodFacts { node: Some(node.to_owned()), ..pod }));
}

/// Every `prefix…` of lower-case letters that occurs in the text.
fn paths_in(text: &str, prefix: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_lowercase();
    text.match_indices(prefix)
        .map(|(at, _)| {
            let name = &text[at + prefix.len()..];
            let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
            format!("{prefix}{}", &name[..end])
        })
        .collect()
}

#[tokio::test]
async fn the_page_is_served_under_a_strict_policy() {
    let shared = synced();
    for (path, content_type, text) in [
        ("/", "text/html; charset=utf-8", HTML),
        ("/page.css", "text/css; charset=utf-8", CSS),
        ("/page.js", "text/javascript; charset=utf-8", JS),
    ] {
        let answered = get_of(&shared, path).await;
        assert_eq!(answered.status, StatusCode::OK, "{path}");
        assert_eq!(answered.header(header::CONTENT_TYPE), content_type);
        assert_eq!(answered.text, text);
        let policy = answered.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test]
async fn whatever_the_page_asks_for_is_there() {
    let shared = synced();
    let mut paths = [paths_in(HTML, "api/v1/"), paths_in(JS, "api/v1/")].concat();
    paths
        .extend(["page.css", "page.js", "metrics", "version", "readyz?verbose"].map(str::to_owned));
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        let is_post = path == "api/v1/explain";
        let method = if is_post { Method::POST } else { Method::GET };
        let pod = r#"{"spec":{}}"#;
        let answered = ask(&shared, method, &format!("/{path}"), pod).await;
        assert_eq!(answered.status, StatusCode::OK, "{path}: {}", answered.text);
    }
}

#[test]
fn the_page_asks_nobody_else_and_makes_no_markup_of_data() {
    let icon_namespace = "http://www.w3.org/2000/svg";
    for text in [HTML.replace(icon_namespace, ""), CSS.into(), JS.into()] {
        for forbidden in [
            "http://",
            "https://",
            "//cdn",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            " style=",
            " onclick=\"",
        ] {
            assert!(!text.contains(forbidden), "{forbidden}");
        }
    }
}

#[test]
fn the_page_has_words_for_every_reason() {
    let neutral = [Neutral::NoImages, Neutral::NoKnownCandidate, Neutral::ImagesUnknown];
    let names = Reasons::NAMES.map(|(_, name)| name).into_iter();
    let names = names.chain(neutral.map(Neutral::name));
    let names = names.chain(VolumeReasons::NAMES.map(|(_, name)| name));
    for name in names.chain(["not-synced", "stale"]) {
        let known = [format!("\n  {name}: "), format!("\n  '{name}': ")];
        assert!(known.iter().any(|key| JS.contains(key)), "{name}");
    }
}

#[tokio::test]
async fn the_page_shows_every_part_of_a_candidates_cost_in_a_colour_of_its_own() {
    let pod = json!({ "spec": { "containers": [{ "image": IMAGE }] } }).to_string();
    let decision = ask(&synced(), Method::POST, "/api/v1/explain", &pod).await.json();
    let keys = decision["nodes"][0].as_object().expect("fields").keys();
    // What need not be downloaded is told by a reason, and what crosses a zone is among what is streamed.
    let shown = |key: &&String| key.ends_with("Seconds") || key.ends_with("Bytes");
    let shown =
        keys.filter(shown).filter(|key| !["keptBytes", "zoneBytes"].contains(&key.as_str()));
    for key in shown {
        assert!(JS.contains(&format!(".{key}")), "{key}");
    }
    let (_, parts) = JS.split_once("const PARTS = {").expect("parts");
    let (parts, _) = parts.split_once("};").expect("an end");
    let parts: Vec<_> = parts.lines().filter_map(|line| line.trim().split_once(':')).collect();
    assert_eq!(parts.len(), 6, "{parts:?}");
    for (part, _) in parts {
        let uses = format!(".{part}, .legend .{part}::before {{ background: var(--{part})");
        assert!(CSS.contains(&uses), "{part}");
        assert_eq!(CSS.matches(&format!("--{part}: #")).count(), 2, "{part}: light and dark");
        assert!(JS.contains(&format!(" {part}: '")), "{part}: in the legend");
    }
}

#[tokio::test]
async fn readiness_is_told_in_words() {
    let ready = get_of(&synced(), "/readyz?verbose").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(
        ready.text,
        "[+]watch-nodes ok\n[+]watch-pods ok\n[+]watch-pending-pods: not listed yet\n\
         [+]watch-events: not watched yet\n[+]api-server ok\nreadyz check passed\n"
    );
    let shared = blind();
    shared.health().pods.error = Some("pods is forbidden".to_owned());
    shared.health().pending_pods.error = Some("unbound is forbidden".to_owned());
    shared.health().events.error = Some("events is forbidden".to_owned());
    let not_ready = get_of(&shared, "/readyz?verbose").await;
    assert_eq!(not_ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        not_ready.text,
        "[-]watch-nodes: not listed yet\n[-]watch-pods: pods is forbidden\n\
         [+]watch-pending-pods: lookahead is off: unbound is forbidden\n\
         [+]watch-events: learning is off: events is forbidden\n\
         [-]api-server: has not answered yet\nreadyz check failed\n"
    );
    assert_eq!(get_of(&shared, "/readyz").await.text, "not-synced\n");
    let with_nodes = synced();
    with_nodes.health().inventories.error = Some("inventories are forbidden".to_owned());
    with_nodes.health().manifests.is_absent = true;
    let without_agents = get_of(&with_nodes, "/readyz?verbose").await;
    assert_eq!(without_agents.status, StatusCode::OK);
    assert!(without_agents.text.contains("[-]watch-inventories: inventories are forbidden\n"));
    assert!(without_agents.text.contains("[+]watch-manifests ok: not installed"));
    let summary = get_of(&shared, "/api/v1/summary").await.json();
    assert_eq!(summary["notReadyReason"], "not-synced");
}

#[tokio::test]
async fn version_and_metrics_are_told() {
    let shared = synced();
    let version = get_of(&shared, "/version").await.json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    decide_and_bind(&shared, "node-00");
    let metrics = get_of(&shared, "/metrics").await;
    for line in [
        "dunnage_synced 1",
        "dunnage_index_entries{kind=\"nodes\"} 12",
        "dunnage_wanted_bytes_total 1073741824",
        "dunnage_present_bytes_total 1073741824",
        "dunnage_move_bytes_total{node=\"median\"} 1073741824",
        "dunnage_bound_pods_total{best=\"true\"} 1",
        "dunnage_annotation_events_total{result=\"failed\"} 0",
        "# TYPE dunnage_decisions_total counter",
    ] {
        assert!(metrics.text.contains(line), "{line} in\n{}", metrics.text);
    }
}

#[tokio::test]
async fn a_list_of_decisions_has_the_best_candidates_and_the_chosen_one() {
    let shared = synced();
    decide_and_bind(&shared, "node-11");
    let list = get_of(&shared, "/api/v1/decisions").await.json();
    let decision = &list["items"][0];
    let names = |decision: &Value| -> Vec<String> {
        let nodes = decision["nodes"].as_array().expect("nodes");
        let name = |node: &Value| node["node"].as_str().map(str::to_owned);
        nodes.iter().filter_map(name).collect()
    };
    assert_eq!(decision["chosen"], "node-11");
    assert_eq!(decision["candidates"], 12);
    assert_eq!(decision["bestBytes"], 0);
    assert_eq!(decision["medianBytes"], IMAGE_BYTES);
    let listed = names(decision);
    assert_eq!(listed.len(), LISTED_NODES_MAX + 1, "{listed:?}");
    assert_eq!(listed[..3], ["node-00", "node-01", "node-02"]);
    assert_eq!(listed[LISTED_NODES_MAX], "node-11");
    let whole = get_of(&shared, "/api/v1/decisions?pod=ci/build").await.json();
    let all = names(&whole["items"][0]);
    assert_eq!(all.len(), 12);
    assert_eq!(all[..LISTED_NODES_MAX], listed[..LISTED_NODES_MAX]);
    let none = get_of(&shared, "/api/v1/decisions?pod=ci/other").await;
    assert_eq!(none.json()["items"], json!([]));
}

#[tokio::test]
async fn lists_longer_than_what_is_copied_at_once_are_whole_and_in_order() {
    let shared = synced();
    let names: Vec<_> = (0..600).rev().map(|number| format!("late-{number:03}")).collect();
    for name in &names {
        let (image, size_bytes) = (format!("registry.example/{name}:1"), 1_000);
        let images = vec![ReportedImage { names: vec![image], size_bytes }];
        let facts = NodeFacts { name: name.clone(), images, ..NodeFacts::default() };
        shared.apply(Event::NodeApplied(facts));
    }
    shared.apply(Event::NodeRemoved { name: "late-300".to_owned() });
    let expected = (0..600).filter(|number| *number != 300);
    let expected: Vec<_> = expected.map(|number| format!("late-{number:03}")).collect();
    let list = get_of(&shared, "/api/v1/nodes").await.json();
    let nodes = list["items"].as_array().expect("nodes");
    let listed: Vec<_> = nodes.iter().map(|node| node["name"].as_str().expect("text")).collect();
    assert_eq!(listed[..599], expected);
    assert_eq!(listed[599..], names_of_first_nodes());
    assert!(nodes[..599].iter().all(|node| node["images"] == 1 && node["imageBytes"] == 1_000));
    let list = get_of(&shared, "/api/v1/images").await.json();
    let images = list["items"].as_array().expect("images").iter();
    let listed: Vec<_> =
        images.map(|image| image["references"][0].as_str().expect("text")).collect();
    let references = expected.iter().map(|name| format!("registry.example/{name}:1"));
    assert_eq!(listed, [vec![IMAGE.to_owned()], references.collect()].concat());
}

fn names_of_first_nodes() -> Vec<String> {
    (0..12).map(|number| format!("node-{number:02}")).collect()
}

#[tokio::test]
async fn a_pod_is_explained_over_all_nodes() {
    let shared = synced();
    let pod = json!({ "metadata": { "name": "a" }, "spec": { "restartPolicy": "Never",
        "containers": [{ "image": IMAGE }] } });
    let answered = ask(&shared, Method::POST, "/api/v1/explain", &pod.to_string()).await;
    let decision = answered.json();
    let nodes = decision["nodes"].as_array().expect("nodes").iter();
    let nodes: Vec<_> = nodes.map(|node| node["node"].as_str().expect("text")).collect();
    assert_eq!(nodes, names_of_first_nodes());
    assert_eq!((&decision["candidates"], &decision["stepPod"]), (&json!(12), &json!(true)));
    assert_eq!(decision["wanted"][0]["images"][0]["bytes"], IMAGE_BYTES);
    assert!(shared.recent().newest_first().next().is_none(), "nothing is remembered");
}

#[tokio::test]
async fn wrong_requests_are_refused_with_the_reason() {
    let shared = synced();
    let wrong_limit = get_of(&shared, "/api/v1/decisions?limit=many").await;
    assert_eq!(wrong_limit.status, StatusCode::BAD_REQUEST);
    assert_eq!(wrong_limit.json()["error"], "limit: expected a number");
    for (body, reason) in [
        ("not json", "not a Pod as JSON: "),
        ("5", "not a Pod as JSON: "),
        ("{}", "not a Pod: it has no spec"),
    ] {
        let answered = ask(&shared, Method::POST, "/api/v1/explain", body).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{body}");
        let error = answered.json()["error"].to_string();
        assert!(error[1..].starts_with(reason), "{error}");
    }
}
