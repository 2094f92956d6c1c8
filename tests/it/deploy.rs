//! The manifests in `deploy/`, on a real API server, under the rights that they grant.
//!
//! | module | decides |
//! | --- | --- |
//! | `manifests` | what is in the files |
//! | `running` | how what they describe is started here: same arguments, other ports and paths |
//! | `rights` | what an account may do, and that it is no more than meant |
//! | `complaints` | that a malformed annotation is told once on its pod, and by whom |
//! | `agent` | that the agent reports under its own rights, and only of its node |
//! | `definitions` | that `crds.yaml` is what the types say, and what the API server makes of it |
//! | `consistency` | that files, flags, ports and the README agree; needs no cluster |

mod agent;
mod complaints;
mod consistency;
pub mod definitions;
mod manifests;
mod rights;
mod running;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::support::{Extender, extender_args};
use crate::testbed::{ControlPlane, PodSpec, make_namespace, make_pods};
use running::{Applied, PODS, Paths};

#[tokio::test(flavor = "multi_thread")]
async fn every_manifest_is_accepted_strictly_and_kept_as_written() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let applied = Applied::new(plane.client()).await?;
    for name in manifests::MANIFESTS {
        for object in manifests::documents(name)? {
            let kept = applied.apply(&object).await?;
            ensure!(
                manifests::is_within(&object, &kept),
                "{name}: written\n{object:#}\nkept\n{kept:#}"
            );
        }
    }
    restricted_pods_are_admitted(&plane.client()).await
}

/// Pods of the Deployments pass the restricted Pod Security Standard, which their namespace enforces.
async fn restricted_pods_are_admitted(client: &Client) -> Result<()> {
    let mut namespace = manifests::object("dunnage.yaml", "Namespace")?;
    // Elsewhere, as no controller here accounts for the quota of critical pods.
    namespace["metadata"]["name"] = json!("restricted");
    Applied::new(client.clone()).await?.apply(&namespace).await?;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "restricted");
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    for (name, object) in manifests::objects()? {
        let template = object.pointer("/spec/template");
        let Some(template) = template.filter(|_| object["kind"] == "Deployment") else {
            continue;
        };
        let mut pod: Pod = serde_json::from_value(template.clone())?;
        pod.metadata.name = Some("admitted".to_owned());
        pods.create(&dry_run, &pod).await.context(name)?;
        // The gate itself: with one right more it is refused.
        let context = pod.spec.as_mut().and_then(|spec| spec.security_context.as_mut());
        context.context("no security context")?.run_as_non_root = Some(false);
        let refused = pods.create(&dry_run, &pod).await.is_err();
        ensure!(refused, "{name}: the namespace admits pods of root");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_places_pods_under_its_own_rights() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let applied = Applied::new(plane.client()).await?;
    applied.apply_file("dunnage.yaml").await?;
    running::make_cluster(&plane).await?;
    let kubeconfig = plane.kubeconfig_for_service_account("dunnage", "dunnage").await?;
    let nobody = rights::account_without_any(&plane).await?;
    rights::only_what_it_needs(&kubeconfig, &nobody).await?;

    certify(plane.dir())?;
    let paths = Paths::default().with("/etc/dunnage/tls", plane.dir());
    let container = manifests::container("dunnage.yaml", "dunnage")?;
    let mut extender = running::extender(&plane, &kubeconfig, &container, &paths).await?;
    it_has_listed_everything(&mut extender).await?;

    let mut configuration = manifests::scheduler_configuration("scheduler-config.yaml")?;
    configuration["extenders"][0]["urlPrefix"] = json!(extender.url);
    let paths = Paths::default()
        .with("/etc/kubernetes/dunnage", plane.dir())
        .with("/etc/kubernetes/scheduler.conf", plane.kubeconfig());
    let command = [String::from("kube-scheduler")];
    let mut scheduler = running::scheduler(&plane, &command, &configuration, &paths).await?;
    let pods = (0..PODS).map(|i| PodSpec::new(&format!("step-{i}"), running::IMAGE));
    make_pods(&plane.client(), "ci", pods).await?;
    running::await_on_warm_node(&plane, &mut scheduler).await?;
    the_readme_names_its_metrics(&mut extender).await
}

/// The README's own commands make the certificates.
fn certify(dir: &Path) -> Result<()> {
    let blocks = manifests::readme_blocks("sh")?;
    let mut certifying = blocks.iter().filter(|block| block.contains("openssl req"));
    let block = certifying.next().context("the README makes no certificate")?;
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", block])
        .current_dir(dir)
        .output()
        .context("cannot run bash")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "openssl: {said}");
    Ok(())
}

async fn it_has_listed_everything(extender: &mut Extender) -> Result<()> {
    extender.await_ready().await?;
    let (_, checks) = extender.get("/readyz?verbose").await?;
    ensure!(!checks.contains("[-]"), "{checks}");
    // The first list may come from the API server's cache and be some milliseconds old.
    let count = |text: &str| {
        let nodes: Option<Value> = serde_json::from_str(text).ok();
        nodes.map(|nodes| manifests::list(&nodes["items"]).len())
    };
    extender.await_answer("/api/v1/nodes", |_, text| count(text) == Some(running::NODES)).await
}

/// Every metric that the README tells its reader to look at is there.
async fn the_readme_names_its_metrics(extender: &mut Extender) -> Result<()> {
    let neutral = extender.prioritize("not JSON").await?;
    assert_eq!(neutral.text, "[]");
    let bound = format!("dunnage_bound_pods_total{{best=\"true\"}} {PODS}");
    extender.await_answer("/metrics", |_, text| text.contains(&bound)).await?;
    let (_, metrics) = extender.get("/metrics").await?;
    let readme = manifests::text("README.md")?;
    let words = readme.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    let named: BTreeSet<_> =
        words.filter(|word| word.starts_with("dunnage_") && word.ends_with("_total")).collect();
    assert!(named.len() >= 4, "{named:?}");
    for name in named {
        ensure!(metrics.contains(&format!("\n{name}{{")), "no metric {name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_scheduler_places_pods_that_name_it() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let file = "second-scheduler.yaml";
    Applied::new(plane.client()).await?.apply_file(file).await?;
    running::make_cluster(&plane).await?;
    make_namespace(&plane.client(), "others").await?;
    let kubeconfig = plane.kubeconfig_for_service_account("dunnage", "dunnage-scheduler").await?;
    let container = manifests::container(file, "dunnage")?;
    let none = Paths::default();
    let mut extender = running::extender(&plane, &kubeconfig, &container, &none).await?;
    extender.await_ready().await?;

    let mut configuration = manifests::scheduler_configuration(file)?;
    configuration["extenders"][0]["urlPrefix"] = json!(extender.url);
    // In a pod the account's own token is found without.
    configuration["clientConnection"] = json!({"kubeconfig": kubeconfig});
    let container = manifests::container(file, "kube-scheduler")?;
    let command = manifests::strings(&container["command"]);
    let mut scheduler = running::scheduler(&plane, &command, &configuration, &none).await?;
    make_pods(&plane.client(), "others", [PodSpec::new("other", running::IMAGE)]).await?;
    make_pods(&plane.client(), "ci", (0..PODS).map(naming_the_scheduler)).await?;
    running::await_on_warm_node(&plane, &mut scheduler).await?;

    let others: Api<Pod> = Api::namespaced(plane.client(), "others");
    let other = others.get("other").await?.spec.and_then(|spec| spec.node_name);
    assert_eq!(other, None, "it took a pod that names another scheduler");
    let leases: Api<Lease> = Api::namespaced(plane.client(), "dunnage");
    let lease = leases.get("dunnage-scheduler").await?.spec;
    assert!(lease.is_some_and(|lease| lease.holder_identity.is_some()));
    let log = scheduler.log();
    let refused: Vec<_> = log.lines().filter(|line| line.contains("forbidden")).collect();
    assert!(refused.is_empty(), "rights are missing: {refused:#?}");
    let client = dunnage::cmd::serve::client(Some(&kubeconfig)).await?;
    let maps: Api<ConfigMap> = Api::namespaced(client, "kube-system");
    // That there is none here is no matter; to be refused would be.
    maps.get_opt("extension-apiserver-authentication").await?;
    Ok(())
}

/// A pod of the second scheduler that is restarted for ever: asking for dunnage by name is enough.
fn naming_the_scheduler(i: usize) -> Pod {
    let mut pod = Pod::from(PodSpec::new(&format!("step-{i}"), running::IMAGE));
    if let Some(spec) = &mut pod.spec {
        spec.scheduler_name = Some("dunnage".to_owned());
        spec.restart_policy = Some("Always".to_owned());
    }
    pod
}

#[tokio::test(flavor = "multi_thread")]
async fn the_static_pod_and_the_patched_scheduler_place_pods() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let applied = Applied::new(plane.client()).await?;
    applied.apply_file("static-pod/rbac.yaml").await?;
    running::make_cluster(&plane).await?;
    let kubeconfig = running::kubeconfig_as(&plane, "dunnage")?;
    let nobody = running::kubeconfig_as(&plane, "nobody")?;
    rights::only_what_it_needs(&kubeconfig, &nobody).await?;
    let container = manifests::container("static-pod/dunnage.yaml", "dunnage")?;
    let none = Paths::default();
    let mut extender = running::extender(&plane, &kubeconfig, &container, &none).await?;
    it_has_listed_everything(&mut extender).await?;

    let patch = json!(manifests::documents(manifests::SCHEDULER_PATCH)?[0]);
    let patched = manifests::appended(running::kubeadm_scheduler(), &patch)?;
    applied.apply(&patched).await?;
    let command = manifests::strings(&patched["spec"]["containers"][0]["command"]);
    let file = "static-pod/scheduler-config.yaml";
    let mut configuration = manifests::scheduler_configuration(file)?;
    configuration["extenders"][0]["urlPrefix"] = json!(extender.url);
    let paths = Paths::default().with("/etc/kubernetes/scheduler.conf", plane.kubeconfig());
    let mut scheduler = running::scheduler(&plane, &command, &configuration, &paths).await?;
    let pods = (0..PODS).map(|i| PodSpec::new(&format!("step-{i}"), running::IMAGE));
    make_pods(&plane.client(), "ci", pods).await?;
    running::await_on_warm_node(&plane, &mut scheduler).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rights_it_stays_up_says_what_is_missing_and_answers_neutrally() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let kubeconfig = rights::account_without_any(&plane).await?;
    let mut extender = Extender::start(plane.dir(), &kubeconfig, &[]).await?;
    extender
        .await_answer("/readyz?verbose", |status, text| {
            let names = |resource: &str| {
                ["list", "watch"]
                    .iter()
                    .any(|verb| text.contains(&format!("cannot {verb} resource \"{resource}\"")))
            };
            status == 503 && names("nodes") && names("pods")
        })
        .await?;
    assert_eq!(extender.get("/readyz").await?, (503, "not-synced\n".to_owned()));
    let pod = json!({"metadata": {"name": "p"}, "spec": {"restartPolicy": "Never"}});
    let answer =
        extender.prioritize(extender_args(&pod, &["a".to_owned(), "b".to_owned()])).await?;
    assert_eq!(
        (answer.status, answer.neutral.as_str(), answer.text.as_str()),
        (200, "not-synced", "[]")
    );
    extender.process().ensure_running()
}
