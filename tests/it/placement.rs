//! Where an unmodified kube-scheduler puts pods with our help: the main job, on the real thing.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use crate::support::Extender;
use crate::testbed::{
    ControlPlane, NodeSpec, PodSpec, Scheduler, SchedulerOptions, await_bound, make_namespace,
    make_nodes, make_pods,
};

const IMAGE: &str = "registry.example/ci/build:1";
const IMAGE_BYTES: i64 = 1800 << 20;

/// 1,000 nodes of which every 100th holds the image.
fn thousand_nodes() -> Vec<NodeSpec> {
    (0..1000)
        .map(|i| {
            let node = NodeSpec::new(&format!("node-{i:05}"));
            if i % 100 == 0 {
                node.holding(IMAGE, IMAGE_BYTES)
            } else {
                node
            }
        })
        .collect()
}

fn step_pods(count: usize) -> impl Iterator<Item = PodSpec> {
    (0..count).map(|i| {
        let mut pod = PodSpec::new(&format!("step-{i:04}"), IMAGE);
        pod.labels.insert(
            "tekton.dev/pipelineRun".to_owned(),
            format!("run-{}", i / 10),
        );
        pod
    })
}

async fn landed(count: usize) -> Result<BTreeMap<String, usize>> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    make_nodes(&client, &thousand_nodes()).await?;
    make_namespace(&client, "bench").await?;
    let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &[]).await?;
    extender.await_ready().await?;
    let options = SchedulerOptions {
        extender_url: Some(extender.url.clone()),
        ..Default::default()
    };
    let _scheduler = Scheduler::start(&plane, options).await?;
    make_pods(&client, "bench", step_pods(count)).await?;
    let bound = await_bound(&client, "bench", count, Duration::from_secs(120)).await?;
    let mut per_node = BTreeMap::new();
    for node in bound.into_values() {
        *per_node.entry(node).or_insert(0) += 1;
    }
    Ok(per_node)
}

fn is_warm(node: &str) -> bool {
    node.ends_with("00")
}

#[tokio::test(flavor = "multi_thread")]
async fn four_hundred_pods_go_where_their_image_is() -> Result<()> {
    let per_node = landed(400).await?;
    let warm: usize = per_node
        .iter()
        .filter(|(node, _)| is_warm(node))
        .map(|(_, pods)| pods)
        .sum();
    println!("{warm} of 400 on warm nodes: {per_node:?}");
    assert!(
        warm >= 360,
        "{warm} of 400 pods on warm nodes: {per_node:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_pods_warm_few_nodes_and_overheat_none() -> Result<()> {
    let per_node = landed(2000).await?;
    let fullest_warm = per_node
        .iter()
        .filter(|(node, _)| is_warm(node))
        .map(|(_, pods)| *pods)
        .max();
    let newly_warmed = per_node.keys().filter(|node| !is_warm(node)).count();
    println!("fullest warm {fullest_warm:?}, newly warmed {newly_warmed}: {per_node:?}");
    assert_eq!(per_node.values().sum::<usize>(), 2000);
    assert!(fullest_warm.is_some_and(|pods| pods <= 56), "{per_node:?}");
    assert!(
        newly_warmed <= 80,
        "{newly_warmed} nodes newly warmed: {per_node:?}"
    );
    Ok(())
}
