//! The testbed tested: servers start, schedule, and are gone afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::{Api, Client};

use super::access::client_of;
use super::readiness::await_ready;
use super::{
    ControlPlane, Image, NodeSpec, PodSpec, Process, Scheduler, SchedulerOptions, Signal,
    await_bound, binary, delete_pods, make_namespace, make_nodes, make_pods, report_images,
};

/// Many times what it takes to bind five pods, on a machine that compiles.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_control_plane_schedules_and_leaves_no_process() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let dir = plane.dir().to_owned();
    let scheduler = Scheduler::start(&plane, SchedulerOptions::default()).await?;
    let client = plane.client();

    let kubeconfig = fs::read_to_string(plane.kubeconfig())?;
    assert!(kubeconfig.contains(plane.url()) && kubeconfig.contains(plane.ca_data()));
    five_pods_are_bound_on_three_nodes(&client).await?;
    a_node_reports_other_images(&client).await?;
    an_account_has_its_own_rights(&plane).await?;

    let servers = [plane.etcd().pid(), plane.api_server().pid(), scheduler.process().pid()];
    assert_eq!(servers.map(runs), [true; 3]);
    scheduler.stop();
    drop(plane);
    assert_eq!(servers.map(runs), [false; 3]);
    assert!(!dir.exists(), "{} is left", dir.display());
    Ok(())
}

async fn five_pods_are_bound_on_three_nodes(client: &Client) -> Result<()> {
    make_nodes(client, &["a", "b", "c"].map(NodeSpec::new)).await?;
    make_namespace(client, "ci").await?;
    let pods = (0..5).map(|i| PodSpec::new(&format!("step-{i}"), "registry.example/ci/build:1"));
    make_pods(client, "ci", pods).await?;
    let landed = await_bound(client, "ci", 5, SOON).await?;
    assert_eq!(landed.len(), 5);
    assert!(landed.values().all(|node| ["a", "b", "c"].contains(&node.as_str())), "{landed:?}");

    delete_pods(client, "ci").await?;
    let left = Api::<Pod>::namespaced(client.clone(), "ci").list(&ListParams::default()).await?;
    assert!(left.items.is_empty(), "{} pods are left", left.items.len());
    Ok(())
}

async fn a_node_reports_other_images(client: &Client) -> Result<()> {
    make_nodes(client, &[NodeSpec::new("d").holding("registry.example/old:1", 7)]).await?;
    report_images(client, "d", &[Image::new("registry.example/new:1", 9)]).await?;
    let node = Api::<Node>::all(client.clone()).get("d").await?;
    let images = node.status.and_then(|status| status.images).unwrap_or_default();
    let names: Vec<_> =
        images.into_iter().flat_map(|image| image.names.unwrap_or_default()).collect();
    assert_eq!(names, ["registry.example/new:1"]);
    Ok(())
}

async fn an_account_has_its_own_rights(plane: &ControlPlane) -> Result<()> {
    let account = ServiceAccount {
        metadata: ObjectMeta { name: Some("nobody".to_owned()), ..ObjectMeta::default() },
        ..ServiceAccount::default()
    };
    Api::namespaced(plane.client(), "ci").create(&PostParams::default(), &account).await?;
    let kubeconfig = plane.kubeconfig_for_service_account("ci", "nobody").await?;
    let nodes: Api<Node> = Api::all(client_of(&kubeconfig).await?);
    let refused = nodes.list(&ListParams::default()).await.err().map(|error| error.to_string());
    let said = refused.unwrap_or_default();
    assert!(said.contains("system:serviceaccount:ci:nobody"), "{said}");
    Ok(())
}

#[tokio::test]
async fn an_unbound_pod_is_explained() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let _scheduler = Scheduler::start(&plane, SchedulerOptions::default()).await?;
    let client = plane.client();
    make_pods(&client, "default", [PodSpec::new("p", "i")]).await?;
    // Long enough for the scheduler to try; it always ends at the deadline.
    let unbound = await_bound(&client, "default", 1, Duration::from_secs(2)).await;
    let said = unbound.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(said.contains("no nodes available"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_scheduler_follows_its_extender() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let (_server, url) = warm_server(&plane.dir().join("reference.log")).await?;
    let options = SchedulerOptions { extender_url: Some(url), weight: 10, ..Default::default() };
    let _scheduler = Scheduler::start(&plane, options).await?;
    let client = plane.client();
    make_nodes(&client, &["n-00", "n-01", "n-02"].map(NodeSpec::new)).await?;
    make_pods(&client, "default", ["p", "q", "r"].map(|name| PodSpec::new(name, "i"))).await?;
    let landed = await_bound(&client, "default", 3, SOON).await?;
    assert!(landed.values().all(|node| node == "n-00"), "{landed:?}");
    Ok(())
}

/// A reference extender that favours nodes whose names end in `00`.
async fn warm_server(log: &Path) -> Result<(Process, String)> {
    let mut command = Command::new(binary("extender-reference").await?);
    command.args(["serve", "-mode", "warm", "-addr", "127.0.0.1:0"]);
    let mut server = Process::spawn("extender-reference", &command, log)?;
    let mut url = None;
    await_ready(&mut server, async || {
        let said = fs::read_to_string(log)?;
        url = said.split_once(" on ").map(|(_, url)| url.trim_end().to_owned());
        ensure!(url.is_some(), "it does not say where it listens");
        Ok(())
    })
    .await?;
    Ok((server, url.context("no address")?))
}

#[tokio::test]
async fn a_stopped_child_is_killed_all_the_same() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut sleeper = Command::new("sleep");
    sleeper.arg("1000");
    let child = Process::spawn("sleeper", &sleeper, &dir.path().join("log"))?;
    let pid = child.pid();
    child.signal(Signal::STOP)?;
    assert!(runs(pid));
    drop(child);
    assert!(!runs(pid));
    Ok(())
}

#[tokio::test]
async fn a_child_that_ends_is_seen_to_end() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo \"$WORD\"; exit 3"]).env("WORD", "last words");
    let mut child = Process::spawn("shell", &shell, &dir.path().join("log"))?;
    let status = child.exited(SOON).await?;
    assert_eq!(status.code(), Some(3));
    assert_eq!(child.log_tail(), "last words");
    let said = child.ensure_running().err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(said.contains("last words"), "the error does not quote the log: {said}");
    Ok(())
}

/// Whether a process of this id exists, zombies included.
fn runs(pid: u32) -> bool {
    fs::exists(Path::new("/proc").join(pid.to_string())).unwrap_or(true)
}
