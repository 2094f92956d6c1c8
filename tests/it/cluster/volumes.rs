//! A run of three steps that hands on a volume of 200 MB: what it takes on the links of real nodes.
//!
//! The steps are the program itself in a node's namespaces, as a step's container would run it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::Api;
use serde_json::Value;

use super::assert_received;
use crate::agent::rig::await_inventory;
use crate::deploy::definitions::establish;
use crate::testbed::Process;
use crate::testbed::real::{Cluster, Node, Options};
use crate::volume::agent::{allow, make_account, token};
use crate::volume::rig::tree;

const KEY: &str = "run-7/build";
const FILES: usize = 200;
const FILE_BYTES: usize = 1_000_000;
/// What a node receives in the seconds of a `get` of its own store: heartbeats and reports.
const IDLE_BYTES: u64 = 500_000;

/// A cluster, and what its steps are given.
struct Stage {
    cluster: Cluster,
    flags: Vec<String>,
}

impl Stage {
    async fn set() -> Result<Self> {
        let cluster = Cluster::start(&Options { nodes: 2, ..Options::default() }).await?;
        let client = cluster.client();
        establish(&client).await?;
        make_account(&client, "step").await?;
        allow(&client, "step").await?;
        let file = cluster.plane().dir().join("token");
        token(&client, "step", "dunnage.dev", &file).await?;
        let kubeconfig = cluster.plane().kubeconfig_for_service_account("default", "step").await?;
        let flags = vec![
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--token-file={}", file.display()),
        ];
        Ok(Self { cluster, flags })
    }

    fn node(&self, index: usize) -> &Node {
        &self.cluster.nodes()[index]
    }

    fn store(&self, index: usize) -> PathBuf {
        self.node(index).dir().join("volumes")
    }

    async fn agent(&self, index: usize) -> Result<Process> {
        let node = self.node(index);
        let object = Api::<NodeObject>::all(self.cluster.client()).get(node.name()).await?;
        let addresses = object.status.and_then(|status| status.addresses).unwrap_or_default();
        let address = addresses.iter().find(|address| address.type_ == "InternalIP");
        let address = &address.context("a node without an address")?.address;
        // In the namespaces of the node, where its port for probes is out of reach.
        let mut command = Command::new("nsenter");
        command.args(["--target", &node.pid().to_string(), "--mount", "--net", "--"]);
        command.arg(env!("CARGO_BIN_EXE_dunnage"));
        command.args(["agent", "--interval=1s", "--node-name", node.name()]);
        command.arg("--kubeconfig").arg(self.cluster.plane().kubeconfig());
        command.arg("--containerd-socket").arg(node.containerd_socket());
        command.arg("--store").arg(self.store(index));
        command.args([&format!("--volume-listen={address}:9293"), "--insecure-http"]);
        Process::spawn("agent", &command, &node.dir().join("agent.log"))
    }

    /// Runs `dunnage volume` on a node; gives what it says, and the bytes that the node received for it.
    fn step(&self, index: usize, arguments: &[&str], flags: &[String]) -> Result<(Value, u64)> {
        let node = self.node(index);
        let before = node.rx_bytes()?;
        let mut command = Command::new("nsenter");
        command.args(["--target", &node.pid().to_string(), "--mount", "--net", "--"]);
        command.arg(env!("CARGO_BIN_EXE_dunnage")).arg("volume").args(arguments).args(flags);
        command.arg("--store").arg(self.store(index)).args(["-o", "json"]);
        command.arg("--registry=registry.testbed/volumes");
        command.arg("--registry-hosts-dir").arg(self.cluster.hosts_dir());
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {said}");
        Ok((serde_json::from_slice(&output.stdout)?, node.rx_bytes()? - before))
    }

    fn get(&self, index: usize, to: &str) -> Result<(Value, u64)> {
        let to = self.node(index).dir().join(to).display().to_string();
        self.step(index, &["get", KEY, &to], &self.flags)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_node_streams_nothing_another_the_volume_and_the_registry_is_the_fallback()
-> Result<()> {
    let stage = Stage::set().await?;
    let client = stage.cluster.client();
    let mut agents = [stage.agent(0).await?, stage.agent(1).await?];
    let built = stage.node(0).dir().join("built");
    tree(&built, FILES, FILE_BYTES)?;
    let from = built.display().to_string();
    let put = ["put", KEY, &from, "--kind=output", "--push"];
    let (put, _) = stage.step(0, &put, &[])?;
    let bytes = put["pushedBytes"].as_u64().context("bytes")?;
    ensure!(bytes >= (FILES * FILE_BYTES) as u64, "{put}");
    await_inventory(&client, "node-0", |found| !found.volumes.is_empty()).await?;

    // On the node of the first step.
    let (got, received) = stage.get(0, "step-2")?;
    assert_eq!((&got["source"], &got["streamedBytes"]), (&"local".into(), &0.into()));
    ensure!(received < IDLE_BYTES, "{received} bytes received for a volume of the node's own");
    println!("same node: {received} bytes received, {bytes} in the volume");

    // Forced apart.
    let (got, received) = stage.get(1, "step-3")?;
    assert_eq!((&got["source"], &got["from"]), (&"peer".into(), &"node-0".into()));
    assert_eq!(got["streamedBytes"], bytes);
    assert_received(received, bytes);
    println!("other node: {received} bytes received");

    // The holder is gone, and what the other node had, too.
    agents[0].kill();
    std::fs::remove_dir_all(stage.store(1))?;
    let (got, received) = stage.get(1, "step-4")?;
    assert_eq!(got["source"], "registry");
    assert_eq!(got["streamedBytes"], bytes);
    assert_received(received, bytes);
    println!("holder gone: {received} bytes received");
    Ok(())
}
