//! A kubelet on a node: its configuration, and how it is started, also anew with another.
//!
//! It has the administrator's rights: what a kubelet may do is not tested here.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use super::super::binaries::node_binary;
use super::super::process::Process;
use super::containerd::SOCKET;
use super::node::{Place, inside};

/// The file of its configuration, in the directory of the node.
const CONFIG: &str = "kubelet.config";

/// What starts one, with its configuration written.
pub async fn prepare(place: &Place<'_>, index: u8, pid: u32, dir: &Path) -> Result<Command> {
    let config = dir.join(CONFIG);
    fs::write(&config, configuration(place, dir).to_string())?;
    let mut command = inside(pid, &node_binary("kubelet").await?);
    command.arg("--config").arg(config);
    command.arg("--kubeconfig").arg(place.plane.kubeconfig());
    command.arg("--root-dir").arg(dir.join("kubelet"));
    command.arg("--cert-dir").arg(dir.join("certificates"));
    command.arg(format!("--hostname-override=node-{index}"));
    command.arg(format!("--node-ip={}", place.network.address(index)));
    Ok(command)
}

/// Starts it. It is not ready at once: the cluster says when.
pub fn start(command: &Command, dir: &Path) -> Result<Process> {
    Process::spawn("kubelet", command, &dir.join("kubelet.log"))
}

/// Changes fields of its configuration, for when it is started again.
pub fn configure(dir: &Path, changes: &Value) -> Result<()> {
    let config = dir.join(CONFIG);
    let mut configuration: Value = serde_json::from_slice(&fs::read(&config)?)?;
    if let (Some(ours), Some(theirs)) = (configuration.as_object_mut(), changes.as_object()) {
        ours.extend(theirs.clone());
    }
    Ok(fs::write(&config, configuration.to_string())?)
}

fn configuration(place: &Place<'_>, dir: &Path) -> Value {
    let mut configuration = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
        "podLogsDir": dir.join("logs"),
        "staticPodPath": "",
        "resolvConf": "",
        "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
        "authorization": {"mode": "AlwaysAllow"},
        // The machine may have any cgroups, and swap; all nodes share them.
        "failCgroupV1": false,
        "failSwapOn": false,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": false,
        "enforceNodeAllocatable": [],
        "localStorageCapacityIsolation": false,
        "makeIPTablesUtilChains": false,
        // The machine's disk is everybody's: only a test that asks for it collects.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {},
        // Soon enough for a test to see the images of a node.
        "nodeStatusUpdateFrequency": "10s",
        "nodeStatusReportFrequency": "10s",
    });
    if let (Some(ours), Some(theirs)) =
        (configuration.as_object_mut(), place.options.kubelet.as_object())
    {
        ours.extend(theirs.clone());
    }
    configuration
}
