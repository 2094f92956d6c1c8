//! The agent's port: probes and metrics.
//!
//! `/livez` says that the process answers: nothing that a restart would mend is ever wrong with an agent.
//! `/readyz` says whether what the API server has of this node is true now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::edge::metrics::agent::AgentMetrics;

/// What the agent knows of itself, shared with its port.
#[derive(Debug, Default)]
pub struct AgentHealth {
    /// Its metrics.
    pub metrics: AgentMetrics,
    checks: Mutex<Checks>,
}

/// What works, and what is wrong where it does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checks {
    /// Reading containerd's store.
    pub containerd: Result<(), String>,
    /// Listening to its events.
    pub events: Result<(), String>,
    /// Writing to the API server.
    pub api_server: Result<(), String>,
    /// Reading a baggageclaim's volumes; `None` where there is none, or it was not asked yet.
    pub baggageclaim: Option<Result<(), String>>,
}

impl Default for Checks {
    fn default() -> Self {
        let not_yet = || Err("not tried yet".to_owned());
        let (containerd, events, api_server) = (not_yet(), not_yet(), not_yet());
        Self { containerd, events, api_server, baggageclaim: None }
    }
}

impl AgentHealth {
    /// The checks as they are now, to look at or change.
    pub fn checks(&self) -> MutexGuard<'_, Checks> {
        // Plain data: as good after a panic as before.
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The port's routes.
pub fn router(health: Arc<AgentHealth>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health)
}

/// Always with every check: the reason is what one asks for. Missing events only make it slower, and
/// without a baggageclaim its volumes alone are missing.
async fn readyz(State(health): State<Arc<AgentHealth>>) -> Response {
    let checks = health.checks().clone();
    let line = |name: &str, check: &Result<(), String>| match check {
        Ok(()) => format!("[+]{name} ok\n"),
        Err(reason) => format!("[-]{name}: {reason}\n"),
    };
    let is_ready = checks.containerd.is_ok() && checks.api_server.is_ok();
    let (status, verdict) = match is_ready {
        true => (StatusCode::OK, "readyz check passed\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "readyz check failed\n"),
    };
    let text = [
        line("containerd", &checks.containerd),
        line("events", &checks.events),
        line("api-server", &checks.api_server),
        checks.baggageclaim.map(|check| line("baggageclaim", &check)).unwrap_or_default(),
        verdict.to_owned(),
    ];
    (status, text.concat()).into_response()
}

async fn metrics(State(health): State<Arc<AgentHealth>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], health.metrics.text())
}
