//! A malformed annotation: one Event on the pod, however many replicas, restarts and changes there are; the
//! pod's placement goes on.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::running::Applied;
use crate::support::Extender;
use crate::testbed::{ControlPlane, NodeSpec, make_namespace, make_nodes};

/// Many times what it takes, on a machine that compiles.
const SOON: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);
const NEEDS: &str = "dunnage.dev/needs";

/// A pod that is bound, as only those are watched.
async fn make_pod(plane: &ControlPlane, name: &str, needs: &str) -> Result<()> {
    let pod = json!({
        "metadata": {"name": name, "annotations": {NEEDS: needs}},
        "spec": {
            "nodeName": "node-1",
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example/ci/build:1"}],
        },
    });
    let pods: Api<Pod> = Api::namespaced(plane.client(), "ci");
    pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
    Ok(())
}

/// Changes a pod, which every watcher sees.
async fn label(plane: &ControlPlane, name: &str, value: &str) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(plane.client(), "ci");
    let patch = Patch::Merge(json!({"metadata": {"labels": {"seen": value}}}));
    pods.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// The Events on a pod as `kubectl describe` lists them.
async fn events_on(plane: &ControlPlane, pod: &str) -> Result<Vec<Event>> {
    let events: Api<Event> = Api::namespaced(plane.client(), "ci");
    let of_pod = format!("involvedObject.kind=Pod,involvedObject.name={pod}");
    Ok(events.list(&ListParams::default().fields(&of_pod)).await?.items)
}

async fn await_event(plane: &ControlPlane, pod: &str) -> Result<Event> {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(event) = events_on(plane, pod).await?.pop() {
            return Ok(event);
        }
        if Instant::now() > deadline {
            bail!("no Event on {pod}");
        }
        sleep(PAUSE).await;
    }
}

/// Waits until so many Events had a result, by the server's own count.
async fn await_count(extender: &mut Extender, result: &str, count: u32) -> Result<()> {
    let line = format!("dunnage_annotation_events_total{{result=\"{result}\"}} {count}");
    let context = format!("no {line}");
    extender.await_answer("/metrics", |_, text| text.contains(&line)).await.context(context)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_annotation_is_told_once_and_by_one() -> Result<()> {
    let plane = ControlPlane::start().await?;
    Applied::new(plane.client()).await?.apply_file("dunnage.yaml").await?;
    make_nodes(&plane.client(), &[NodeSpec::new("node-1")]).await?;
    make_namespace(&plane.client(), "ci").await?;
    // Under the rights that the manifest gives, and in shadow.
    let kubeconfig = plane.kubeconfig_for_service_account("dunnage", "dunnage").await?;
    let mut first = Extender::start(plane.dir(), &kubeconfig, &["--shadow"]).await?;
    make_pod(&plane, "sound", r#"[{"key":"a","kind":"output","bytes":1}]"#).await?;
    make_pod(&plane, "wrong", r#"[{"key":"a","bytes":-1}]"#).await?;

    let event = await_event(&plane, "wrong").await?;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert_eq!(event.reason.as_deref(), Some("MalformedAnnotation"));
    let note = event.message.context("no message")?;
    assert!(note.starts_with("dunnage.dev/needs is ignored: "), "{note}");
    assert!(note.contains("`-1`, expected u64 at line 1 column 22"), "{note}");
    let pods: Api<Pod> = Api::namespaced(plane.client(), "ci");
    assert_eq!(event.involved_object.uid, pods.get("wrong").await?.metadata.uid);

    // A change, a second replica, a restart: all of them come to the pod again.
    await_count(&mut first, "posted", 1).await?;
    label(&plane, "wrong", "again").await?;
    let mut second = Extender::start(plane.dir(), &kubeconfig, &[]).await?;
    await_count(&mut second, "known", 1).await?;
    first.restart().await?;
    await_count(&mut first, "known", 1).await?;
    // A pod made later is told of later: what was to be said of those before it has been said.
    make_pod(&plane, "last", "[").await?;
    await_event(&plane, "last").await?;
    assert_eq!(events_on(&plane, "wrong").await?.len(), 1);
    assert!(events_on(&plane, "sound").await?.is_empty());
    let (_, metrics) = second.get("/metrics").await?;
    let none_failed = "dunnage_annotation_events_total{result=\"failed\"} 0";
    assert!(metrics.contains(none_failed), "{metrics}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_say_it_all_else_works() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let mut role = super::manifests::object("dunnage.yaml", "ClusterRole")?;
    let rules = role["rules"].as_array_mut().context("no rules")?;
    rules.retain(|rule| rule["apiGroups"][0] != "events.k8s.io");
    let applied = Applied::new(plane.client()).await?;
    applied.apply_file("dunnage.yaml").await?;
    applied.apply(&role).await?;
    make_nodes(&plane.client(), &[NodeSpec::new("node-1")]).await?;
    make_namespace(&plane.client(), "ci").await?;
    make_pod(&plane, "wrong", "{}").await?;
    let kubeconfig = plane.kubeconfig_for_service_account("dunnage", "dunnage").await?;
    let mut extender = Extender::start(plane.dir(), &kubeconfig, &[]).await?;
    await_count(&mut extender, "failed", 1).await?;
    extender.await_ready().await?;
    assert!(events_on(&plane, "wrong").await?.is_empty());
    Ok(())
}
