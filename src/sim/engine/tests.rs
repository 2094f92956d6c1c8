//! Whole runs: by room alone, by the stock scheduler, and by the decisions of the core on the events of the
//! world.

mod fuzz;

use super::Engine;
use crate::model::unit::{Bytes, Nanos, TransferRate};
use crate::policy::Policy;
use crate::sim::catalogue::{Catalogue, tests::image};
use crate::sim::extender::Dunnage;
use crate::sim::job::{Job, JobNumber};
use crate::sim::placement::Placement;
use crate::sim::record::{Outcome, Record};
use crate::sim::report::{Totals, table};
use crate::sim::resource::Resources;
use crate::sim::room::{ByRoom, Taste};
use crate::sim::scheduler::Scheduler;
use crate::sim::setup::{NodeHardware, NodeSetup, Scaling, Setup, VolumeNumber, ZoneNumber};
use crate::sim::view::Delayed;
use crate::sim::workload::{self, Settings};

fn node(number: usize) -> NodeSetup {
    let link = TransferRate::from_bytes_per_second(100_000_000).expect("in range");
    NodeSetup {
        name: format!("node-{number}"),
        zone: ZoneNumber(0),
        capacity: Resources { cpu_millis: 16_000, memory: Bytes(64 << 30) },
        pods_max: 110,
        hardware: NodeHardware {
            link_down: link,
            link_up: link,
            unpack: link,
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

fn setup(pod_count: usize, node_count: usize, seed: u64) -> Setup {
    let catalogue = Catalogue::new(vec![
        image("a", &[("base", 100), ("a", 1500)]),
        image("bb", &[("base", 100), ("tools", 600), ("b", 900)]),
        image("ccc", &[("base", 100), ("tools", 600), ("c", 300)]),
        image("dddd", &[("d", 700)]),
    ]);
    let jobs = workload::generate(&Settings { pod_count, node_count, seed }, &catalogue);
    let nodes = (0..node_count).map(node).collect();
    Setup { catalogue, jobs, nodes, seed, ..Setup::default() }
}

fn run(setup: &Setup, placement: &mut impl Placement) -> Record {
    Engine::new(setup).run(placement)
}

fn stock(setup: &Setup) -> Record {
    run(setup, &mut Scheduler::alone(setup))
}

fn dunnage(setup: &Setup) -> Record {
    let policy = Policy::named("default").expect("comes with the program");
    let extender = Delayed::new(Dunnage::new(setup, policy), &setup.view);
    run(setup, &mut Scheduler::with(setup, extender, 1))
}

fn random(setup: &Setup) -> Record {
    run(setup, &mut ByRoom::new(setup, Taste::Random))
}

#[test]
fn every_pod_starts_and_no_bytes_are_lost_or_made_up() {
    for (pods, nodes) in [(1, 2), (300, 10), (200, 120)] {
        let setup = setup(pods, nodes, 5);
        for record in [random(&setup), stock(&setup), dunnage(&setup)] {
            let totals = Totals::of(&setup, &record);
            assert_eq!(totals.started, pods);
            assert!(totals.moved >= totals.least, "{totals:?}");
            assert!(totals.moved + totals.present <= totals.wanted, "{totals:?}");
        }
    }
}

#[test]
fn pods_wait_for_room_and_are_placed_once_there_is_some() {
    let mut setup = setup(300, 10, 5);
    setup.nodes.truncate(2);
    let totals = Totals::of(&setup, &stock(&setup));
    assert_eq!(totals.started, 300);
    assert!(totals.mean_wait > Nanos::from_seconds(60), "{totals:?}");
}

#[test]
fn same_seed_same_report_to_the_byte() {
    let report = |seed| {
        let setup = setup(200, 12, seed);
        let totals = |record| Totals::of(&setup, &record);
        table(&[("stock", totals(stock(&setup))), ("dunnage", totals(dunnage(&setup)))])
    };
    assert_eq!(report(3), report(3));
    assert_ne!(report(3), report(4));
}

#[test]
fn points_for_what_lies_there_save_bytes() {
    let setup = setup(300, 12, 7);
    let moved = |record: Record| record.run.images.total();
    assert!(moved(dunnage(&setup)) < moved(stock(&setup)));
}

#[test]
fn news_that_comes_late_saves_less_but_changes_nothing_else() {
    let mut setup = setup(300, 12, 7);
    let moved = |record: &Record| record.run.images.total();
    let at_once = dunnage(&setup);
    setup.view.pod_delay = Nanos::from_seconds(60);
    setup.view.node_delay = Nanos::from_seconds(300);
    let late = dunnage(&setup);
    assert!(late.pods.iter().all(|pod| pod.outcome == Outcome::Succeeded));
    assert!(moved(&late) > moved(&at_once), "{:?} {:?}", moved(&late), moved(&at_once));
}

#[test]
fn agents_make_up_for_lists_that_come_late() {
    let mut setup = setup(300, 12, 7);
    setup.view.agents = Some(Nanos::from_seconds(5));
    let record = dunnage(&setup);
    assert!(record.pods.iter().all(|pod| pod.outcome == Outcome::Succeeded));
    assert!(record.run.images.total() < stock(&setup).run.images.total());
}

/// A job of the first image with these requests.
fn job(cpu_millis: u64, arrives_at: u64) -> Job {
    let requests = Resources { cpu_millis, memory: Bytes(1 << 30) };
    let containers = setup(1, 1, 1).jobs[0].containers.clone();
    let runs_for = Nanos::from_seconds(60);
    let arrives_at = Nanos::from_seconds(arrives_at);
    Job { name: "pod".into(), containers, requests, arrives_at, runs_for, ..Job::default() }
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.pods.iter().map(|pod| pod.outcome).collect()
}

#[test]
fn a_pod_that_fits_nowhere_is_told_and_all_that_comes_after_it() {
    let after = Job { after: [JobNumber(1)].into(), ..job(100, 0) };
    let jobs = vec![job(100, 0), job(17_000, 0), after, job(100, 500)];
    let setup = Setup { jobs, ..setup(0, 2, 1) };
    let expected = [Outcome::Succeeded, Outcome::FitsNowhere, Outcome::Blocked, Outcome::Succeeded];
    assert_eq!(outcomes(&stock(&setup)), expected);
    assert_eq!(outcomes(&Engine::new(&Setup { nodes: vec![], ..setup }).into_record()).len(), 4);
}

#[test]
fn a_cluster_without_nodes_or_with_nodes_that_all_leave_ends() {
    let mut setup = Setup { jobs: vec![job(100, 0), job(100, 900)], ..setup(0, 1, 1) };
    setup.nodes[0].leaves_at = Some(Nanos::from_seconds(600));
    assert_eq!(outcomes(&stock(&setup)), [Outcome::Succeeded, Outcome::FitsNowhere]);
    setup.nodes.clear();
    assert_eq!(outcomes(&stock(&setup)), [Outcome::FitsNowhere; 2]);
}

#[test]
fn jobs_come_after_those_they_need_and_are_made_anew_when_they_fail() {
    let first = Job { failures: 2, produces: [VolumeNumber(0)].into(), ..job(100, 0) };
    let second =
        Job { after: [JobNumber(0)].into(), needs: [VolumeNumber(0)].into(), ..job(100, 1) };
    let mut setup = Setup { jobs: vec![first, second], ..setup(0, 1, 1) };
    setup.volumes = vec![crate::sim::setup::VolumeSetup {
        key: "out".to_owned(),
        kind: crate::model::volume::VolumeKind::Output,
        bytes: Bytes(1_000_000_000),
        holders: Vec::new(),
        is_pushed: false,
    }];
    let record = stock(&setup);
    assert_eq!(record.pods[0].attempts, 3);
    assert_eq!(record.pods[1].created_at, record.pods[0].ended_at);
    assert_eq!(
        (record.pods[1].volumes_wanted, record.run.volumes_missing),
        (Bytes(1_000_000_000), 0)
    );
}

#[test]
fn an_autoscaler_brings_nodes_that_pods_find_no_room_without_and_takes_idle_ones_away() {
    let jobs = (0..6).map(|_| job(8000, 0)).chain([job(8000, 2000)]).collect();
    let mut setup = Setup { jobs, ..setup(0, 1, 1) };
    let template = NodeSetup { name: "scaled-".to_owned(), ..node(0) };
    let (boot, idle) = (Nanos::from_seconds(45), Nanos::from_seconds(600));
    let zones = Vec::new();
    setup.scaling = Some(Scaling { template, zones, nodes_max: 5, boot, idle });
    let record = stock(&setup);
    assert_eq!(outcomes(&record), [Outcome::Succeeded; 7]);
    // Two of the six find room at once; two nodes for the other four.
    assert_eq!(record.run.nodes.len(), 3);
    assert_eq!(record.run.nodes[1].joined_at, Nanos::from_seconds(45));
    assert!(record.run.nodes[1..].iter().all(|node| node.left_at.is_some()), "{record:?}");
    assert_eq!(setup.node_name(crate::sim::setup::NodeNumber(2)), "scaled-3");
}
