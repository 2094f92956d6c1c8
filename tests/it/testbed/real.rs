//! A real cluster on this machine: a control plane, a registry, and nodes with
//! a kubelet and a containerd each, at the ends of links of limited rate.
//!
//! | module | decides |
//! | --- | --- |
//! | `network` | addresses, links and their rate; what a node has received |
//! | `node` | the namespaces a node lives in, and that it ends as a whole |
//! | `containerd`, `kubelet` | how the two are set up |
//! | `registry`, `image` | what nodes can pull: images of incompressible bytes |
//! | `steps` | pods that sleep, and when they started and ended |
//! | `remains` | that nothing is left, however the test ends |
//!
//! A node is a process in namespaces of its own for processes, mounts and
//! network. When it dies, the kernel ends all that is in them: containers,
//! shims, mounts, links. The test's death kills it as any other child.

mod containerd;
mod image;
mod kubelet;
mod network;
mod node;
mod registry;
mod remains;
mod steps;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use kube::Client;
use serde_json::{Value, json};

pub use image::{ImageSpec, Layer};
pub use node::Node;
pub use registry::{Pushed, Registry, Stored};
pub use steps::{Step, await_ended, has_started, sleeping};

use super::control_plane::{ControlPlane, Turn};
use super::run_dir::RunDir;
use network::Network;
use remains::Remains;

/// What a cluster is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many nodes it has: `node-0`, `node-1`, …
    pub nodes: u8,
    /// What a node's link lets through towards it, as `tc` writes rates
    /// (`200mbit`); none for what the machine can do.
    pub rate: Option<String>,
    /// The same from it.
    pub uplink_rate: Option<String>,
    /// Whether containerd drops a layer's blob once it is unpacked.
    pub discard_unpacked_layers: bool,
    /// Fields of `KubeletConfiguration` in place of ours: thresholds of
    /// garbage collection, `serializeImagePulls`.
    pub kubelet: Value,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes: 2,
            rate: None,
            uplink_rate: None,
            discard_unpacked_layers: false,
            kubelet: json!({}),
        }
    }
}

/// A running cluster without a scheduler.
// Dropped from top to bottom: nodes before what they talk to.
pub struct Cluster {
    nodes: Vec<Node>,
    registry: Registry,
    _remains: Remains,
    plane: ControlPlane,
}

impl Cluster {
    /// Waits for its turn, starts everything and waits until all nodes are
    /// ready. Fails where the tests do not run as root.
    pub async fn start(options: &Options) -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "a real cluster needs root: its nodes have network namespaces and mounts"
        );
        let turn = Turn::take().await;
        let dir = RunDir::make()?;
        let remains = Remains::watch()?;
        let network = Network::make()?;
        let registry = Registry::start(dir.path(), network.gateway()).await?;
        let pause = registry.push(&ImageSpec::pause()).await?;
        let plane = ControlPlane::start_in(turn, dir, network.gateway()).await?;
        let place = node::Place { plane: &plane, network: &network, pause: &pause, options };
        let nodes = (0..options.nodes).map(|index| Node::start(&place, index));
        let nodes = try_join_all(nodes).await?;
        Ok(Self { nodes, registry, _remains: remains, plane })
    }

    /// Its control plane, to start a scheduler on.
    pub fn plane(&self) -> &ControlPlane {
        &self.plane
    }

    /// A client with the administrator's rights.
    pub fn client(&self) -> Client {
        self.plane.client()
    }

    /// Where images come from.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Its nodes in the order of their numbers.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Result<&Node> {
        let node = self.nodes.iter().find(|node| node.name() == name);
        node.with_context(|| format!("no node is called {name}"))
    }

    /// The same, to restart its kubelet.
    pub fn node_mut(&mut self, name: &str) -> Result<&mut Node> {
        let node = self.nodes.iter_mut().find(|node| node.name() == name);
        node.with_context(|| format!("no node is called {name}"))
    }

    /// Ends a node as a whole, as when its machine is gone. Its object stays in the cluster.
    pub fn end_node(&mut self, name: &str) {
        self.nodes.retain(|node| node.name() != name);
    }

    /// The directory in which `hosts.toml` files say where the registry is.
    pub fn hosts_dir(&self) -> PathBuf {
        hosts_dir(self.plane.dir())
    }
}

fn hosts_dir(run_dir: &Path) -> PathBuf {
    run_dir.join("hosts")
}
