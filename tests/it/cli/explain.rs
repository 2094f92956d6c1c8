//! `dunnage explain`, against a server, against none, and with files that are no pods.

use anyhow::Result;
use serde_json::Value;

use super::{Files, Run, run, run_in};
use crate::objects::root;
use crate::support::Extender;

/// Runs `explain` beside the server's tasks.
async fn explain(arguments: &[&str]) -> Result<Run> {
    let arguments: Vec<String> = arguments.iter().map(|part| (*part).to_owned()).collect();
    let run = move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(&[&["explain"], &*arguments].concat())
    };
    Ok(tokio::task::spawn_blocking(run).await?)
}

#[test]
fn a_file_that_is_no_pod_is_named_with_what_was_found() {
    let files = Files::new();
    files.write("deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\n");
    files.write("odd.yaml", "a: [");
    files.write("empty.yaml", "");
    let explain = |name: &str| run_in(files.path(), &["explain", "-f", name]);
    explain("none.yaml").fails_with(1, &["none.yaml", "No such file"]);
    explain("deployment.yaml").fails_with(1, &["expected a Pod, found Deployment"]);
    explain("empty.yaml").fails_with(1, &["expected a Pod, found no kind"]);
    let odd = explain("odd.yaml");
    odd.fails_with(1, &["odd.yaml", "line 1", "unclosed bracket"]);
    assert!(odd.stderr.contains("odd.yaml:1:4"), "{}", odd.stderr);
}

#[test]
fn no_server_is_answered_with_a_hint() {
    let server = ["--server", "http://127.0.0.1:1"];
    let hint = ["no answer from http://127.0.0.1:1", "dunnage serve", "--server"];
    run(&[&["explain", "pod", "a"], &server[..]].concat()).fails_with(1, &hint);
    let pod = root().join("pods/tekton-taskrun-pod.json").display().to_string();
    run(&[&["explain", "-f", &pod], &server[..]].concat()).fails_with(1, &hint);
    run(&["explain", "deployment", "a"]).fails_with(2, &["a pod, not a \"deployment\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_in_a_file_is_explained_by_a_server_that_is_not_ready() -> Result<()> {
    let files = Files::new();
    let kubeconfig = files.path().join("kubeconfig");
    let extender = Extender::start(files.path(), &kubeconfig, &[]).await?;
    let server = format!("--server={}/", extender.admin_url);
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: build, namespace: ci}\n\
                spec: {restartPolicy: Never, containers: [{name: a, image: golang:1}]}\n";
    let file = files.write("pod.yaml", yaml).display().to_string();

    let table = explain(&["-f", &file, &server]).await?;
    assert_eq!(table.code, 0, "{table:#?}");
    assert!(table.stdout.contains("Pod ci/build at "), "{table:#?}");
    assert!(table.stdout.contains("The server is not ready (not-synced)"), "{table:#?}");
    assert!(!table.stdout.contains("Not a step pod"), "{table:#?}");

    let json = explain(&["-f", &file, &server, "-o", "json"]).await?;
    let decision: Value = serde_json::from_str(&json.stdout)?;
    assert_eq!(decision["apiVersion"], "dunnage.dev/v1alpha1");
    assert_eq!((&decision["kind"], &decision["stepPod"]), (&"Decision".into(), &true.into()));

    let service = root().join("pods/openshift-cluster-pod.json").display().to_string();
    let service = explain(&["-f", &service, &server]).await?;
    assert!(service.stdout.contains("Not a step pod"), "{service:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_nobody_remembers_is_looked_up_in_the_cluster() -> Result<()> {
    let files = Files::new();
    let path = files.path().join("kubeconfig");
    let extender = Extender::start(files.path(), &path, &[]).await?;
    let admin = ["pod", "a", "-n", "ci", "--server", &extender.admin_url];

    let none = explain(&[&admin[..], &["--kubeconfig=/nowhere.yaml"]].concat()).await?;
    none.fails_with(1, &["no decision for pod ci/a", "/nowhere.yaml"]);
    let unreachable = format!("--kubeconfig={}", path.display());
    let unreachable = explain(&[&admin[..], &[&unreachable]].concat()).await?;
    unreachable.fails_with(1, &["cannot read pod ci/a", "refused"]);
    let wrong = explain(&["pod", "a", "--server", &extender.url]).await?;
    wrong.fails_with(1, &["404", "is it the admin port?"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn run_step_volumes_and_who_told_are_shown() -> Result<()> {
    let files = Files::new();
    let extender = Extender::start(files.path(), &files.path().join("kubeconfig"), &[]).await?;
    let server = format!("--server={}", extender.admin_url);
    let pod = |name: &str| root().join(format!("../run-pods/{name}.json")).display().to_string();

    let annotated = explain(&["-f", &pod("annotated"), &server]).await?;
    let expected = "Run nightly-2026-11-24 (told by annotations)\n\
                    Reads (told by annotations)\n  \
                    git:app@4f2a9c0  200.0Mi  resource-cache\n  \
                    deps/go@8c1f  -  task-cache\n\
                    Makes (told by annotations)\n  \
                    nightly-2026-11-24/fuse  3.0Gi  output\n";
    assert!(annotated.stdout.contains(expected), "{}", annotated.stdout);

    let argo = explain(&["-f", &pod("argo"), &server, "-o", "json"]).await?;
    let decision: Value = serde_json::from_str(&argo.stdout)?;
    assert_eq!(decision["run"]["source"], "argo");
    assert_eq!(decision["run"]["step"], "build-x7k2p[1].test(0)");
    assert_eq!(decision["run"]["needs"][1]["key"], "s3://models/resnet/v3.tgz");
    assert_eq!(decision["run"]["needsSource"], "argo");

    let malformed = explain(&["-f", &pod("malformed"), &server]).await?;
    let run = "Run app-run-7, step fuse (told by tekton)\nMalformed: dunnage.dev/needs is ignored";
    assert!(malformed.stdout.contains(run), "{}", malformed.stdout);

    let job = explain(&["-f", &pod("job"), &server]).await?;
    assert!(job.stdout.contains(", step 3 (told by owner)\n"), "{}", job.stdout);
    Ok(())
}
