//! A node: namespaces, and the two programs in them.
//!
//! Its first process holds its namespaces for processes, mounts and network,
//! and takes everything with it when it dies. Paths that programs insist on are
//! directories of the node there, so that nodes do not meet. Decides nothing
//! about how the programs are set up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Node as NodeObject;
use kube::{Api, Client};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::super::control_plane::ControlPlane;
use super::super::process::Process;
use super::super::readiness::await_ready;
use super::network::{Network, rx_bytes};
use super::registry::Pushed;
use super::{Options, containerd, kubelet};

/// The first process of a node: its own directories in place of the machine's,
/// then nothing but to wait, for children of others too.
const FIRST: &str = r#"
set -e
for place in run/containerd var/lib/cni var/lib/dunnage var/lib/kubelet var/log/containers; do
    mkdir -p "/$place" "$1/$place"
    mount --bind "$1/$place" "/$place"
done
touch "$1/entered"
sleep infinity &
wait
"#;

/// What all nodes of a cluster have in common.
pub struct Place<'a> {
    /// The control plane that they join.
    pub plane: &'a ControlPlane,
    /// The network that they are linked to.
    pub network: &'a Network,
    /// The image of the container that holds a pod's namespaces.
    pub pause: &'a Pushed,
    /// What the cluster is to be like.
    pub options: &'a Options,
}

/// A running node.
// Dropped from top to bottom, after the first process was killed.
pub struct Node {
    name: String,
    dir: PathBuf,
    pid: u32,
    kubelet: Process,
    kubelet_command: Command,
    containerd: Process,
    first: Process,
}

impl Node {
    /// Starts a node and waits until it is ready for pods.
    pub async fn start(place: &Place<'_>, index: u8) -> Result<Self> {
        let name = format!("node-{index}");
        let dir = place.plane.dir().join(&name);
        fs::create_dir(&dir)?;
        let (first, pid) = first(&dir).await?;
        place.network.attach(index, pid, place.options)?;
        let containerd = containerd::start(place, index, pid, &dir).await?;
        containerd::pull(pid, &super::hosts_dir(place.plane.dir()), &place.pause.reference).await?;
        let kubelet_command = kubelet::prepare(place, index, pid, &dir).await?;
        let mut kubelet = kubelet::start(&kubelet_command, &dir)?;
        let client = place.plane.client();
        await_ready(&mut kubelet, async || is_ready(&client, &name).await).await?;
        Ok(Self { name, dir, pid, kubelet, kubelet_command, containerd, first })
    }

    /// Ends its kubelet and starts it with some fields of its configuration changed.
    pub fn restart_kubelet(&mut self, changes: &Value) -> Result<()> {
        kubelet::configure(&self.dir, changes)?;
        self.kubelet.kill();
        self.kubelet = kubelet::start(&self.kubelet_command, &self.dir)?;
        Ok(())
    }

    /// Pulls an image by hand, to where kubelet's are.
    pub async fn pull(&self, reference: &str) -> Result<()> {
        containerd::pull(self.pid, &self.hosts_dir()?, reference).await
    }

    /// Begins to: killing the process breaks it off.
    pub async fn begin_pull(&self, reference: &str) -> Result<Process> {
        let command = containerd::pulling(self.pid, &self.hosts_dir()?, reference).await?;
        Process::spawn("ctr", &command, &self.dir.join("ctr.log"))
    }

    /// Removes an image by hand, by all its names.
    pub async fn remove(&self, image: &Pushed) -> Result<()> {
        containerd::remove(self.pid, &[&image.reference, &image.config]).await
    }

    fn hosts_dir(&self) -> Result<PathBuf> {
        Ok(super::hosts_dir(self.dir.parent().context("in no run")?))
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes that it has received over its link since it started.
    pub fn rx_bytes(&self) -> Result<u64> {
        rx_bytes(self.pid)
    }

    /// The directory of its files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The socket of its containerd, as this machine sees it.
    pub fn containerd_socket(&self) -> PathBuf {
        self.dir.join("run/containerd/containerd.sock")
    }

    /// Its kubelet, to read its log.
    pub fn kubelet(&self) -> &Process {
        &self.kubelet
    }

    /// Its containerd, to read its log.
    pub fn containerd(&self) -> &Process {
        &self.containerd
    }

    /// Its first process, whose namespaces are the node's.
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // All processes of its namespace end before it does, and with them their
        // parents out here, which are then reaped.
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        self.first.reap();
    }
}

async fn first(dir: &Path) -> Result<(Process, u32)> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]);
    command.args(["sh", "-c", FIRST, "sh"]).arg(dir);
    let mut process = Process::spawn("the first process of a node", &command, &dir.join("log"))?;
    await_ready(&mut process, async || {
        ensure!(dir.join("entered").exists(), "it has not entered its namespaces");
        Ok(())
    })
    .await?;
    let pid = child_of(process.pid())?;
    Ok((process, pid))
}

/// The one child of a process.
fn child_of(pid: u32) -> Result<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    children.trim().parse().context("not one child")
}

/// A program in the namespaces of a node, which ends when its parent out here does.
pub fn inside(pid: u32, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &pid.to_string(), "--mount", "--net", "--pid", "--"]);
    command.args(["setpriv", "--pdeathsig", "KILL", "--"]).arg(program);
    command
}

async fn is_ready(client: &Client, name: &str) -> Result<()> {
    let node = Api::<NodeObject>::all(client.clone()).get(name).await?;
    let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
    let ready = ready.context("it has no Ready condition")?;
    ensure!(ready.status == "True", "{}", ready.message.as_deref().unwrap_or("not ready"));
    Ok(())
}
