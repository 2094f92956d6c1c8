//! Real nodes with agents that keep and serve volumes, and a real scheduler with or without us.
//!
//! Leaves alone what steps do: that is `step`'s.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use dunnage::edge::inventory::node::NodeInventory;
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::agent::rig::await_inventory;
use crate::deploy::definitions::establish;
use crate::support::{Extender, changed_policy, program};
use crate::testbed::real::{Cluster, Options};
use crate::testbed::{Process, Scheduler, SchedulerOptions};
use crate::volume::agent::{allow, make_account};

/// The account that steps run as.
pub const ACCOUNT: &str = "steps";
/// Where a node keeps volumes: the default of `dunnage volume`, each node's own folder in its mounts.
pub const STORE: &str = "/var/lib/dunnage/volumes";

/// What a stage is to be like.
pub struct Terms<'a> {
    /// Of the cluster.
    pub options: Options,
    /// Numbers of the default policy that are others here.
    pub policy: &'a [(&'a str, f64)],
    /// Of the extender in the scheduler's configuration.
    pub weight: i64,
    /// Whether the scheduler knows of us.
    pub with_us: bool,
}

/// A cluster whose nodes keep volumes.
// Dropped from top to bottom: what talks to the cluster before it.
pub struct Stage {
    _scheduler: Scheduler,
    pub extender: Extender,
    agents: BTreeMap<String, Process>,
    pub cluster: Cluster,
}

impl Stage {
    pub async fn set(terms: &Terms<'_>) -> Result<Self> {
        let cluster = Cluster::start(&terms.options).await?;
        let (client, dir) = (cluster.client(), cluster.plane().dir());
        establish(&client).await?;
        make_account(&client, ACCOUNT).await?;
        allow(&client, ACCOUNT).await?;
        fs::create_dir(dir.join("said"))?;
        let policy = dir.join("policy.yaml");
        fs::write(&policy, changed_policy(terms.policy)?)?;
        let policy = format!("--policy={}", policy.display());
        let kubeconfig = cluster.plane().kubeconfig();
        let mut extender = Extender::start(dir, kubeconfig, &[&policy]).await?;
        let mut agents = BTreeMap::new();
        for node in cluster.nodes() {
            agents.insert(node.name().to_owned(), agent(&cluster, node.name()).await?);
        }
        for node in cluster.nodes() {
            await_inventory(&client, node.name(), |found| found.volume_server.is_some()).await?;
        }
        extender.await_ready().await?;
        let scheduler = SchedulerOptions {
            extender_url: terms.with_us.then(|| extender.url.clone()),
            weight: terms.weight,
            ..SchedulerOptions::default()
        };
        let scheduler = Scheduler::start(cluster.plane(), scheduler).await?;
        Ok(Self { _scheduler: scheduler, extender, agents, cluster })
    }

    /// A file or folder of this run that steps see.
    pub fn path(&self, name: &str) -> PathBuf {
        self.cluster.plane().dir().join(name)
    }

    /// Waits until the server knows of a volume on exactly these nodes, by their agents.
    pub async fn await_holders(&mut self, key: &str, nodes: &[&str]) -> Result<()> {
        let holds = |text: &str| {
            let list: Value = serde_json::from_str(text).unwrap_or_default();
            let volumes = list["items"].as_array().into_iter().flatten();
            let found: Vec<_> = volumes
                .filter(|volume| volume["key"] == key)
                .flat_map(|volume| volume["holders"].as_array().into_iter().flatten())
                .map(|holder| (holder["node"].as_str(), holder["reported"].as_bool()))
                .collect();
            found == nodes.iter().map(|node| (Some(*node), Some(true))).collect::<Vec<_>>()
        };
        self.extender.await_answer("/api/v1/volumes", |_, text| holds(text)).await
    }

    /// The last decision about a pod that is bound, and of that the node that it is bound to.
    pub async fn decision(&mut self, pod: &str) -> Result<(Value, Value)> {
        let path = format!("/api/v1/decisions?pod=default/{pod}");
        let read = |text: &str| -> Option<Value> {
            let list: Value = serde_json::from_str(text).ok()?;
            list["items"].as_array()?.iter().find(|item| item["chosen"].is_string()).cloned()
        };
        self.extender.await_answer(&path, |_, text| read(text).is_some()).await?;
        let (_, text) = self.extender.get(&path).await?;
        let decision = read(&text).context("a decision")?;
        let rows = decision["nodes"].as_array().context("rows")?;
        let chosen = rows.iter().find(|row| row["node"] == decision["chosen"]);
        let chosen = chosen.context("the chosen node's row")?.clone();
        Ok((decision, chosen))
    }

    /// Ends a node, and removes what nobody else would here: its object, as a cloud's controller does, and
    /// its report, which belongs to that, as garbage collection does.
    pub async fn end_node(&mut self, name: &str) -> Result<()> {
        drop(self.agents.remove(name));
        self.cluster.end_node(name);
        let client = self.cluster.client();
        Api::<NodeObject>::all(client.clone()).delete(name, &DeleteParams::default()).await?;
        Api::<NodeInventory>::all(client).delete(name, &DeleteParams::default()).await?;
        let gone = |text: &str| !text.contains(&json!(name).to_string());
        self.extender.await_answer("/api/v1/nodes", |_, text| gone(text)).await
    }
}

async fn agent(cluster: &Cluster, name: &str) -> Result<Process> {
    let node = cluster.node(name)?;
    let object = Api::<NodeObject>::all(cluster.client()).get(name).await?;
    let addresses = object.status.and_then(|status| status.addresses).unwrap_or_default();
    let address = addresses.iter().find(|address| address.type_ == "InternalIP");
    let address = &address.context("a node without an address")?.address;
    // In the namespaces of the node, where its port for probes is out of reach.
    let mut command = Command::new("nsenter");
    command.args(["--target", &node.pid().to_string(), "--mount", "--net", "--"]);
    command.arg(program());
    command.args(["agent", "--interval=1s", "--node-name", name, "--store", STORE]);
    command.arg("--kubeconfig").arg(cluster.plane().kubeconfig());
    command.arg("--containerd-socket").arg(node.containerd_socket());
    command.args([&format!("--volume-listen={address}:9293"), "--insecure-http"]);
    Process::spawn("agent", &command, &node.dir().join("agent.log"))
}
