//! The client half of kube-scheduler's extender protocol: asks the port about one pod after another.
//!
//! Bodies are as the scheduler writes them with `nodeCacheCapable: true`; the connection is kept. What
//! the points do is [`crate::sim::scheduler`]'s.

use std::borrow::Cow;

use anyhow::Context;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sim::observe::{NAMESPACE, uid};
use crate::sim::placement::Asked;
use crate::sim::setup::{NodeNumber, Setup};

/// Asks one extender.
#[derive(Debug)]
pub struct Scheduler {
    client: Client,
    url: String,
}

/// One entry of an answer (`HostPriority`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostScore {
    host: String,
    score: u8,
}

impl Scheduler {
    /// A client of the extender at `http://HOST:PORT`.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn new(extender_url: &str) -> anyhow::Result<Self> {
        // A proxy from the environment is for the world outside, and this port is our own.
        let client = Client::builder().no_proxy().build()?;
        Ok(Self { client, url: format!("{extender_url}/prioritize") })
    }

    /// What the extender gives each candidate; `None` for those it does not name.
    ///
    /// # Errors
    /// If the port does not answer as the protocol says.
    pub async fn ask(
        &self,
        setup: &Setup,
        asked: Asked<'_>,
        candidates: &[NodeNumber],
    ) -> anyhow::Result<Vec<Option<u64>>> {
        let names: Vec<_> = candidates.iter().map(|node| setup.node_name(*node)).collect();
        let body = json!({ "Pod": pod(setup, asked), "Nodes": null, "NodeNames": names });
        let response = self.client.post(&self.url).json(&body).send().await;
        let response = response.with_context(|| format!("the extender at {}", self.url))?;
        let scores: Vec<HostScore> = response.error_for_status()?.json().await?;
        let of_node = |name: &Cow<'_, str>| {
            let entry = scores.iter().find(|entry| entry.host == *name)?;
            Some(u64::from(entry.score))
        };
        Ok(names.iter().map(of_node).collect())
    }
}

/// The pod as the API server has it.
fn pod(setup: &Setup, asked: Asked<'_>) -> Value {
    let job = asked.job;
    let references = job.containers.iter().map(|container| container.reference);
    let images = references.map(|reference| &setup.catalogue.reference(reference).name);
    let memory = format!("{}Mi", job.requests.memory.0 >> 20);
    let cpu = format!("{}m", job.requests.cpu_millis);
    let container = |(at, image): (usize, &String)| {
        json!({
            "name": format!("step-{at}"),
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "resources": { "requests": { "cpu": cpu, "memory": memory } },
        })
    };
    json!({
        "metadata": {
            "name": job.name,
            "namespace": NAMESPACE,
            "uid": uid(asked.pod),
            "labels": { "pipeline-run": job.run.to_string() },
        },
        "spec": {
            "containers": images.enumerate().map(container).collect::<Vec<_>>(),
            "restartPolicy": "Never",
            "schedulerName": "default-scheduler",
        },
        "status": { "phase": "Pending" },
    })
}
