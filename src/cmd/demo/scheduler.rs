//! The client half of kube-scheduler's extender protocol: asks the port about one pod after another.
//!
//! Bodies are as the scheduler writes them with `nodeCacheCapable: true`; the connection is kept. What
//! the points do is [`crate::sim::stock`]'s.

use anyhow::Context;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sim::engine::Placeable;
use crate::sim::observe::{NAMESPACE, node_name, uid};
use crate::sim::workload::Job;

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
    pub async fn ask<'a>(
        &self,
        job: &Job,
        placeable: &Placeable,
        images: impl Iterator<Item = &'a str>,
    ) -> anyhow::Result<Vec<Option<u8>>> {
        let names: Vec<_> = placeable.candidates.iter().map(|node| node_name(*node)).collect();
        let pod = pod(job, &uid(placeable.pod), images);
        let body = json!({ "Pod": pod, "Nodes": null, "NodeNames": names });
        let response = self.client.post(&self.url).json(&body).send().await;
        let response = response.with_context(|| format!("the extender at {}", self.url))?;
        let scores: Vec<HostScore> = response.error_for_status()?.json().await?;
        let of_node = |name: &String| {
            let entry = scores.iter().find(|entry| entry.host == *name)?;
            Some(entry.score)
        };
        Ok(names.iter().map(of_node).collect())
    }
}

/// The pod as the API server has it.
fn pod<'a>(job: &Job, uid: &str, images: impl Iterator<Item = &'a str>) -> Value {
    let memory = format!("{}Mi", job.requests.memory.0 >> 20);
    let cpu = format!("{}m", job.requests.cpu_millis);
    let container = |(at, image): (usize, &str)| {
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
            "uid": uid,
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
