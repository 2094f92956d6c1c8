//! What the server learns from kubelets' reports of pulls, written as events to a real API server.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Event, Pod, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::support::{Extender, client};
use crate::testbed::{ControlPlane, NodeSpec, PodSpec, make_namespace, make_nodes};

const NODE: &str = "worker";
const TYPE: &str = "m5.large";
const SPACE: &str = "steps";
/// Two seconds by the default policy.
const IMAGE_BYTES: u64 = 100_000_000;
/// So many are learned from alone, without the policy's constants.
const PULLS: usize = 8;
/// An image that nobody pulls.
const UNTOUCHED: usize = PULLS + 1;

fn image(number: usize) -> String {
    format!("registry.example/ci/image-{number}:1")
}

/// A file that says of what layers the images are.
fn manifests(plane: &ControlPlane) -> Result<PathBuf> {
    let digest = |number: usize| format!("sha256:{number:064x}");
    let line = |number: usize| {
        let layers = json!([{"digest": digest(100 + number), "size": IMAGE_BYTES}]);
        let line = json!({
            "image": image(number),
            "platform": "linux/amd64",
            "manifest": digest(number),
            "first_seen": "2026-01-01T00:00:00Z",
            "layers": layers,
        });
        format!("{line}\n")
    };
    let file = plane.dir().join("manifests.jsonl");
    std::fs::write(&file, (0..=UNTOUCHED).map(line).collect::<String>())?;
    Ok(file)
}

/// A pod that the kubelet of the node has to pull for.
async fn bound_pod(plane: &ControlPlane, number: usize) -> Result<Pod> {
    let mut pod = Pod::from(PodSpec::new(&format!("step-{number}"), &image(number)));
    pod.spec.as_mut().context("a pod has a spec")?.node_name = Some(NODE.to_owned());
    let api: Api<Pod> = Api::namespaced(plane.client(), SPACE);
    Ok(api.create(&PostParams::default(), &pod).await?)
}

/// An event as the kubelet of its node writes it about a pod.
pub async fn report(plane: &ControlPlane, pod: &Pod, message: &str) -> Result<()> {
    let space = pod.namespace().context("a pod has a namespace")?;
    let event: Event = serde_json::from_value(json!({
        "metadata": {"generateName": format!("{}.", pod.name_any()), "namespace": space},
        "involvedObject": {
            "kind": "Pod",
            "namespace": space,
            "name": pod.name_any(),
            "uid": pod.uid(),
            "fieldPath": "spec.containers{step}",
        },
        "reason": "Pulled",
        "message": message,
        "source": {
            "component": "kubelet",
            "host": pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref()),
        },
        "type": "Normal",
    }))?;
    Api::namespaced(plane.client(), &space).create(&PostParams::default(), &event).await?;
    Ok(())
}

/// What it says of an image that came within so many seconds.
pub fn pulled(image: &str, seconds: u64) -> String {
    format!(
        "Successfully pulled image \"{image}\" in {seconds}s ({seconds}.01s including waiting). \
         Image size: {IMAGE_BYTES} bytes."
    )
}

async fn await_observed(extender: &mut Extender, result: &str, count: usize) -> Result<()> {
    let line = format!("dunnage_pull_observations_total{{result=\"{result}\"}} {count}\n");
    extender.await_answer("/metrics", |_, text| text.contains(&line)).await
}

/// Waits until the server knows that an image is on its way, and reports that it has come.
async fn pull(
    plane: &ControlPlane,
    extender: &mut Extender,
    number: usize,
    seconds: u64,
) -> Result<()> {
    let pod = bound_pod(plane, number).await?;
    let name = image(number);
    extender.await_answer("/api/v1/nodes", |_, text| text.contains(&name)).await?;
    report(plane, &pod, &pulled(&image(number), seconds)).await
}

async fn explained_fetch_seconds(extender: &Extender, number: usize) -> Result<f64> {
    let pod = json!({"metadata": {"name": "p"}, "spec": {
        "restartPolicy": "Never",
        "containers": [{"name": "a", "image": image(number)}],
    }});
    let url = format!("{}/api/v1/explain", extender.admin_url);
    let answer = client().post(url).body(pod.to_string()).send().await?.text().await?;
    let answer: Value = serde_json::from_str(&answer)?;
    answer["nodes"][0]["fetchSeconds"].as_f64().with_context(|| answer.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn reported_pulls_correct_the_rates_of_their_node_group_and_registry() -> Result<()> {
    let plane = ControlPlane::start().await?;
    make_namespace(&plane.client(), SPACE).await?;
    let mut node = NodeSpec::new(NODE);
    node.labels.insert("node.kubernetes.io/instance-type".to_owned(), TYPE.to_owned());
    make_nodes(&plane.client(), &[node]).await?;
    // One pull is over, and one goes on, when the server starts.
    let old = bound_pod(&plane, PULLS).await?;
    report(&plane, &old, &pulled(&image(PULLS), 900)).await?;
    let file = format!("--manifests={}", manifests(&plane)?.display());
    let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &[&file]).await?;
    extender.await_ready().await?;
    let watched = |_, text: &str| text.contains("[+]watch-events ok");
    extender.await_answer("/readyz?verbose", watched).await?;
    let before = explained_fetch_seconds(&extender, UNTOUCHED).await?;
    ensure!(before == 1.0, "{before}");

    report(&plane, &old, &pulled(&image(PULLS), 900)).await?;
    await_observed(&mut extender, "unexpected", 1).await?;
    report(&plane, &old, "Successfully pulled something else").await?;
    await_observed(&mut extender, "unreadable", 1).await?;
    for number in 0..PULLS {
        pull(&plane, &mut extender, number, 8).await?;
        await_observed(&mut extender, "learned", number + 1).await?;
    }
    let there = format!("Container image \"{}\" already present on machine", image(0));
    report(&plane, &old, &there).await?;
    await_observed(&mut extender, "present", 1).await?;
    four_times_as_long_is_learned(&mut extender).await
}

async fn four_times_as_long_is_learned(extender: &mut Extender) -> Result<()> {
    let fetch = explained_fetch_seconds(extender, UNTOUCHED).await?;
    ensure!(fetch == 4.0, "100 MB are fetched in {fetch} s");
    let factor =
        format!("dunnage_pull_rate_factor{{group=\"{TYPE}\",registry=\"registry.example\"}} 4\n");
    extender.await_answer("/metrics", |_, text| text.contains(&factor)).await?;
    let (_, summary) = extender.get("/api/v1/summary").await?;
    let summary: Value = serde_json::from_str(&summary)?;
    let rate = json!({
        "nodeGroup": TYPE,
        "registry": "registry.example",
        "factor": 4.0,
        "observed": PULLS,
    });
    ensure!(summary["pulls"]["rates"] == json!([rate]), "{summary:#}");
    ensure!(summary["pulls"]["observed"] == PULLS, "{summary:#}");
    // Four were predicted by the constants, the others ever better.
    let bias = summary["pulls"]["medianBias"].as_f64().context("a bias")?;
    ensure!((0.2..3.0).contains(&bias), "{bias}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_see_events_nothing_is_learned_and_all_else_works() -> Result<()> {
    let plane = ControlPlane::start().await?;
    make_nodes(&plane.client(), &[NodeSpec::new(NODE)]).await?;
    let kubeconfig = account_without_events(&plane).await?;
    let mut extender = Extender::start(plane.dir(), &kubeconfig, &[]).await?;
    extender.await_ready().await?;
    let refused = |status, text: &str| {
        status == 200
            && text.contains("[+]watch-events: learning is off: ")
            && text.contains("forbidden")
    };
    extender.await_answer("/readyz?verbose", refused).await
}

/// An account that may list and watch nodes and pods.
async fn account_without_events(plane: &ControlPlane) -> Result<PathBuf> {
    let (client, create) = (plane.client(), PostParams::default());
    let named = json!({"name": "blind", "namespace": "default"});
    let account: ServiceAccount = serde_json::from_value(json!({"metadata": named}))?;
    Api::namespaced(client.clone(), "default").create(&create, &account).await?;
    let role: ClusterRole = serde_json::from_value(json!({
        "metadata": {"name": "blind"},
        "rules": [{"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list", "watch"]}],
    }))?;
    Api::all(client.clone()).create(&create, &role).await?;
    let binding: ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": {"name": "blind"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "blind",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "blind", "namespace": "default"}]
    }))?;
    Api::all(client).create(&create, &binding).await?;
    plane.kubeconfig_for_service_account("default", "blind").await
}
