//! From what a run leaves behind to its sums, and from sums to who won.

use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos, PerMille, TransferRate};
use crate::sim::catalogue::tests::image;
use crate::sim::catalogue::{Catalogue, ReferenceNumber};
use crate::sim::job::{Container, Job};
use crate::sim::record::{BySource, NodeRecord, Outcome, PodRecord, Record, RunRecord};
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeHardware, NodeNumber, NodeSetup, Setup, ZoneNumber};
use crate::sim::summary::comparison::Comparison;
use crate::sim::summary::interval::Estimate;
use crate::sim::summary::measure::Measure;
use crate::sim::summary::{Outcomes, Summary};

const MEGABYTE: u64 = 1_000_000;

/// A node with so many thousandths of processors.
pub(crate) fn node(cpu_millis: u64) -> NodeSetup {
    let rate = TransferRate::from_bytes_per_second(100_000_000).expect("in range");
    NodeSetup {
        name: "node".to_owned(),
        zone: ZoneNumber(0),
        capacity: Resources { cpu_millis, memory: Bytes(0) },
        pods_max: 110,
        hardware: NodeHardware {
            link_down: rate,
            link_up: rate,
            unpack: rate,
            keeps_blobs: false,
            pulls_max: 1,
            layers_max: 1,
            disk: None,
        },
        preloaded: Vec::new(),
        joins_at: Nanos(0),
        leaves_at: None,
    }
}

/// Three pods of an image of 30 MB (two layers) on two nodes.
fn setup() -> Setup {
    let reference = ReferenceNumber(0);
    let container = Container { reference, pull_policy: PullPolicy::IfNotPresent, is_init: false };
    let requests = Resources { cpu_millis: 1000, memory: Bytes(0) };
    let job = Job { containers: Box::new([container]), requests, ..Job::default() };
    Setup {
        catalogue: Catalogue::new(vec![image("app", &[("a", 10), ("b", 20)])]),
        nodes: vec![node(1000), node(1000)],
        jobs: vec![job.clone(), job.clone(), job],
        ..Setup::default()
    }
}

/// A pod that was created at 0, bound one second later, and started after so many seconds.
fn pod(node: u32, waited: u64, moved: u64) -> PodRecord {
    PodRecord {
        outcome: Outcome::Succeeded,
        attempts: 1,
        node: Some(NodeNumber(node)),
        created_at: Some(Nanos(0)),
        bound_at: Some(Nanos::from_seconds(1)),
        started_at: Some(Nanos::from_seconds(waited)),
        ended_at: Some(Nanos::from_seconds(100)),
        wanted: Bytes(30 * MEGABYTE),
        moved: Bytes(moved * MEGABYTE),
        ..PodRecord::default()
    }
}

/// A run of [`setup`] in which every pod moved so many megabytes.
fn record(moved: [u64; 3]) -> Record {
    let pods = [(0, 4), (0, 5), (1, 6)].into_iter().zip(moved);
    let pods = pods.map(|((node, waited), moved)| pod(node, waited, moved)).collect();
    let registry = Bytes(moved.iter().sum::<u64>() * MEGABYTE);
    let node = |seconds: u128| NodeRecord {
        cpu_milli_nanos: seconds * 1_000_000_000_000,
        ..NodeRecord::default()
    };
    let run = RunRecord {
        ended_at: Nanos::from_seconds(100),
        images: BySource { registry, ..BySource::default() },
        nodes: vec![node(200), node(100)],
        ..RunRecord::default()
    };
    Record { pods, run }
}

#[test]
fn a_run_is_summed_up() {
    let summary = Summary::of(&setup(), &record([30, 0, 30]));
    let expected = Outcomes { jobs: 3, pods: 3, succeeded: 3, ..Outcomes::default() };
    assert_eq!(summary.outcomes, expected);
    assert_eq!(summary.moved(), Bytes(60 * MEGABYTE));
    assert_eq!((summary.wanted, summary.present), (Bytes(90_000_000), Bytes(30_000_000)));
    assert_eq!(summary.hit_share(), PerMille(333));
    assert_eq!(summary.waits.mean, Nanos::from_seconds(5));
    assert_eq!(summary.mean_wait_for_room, Nanos::from_seconds(1));
    assert_eq!(summary.imbalance, PerMille(1333));
    // Each node has room for one of the three at a time, and all ran at once: two copies at least.
    assert_eq!(summary.least(), Bytes(60 * MEGABYTE));
}

#[test]
fn a_job_that_never_ran_counts_as_failed_and_needs_nothing() {
    let mut record = record([30, 0, 30]);
    for pod in &mut record.pods {
        *pod = PodRecord { outcome: Outcome::FitsNowhere, ..PodRecord::default() };
    }
    let summary = Summary::of(&setup(), &record);
    assert_eq!((summary.outcomes.failed(), summary.outcomes.fits_nowhere), (3, 3));
    assert_eq!((summary.least(), summary.waits.percentile(50)), (Bytes(0), None));
}

#[test]
fn what_was_pulled_for_an_earlier_attempt_leaves_the_bound_true() {
    let mut record = record([30, 0, 0]);
    record.pods[0].attempts = 2;
    let summary = Summary::of(&setup(), &record);
    assert!(summary.bounds.iter().all(|bound| bound.bytes <= Bytes(60 * MEGABYTE)));
}

/// Runs by seed and policy, from the megabytes that each moved.
fn comparison(moved: &[&[u64]], spread: Option<usize>) -> Comparison {
    let run = |moved: &u64| Summary::of(&setup(), &record([*moved, 0, 0]));
    let runs = moved.iter().map(|moved| moved.iter().map(run).collect()).collect();
    let policies = (0..moved[0].len()).map(|place| format!("policy-{place}")).collect();
    Comparison::new(policies, (1..=moved.len() as u64).collect(), runs, spread)
}

fn winners(comparison: &Comparison, measure: Measure) -> Option<Vec<usize>> {
    let win = comparison.wins().into_iter().find(|win| win.measure == measure)?;
    Some([win.best].into_iter().chain(win.equals).collect())
}

#[test]
fn the_share_of_avoidable_bytes_is_counted_from_spread_and_the_bound() {
    let comparison = comparison(&[&[160, 80, 60]], Some(0));
    let captured = |policy| comparison.estimate(policy, Measure::Captured).map(|it| it.mean);
    assert_eq!([0, 1, 2].map(captured), [Some(0), Some(800), Some(1000)]);
    let regret = |policy| comparison.estimate(policy, Measure::Regret).map(|it| it.mean);
    assert_eq!([0, 1, 2].map(regret), [Some(2667), Some(1334), Some(1000)]);
    assert_eq!(comparison.least(), Some(Estimate { mean: 60_000_000, half_width: None }));
}

#[test]
fn without_spread_nothing_is_captured() {
    let comparison = comparison(&[&[160, 80]], None);
    assert_eq!(comparison.estimate(1, Measure::Captured), None);
}

#[test]
fn with_one_seed_the_best_wins_and_equals_share() {
    assert_eq!(winners(&comparison(&[&[90, 80, 80]], None), Measure::Moved), Some(vec![1, 2]));
    // What is the same for all has no winner.
    assert_eq!(winners(&comparison(&[&[90, 80, 80]], None), Measure::MeanWait), None);
    // More hits are better, and they are the same here but for what was moved.
    assert_eq!(winners(&comparison(&[&[30, 10]], None), Measure::Hits), Some(vec![1]));
}

#[test]
fn with_several_seeds_a_difference_must_be_more_than_chance() {
    // The second is better by 10 at every seed, though seeds differ by far more than that.
    let clear = comparison(&[&[100, 90], &[500, 490], &[900, 890]], None);
    assert_eq!(winners(&clear, Measure::Moved), Some(vec![1]));
    let win = clear.wins().into_iter().find(|win| win.measure == Measure::Moved);
    assert_eq!(win.map(|win| win.seeds_won), Some(vec![0, 3]));
    // Better by 20 twice and worse by 10 once: chance explains it, but its mean is the best.
    let unclear = comparison(&[&[100, 80], &[100, 110], &[100, 80]], None);
    assert_eq!(winners(&unclear, Measure::Moved), Some(vec![1, 0]));
}
