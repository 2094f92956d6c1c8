//! The simulator's scheduler beside the real one: the same pods on the same nodes, plugin by plugin.
//!
//! The real scheduler's log says what it heard of nodes and pods, whom it looked at in which order, what each
//! plugin and the extender gave, and what the sum was. Its twin is told the same in the same order, and looks
//! for nodes itself; then it is given the real one's candidates, and its scores and its choice are held
//! against the real ones. At last it takes over the real choice, so that a difference is counted once.
//!
//! In every test run with 200 pods on 120 nodes; `TWIN_PODS=2000 TWIN_NODES=300` makes it the full size, as
//! `tests/bench/fidelity` does.

mod log;
mod replay;
mod shape;

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use dunnage::sim::random::Random;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::DeleteParams;
use tokio::time::{Instant, sleep};

use super::Stage;
use crate::testbed::{NodeSpec, SchedulerOptions, make_pods, report_images};
use log::{Entry, Log};
use replay::{Figures, Replay};

/// Pods made at once; then some end, and some nodes list other images.
const ROUND: usize = 50;
/// The pause between two looks at the log: short against a round.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest wait for a round, tens of times what it takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the log must tell: scores at 10, events at 4.
const WORDS: &str = "schedule_one=10,eventhandlers=4";
const SEED: u64 = 41;

/// A real scheduler and its twin.
struct Pair {
    stage: Stage,
    log: Log,
    replay: Replay,
    random: Random,
    /// Pods that are bound and still there.
    alive: Vec<String>,
    nodes: Vec<NodeSpec>,
}

/// A number from the environment.
fn number(name: &str, default: usize) -> Result<usize> {
    std::env::var(name)
        .map_or(Ok(default), |text| text.parse::<usize>().with_context(|| name.to_owned()))
}

impl Pair {
    async fn set(parallelism: Option<u32>, with_us: bool) -> Result<Self> {
        let mut random = Random::new(SEED, 1);
        let nodes = shape::nodes(&mut random, number("TWIN_NODES", 120)?);
        let vmodule = Some(WORDS.to_owned());
        let options = SchedulerOptions { vmodule, parallelism, ..Default::default() };
        let stage = Stage::set_with(&nodes, &[], options, with_us).await?;
        let log = Log::open(stage.scheduler.process().log_path())?;
        let replay = Replay::new(SEED, &nodes)?;
        Ok(Self { stage, log, replay, random, alive: Vec::new(), nodes })
    }

    /// Pods are made, bound, looked at; then the cluster changes a little.
    ///
    /// The last pod comes alone: what the scheduler hears while it places one is in the log before or after
    /// that by chance, and must have been looked at before images change.
    async fn round(&mut self, first: usize, count: usize) -> Result<()> {
        self.place(first..first + count - 1, 0).await?;
        self.place(first + count - 1..first + count, count - 1).await?;
        self.change_images().await?;
        self.end_pods().await?;
        self.replay.follow(&self.log.take())
    }

    /// Makes pods and waits until they are bound, and until the scheduler has heard that; `before` of this
    /// round were.
    async fn place(&mut self, numbers: Range<usize>, before: usize) -> Result<()> {
        let count = before + numbers.len();
        let pods: Vec<Pod> = numbers.map(|n| shape::pod(&mut self.random, n)).collect();
        self.replay.know_pods(&pods)?;
        let names = pods.iter().filter_map(|pod| pod.metadata.name.clone());
        self.alive.extend(names);
        make_pods(&self.stage.plane.client(), "steps", pods).await?;
        self.hear(|entry| matches!(entry, Entry::PodBound { .. }), count).await?;
        self.hear(|entry| matches!(entry, Entry::PodConfirmed(_)), count).await
    }

    /// Some nodes get an image, or lose it.
    async fn change_images(&mut self) -> Result<()> {
        let count = self.nodes.len() / 10;
        for _ in 0..count {
            let at = self.random.index(self.nodes.len());
            shape::change_images(&mut self.random, &mut self.nodes[at]);
            let node = &self.nodes[at];
            self.replay.expect_images(&node.name, &node.images);
            report_images(&self.stage.plane.client(), &node.name, &node.images).await?;
        }
        self.hear(|entry| matches!(entry, Entry::NodeUpdated(_)), count).await
    }

    /// Some pods are gone.
    async fn end_pods(&mut self) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.stage.plane.client(), "steps");
        let count = self.alive.len() / 8;
        for _ in 0..count {
            let name = self.alive.swap_remove(self.random.index(self.alive.len()));
            pods.delete(&name, &DeleteParams::default().grace_period(0)).await?;
        }
        self.hear(|entry| matches!(entry, Entry::PodDeleted(_)), count).await
    }

    /// Waits until the log has so many new entries of a kind since the last round.
    async fn hear(&mut self, wanted: impl Fn(&Entry) -> bool, count: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.log.read()?;
            let heard = self.log.entries().iter().filter(|entry| wanted(entry)).count();
            if heard >= count {
                return Ok(());
            }
            if Instant::now() > deadline {
                let last = self.stage.scheduler.process().log_tail();
                bail!("{heard} of {count} in the log after {PATIENCE:?}:\n{last}");
            }
            sleep(PAUSE).await;
        }
    }
}

/// All pods, round by round.
async fn play(parallelism: Option<u32>, with_us: bool) -> Result<Figures> {
    let pods = number("TWIN_PODS", 200)?;
    let mut pair = Pair::set(parallelism, with_us).await?;
    for first in (0..pods).step_by(ROUND) {
        pair.round(first, ROUND.min(pods - first)).await?;
    }
    let figures = pair.replay.figures();
    println!("parallelism {parallelism:?}, with us: {with_us}\n{figures}");
    assert_eq!(figures.pods, pods, "every pod was looked at");
    assert!(figures.with_image_points > pods / 10, "images tell little: {figures}");
    assert!(figures.past_full_nodes > pods / 10, "room tells little: {figures}");
    assert!(!with_us || figures.with_extender_points > pods / 10, "we tell little: {figures}");
    Ok(figures)
}

/// What has to hold in any case: scores do not depend on who was looked at first.
fn check_scores(figures: &Figures) {
    for share in [figures.taint_toleration, figures.least_allocated, figures.balanced_allocation] {
        assert_eq!(share.of, share.equal, "{figures}");
    }
    // On a busy machine an event can be in the log and not yet in the cache when the next pod's turn comes;
    // then one node's opinion of how many others have its images is a little older than the log says.
    for share in [figures.image_locality, figures.totals] {
        assert!(share.percent() >= 99.9, "{figures}");
    }
    assert!(figures.among_the_best.percent() >= 99.0, "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_worker_the_twin_does_all_that_the_real_scheduler_does() -> Result<()> {
    let figures = play(Some(1), false).await?;
    check_scores(&figures);
    for share in [figures.candidates, figures.candidates_in_order] {
        assert_eq!(share.of, share.equal, "{figures}");
    }
    assert!(figures.same_choice.percent() >= 99.0, "{figures}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_many_workers_the_twin_chooses_as_the_real_one_among_the_same_nodes() -> Result<()> {
    let figures = play(None, false).await?;
    check_scores(&figures);
    assert!(figures.same_choice.percent() >= 99.0, "{figures}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_us_the_twin_adds_up_our_points_as_the_real_one_does() -> Result<()> {
    check_scores(&play(None, true).await?);
    Ok(())
}
