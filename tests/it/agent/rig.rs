//! How an agent is started, asked and waited for.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use dunnage::edge::inventory::node::{InventorySpec, NodeInventory};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use tokio::time::{Instant, sleep};

use crate::support::client;
use crate::testbed::Process;

/// The pause between two questions to the agent's port.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest wait for anything: many times what it takes, as the machine also compiles.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running agent. Dropping it kills it.
pub struct Agent {
    process: Process,
    url: String,
}

impl Agent {
    /// Starts the agent of a node with the shortest interval; returns once its port answers.
    pub async fn start(
        dir: &Path,
        kubeconfig: &Path,
        node: &str,
        socket: &Path,
        flags: &[&str],
    ) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dunnage"));
        command.arg("agent").arg("--kubeconfig").arg(kubeconfig);
        command.arg("--containerd-socket").arg(socket).args(["--node-name", node]);
        if !flags.iter().any(|flag| flag.starts_with("--interval")) {
            command.arg("--interval=1s");
        }
        command.args(flags);
        Self::start_as(command, &dir.join(format!("agent-{node}.log"))).await
    }

    /// Starts an agent by a command that takes more flags at its end; returns once its port answers.
    pub async fn start_as(mut command: Command, log: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        command.arg(format!("--admin-listen=127.0.0.1:{port}"));
        let process = Process::spawn("agent", &command, log)?;
        let mut agent = Self { process, url: format!("http://127.0.0.1:{port}") };
        agent.await_answer("/livez", |status, _| status == 200).await?;
        Ok(agent)
    }

    /// Starts an agent in the namespaces of a node. Its port for probes is out of reach there.
    pub async fn start_inside(pid: u32, command: &Command, log: &Path) -> Result<Self> {
        let mut inside = Command::new("nsenter");
        inside.args(["--target", &pid.to_string(), "--mount", "--net", "--"]);
        inside.arg(command.get_program()).args(command.get_args());
        let process = Process::spawn("agent", &inside, log)?;
        Ok(Self { process, url: String::new() })
    }

    /// The process itself, to signal it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Waits until a page is as `wanted`, given its status and text.
    pub async fn await_answer(
        &mut self,
        path: &str,
        wanted: impl Fn(u16, &str) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.process.ensure_running()?;
            let answer = self.get(path).await;
            if answer.as_ref().is_ok_and(|(status, text)| wanted(*status, text)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{path}: {answer:?}\n{}", self.process.log_tail());
            }
            sleep(PAUSE).await;
        }
    }

    /// Waits until it is not ready, with this reason.
    pub async fn await_complaint(&mut self, reason: &str) -> Result<()> {
        self.await_answer("/readyz", |status, text| status == 503 && text.contains(reason)).await
    }

    /// Status and text of a page.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let response = client().get(format!("{}{path}", self.url)).send().await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// The value of a metric with its labels, 0 if there is none.
    pub async fn metric(&self, name: &str) -> Result<u64> {
        let (_, text) = self.get("/metrics").await?;
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        let value = line.and_then(|line| line.rsplit(' ').next());
        Ok(value.map_or(Ok(0), str::parse)?)
    }
}

/// Waits until the inventory of a node is as wanted.
pub async fn await_inventory(
    client: &Client,
    node: &str,
    wanted: impl Fn(&InventorySpec) -> bool,
) -> Result<NodeInventory> {
    let inventories: Api<NodeInventory> = Api::all(client.clone());
    let condition = |found: Option<&NodeInventory>| found.is_some_and(|found| wanted(&found.spec));
    let waiting = await_condition(inventories.clone(), node, condition);
    let Ok(found) = tokio::time::timeout(PATIENCE, waiting).await else {
        bail!("{node} has {:?}", inventories.get_opt(node).await?.map(|found| found.spec));
    };
    found?.context("an inventory")
}

/// The names of an inventory's images.
pub fn names(inventory: &InventorySpec) -> Vec<&str> {
    inventory.images.iter().flat_map(|image| &image.names).map(String::as_str).collect()
}
