//! The agent of `agent.yaml`: admitted, with no more rights than it needs, and only about its own node.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use dunnage::edge::inventory::node::{InventorySpec, NodeInventory};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::definitions::establish;
use super::running::Applied;
use super::{manifests, rights};
use crate::agent::content::Image;
use crate::agent::fake::{Content, Fake};
use crate::agent::rig::{Agent, await_inventory};
use crate::testbed::{ControlPlane, NodeSpec, make_nodes};

const FILE: &str = "agent.yaml";
const SPACE: &str = "dunnage-agent";
/// An API server begins to apply a new policy within a second or two.
const SOON: Duration = Duration::from_secs(30);
/// Between two looks whether it does.
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_reports_under_its_own_rights_through_a_read_only_mount() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    install(&plane).await?;
    let pod = make_pod(&client, "node-1").await?;
    let kubeconfig = plane.kubeconfig_for_pod(&pod).await?;
    let there = plane.dir().join("containerd");
    std::fs::create_dir(&there)?;
    let content = Content::default().with(&Image::new("r/a:1", &["base", "a"]));
    let _containerd = Fake::start(&there.join("containerd.sock"), content)?;
    let command = in_a_container(&plane, &kubeconfig, &there)?;
    let mut agent = Agent::start_as(command, &plane.dir().join("agent.log")).await?;
    agent.await_answer("/readyz", |status, _| status == 200).await?;
    let told = |found: &InventorySpec| found.images.len() == 1 && found.volume_server.is_some();
    await_inventory(&client, "node-1", told).await?;
    agent
        .await_answer("/metrics", |_, text| {
            text.contains("dunnage_agent_writes_total{kind=\"manifest\",result=\"ok\"} 1")
        })
        .await
}

/// Definitions, the agent's manifest, two nodes.
async fn install(plane: &ControlPlane) -> Result<()> {
    establish(&plane.client()).await?;
    Applied::new(plane.client()).await?.apply_file(FILE).await?;
    make_nodes(&plane.client(), &[NodeSpec::new("node-1"), NodeSpec::new("node-2")]).await
}

/// The pod that the DaemonSet makes on a node.
async fn make_pod(client: &Client, node: &str) -> Result<Pod> {
    let set = manifests::object(FILE, "DaemonSet")?;
    let mut pod: Pod = serde_json::from_value(set["spec"]["template"].clone())?;
    pod.metadata.name = Some(format!("agent-{node}"));
    pod.spec.as_mut().context("no spec")?.node_name = Some(node.to_owned());
    Ok(Api::namespaced(client.clone(), SPACE).create(&PostParams::default(), &pod).await?)
}

/// The container's arguments, its mount and its environment, as processes have them here.
fn in_a_container(plane: &ControlPlane, kubeconfig: &Path, there: &Path) -> Result<Command> {
    let container = manifests::container(FILE, "agent")?;
    let inside = plane.dir().join("mount");
    std::fs::create_dir(&inside)?;
    let mount = &container["volumeMounts"][0];
    let path = mount["mountPath"].as_str().context("no mount")?;
    let script = "mount --bind \"$1\" \"$2\" && mount -o remount,bind,ro \"$2\" && shift 2 && \
                  ! touch \"$MOUNT/x\" 2>/dev/null && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(there).arg(&inside);
    command.env("MOUNT", &inside).env("NODE_NAME", "node-1");
    command.arg(env!("CARGO_BIN_EXE_dunnage"));
    let args = manifests::strings(&container["args"]);
    let is_port =
        |arg: &str| arg.starts_with("--admin-listen=") || arg.starts_with("--volume-listen=");
    let store = plane.dir().join("volumes").display().to_string();
    let args = args.iter().filter(|arg| !is_port(arg));
    let args = args.map(|arg| arg.replace(path, &inside.display().to_string()));
    command.args(args.map(|arg| arg.replace("/var/lib/dunnage/volumes", &store)));
    command.arg("--volume-listen=127.0.0.1:0");
    command.arg("--kubeconfig").arg(kubeconfig);
    Ok(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_writes_about_its_own_node_only() -> Result<()> {
    let plane = ControlPlane::start().await?;
    install(&plane).await?;
    let pod = make_pod(&plane.client(), "node-1").await?;
    let kubeconfig = plane.kubeconfig_for_pod(&pod).await?;
    no_more_is_granted_than_the_file_says(&plane, &kubeconfig).await?;

    let agent = dunnage::cmd::serve::client(Some(&kubeconfig)).await?;
    await_refusal(&agent, &inventory("node-2", "Node"), "which is \"node-1\"").await?;
    apply(&agent, &inventory("node-1", "Node")).await?;
    let refusal = apply(&agent, &inventory("node-1", "Pod")).await;
    let refusal = refusal.expect_err("owned by a pod").to_string();
    ensure!(refusal.contains("owned by its node only"), "{refusal}");
    let inventories: Api<NodeInventory> = Api::all(agent);
    inventories.list(&ListParams::default()).await.expect_err("it may list");
    inventories.delete("node-1", &DeleteParams::default()).await.expect_err("it may delete");

    // A token of the account that belongs to no pod.
    let loose = plane.kubeconfig_for_service_account(SPACE, "dunnage-agent").await?;
    let loose = dunnage::cmd::serve::client(Some(&loose)).await?;
    await_refusal(&loose, &inventory("node-1", "Node"), "which is \"\"").await?;
    // Others are none of this policy's business.
    apply(&plane.client(), &inventory("node-2", "Node")).await
}

async fn no_more_is_granted_than_the_file_says(plane: &ControlPlane, own: &Path) -> Result<()> {
    let nobody: PathBuf = rights::account_without_any(plane).await?;
    let granted = rights::granted_to(own, &nobody).await?;
    let objects = manifests::objects()?.into_iter().map(|(_, object)| object);
    let is_own = |object: &Value| {
        object["kind"] == "ClusterRole" && object["metadata"]["name"] == "dunnage-agent"
    };
    let role = objects.into_iter().find(is_own).context("no role")?;
    let mut wanted = manifests::list(&role["rules"]).to_vec();
    wanted.sort_by_key(Value::to_string);
    assert_eq!(granted, wanted);
    Ok(())
}

/// An inventory with an owner of this kind.
fn inventory(node: &str, owner: &str) -> Value {
    json!({
        "apiVersion": "dunnage.dev/v1alpha1",
        "kind": "NodeInventory",
        "metadata": {
            "name": node,
            "ownerReferences": [{"apiVersion": "v1", "kind": owner, "name": node, "uid": "u"}],
        },
        "spec": {
            "observedAt": "2026-01-01T00:00:00Z", "validSeconds": 60, "agentVersion": "0",
            "containerdVersion": "0", "platform": "linux/amd64", "snapshotter": "overlayfs",
            "lazy": false, "blobs": "Kept", "imageCount": 0, "images": [],
        },
    })
}

async fn apply(client: &Client, inventory: &Value) -> Result<()> {
    let name = inventory["metadata"]["name"].as_str().context("no name")?;
    let how = PatchParams { dry_run: true, ..PatchParams::apply("test").force() };
    let inventories: Api<NodeInventory> = Api::all(client.clone());
    inventories.patch(name, &how, &Patch::Apply(inventory)).await?;
    Ok(())
}

/// Waits until writing it is refused with these words.
async fn await_refusal(client: &Client, inventory: &Value, words: &str) -> Result<()> {
    let deadline = Instant::now() + SOON;
    loop {
        let applied = apply(client, inventory).await;
        if applied.as_ref().is_err_and(|refusal| refusal.to_string().contains(words)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("not refused: {applied:?}");
        }
        sleep(PAUSE).await;
    }
}
