//! Pipelines that make all their pods at once and hold the later ones back: the first step goes where the
//! rest is warm, though its own image is everywhere.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Pod, PodSchedulingGate};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use super::Stage;
use super::manifest::Manifest;
use crate::testbed::{Image, NodeSpec, PodSpec, SchedulerOptions, await_bound, make_pods};

const CLONE: &str = "r.io/clone:1";
const BUILD: &str = "r.io/build:1";
const TEST: &str = "r.io/test:1";
const NODES: usize = 40;
const RUNS: usize = 8;
/// Later steps of each run.
const LATER: usize = 2;

fn is_warm(node: &str) -> bool {
    node.ends_with("-warm")
}

/// Nodes that all have the first step's image, and of which four have the later steps' too.
fn nodes(images: &[Manifest; 3]) -> Vec<NodeSpec> {
    let image = |held: &Manifest| Image::new(&held.name_by_digest(), held.bytes());
    let node = |at: usize| {
        let is_warm = at % 10 == 9;
        let mut node = NodeSpec::new(&format!("node-{at}{}", if is_warm { "-warm" } else { "" }));
        node.images.extend(images[..if is_warm { 3 } else { 1 }].iter().map(image));
        node
    };
    (0..NODES).map(node).collect()
}

fn step(run: usize, name: &str, image: &str) -> PodSpec {
    let mut pod = PodSpec::new(&format!("run-{run}-{name}"), image);
    pod.labels.insert("tekton.dev/pipelineRun".to_owned(), format!("run-{run}"));
    pod
}

/// The later steps of a run, held back by a gate; of the first run one has none and fits on no node.
fn later_steps(run: usize) -> [Pod; LATER] {
    let mut build = step(run, "build", BUILD);
    if run == 0 {
        build.cpu = "1000".to_owned();
    }
    [build, step(run, "test", TEST)].map(|spec| {
        let is_gated = spec.cpu != "1000";
        let mut pod = Pod::from(spec);
        let gate = PodSchedulingGate { name: "example.com/after".to_owned() };
        pod.spec.as_mut().expect("made above").scheduling_gates = is_gated.then(|| vec![gate]);
        pod
    })
}

/// Where the first step of each run is bound while the later ones are pending.
async fn first_steps(stage: &mut Stage, await_pending: bool) -> Result<BTreeMap<String, String>> {
    let client = stage.plane.client();
    make_pods(&client, "steps", (0..RUNS).flat_map(later_steps)).await?;
    if await_pending {
        stage.await_pending(RUNS * LATER).await?;
    }
    stage.place((0..RUNS).map(|run| step(run, "first", CLONE)).collect(), RUNS).await
}

impl Stage {
    async fn await_pending(&mut self, pods: usize) -> Result<()> {
        let wanted = format!("dunnage_index_entries{{kind=\"pending-pods\"}} {pods}");
        self.extender.await_answer("/metrics", |_, text| text.lines().any(|l| l == wanted)).await
    }

    /// Lets the later steps of a run go.
    async fn release(&self, pod: &str) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.plane.client(), "steps");
        let patch = Patch::Merge(json!({ "spec": { "schedulingGates": [] } }));
        pods.patch(pod, &PatchParams::default(), &patch).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_step_goes_where_the_pending_rest_of_its_run_is_warm() -> Result<()> {
    let images = [
        Manifest::new(CLONE, &[("clone", 40)]),
        Manifest::new(BUILD, &[("base", 300), ("build", 900)]),
        Manifest::new(TEST, &[("base", 300), ("test", 200)]),
    ];
    let nodes = nodes(&images);
    let off = include_str!("../../../policy/default.yaml");
    let (before, lookahead) = off.split_once("  lookahead:").context("a key")?;
    let off = format!("{before}  lookahead:{}", lookahead.replacen("share: 0.5", "share: 0", 1));
    let without = {
        let options = SchedulerOptions::default();
        let mut stage = Stage::set_under(&nodes, &images, options, true, Some(&off)).await?;
        let bound = first_steps(&mut stage, false).await?;
        let (_, readiness) = stage.extender.get("/readyz?verbose").await?;
        assert!(readiness.contains("lookahead is switched off by the policy"), "{readiness}");
        bound.values().filter(|node| is_warm(node)).count()
    };
    let mut stage = Stage::set(&nodes, &images).await?;
    let bound = first_steps(&mut stage, true).await?;
    println!("{RUNS} first steps: {bound:?}; without lookahead {without} where the rest is warm");
    assert!(bound.values().all(|node| is_warm(node)), "{bound:?}");
    assert!(without <= RUNS / 2, "the test tells nothing: {without} of {RUNS}");
    explains(&stage).await?;
    names_the_rest_itself(&stage).await?;
    follows_what_is_pending(&mut stage).await
}

/// What was decided of a first step.
async fn explains(stage: &Stage) -> Result<()> {
    let (_, text) = stage.extender.get("/api/v1/decisions?pod=steps/run-3-first").await?;
    let answer: Value = serde_json::from_str(&text)?;
    let decision = &answer["items"][0];
    assert_eq!(decision["later"]["source"], "pending-pods", "{decision}");
    assert_eq!(decision["later"]["pods"], json!([1, 1]));
    let wanted = &decision["later"]["wanted"][0];
    // 1,400 MB, the base once; 50 MB are a second, and half of that counts.
    assert_eq!((&wanted["bytes"], &wanted["coldSeconds"]), (&json!(1_400_000_000), &json!(28.0)));
    assert_eq!(wanted["images"][0]["reference"], BUILD);
    let best = &decision["nodes"][0];
    assert_eq!(best["lookaheadSeconds"], 14.0, "{decision}");
    let reasons = best["reasons"].as_array().context("reasons")?;
    assert!(reasons.contains(&json!("later-steps-warm")), "{reasons:?}");
    let cold = decision["nodes"].as_array().and_then(|nodes| nodes.last()).context("nodes")?;
    assert_eq!((&cold["lookaheadSeconds"], &cold["missingBytes"]), (&json!(0.0), &json!(0)));
    Ok(())
}

/// A pod of no run that says itself what comes after it.
async fn names_the_rest_itself(stage: &Stage) -> Result<()> {
    let mut pod = PodSpec::new("alone", CLONE);
    let images = json!([BUILD, TEST]).to_string();
    pod.annotations.insert("dunnage.dev/next-images".to_owned(), images);
    let bound = stage.place(vec![pod], RUNS + 1).await?;
    assert!(is_warm(&bound["alone"]), "{bound:?}");
    Ok(())
}

/// The same is known after a restart, and no more of pods that are bound or gone.
async fn follows_what_is_pending(stage: &mut Stage) -> Result<()> {
    stage.extender.restart().await?;
    stage.await_pending(RUNS * LATER).await?;
    for run in 1..RUNS {
        stage.release(&format!("run-{run}-build")).await?;
        stage.release(&format!("run-{run}-test")).await?;
    }
    let client = stage.plane.client();
    let bound = RUNS + 1 + (RUNS - 1) * LATER;
    await_bound(&client, "steps", bound, Duration::from_secs(60)).await?;
    stage.await_pending(LATER).await?;
    let pods: Api<Pod> = Api::namespaced(client, "steps");
    for name in ["run-0-build", "run-0-test"] {
        pods.delete(name, &Default::default()).await?;
    }
    stage.await_pending(0).await
}
