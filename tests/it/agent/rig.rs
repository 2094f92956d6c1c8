//! How an agent is started, asked and waited for.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use dunnage::edge::inventory::node::{InventorySpec, NodeInventory};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};

use crate::support::Served;
use crate::testbed::free_ports;

/// The longest wait for anything: many times what it takes, as the machine also compiles.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running agent. Dropping it kills it.
pub struct Agent(Served);

impl Deref for Agent {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.0
    }
}

impl DerefMut for Agent {
    fn deref_mut(&mut self) -> &mut Served {
        &mut self.0
    }
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
        let [port] = free_ports()?;
        command.arg(format!("--admin-listen=127.0.0.1:{port}"));
        Ok(Self(Served::start("agent", &command, log, port).await?))
    }

    /// Waits until it is not ready, with this reason.
    pub async fn await_complaint(&mut self, reason: &str) -> Result<()> {
        self.await_answer("/readyz", |status, text| status == 503 && text.contains(reason)).await
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
