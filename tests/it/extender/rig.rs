//! A router on a small cluster, and requests to it without a socket.
//!
//! Of the nodes, `warm` holds the image that step pods want, `half` its base layer, `cold-a` and
//! `cold-b` nothing; on `busy` many other step pods wait.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::http::{HeaderMap, Request};
use dunnage::edge::clock::Clock;
use dunnage::edge::extender::{Settings, router};
use dunnage::edge::shared::Shared;
use dunnage::model::image::{ImageFacts, Layer, Platform};
use dunnage::model::node::{NodeFacts, ReportedImage};
use dunnage::model::pod::{PodFacts, PodImage};
use dunnage::model::unit::{Bytes, Time};
use dunnage::policy::Policy;
use dunnage::policy::interest::Interest;
use dunnage::state::event::{Event, Kind};
use serde_json::{Value, json};
use tower::ServiceExt;

/// What step pods want: 1.8 GB in two layers.
pub const IMAGE: &str = "registry.example/ci/build:1";
/// Its base: 1.2 GB in one layer.
pub const BASE: &str = "registry.example/ci/base:1";
/// All nodes of the small cluster.
pub const NODES: [&str; 5] = ["cold-a", "warm", "half", "cold-b", "busy"];
/// When everything happens.
pub const NOW: Time = Time(1_790_000_000_000_000_000);
/// Generous, as test machines also compile: only tests of the deadline shorten it.
pub const SETTINGS: Settings =
    Settings { deadline: Duration::from_secs(30), body_bytes_max: 128 << 20, shadow: false };

/// A router and what it knows.
pub struct Rig {
    pub shared: Arc<Shared>,
    pub router: Router,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub neutral: String,
    pub content_type: String,
    /// As known before the body is sent, which is what becomes `Content-Length`.
    pub length: Option<u64>,
    pub text: String,
}

impl Rig {
    /// On the small cluster, listed.
    pub fn new() -> Self {
        Self::with(SETTINGS)
    }

    /// On the small cluster, with other settings.
    pub fn with(settings: Settings) -> Self {
        let rig = Self::empty(settings);
        rig.list(NODES.map(node));
        rig
    }

    /// Without any knowledge.
    pub fn empty(settings: Settings) -> Self {
        let policy = Policy::named("default").expect("comes with the program");
        let shared = Shared::new(policy, Interest::default(), Clock::manual(NOW));
        let shared = Arc::new(shared);
        let router = router(shared.clone(), settings);
        Self { shared, router }
    }

    /// Lists nodes, the pods that wait on `busy`, and what the images are made of.
    pub fn list(&self, nodes: impl IntoIterator<Item = NodeFacts>) {
        for facts in images() {
            self.shared.apply(Event::ImageKnown(facts));
        }
        self.shared.apply(Event::ResyncStarted(Kind::Nodes));
        for facts in nodes {
            self.shared.apply(Event::NodeApplied(facts));
        }
        self.shared.apply(Event::ResyncEnded(Kind::Nodes));
        self.shared.apply(Event::ResyncStarted(Kind::Pods));
        for number in 0..100 {
            self.shared.apply(Event::PodApplied(waiting_pod(number)));
        }
        self.shared.apply(Event::ResyncEnded(Kind::Pods));
    }

    /// Sends a request to the router.
    pub async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> Reply {
        let request = Request::builder().method(method).uri(path).body(body.into());
        let request = request.expect("a valid request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let length = body.size_hint().exact();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
        Reply {
            status: parts.status.as_u16(),
            neutral: header(&parts.headers, "dunnage-neutral"),
            content_type: header(&parts.headers, "content-type"),
            length,
            text: String::from_utf8(bytes.into()).expect("UTF-8"),
        }
    }

    /// Asks for points; whatever is sent, the answer is well-formed.
    pub async fn prioritize(&self, body: impl Into<Body>) -> Reply {
        let reply = self.send("POST", "/prioritize", body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.content_type, "application/json", "{reply:?}");
        assert_eq!(reply.length, Some(reply.text.len() as u64), "{reply:?}");
        assert_eq!(reply.neutral.is_empty(), reply.text != "[]", "{reply:?}");
        let mut hosts = Vec::new();
        for (host, score) in reply.scores() {
            assert!((1..=10).contains(&score), "{host} has {score}");
            hosts.push(host);
        }
        let count = hosts.len();
        hosts.sort();
        hosts.dedup();
        assert_eq!(hosts.len(), count, "a host twice: {}", reply.text);
        reply
    }
}

impl Reply {
    /// Host and score of each entry, in the order answered.
    pub fn scores(&self) -> Vec<(String, i64)> {
        let list: Vec<Value> = serde_json::from_str(&self.text).expect("a JSON array");
        let entry = |entry: &Value| {
            let keys = entry.as_object().map(|entry| entry.keys().map(String::as_str).collect());
            assert_eq!(keys, Some(vec!["Host", "Score"]));
            (
                entry["Host"].as_str().expect("text").to_owned(),
                entry["Score"].as_i64().expect("int"),
            )
        };
        list.iter().map(entry).collect()
    }

    /// That no node is preferred, and why.
    pub fn is_neutral(&self, reason: &str) {
        assert_eq!((&*self.text, &*self.neutral), ("[]", reason));
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| value.to_str().expect("ASCII"));
    value.unwrap_or_default().to_owned()
}

/// A node of the small cluster.
pub fn node(name: &str) -> NodeFacts {
    let images = match name {
        "warm" => vec![reported(IMAGE, 1_800_000_000), reported(BASE, 1_200_000_000)],
        "half" => vec![reported(BASE, 1_200_000_000)],
        _ => Vec::new(),
    };
    NodeFacts {
        name: name.to_owned(),
        platform: Platform::new("linux", "amd64", ""),
        labels: BTreeMap::new(),
        group: String::new(),
        zone: String::new(),
        kubelet_minor: 36,
        images,
        ..NodeFacts::default()
    }
}

fn reported(name: &str, size_bytes: u64) -> ReportedImage {
    ReportedImage { names: vec![name.to_owned()], size_bytes }
}

fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

fn images() -> [ImageFacts; 2] {
    let layer = |letter, bytes| Layer {
        digest: digest(letter),
        diff_id: None,
        compressed_bytes: Bytes(bytes),
    };
    let image = |letter, name: &str, layers| ImageFacts {
        digests: vec![digest(letter)],
        references: vec![name.to_owned()],
        platform: Platform::new("linux", "amd64", ""),
        layers,
        published_at: Time::default(),
    };
    let base = layer('1', 1_200_000_000);
    [image('a', BASE, vec![base.clone()]), image('b', IMAGE, vec![base, layer('2', 600_000_000)])]
}

fn waiting_pod(number: usize) -> PodFacts {
    let image =
        PodImage { reference: "registry.example/other:1".to_owned(), ..PodImage::default() };
    PodFacts {
        uid: format!("waits-{number}"),
        is_step: true,
        images: vec![image],
        node: Some("busy".to_owned()),
        bound_at: Some(NOW),
        ..PodFacts::default()
    }
}

/// A step pod that wants `image`.
pub fn pod(image: &str) -> Value {
    json!({
        "metadata": { "name": "build", "namespace": "ci", "uid": "1" },
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "a", "image": image }] },
        "status": { "phase": "Pending" },
    })
}

/// A body as kube-scheduler sends it with `nodeCacheCapable: true`: `Pod` first.
pub fn body(pod: &Value, names: &[&str]) -> String {
    format!(r#"{{"Pod":{pod},"Nodes":null,"NodeNames":{}}}"#, json!(names))
}

/// A body as kube-scheduler sends it with `nodeCacheCapable: false`.
pub fn body_with_nodes(pod: &Value, nodes: &[Value]) -> String {
    let nodes = json!({ "metadata": {}, "items": nodes });
    format!(r#"{{"Pod":{pod},"Nodes":{nodes},"NodeNames":null}}"#)
}
