//! Pulls on real nodes, each held against its prediction: by the policy's constants at first, then by what
//! was learned. The long form, with more nodes and pulls, runs when `tests/bench/cluster` asks for it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::{Instant, interval};

use super::{NAMESPACE, SOON, ensure_succeeded, write_manifests};
use crate::support::Extender;
use crate::testbed::real::{Cluster, ImageSpec, Layer, Options, Pushed, await_ended, sleeping};
use crate::testbed::{PodSpec, Scheduler, SchedulerOptions, make_pods};

/// Half of what the default policy predicts for fetching and unpacking together.
const RATE: &str = "200mbit";
/// Megabytes of the layers of images, one after the other: all of them are learned from.
const MEGABYTES: [usize; 5] = [22, 46, 30, 60, 38];
/// Pulls of the short form. After the first eight the constants count nothing.
const SHORT: usize = 12;
const LEARNED_AFTER: usize = 8;
/// Pulls of the long form before predictions are judged.
const LONG_LEARNED_AFTER: usize = 20;

/// A cluster with a scheduler that asks us, and images that no node has.
struct Scene {
    cluster: Cluster,
    extender: Extender,
    images: Vec<Pushed>,
    _scheduler: Scheduler,
}

impl Scene {
    async fn start(nodes: u8, images: usize) -> Result<Self> {
        let options = Options { nodes, rate: Some(RATE.to_owned()), ..Options::default() };
        let cluster = Cluster::start(&options).await?;
        let mut pushed = Vec::new();
        for (number, megabytes) in (0..images).zip(MEGABYTES.into_iter().cycle()) {
            let layer = Layer { seed: 1_000 + number as u64, bytes: megabytes * 1_000_000 };
            let image = ImageSpec::new(&format!("ci/image-{number}"), &[layer]);
            pushed.push(cluster.registry().push(&image).await?);
        }
        let plane = cluster.plane();
        let manifests = plane.dir().join("manifests.jsonl");
        write_manifests(&manifests, &pushed)?;
        let flag = format!("--manifests={}", manifests.display());
        let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &[&flag]).await?;
        extender.await_ready().await?;
        let watched = |_, text: &str| text.contains("[+]watch-events ok");
        extender.await_answer("/readyz?verbose", watched).await?;
        let scheduler = SchedulerOptions {
            extender_url: Some(extender.url.clone()),
            ..SchedulerOptions::default()
        };
        let scheduler = Scheduler::start(plane, scheduler).await?;
        Ok(Self { cluster, extender, images: pushed, _scheduler: scheduler })
    }

    async fn make_step(&self, number: usize) -> Result<()> {
        let pod = PodSpec::new(&format!("step-{number}"), &self.images[number].reference);
        make_pods(&self.cluster.client(), NAMESPACE, [sleeping(pod, 1)]).await
    }

    /// Waits until `count` pulls were learned from; gives the sum of observed over predicted seconds.
    async fn await_learned(&mut self, count: usize) -> Result<f64> {
        let line = format!("dunnage_pull_observations_total{{result=\"learned\"}} {count}\n");
        self.extender.await_answer("/metrics", |_, text| text.contains(&line)).await?;
        self.extender.metric("dunnage_pull_prediction_ratio_sum{part=\"pull\"}").await
    }
}

/// How far a prediction was off, as a share of what was observed.
fn error(ratio: f64) -> f64 {
    (1.0 / ratio - 1.0).abs()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn predictions_become_right_on_links_that_the_policy_does_not_know() -> Result<()> {
    let mut scene = Scene::start(2, SHORT).await?;
    let (mut ratios, mut sum) = (Vec::new(), 0.0);
    for number in 0..SHORT {
        scene.make_step(number).await?;
        let steps = await_ended(&scene.cluster.client(), NAMESPACE, number + 1, SOON).await?;
        ensure_succeeded(&steps)?;
        let so_far = scene.await_learned(number + 1).await?;
        ratios.push(so_far - sum);
        sum = so_far;
    }
    println!("observed over predicted: {ratios:.2?}");
    let first = median(ratios[..4].to_vec());
    ensure!(first > 1.3, "by the constants predictions are too short: {ratios:?}");
    let learned = median(ratios[LEARNED_AFTER..].iter().copied().map(error).collect());
    ensure!(learned <= 0.2, "median error {learned:.2} after learning: {ratios:?}");
    Ok(())
}

/// On three nodes; the first pulls come one every one and a half seconds, so that some are queued.
#[tokio::test(flavor = "multi_thread")]
async fn predictions_of_a_stream_of_steps_become_right() -> Result<()> {
    let Ok(pulls) = std::env::var("LEARNING_PULLS") else { return Ok(()) };
    let pulls: usize = pulls.parse().context("LEARNING_PULLS is no number")?;
    ensure!(pulls > LONG_LEARNED_AFTER, "more than {LONG_LEARNED_AFTER} pulls, please");
    let mut scene = Scene::start(3, pulls).await?;
    let started = Instant::now();
    let mut ticks = interval(Duration::from_millis(1500));
    for number in 0..LONG_LEARNED_AFTER {
        ticks.tick().await;
        scene.make_step(number).await?;
    }
    scene.await_learned(LONG_LEARNED_AFTER).await?;
    println!("first {LONG_LEARNED_AFTER} pulls: {}", accuracy(&scene).await?);
    // The server's own figures are of the last hundred pulls; these are of those after the first.
    let (mut ratios, mut sum) = (Vec::new(), scene.await_learned(LONG_LEARNED_AFTER).await?);
    for number in LONG_LEARNED_AFTER..pulls {
        ticks.tick().await;
        scene.make_step(number).await?;
        let so_far = scene.await_learned(number + 1).await?;
        ratios.push(so_far - sum);
        sum = so_far;
    }
    let errors: Vec<f64> = ratios.iter().copied().map(error).collect();
    println!("then observed over predicted: {ratios:.2?}");
    println!("median error {:.3}, in {:?}", median(errors), started.elapsed());
    println!("all pulls: {}", accuracy(&scene).await?);
    Ok(())
}

async fn accuracy(scene: &Scene) -> Result<String> {
    let (_, summary) = scene.extender.get("/api/v1/summary").await?;
    let summary: serde_json::Value = serde_json::from_str(&summary)?;
    Ok(summary["pulls"].to_string())
}
