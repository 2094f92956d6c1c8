//! containerd on a node: its configuration, the network of its pods, and the
//! registry that it knows.

use std::fs;
use std::path::Path;
use std::process::Command as StdCommand;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::net::UnixStream;
use tokio::process::Command;

use super::super::binaries::node_binary;
use super::super::process::Process;
use super::super::readiness::await_ready;
use super::hosts_dir;
use super::node::{Place, inside};

/// Where Debian's containernetworking-plugins puts them.
const CNI_PLUGINS: &str = "/usr/lib/cni";
/// Where every containerd listens, in the mounts of its node.
pub const SOCKET: &str = "/run/containerd/containerd.sock";

/// Starts it and waits until it answers.
pub async fn start(place: &Place<'_>, index: u8, pid: u32, dir: &Path) -> Result<Process> {
    let program = node_binary("containerd").await?;
    let config = dir.join("containerd.toml");
    fs::write(&config, configuration(place, dir))?;
    let networks = dir.join("networks");
    fs::create_dir(&networks)?;
    fs::write(networks.join("pods.conflist"), pod_network(place, index, dir).to_string())?;
    let mut command = inside(pid, &program);
    command.arg("--config").arg(config);
    // It looks for its shim there.
    command.env("PATH", path_with(program.parent().unwrap_or(Path::new("/"))));
    let mut process = Process::spawn("containerd", &command, &dir.join("containerd.log"))?;
    let socket = dir.join("run/containerd/containerd.sock");
    await_ready(&mut process, async || {
        UnixStream::connect(&socket).await?;
        Ok(())
    })
    .await?;
    Ok(process)
}

/// What pulls an image to where kubelet's images are.
pub async fn pulling(pid: u32, hosts: &Path, reference: &str) -> Result<StdCommand> {
    let mut command = ctr_images(pid).await?;
    command.arg("pull").arg("--hosts-dir").arg(hosts).arg(reference);
    Ok(command)
}

/// Has it pull an image.
pub async fn pull(pid: u32, hosts: &Path, reference: &str) -> Result<()> {
    let command = pulling(pid, hosts, reference).await?;
    run(command).await.with_context(|| format!("cannot pull {reference}"))
}

/// Has it forget an image's names, and remove what only those kept.
pub async fn remove(pid: u32, names: &[&str]) -> Result<()> {
    let mut command = ctr_images(pid).await?;
    command.args(["rm", "--sync"]).args(names);
    run(command).await.with_context(|| format!("cannot remove {names:?}"))
}

async fn ctr_images(pid: u32) -> Result<StdCommand> {
    let mut command: StdCommand = inside(pid, &node_binary("ctr").await?);
    command.args(["--address", SOCKET, "--namespace", "k8s.io", "images"]);
    Ok(command)
}

async fn run(command: StdCommand) -> Result<()> {
    let output = Command::from(command).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ctr: {said}");
    Ok(())
}

fn path_with(dir: &Path) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}:/usr/sbin:/sbin", dir.display())
}

fn configuration(place: &Place<'_>, dir: &Path) -> String {
    let dir = dir.display();
    let hosts = hosts_dir(place.plane.dir());
    let (hosts, pause) = (hosts.display(), &place.pause.reference);
    let discard = place.options.discard_unpacked_layers;
    format!(
        r#"version = 3
root = "{dir}/containerd"
state = "/run/containerd"
imports = []
[plugins."io.containerd.cri.v1.images"]
  discard_unpacked_layers = {discard}
  pinned_images.sandbox = "{pause}"
  registry.config_path = "{hosts}"
[plugins."io.containerd.cri.v1.runtime"]
  # Root may lack CAP_SYS_RESOURCE: without this every pod fails there.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  cni.bin_dirs = ["{CNI_PLUGINS}"]
  cni.conf_dir = "{dir}/networks"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  options.SystemdCgroup = false
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.internal.v1.opt"]
  path = "{dir}/opt"
"#
    )
}

/// A bridge in the node's own network, and an address for each pod.
fn pod_network(place: &Place<'_>, index: u8, dir: &Path) -> serde_json::Value {
    json!({
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [{
            "type": "bridge", "bridge": "cni0", "isGateway": true,
            "ipam": {
                "type": "host-local",
                "dataDir": dir.join("addresses"),
                "ranges": [[{"subnet": place.network.pods(index)}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    })
}
