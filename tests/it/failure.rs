//! The extender killed, stopped and restarted while pods are scheduled: every pod is bound all the same.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::support::{Extender, extender_args};
use crate::testbed::{
    ControlPlane, NodeSpec, PodSpec, Scheduler, SchedulerOptions, Signal, await_bound,
    make_namespace, make_nodes, make_pods,
};

const IMAGE: &str = "registry.example/ci/build:1";
/// What a stopped extender costs each pod: short, so that the test is.
const HTTP_TIMEOUT: Duration = Duration::from_millis(100);
/// Pods while the extender hangs: at the timeout each, the scheduler's serial cycle takes 10 s.
const PODS_WHILE_STOPPED: usize = 100;
/// A pod costs the scheduler some 4 ms by itself here; a loaded machine five times that.
const CYCLE_MAX: Duration = Duration::from_millis(20);

fn pods(prefix: &str, count: usize) -> Vec<PodSpec> {
    (0..count).map(|i| PodSpec::new(&format!("{prefix}-{i:03}"), IMAGE)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_bound_whatever_happens_to_the_extender() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    let node =
        |i| NodeSpec::new(&format!("node-{i}")).holding(IMAGE, if i < 5 { 900 << 20 } else { 1 });
    let nodes: Vec<_> = (0..50).map(node).collect();
    make_nodes(&client, &nodes).await?;
    make_namespace(&client, "steps").await?;
    let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &[]).await?;
    extender.await_ready().await?;
    let options = SchedulerOptions {
        extender_url: Some(extender.url.clone()),
        http_timeout: HTTP_TIMEOUT,
        ignorable: false,
        ..Default::default()
    };
    let _scheduler = Scheduler::start(&plane, options).await?;
    let within = Duration::from_secs(120);

    make_pods(&client, "steps", pods("up", 100)).await?;
    await_bound(&client, "steps", 100, within).await?;

    // Hanging: each pod pays the timeout, no more, and none fails.
    extender.process().signal(Signal::STOP)?;
    let start = Instant::now();
    make_pods(&client, "steps", pods("stopped", PODS_WHILE_STOPPED)).await?;
    await_bound(&client, "steps", 100 + PODS_WHILE_STOPPED, within).await?;
    let most = (HTTP_TIMEOUT + CYCLE_MAX) * u32::try_from(PODS_WHILE_STOPPED)?;
    assert!(start.elapsed() < most + Duration::from_secs(5), "{:?}", start.elapsed());
    extender.process().signal(Signal::CONT)?;

    // Killed in the middle of a burst, and restarted in the middle of the next.
    make_pods(&client, "steps", pods("killed", 150)).await?;
    extender.process().kill();
    await_bound(&client, "steps", 250 + PODS_WHILE_STOPPED, within).await?;
    make_pods(&client, "steps", pods("restarted", 150)).await?;
    extender.restart().await?;
    await_bound(&client, "steps", 400 + PODS_WHILE_STOPPED, within).await?;

    // Known again without anything having been stored.
    extender.await_ready().await?;
    let wanted = "dunnage_index_entries{kind=\"pods\"} 500";
    extender.await_answer("/metrics", |_, text| text.lines().any(|line| line == wanted)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_api_server_answers_neutrally_and_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("kubeconfig");
    // Port 9 of loopback: discard, which nobody serves.
    std::fs::write(&kubeconfig, KUBECONFIG_TO_NOBODY)?;
    let mut extender = Extender::start(folder.path(), &kubeconfig, &[]).await?;
    let pod = serde_json::json!({
        "metadata": { "name": "p" },
        "spec": { "restartPolicy": "Never", "containers": [{ "image": IMAGE }] },
    });
    let answer = extender.prioritize(extender_args(&pod, &["a".to_owned()])).await?;
    assert_eq!((answer.status, &*answer.neutral, &*answer.text), (200, "not-synced", "[]"));
    let refused = |status: u16, text: &str| {
        status == 503 && text.contains("[-]watch-nodes: ") && text.contains("onnect")
    };
    extender.await_answer("/readyz?verbose", refused).await?;
    assert!(extender.metric("dunnage_neutral_answers_total{reason=\"not-synced\"}").await? > 0.0);
    Ok(())
}

const KUBECONFIG_TO_NOBODY: &str = "
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:9', insecure-skip-tls-verify: true}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: t}}]
current-context: c
";
