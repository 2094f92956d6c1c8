//! The extender port: `POST /prioritize` and `POST /filter`, as kube-scheduler's client calls them.
//!
//! Whatever happens, `/prioritize` answers 200 with a JSON array and in time: a scheduler that waits
//! for us waits for every pod of the cluster. What cannot be answered is answered neutrally, `[]`, with
//! the reason in the `dunnage-neutral` header and in the metrics. What to prefer is decided by
//! [`crate::score::decide_into`]; the bytes on the wire are [`wire`]'s.

mod body;
pub mod lookup;
#[cfg(test)]
mod tests;
pub mod wire;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Response};
use axum::routing::post;
use tokio::time::{Instant, timeout_at};

use crate::edge::extender::body::{Bodies, Held};
use crate::edge::extender::lookup::Lookup;
use crate::edge::extender::wire::{Answer, Asked};
use crate::edge::shared::Shared;
use crate::model::expected::NODES_MAX;
use crate::model::pod::PodFacts;
use crate::score::scratch::Scratch;
use crate::score::{Question, decide_into};
use crate::state::event::Event;

/// Says in an answer why it is neutral.
pub static NEUTRAL_HEADER: HeaderName = HeaderName::from_static("dunnage-neutral");

/// Larger bodies are decoded off the event loop: at 1 GB/s this one takes a millisecond.
const INLINE_BODY_BYTES_MAX: usize = 1 << 20;

/// How the port behaves.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// From the head of a request until its answer must be out.
    pub deadline: Duration,
    /// The largest body that is read. 15,000 names take about 1 MB, 2,000 full nodes about 100 MB.
    pub body_bytes_max: usize,
    /// Decide and remember, but answer `[]`.
    pub shadow: bool,
}

/// The port's state.
#[derive(Debug)]
struct Port {
    shared: Arc<Shared>,
    settings: Settings,
    bodies: Bodies,
    /// Working memory of one decision. Requests that come at once take turns: a scheduler sends one.
    work: Mutex<Work>,
}

/// What is used again from request to request.
#[derive(Debug, Default)]
struct Work {
    lookup: Lookup,
    scratch: Scratch,
}

/// The port's routes. Other paths are 404, other methods 405.
pub fn router(shared: Arc<Shared>, settings: Settings) -> Router {
    Router::new()
        .route("/prioritize", post(prioritize))
        .route("/filter", post(filter))
        .with_state(Arc::new(Port::new(shared, settings)))
}

/// Why an answer is neutral, if it is: the names are the values of the metric's label.
type Outcome = Result<Answer, &'static str>;

async fn prioritize(State(port): State<Arc<Port>>, request: Request) -> Response<Body> {
    let start = Instant::now();
    let outcome = match read_in_time(&port, request, start).await {
        Ok(body) if body.bytes.len() <= INLINE_BODY_BYTES_MAX => {
            port.prioritize(&body.bytes, start)
        }
        Ok(body) => off_the_loop(port.clone(), body, start).await,
        Err(reason) => Err(reason),
    };
    port.count("prioritize", &outcome, start);
    respond(outcome)
}

/// The body, if it comes whole, in time and within bounds.
async fn read_in_time(port: &Port, request: Request, start: Instant) -> Result<Held, &'static str> {
    let read = port.bodies.read(request.into_body());
    timeout_at(start + port.settings.deadline, read).await.unwrap_or(Err("deadline"))
}

async fn off_the_loop(port: Arc<Port>, body: Held, start: Instant) -> Outcome {
    let deadline = start + port.settings.deadline;
    let work = tokio::task::spawn_blocking(move || {
        // Moved in whole, to be kept until it has been decoded, however late the answer is by then: a
        // closure that names only `body.bytes` leaves the permit behind.
        let body = body;
        port.prioritize(&body.bytes, start)
    });
    match timeout_at(deadline, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err("internal-error"),
        Err(_) => Err("deadline"),
    }
}

impl Port {
    fn new(shared: Arc<Shared>, settings: Settings) -> Self {
        let bodies = Bodies::new(settings.body_bytes_max);
        Self { shared, settings, bodies, work: Mutex::default() }
    }

    /// The answer to a prioritize body. A panic below would be a bug, and must cost a preference only.
    fn prioritize(&self, body: &[u8], start: Instant) -> Outcome {
        catch_unwind(AssertUnwindSafe(|| self.decide(body, start))).unwrap_or_else(|_| {
            tracing::error!("panic while deciding; the answer was neutral");
            Err("internal-error")
        })
    }

    fn decide(&self, body: &[u8], start: Instant) -> Outcome {
        let asked = match wire::decode(body, &self.shared.interest) {
            Ok(Asked::ForStep(asked)) => asked,
            Ok(Asked::ForOther) => return Err("not-a-step-pod"),
            Err(error) => {
                tracing::warn!(%error, "cannot read a prioritize request");
                return Err("unreadable");
            }
        };
        if let Some(reason) = self.shared.blind() {
            return Err(reason);
        }
        if start.elapsed() > self.settings.deadline {
            return Err("deadline");
        }
        self.shared
            .metrics
            .request_nodes
            .observe(f64::from(u32::try_from(asked.node_names.len()).unwrap_or(u32::MAX)));
        self.answer(asked.pod, &asked.node_names)
    }

    fn answer(&self, pod: PodFacts, node_names: &[wire::Name<'_>]) -> Outcome {
        let shared = &self.shared;
        let mut decision = shared.recent().take_buffer();
        let answer = {
            let tracker = shared.read();
            let cluster = tracker.cluster();
            let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            let Work { lookup, scratch } = &mut *work;
            let (candidates, unknown) = lookup.find(node_names, cluster);
            let now = shared.clock.now();
            let policy = &shared.policy;
            let question = Question { pod: &pod, candidates: &candidates, cluster, policy, now };
            decide_into(&mut decision, scratch, &question);
            wire::answer(&decision, cluster, &unknown)
        };
        shared.metrics.decisions.inc();
        let sent = !self.settings.shadow;
        let neutral = decision.neutral;
        log(&pod, &decision, &answer);
        shared.unresolved.offer(&pod);
        if sent && answer.entries > 0 {
            // One more than is expected at most, so that too many are seen to be too many.
            let nodes = decision.best().take(NODES_MAX + 1).collect();
            shared.apply(Event::PodExpected { uid: pod.uid.clone(), nodes });
        }
        shared.recent().remember(pod, decision, sent);
        match neutral {
            Some(neutral) => Err(neutral.name()),
            None if !sent => Err("shadow"),
            None if answer.entries == 0 => Err("no-difference"),
            None => Ok(answer),
        }
    }

    fn count(&self, verb: &str, outcome: &Outcome, start: Instant) {
        let metrics = &self.shared.metrics;
        let result = if outcome.is_ok() { "scored" } else { "neutral" };
        metrics.requests.with_label_values(&[verb, result]).inc();
        if let Err(reason) = outcome {
            metrics.neutral.with_label_values(&[reason]).inc();
        }
        let seconds = start.elapsed().as_secs_f64();
        metrics.request_seconds.with_label_values(&[verb]).observe(seconds);
    }
}

/// One line per decision, at debug: nothing is written per node, and nothing at all by default.
fn log(pod: &PodFacts, decision: &crate::score::decision::Decision, answer: &Answer) {
    tracing::debug!(
        pod = %format_args!("{}/{}", pod.namespace, pod.name),
        candidates = decision.rows.len() + decision.unknown_count,
        preferred = answer.entries,
        wanted_bytes = decision.wanted.first().map_or(0, |wanted| wanted.bytes.0),
        least_missing_bytes = decision.rows.iter().map(|row| row.missing.0).min().unwrap_or(0),
        neutral = decision.neutral.map_or("", |neutral| neutral.name()),
        "decided"
    );
}

/// `/filter` refuses no node: an extender that filters strands pods, because cluster autoscalers do not
/// simulate it. Whoever configures the verb gets all nodes back, in the form in which they came.
async fn filter(State(port): State<Arc<Port>>, request: Request) -> Response<Body> {
    let start = Instant::now();
    let body = read_in_time(&port, request, start).await;
    let result = body.and_then(|body| wire::pass_all(&body.bytes).ok_or("unreadable"));
    let (label, json) = match result {
        Ok(json) => ("passed", json),
        Err(reason) => ("error", wire::filter_error(reason)),
    };
    port.shared.metrics.requests.with_label_values(&["filter", label]).inc();
    let seconds = start.elapsed().as_secs_f64();
    port.shared.metrics.request_seconds.with_label_values(&["filter"]).observe(seconds);
    json_response(json)
}

fn respond(outcome: Outcome) -> Response<Body> {
    match outcome {
        Ok(answer) => json_response(answer.json),
        Err(reason) => {
            let mut response = json_response(b"[]".to_vec());
            let value = HeaderValue::from_static(reason);
            response.headers_mut().insert(NEUTRAL_HEADER.clone(), value);
            response
        }
    }
}

fn json_response(json: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(json));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
