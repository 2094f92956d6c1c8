//! A real kube-scheduler on a control plane: its configuration, with or
//! without an extender, and when it is ready to schedule.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use kube::{Client, Config};
use serde_json::{Value, json};

use super::binaries::binary;
use super::control_plane::{ControlPlane, http_get};
use super::ports::{free_ports, retry_taken_port};
use super::process::Process;
use super::readiness::await_ready;

/// Requests a second that the scheduler may send. Its default of 50 would be
/// all that a benchmark sees.
const CLIENT_RATE: u32 = 5000;

/// How a scheduler calls its extender, and whom it considers.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// Where the extender's verbs are; none for a scheduler without one.
    pub extender_url: Option<String>,
    /// The `tlsConfig` of an extender at an https address.
    pub extender_tls: Option<Value>,
    /// What the extender's points are multiplied by.
    pub weight: i64,
    /// How long the scheduler waits for the extender.
    pub http_timeout: Duration,
    /// Whether the extender is sent names only, or whole nodes.
    pub node_cache_capable: bool,
    /// Whether pods are scheduled all the same when the extender fails.
    pub ignorable: bool,
    /// Whether the verb `filter` is called, too.
    pub filter: bool,
    /// The share of nodes considered; none for the scheduler's own choice.
    pub percentage_of_nodes_to_score: Option<i32>,
    /// The scheduler's `-v`.
    pub verbosity: u8,
    /// Its `--vmodule`: more words from some of its files.
    pub vmodule: Option<String>,
    /// How many nodes it looks at at once; none for its own choice.
    pub parallelism: Option<u32>,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self {
            extender_url: None,
            extender_tls: None,
            weight: 1,
            http_timeout: Duration::from_secs(1),
            node_cache_capable: true,
            ignorable: true,
            filter: false,
            percentage_of_nodes_to_score: None,
            verbosity: 2, // what Kubernetes recommends for production
            vmodule: None,
            parallelism: None,
        }
    }
}

/// A running scheduler.
pub struct Scheduler {
    process: Process,
}

impl Scheduler {
    /// Starts a scheduler and waits until it has seen all nodes and pods.
    pub async fn start(plane: &ControlPlane, options: SchedulerOptions) -> Result<Self> {
        let process = retry_taken_port(async || start_once(plane, &options).await).await?;
        Ok(Self { process })
    }

    /// Its process, for a test that makes it hang or reads its log.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it at once. Dropping it does the same.
    pub fn stop(mut self) {
        self.process.kill();
    }
}

async fn start_once(plane: &ControlPlane, options: &SchedulerOptions) -> Result<Process> {
    let [port] = free_ports()?;
    let file = |ending: &str| plane.dir().join(format!("kube-scheduler-{port}{ending}"));
    fs::write(file(".config"), configuration(plane, options).to_string())?;
    let mut command = Command::new(binary("kube-scheduler").await?);
    command.arg("--config").arg(file(".config"));
    command.arg("--cert-dir").arg(file(".certificates"));
    command.args(["--bind-address", "127.0.0.1", "--secure-port", &port.to_string()]);
    command.arg(format!("-v={}", options.verbosity));
    command.args(options.vmodule.iter().map(|modules| format!("--vmodule={modules}")));
    // A streamed list reaches the scheduler in the order of a hash map, a listed one in that of the names. It
    // considers some 40 % of 1,000 nodes in that order, and by chance one run in thirteen would have samples
    // without any of ten warm nodes.
    command.arg("--feature-gates=WatchListClient=false");
    let mut process = Process::spawn("kube-scheduler", &command, &file(".log"))?;
    let probe = probe(port)?;
    // Not ready before its informers have handed on all that exists.
    await_ready(&mut process, async || {
        probe.request_text(http_get("/readyz")?).await?;
        Ok(())
    })
    .await?;
    Ok(process)
}

/// A client of the scheduler's own port, whose certificate nobody signed.
fn probe(port: u16) -> Result<Client> {
    let mut config = Config::new(format!("https://127.0.0.1:{port}").parse()?);
    config.accept_invalid_certs = true;
    Ok(Client::try_from(config)?)
}

fn configuration(plane: &ControlPlane, options: &SchedulerOptions) -> Value {
    let mut configuration = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": plane.kubeconfig(), "qps": CLIENT_RATE, "burst": CLIENT_RATE,
        },
        "leaderElection": {"leaderElect": false},
    });
    if let Some(share) = options.percentage_of_nodes_to_score {
        configuration["percentageOfNodesToScore"] = json!(share);
    }
    if let Some(parallelism) = options.parallelism {
        configuration["parallelism"] = json!(parallelism);
    }
    if let Some(url) = &options.extender_url {
        configuration["extenders"] = json!([extender(url, options)]);
    }
    configuration
}

fn extender(url: &str, options: &SchedulerOptions) -> Value {
    let mut extender = json!({
        "urlPrefix": url,
        "prioritizeVerb": "prioritize",
        "weight": options.weight,
        "httpTimeout": format!("{}ms", options.http_timeout.as_millis()),
        "nodeCacheCapable": options.node_cache_capable,
        "ignorable": options.ignorable,
        "enableHTTPS": url.starts_with("https:"),
    });
    if options.filter {
        extender["filterVerb"] = json!("filter");
    }
    if let Some(tls) = &options.extender_tls {
        extender["tlsConfig"] = tls.clone();
    }
    extender
}
