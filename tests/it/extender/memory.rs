//! What two thousand whole nodes cost: an answer, and memory in proportion to the body.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::rig::{IMAGE, Rig, SETTINGS, body_with_nodes, node, pod};
use crate::cli::Files;
use crate::objects::text;
use crate::support::Extender;

/// Real nodes with their images, each under a name of its own, as large as kubelets make them: the
/// managed fields of several writers come with every node.
fn nodes(count: usize) -> Vec<Value> {
    let whole = text("extender/composed/tekton-nodes.json");
    let whole: Value = serde_json::from_str(&whole).expect("JSON");
    let items = whole["Nodes"]["items"].as_array().expect("nodes");
    let node = |i: usize| {
        let mut node = items[i % items.len()].clone();
        node["metadata"]["name"] = json!(format!("node-{i:05}"));
        node["metadata"]["annotations"]["last-applied"] = json!("x".repeat(11_000));
        node
    };
    (0..count).map(node).collect()
}

#[tokio::test]
async fn two_thousand_whole_nodes_are_answered() {
    let rig = Rig::empty(SETTINGS);
    let facts = |i: usize| {
        let mut facts = node(if i.is_multiple_of(100) { "warm" } else { "cold" });
        facts.name = format!("node-{i:05}");
        facts
    };
    rig.list((0..2000).map(facts));
    let body = body_with_nodes(&pod(IMAGE), &nodes(2000));
    assert!(body.len() > 40_000_000, "{} bytes", body.len());
    let reply = rig.prioritize(body).await;
    let warm = reply.scores().into_iter().filter(|(_, score)| *score == 9).count();
    assert_eq!(warm, 20);
}

/// The largest resident size that the process ever had, in bytes.
fn peak_bytes(pid: u32) -> Result<usize> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.context("VmHWM")?.trim().trim_end_matches(" kB");
    Ok(kilobytes.parse::<usize>()? * 1024)
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_in_proportion_to_the_bodies_that_are_held() -> Result<()> {
    let files = Files::new();
    let kubeconfig = files.path().join("kubeconfig");
    let mut extender = Extender::start(files.path(), &kubeconfig, &["--deadline=60s"]).await?;
    let pid = extender.process().pid();
    let body = body_with_nodes(&pod(IMAGE), &nodes(2000));
    let before = peak_bytes(pid)?;

    let answer = extender.prioritize(body.clone()).await?;
    assert_eq!((answer.status, &*answer.neutral), (200, "not-synced"));
    let once = peak_bytes(pid)? - before;
    assert!(once < 4 * body.len(), "{once} for a body of {}", body.len());

    // Of a flood of large bodies four are held at most: each in pieces, and then whole.
    let shared = axum::body::Bytes::from(body.clone());
    let flood = (0..16).map(|_| extender.prioritize(shared.clone()));
    for answer in futures::future::join_all(flood).await {
        assert_eq!(answer?.neutral, "not-synced");
    }
    let flooded = peak_bytes(pid)? - before;
    assert!(flooded < 10 * body.len(), "{flooded} for bodies of {}", body.len());
    Ok(())
}
