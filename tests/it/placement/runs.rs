//! Runs as Tekton makes them: six steps one after the other over one disk that one node can use at a time,
//! without affinity between the pods (`coschedule: disabled`).
//!
//! In every test run with 30 runs; `PIPELINE_RUNS=300` makes it the full size.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::{TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{Stage, disks};
use crate::testbed::{NodeSpec, PodSpec, SchedulerOptions, await_bound, make_pods};

const IMAGE: &str = "registry.example/ci/step:1";
const IMAGE_BYTES: i64 = 1800 << 20;
const NODES: usize = 200;
const STEPS: usize = 6;
/// Processors of a node and of a step: eight steps fill a node.
const NODE_CPU: &str = "16";
const STEP_CPU: &str = "2";
const STEPS_PER_NODE: usize = 8;
/// Requests in flight at once.
const WRITERS: usize = 16;

/// Where each run's data is, by run.
type Data = Vec<Option<String>>;

fn runs() -> Result<usize> {
    Ok(std::env::var("PIPELINE_RUNS").map_or(Ok(30), |text| text.parse())?)
}

fn node_name(at: usize) -> String {
    format!("node-{at:03}")
}

fn claim_of(run: usize) -> String {
    format!("run-{run:03}-data")
}

/// A pod as the TaskRun of one step of a run has it.
fn step(run: usize, step: &str) -> Pod {
    let mut pod = PodSpec::new(&format!("run-{run:03}-{step}-pod"), IMAGE);
    pod.cpu = STEP_CPU.to_owned();
    let labels = [
        ("tekton.dev/pipelineRun", format!("run-{run:03}")),
        ("tekton.dev/pipelineTask", step.to_owned()),
        ("tekton.dev/taskRun", format!("run-{run:03}-{step}")),
    ];
    pod.labels.extend(labels.map(|(key, value)| (key.to_owned(), value)));
    disks::mounting(pod.into(), &claim_of(run))
}

/// Nodes of which every other has the image, with a driver on each, and a claim for each run.
async fn stage(runs: usize, with_us: bool) -> Result<Stage> {
    let node = |at| {
        let mut node = NodeSpec::new(&node_name(at));
        node.cpu = NODE_CPU.to_owned();
        if at % 2 == 0 { node.holding(IMAGE, IMAGE_BYTES) } else { node }
    };
    let nodes: Vec<_> = (0..NODES).map(node).collect();
    // As deploy/ recommends it: with less, half of these nodes are not even asked about.
    let percentage_of_nodes_to_score = Some(100);
    let options = SchedulerOptions { percentage_of_nodes_to_score, ..Default::default() };
    let mut stage = Stage::set_with(&nodes, &[], options, with_us).await?;
    let client = stage.plane.client();
    let names: Vec<_> = (0..NODES).map(node_name).collect();
    disks::announce_driver(&client, &names).await?;
    let claims = (0..runs).map(claim_of).map(Ok);
    let making = stream::iter(claims).try_for_each_concurrent(WRITERS, async |claim: String| {
        disks::make_claim(&client, "steps", &claim).await
    });
    making.await?;
    stage.await_entries("claims", runs).await?;
    Ok(stage)
}

impl Stage {
    async fn await_entries(&mut self, kind: &str, count: usize) -> Result<()> {
        let wanted = format!("dunnage_index_entries{{kind=\"{kind}\"}} {count}");
        self.extender.await_answer("/metrics", |_, text| text.lines().any(|l| l == wanted)).await
    }

    async fn set_phase(&self, pod: &str, phase: &str) -> Result<()> {
        let api: Api<Pod> = Api::namespaced(self.plane.client(), "steps");
        let patch = Patch::Merge(json!({ "status": { "phase": phase } }));
        api.patch_status(pod, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// One step of every run: bound, its disk attached there, run, ended. Gives where each was bound.
    async fn round(&mut self, data: &mut Data, number: usize) -> Result<Vec<String>> {
        let name = format!("step-{number}");
        let client = self.plane.client();
        make_pods(&client, "steps", (0..data.len()).map(|run| step(run, &name))).await?;
        let count = data.len() * (number + 1);
        let bound = await_bound(&client, "steps", count, Duration::from_secs(180)).await?;
        let nodes = (0..data.len()).map(|run| {
            let pod = format!("run-{run:03}-{name}-pod");
            Ok(bound.get(&pod).context("not bound")?.clone())
        });
        let nodes: Vec<String> = nodes.collect::<Result<_>>()?;
        let moves = data.iter().zip(&nodes).enumerate().map(Ok);
        let moving = stream::iter(moves).try_for_each_concurrent(WRITERS, |(run, (from, to))| {
            let (stage, name, client) = (&*self, &name, &client);
            async move {
                disks::attach(client, &claim_of(run), to, from.as_deref()).await?;
                let pod = format!("run-{run:03}-{name}-pod");
                stage.set_phase(&pod, "Running").await?;
                stage.set_phase(&pod, "Succeeded").await
            }
        });
        moving.await?;
        *data = nodes.iter().cloned().map(Some).collect();
        self.await_entries("attachments", data.len()).await?;
        Ok(nodes)
    }
}

/// Steps that were bound where their run's data is, of those whose node had room for them.
#[derive(Debug, Default)]
struct Share {
    together: usize,
    apart: usize,
    /// Bound elsewhere while others of the same moment filled the node.
    without_room: usize,
}

impl Share {
    fn count(&mut self, data: &Data, bound: &[String]) {
        let mut steps_on: BTreeMap<&str, usize> = BTreeMap::new();
        bound.iter().for_each(|node| *steps_on.entry(node).or_default() += 1);
        for (from, to) in data.iter().zip(bound) {
            let Some(from) = from else { continue };
            let is_full = steps_on.get(from.as_str()).copied() >= Some(STEPS_PER_NODE);
            match (from == to, is_full) {
                (true, _) => self.together += 1,
                (false, true) => self.without_room += 1,
                (false, false) => self.apart += 1,
            }
        }
    }

    fn value(&self) -> f64 {
        self.together as f64 / (self.together + self.apart).max(1) as f64
    }
}

/// All steps of all runs; fails if a pod is left unbound.
async fn play(stage: &mut Stage, runs: usize) -> Result<(Data, Share)> {
    let mut data: Data = vec![None; runs];
    let mut share = Share::default();
    for number in 0..STEPS {
        let before = data.clone();
        let bound = stage.round(&mut data, number).await?;
        share.count(&before, &bound);
    }
    Ok((data, share))
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_follow_their_runs_data_and_leave_it_where_it_has_no_room() -> Result<()> {
    let runs = runs()?;
    let (_, without_us) = {
        let mut stage = stage(runs, false).await?;
        play(&mut stage, runs).await?
    };
    let mut stage = stage(runs, true).await?;
    let (data, share) = play(&mut stage, runs).await?;
    println!(
        "{runs} runs of {STEPS} steps: {:.1} % with their data ({share:?}), \
         without us {:.1} % ({without_us:?})",
        share.value() * 100.0,
        without_us.value() * 100.0,
    );
    assert!(share.value() >= 0.9, "{share:?}");
    assert!(without_us.value() < 0.5, "the test tells nothing: {without_us:?}");
    leave_full_nodes(&mut stage, &data).await
}

/// Fills the nodes of three runs, while a step of one of them still runs there. Their next steps are bound
/// elsewhere at once.
async fn leave_full_nodes(stage: &mut Stage, data: &Data) -> Result<()> {
    let client = stage.plane.client();
    let full: Vec<&str> = data[..3].iter().flatten().map(String::as_str).collect();
    let mut bound = data.len() * STEPS + 1;
    make_pods(&client, "steps", [step(0, "side")]).await?;
    let landed = await_bound(&client, "steps", bound, Duration::from_secs(60)).await?;
    assert_eq!(landed["run-000-side-pod"], full[0]);
    stage.set_phase("run-000-side-pod", "Running").await?;
    let mut fillers = Vec::new();
    for (at, node) in full.iter().enumerate() {
        let mut filler = PodSpec::new(&format!("filler-{at}"), IMAGE);
        filler.cpu = if at == 0 { "13" } else { "15" }.to_owned();
        filler.node_selector.insert("kubernetes.io/hostname".to_owned(), (*node).to_owned());
        // Two runs can have ended on one node.
        if !full[..at].contains(node) {
            fillers.push(filler);
        }
    }
    bound += fillers.len();
    make_pods(&client, "steps", fillers).await?;
    await_bound(&client, "steps", bound, Duration::from_secs(60)).await?;
    // What is explained below is true once dunnage, too, has heard of all that.
    stage.await_entries("pods", bound).await?;
    let start = Instant::now();
    make_pods(&client, "steps", (0..3).map(|run| step(run, "late"))).await?;
    let landed = await_bound(&client, "steps", bound + 3, Duration::from_secs(60)).await?;
    println!("bound elsewhere within {:?}", start.elapsed());
    let pods: Api<Pod> = Api::namespaced(client, "steps");
    for run in 0..3 {
        let name = format!("run-{run:03}-late-pod");
        assert!(!full.contains(&landed[&name].as_str()), "{name} on a full node");
        // Bound by its first attempt: an attempt that failed leaves a message behind.
        let status = pods.get(&name).await?.status.unwrap_or_default();
        let said = status.conditions.into_iter().flatten().find_map(|condition| condition.message);
        assert_eq!(said, None, "{name}");
    }
    explains_the_first(stage, full[0]).await
}

/// What was decided of the late step whose run still uses its disk.
async fn explains_the_first(stage: &Stage, used_on: &str) -> Result<()> {
    let (_, text) = stage.extender.get("/api/v1/decisions?pod=steps/run-000-late-pod").await?;
    let answer: Value = serde_json::from_str(&text)?;
    let decision = &answer["items"][0];
    let expected = json!([
        { "node": used_on, "state": "attached", "pods": 1, "disksMax": 25 },
    ]);
    assert_eq!(decision["claims"][0]["places"], expected, "{decision}");
    assert_eq!(decision["claims"][0]["attachSeconds"], json!(64.0));
    let reasons = decision["nodes"][0]["reasons"].as_array().context("reasons")?;
    assert!(reasons.contains(&json!("disk-in-use-elsewhere")), "{reasons:?}");
    Ok(())
}
