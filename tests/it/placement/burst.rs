//! Many equal pods at once: they go where their image is, without overheating those nodes, and where
//! nobody has it they meet on few.

use anyhow::Result;

use super::manifest::Manifest;
use super::{PerNode, Stage, per_node};
use crate::support::{Extender, extender_args};
use crate::testbed::{NodeSpec, PodSpec};

const IMAGE: &str = "registry.example/ci/build:1";
const IMAGE_BYTES: i64 = 1800 << 20;

/// So many nodes, of which every 100th holds the image if `warm`.
fn nodes(count: usize, warm: bool) -> Vec<NodeSpec> {
    let node = |i| {
        let node = NodeSpec::new(&format!("node-{i:05}"));
        if warm && i % 100 == 0 { node.holding(IMAGE, IMAGE_BYTES) } else { node }
    };
    (0..count).map(node).collect()
}

fn step_pods(count: usize) -> Vec<PodSpec> {
    let pod = |i| {
        let mut pod = PodSpec::new(&format!("step-{i:04}"), IMAGE);
        // A service by its restart policy; only the label says that it is a step.
        pod.restart_policy = "Always".to_owned();
        pod.labels.insert("tekton.dev/pipelineRun".to_owned(), format!("run-{}", i / 10));
        pod
    };
    (0..count).map(pod).collect()
}

/// The image, for a file of manifests where no node tells of it.
fn known() -> Vec<Manifest> {
    vec![Manifest::new(IMAGE, &[("base", 900), ("tools", 700), ("app", 200)])]
}

fn on_warm(per_node: &PerNode) -> impl Iterator<Item = usize> {
    per_node.iter().filter(|(node, _)| node.ends_with("00")).map(|(_, pods)| *pods)
}

#[tokio::test(flavor = "multi_thread")]
async fn four_hundred_pods_go_where_their_image_is() -> Result<()> {
    let stage = Stage::set(&nodes(1000, true), &[]).await?;
    let per_node = per_node(stage.place(step_pods(400), 400).await?);
    let warm: usize = on_warm(&per_node).sum();
    println!("{warm} of 400 on warm nodes: {per_node:?}");
    assert!(warm >= 360, "{warm} of 400 pods on warm nodes: {per_node:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_pods_warm_few_nodes_and_overheat_none() -> Result<()> {
    let stage = Stage::set(&nodes(1000, true), &[]).await?;
    let per_node = per_node(stage.place(step_pods(2000), 2000).await?);
    let fullest = on_warm(&per_node).max().unwrap_or(0);
    let newly_warmed = per_node.len() - on_warm(&per_node).count();
    println!("fullest warm {fullest}, newly warmed {newly_warmed}: {per_node:?}");
    assert!(fullest <= 56, "a warm node has {fullest} of 64: {per_node:?}");
    assert!(newly_warmed <= 80, "{newly_warmed} nodes newly warmed: {per_node:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_pods_of_an_image_nobody_holds_meet_on_few_of_a_hundred_nodes() -> Result<()> {
    let stage = Stage::set(&nodes(100, false), &known()).await?;
    let per_node = per_node(stage.place(step_pods(50), 50).await?);
    println!("{per_node:?}");
    assert!(per_node.len() <= 8, "{} nodes: {per_node:?}", per_node.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn they_meet_on_few_of_a_thousand_sampled_nodes_and_replicas_agree() -> Result<()> {
    let mut stage = Stage::set(&nodes(1000, false), &known()).await?;
    let per_node = per_node(stage.place(step_pods(50), 50).await?);
    println!("{per_node:?}");
    assert!(per_node.len() <= 12, "{} nodes: {per_node:?}", per_node.len());

    stage.await_seen(50).await?;
    let flag = format!("--manifests={}", stage.plane.dir().join("manifests.jsonl").display());
    let mut replica =
        Extender::start(stage.plane.dir(), stage.plane.kubeconfig(), &[&flag]).await?;
    replica.await_ready().await?;
    let pod = serde_json::json!({
        "metadata": { "name": "another", "namespace": "steps", "uid": "another" },
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "step", "image": IMAGE }] },
    });
    let names: Vec<_> = (0..1000).map(|i| format!("node-{i:05}")).collect();
    for names in [&names[..], &names[..420], &names[300..720]] {
        let body = extender_args(&pod, names);
        let answers =
            (stage.extender.prioritize(body.clone()).await?, replica.prioritize(body).await?);
        assert_eq!(answers.0.text, answers.1.text);
        assert!(!answers.0.scores()?.is_empty(), "nothing was preferred");
    }
    Ok(())
}
