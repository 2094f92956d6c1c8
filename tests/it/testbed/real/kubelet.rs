//! A kubelet on a node: its configuration.
//!
//! It has the administrator's rights: what a kubelet may do is not tested here.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::super::binaries::node_binary;
use super::super::process::Process;
use super::containerd::SOCKET;
use super::node::{Place, inside};

/// Starts one. It is not ready at once: the cluster says when.
pub async fn start(place: &Place<'_>, index: u8, pid: u32, dir: &Path) -> Result<Process> {
    let config = dir.join("kubelet.config");
    fs::write(&config, configuration(place, dir).to_string())?;
    let mut command = inside(pid, &node_binary("kubelet").await?);
    command.arg("--config").arg(config);
    command.arg("--kubeconfig").arg(place.plane.kubeconfig());
    command.arg("--root-dir").arg(dir.join("kubelet"));
    command.arg("--cert-dir").arg(dir.join("certificates"));
    command.arg(format!("--hostname-override=node-{index}"));
    command.arg(format!("--node-ip={}", place.network.address(index)));
    Process::spawn("kubelet", &command, &dir.join("kubelet.log"))
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
