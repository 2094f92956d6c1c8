//! Whole runs: by chance alone, by the stock scheduler, and by the decisions of the core on the events of the
//! world.

mod fuzz;

use std::collections::BTreeMap;

use super::Engine;
use crate::model::unit::{Bytes, Nanos};
use crate::policy::Policy;
use crate::sim::data::Data;
use crate::sim::extender::Dunnage;
use crate::sim::fixtures::{self, image, node, setup_of, volume};
use crate::sim::job::{Job, JobNumber};
use crate::sim::placement::Placement;
use crate::sim::record::{Outcome, Record};
use crate::sim::resource::Resources;
use crate::sim::rival::choosing::{Chooser, Rule};
use crate::sim::scheduler::Scheduler;
use crate::sim::setup::{NodeSetup, Scaling, Setup, VolumeNumber};
use crate::sim::summary::Summary;
use crate::sim::view::Delayed;

/// Build matrices of four images, two pods a minute for each node.
fn setup(pod_count: usize, node_count: usize, seed: u64) -> Setup {
    let images = vec![
        image("a", &[("base", 100), ("a", 1500)]),
        image("bb", &[("base", 100), ("tools", 600), ("b", 900)]),
        image("ccc", &[("base", 100), ("tools", 600), ("c", 300)]),
        image("dddd", &[("d", 700)]),
    ];
    let manifests = BTreeMap::from([("images".to_owned(), images)]);
    let seconds = 30 * pod_count / node_count;
    let scenario = format!(
        "images: [{{manifests: images}}]\n\
         nodes: [{{prefix: node-, count: {node_count}, linkDownBytesPerSecond: 100M}}]\n\
         generate: [{{name: build, podsMax: {pod_count}, jobs: {{matrix: {{}}}}, \
         arrivals: {{within: {seconds}s}}}}]\n"
    );
    setup_of(&scenario, seed, &Data { manifests, ..Data::default() }).expect("a scenario")
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
    run(setup, &mut Chooser::new(Rule::Random, setup))
}

#[test]
fn every_pod_starts_and_no_bytes_are_lost_or_made_up() {
    for (pods, nodes) in [(1, 2), (300, 10), (200, 120)] {
        let setup = setup(pods, nodes, 5);
        for record in [random(&setup), stock(&setup), dunnage(&setup)] {
            let summary = Summary::of(&setup, &record);
            assert_eq!(summary.outcomes.succeeded, pods as u64);
            assert!(summary.moved() >= summary.least(), "{summary:?}");
            assert!(summary.moved() + summary.present <= summary.wanted, "{summary:?}");
        }
    }
}

#[test]
fn pods_wait_for_room_and_are_placed_once_there_is_some() {
    let mut setup = setup(300, 10, 5);
    setup.nodes.truncate(2);
    let waits = Summary::of(&setup, &stock(&setup)).waits;
    assert_eq!(waits.count, 300);
    assert!(waits.mean > Nanos::from_seconds(60), "{waits:?}");
}

#[test]
fn same_seed_same_record() {
    let records = |seed| {
        let setup = setup(200, 12, seed);
        [stock(&setup), dunnage(&setup)]
    };
    assert_eq!(records(3), records(3));
    assert_ne!(records(3), records(4));
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

/// A job of the first image that asks for so many thousandths of a processor.
fn job(cpu_millis: u64, arrives_at: u64) -> Job {
    let requests = Resources { cpu_millis, memory: Bytes(1 << 30) };
    let runs_for = Nanos::from_seconds(60);
    let arrives_at = Nanos::from_seconds(arrives_at);
    Job { requests, arrives_at, runs_for, ..fixtures::job(&[0]) }
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.pods.iter().map(|pod| pod.outcome).collect()
}

#[test]
fn a_pod_that_fits_nowhere_is_told_and_all_that_comes_after_it() {
    let after = Job { after: [JobNumber(1)].into(), ..job(100, 0) };
    let jobs = vec![job(100, 0), job(17_000, 0), after, job(100, 500)];
    let setup = Setup { jobs, ..setup(1, 2, 1) };
    let expected = [Outcome::Succeeded, Outcome::FitsNowhere, Outcome::Blocked, Outcome::Succeeded];
    assert_eq!(outcomes(&stock(&setup)), expected);
    assert_eq!(outcomes(&Engine::new(&Setup { nodes: vec![], ..setup }).into_record()).len(), 4);
}

#[test]
fn a_cluster_without_nodes_or_with_nodes_that_all_leave_ends() {
    let mut setup = Setup { jobs: vec![job(100, 0), job(100, 900)], ..setup(1, 1, 1) };
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
    let mut setup = Setup { jobs: vec![first, second], ..setup(1, 1, 1) };
    setup.volumes = vec![volume("out", &[], false)];
    let record = stock(&setup);
    assert_eq!(record.pods[0].attempts, 3);
    // What it ran in vain is no wait: its image was there when it was made anew.
    assert!(record.pods[0].first_created_at < record.pods[0].created_at);
    assert_eq!(record.pods[0].wait(), Some(Nanos(0)));
    assert_eq!(record.pods[1].created_at, record.pods[0].ended_at);
    let wanted = record.pods[1].volumes_wanted;
    assert_eq!((wanted, record.run.volumes_missing), (setup.volumes[0].bytes, 0));
}

#[test]
fn an_autoscaler_brings_nodes_that_pods_find_no_room_without_and_takes_idle_ones_away() {
    let jobs = (0..6).map(|_| job(8000, 0)).chain([job(8000, 2000)]).collect();
    let mut setup = Setup { jobs, ..setup(1, 1, 1) };
    let template = NodeSetup { name: "scaled-".to_owned(), ..node(16_000) };
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
