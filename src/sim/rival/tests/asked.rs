//! Rivals as the simulator asks them: told changes, asked for points and nodes.

use std::sync::Arc;

use super::resources;
use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos, TransferRate};
use crate::model::volume::VolumeKind;
use crate::sim::catalogue::tests::image;
use crate::sim::catalogue::{Catalogue, ImageNumber, ReferenceNumber};
use crate::sim::job::{Container, Job, JobNumber};
use crate::sim::placement::{Asked, Change, Extender, ImageList, Placement, PodNumber};
use crate::sim::rival::choosing::{Chooser, Rule};
use crate::sim::rival::scoring::{Formula, Scorer};
use crate::sim::setup::{
    DiskSetup, NodeHardware, NodeNumber, NodeSetup, Setup, VolumeNumber, VolumeSetup, ZoneNumber,
};

const NODES: [NodeNumber; 3] = [NodeNumber(0), NodeNumber(1), NodeNumber(2)];
const NOW: Nanos = Nanos::from_seconds(50);

/// Three nodes with room for two pods each, the first two in one zone; two images with a base of 100 MB in
/// common and 300 MB of their own; jobs 0 and 1 of the first, jobs 2 and 3 of the second.
fn setup() -> Setup {
    let rate = TransferRate::from_bytes_per_second(100_000_000).expect("in range");
    let node = |zone| NodeSetup {
        name: "node".to_owned(),
        zone: ZoneNumber(zone),
        capacity: resources(2000, 8000),
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
    };
    let images =
        vec![image("one", &[("a", 100), ("b", 300)]), image("two", &[("a", 100), ("c", 300)])];
    let job = |(number, reference): (u64, u32)| Job {
        containers: Box::new([Container {
            reference: ReferenceNumber(reference),
            pull_policy: PullPolicy::IfNotPresent,
            is_init: false,
        }]),
        requests: resources(1000, 0),
        arrives_at: Nanos::from_seconds(100 * number),
        ..Job::default()
    };
    Setup {
        catalogue: Catalogue::new(images),
        nodes: [0, 0, 1].map(node).to_vec(),
        zones: vec!["a".to_owned(), "b".to_owned()],
        jobs: (0..).zip([0, 0, 1, 1]).map(job).collect(),
        ..Setup::default()
    }
}

fn pod(job: u32) -> PodNumber {
    PodNumber { job: JobNumber(job), attempt: 0 }
}

fn asked(setup: &Setup, job: u32) -> Asked<'_> {
    Asked { pod: pod(job), job: setup.job(JobNumber(job)) }
}

fn joined(setup: &Setup) -> Vec<Change> {
    let joined = |node: NodeNumber| {
        let NodeSetup { zone, capacity, pods_max, .. } = setup.nodes[node.0 as usize];
        Change::NodeJoined { node, zone, capacity, pods_max }
    };
    NODES.map(joined).to_vec()
}

/// An image, by its only name.
fn listed(node: NodeNumber, images: &[usize]) -> Change {
    let mut list = ImageList::default();
    for image in images {
        let reference = ReferenceNumber(u32::try_from(*image).expect("small"));
        list.push(ImageNumber(*image), std::iter::once(reference));
    }
    Change::Listed { node, images: Arc::new(list) }
}

/// What a formula gives each node for a job after changes, in points.
fn points(setup: &Setup, formula: Formula, changes: &[Change], job: u32) -> Vec<u64> {
    let mut scorer = Scorer::new(formula, setup);
    joined(setup).iter().chain(changes).for_each(|change| scorer.observe(NOW, change));
    let mut points = Vec::new();
    scorer.points(NOW, asked(setup, job), &NODES, &mut points);
    points.into_iter().map(|points| points.expect("every node is in the answer")).collect()
}

/// Where a rule places a job after changes.
fn placed(setup: &Setup, rule: Rule, changes: &[Change], job: u32) -> Option<NodeNumber> {
    let mut chooser = Chooser::new(rule, setup);
    joined(setup).iter().chain(changes).for_each(|change| chooser.observe(NOW, change));
    chooser.place(NOW, asked(setup, job))
}

#[test]
fn greedy_remembers_what_was_bound_and_believes_what_is_listed() {
    let setup = setup();
    let changes = [Change::Bound { pod: pod(0), node: NODES[1] }, listed(NODES[2], &[0])];
    assert_eq!(points(&setup, Formula::Greedy, &changes, 1), [0, 10, 10]);
    assert_eq!(points(&setup, Formula::Greedy, &changes, 2), [0, 0, 0]);
}

#[test]
fn lrscheduler_sees_layers_of_other_images() {
    let setup = setup();
    let changes = [listed(NODES[0], &[0]), listed(NODES[1], &[1])];
    // 100 of 400 MB are 12; half of the processors and no memory are 0.25 apart, so weighed by half.
    assert_eq!(points(&setup, Formula::LayerScheduler, &changes, 1), [25, 6, 0]);
    let gone = [listed(NODES[0], &[0]), listed(NODES[0], &[])];
    assert_eq!(points(&setup, Formula::LayerScheduler, &gone, 1), [0, 0, 0]);
}

#[test]
fn skippy_gives_most_where_nothing_is_pulled() {
    let setup = setup();
    let changes = [Change::Bound { pod: pod(0), node: NODES[1] }];
    assert_eq!(points(&setup, Formula::Skippy, &changes, 1), [0, 10, 0]);
}

#[test]
fn stork_and_concourse_know_where_volumes_were_made_and_read() {
    let mut setup = setup();
    setup.volumes = vec![VolumeSetup {
        key: "made".to_owned(),
        kind: VolumeKind::Output,
        bytes: Bytes(1),
        holders: Vec::new(),
        is_pushed: false,
    }];
    setup.jobs[0].produces = Box::new([VolumeNumber(0)]);
    setup.jobs[2].needs = Box::new([VolumeNumber(0)]);
    let bound = Change::Bound { pod: pod(0), node: NODES[1] };
    let ended = Change::Ended { pod: pod(0), node: NODES[1], images: None };
    assert_eq!(points(&setup, Formula::Stork, std::slice::from_ref(&bound), 2), [5, 5, 5]);
    let changes = [bound, ended];
    assert_eq!(points(&setup, Formula::Stork, &changes, 2), [25, 100, 10]);
    assert_eq!(placed(&setup, Rule::Concourse, &changes, 2), Some(NODES[1]));
    let gone = [&changes[..], &[Change::NodeLeft { node: NODES[1] }]].concat();
    assert_eq!(placed(&setup, Rule::Concourse, &gone, 0).map(|node| node == NODES[1]), Some(false));
}

#[test]
fn no_rule_places_where_there_is_no_room() {
    let setup = setup();
    let bound = |(job, node): (u32, NodeNumber)| Change::Bound { pod: pod(job), node };
    let full = [(0, NODES[0]), (1, NODES[0]), (2, NODES[2]), (2, NODES[2])].map(bound);
    let mut all = full.to_vec();
    all.extend([(3, NODES[1]), (3, NODES[1])].map(bound));
    let ended = Change::Ended { pod: pod(2), node: NODES[2], images: None };
    let free_again = [&all[..], &[ended]].concat();
    for rule in Rule::ALL {
        assert_eq!(placed(&setup, rule, &full, 3), Some(NODES[1]), "{}", rule.name());
        assert_eq!(placed(&setup, rule, &all, 3), None, "{}", rule.name());
        assert_eq!(placed(&setup, rule, &free_again, 3), Some(NODES[2]), "{}", rule.name());
        let mut empty = Chooser::new(rule, &setup);
        assert_eq!(empty.place(NOW, asked(&setup, 0)), None, "{}", rule.name());
    }
}

#[test]
fn pods_per_node_have_an_end_too() {
    let mut setup = setup();
    setup.nodes.iter_mut().for_each(|node| node.pods_max = 1);
    let changes = [0, 1].map(|node| Change::Bound { pod: pod(0), node: NODES[node] });
    for rule in Rule::ALL {
        assert_eq!(placed(&setup, rule, &changes, 1), Some(NODES[2]), "{}", rule.name());
    }
}

#[test]
fn equal_pods_meet_by_hash_until_there_is_no_room() {
    let setup = setup();
    let mut chooser = Chooser::new(Rule::Bounded, &setup);
    joined(&setup).iter().for_each(|change| chooser.observe(NOW, change));
    let mut place = |job| {
        let node = chooser.place(NOW, asked(&setup, job)).expect("room");
        chooser.observe(NOW, &Change::Bound { pod: pod(job), node });
        node
    };
    let first = place(0);
    assert_eq!(place(1), first);
    assert_ne!(place(1), first);
}

#[test]
fn hindsight_prefers_removing_what_never_comes_back() {
    let mut setup = setup();
    let disk = DiskSetup {
        bytes: Bytes(450_000_000),
        unpacked_per_mille: 1000,
        high_percent: 100,
        low_percent: 10,
        age_min: Nanos(0),
        interval: Nanos(0),
    };
    setup.nodes.iter_mut().for_each(|node| node.hardware.disk = Some(disk));
    setup.catalogue = Catalogue::new(vec![
        image("one", &[("b", 300)]),
        image("two", &[("c", 300)]),
        image("three", &[("d", 300)]),
    ]);
    // After job 2, which is now, only the second image is used again.
    setup.jobs[2].containers[0].reference = ReferenceNumber(2);
    setup.jobs[2].arrives_at = NOW;
    let changes =
        [listed(NODES[0], &[1]), listed(NODES[1], &[0]), Change::NodeLeft { node: NODES[2] }];
    setup.jobs[0].arrives_at = Nanos(0);
    setup.jobs[1].arrives_at = Nanos(0);
    assert_eq!(placed(&setup, Rule::Hindsight, &changes, 2), Some(NODES[1]));
    // Where the image lies, nothing needs to come.
    assert_eq!(placed(&setup, Rule::Hindsight, &changes, 3), Some(NODES[0]));
}

#[test]
fn the_same_seed_gives_the_same_nodes() {
    let setup = setup();
    for rule in Rule::ALL {
        let run = || {
            let mut chooser = Chooser::new(rule, &setup);
            joined(&setup).iter().for_each(|change| chooser.observe(NOW, change));
            [0, 1, 2, 3].map(|job| {
                let node = chooser.place(NOW, asked(&setup, job))?;
                chooser.observe(NOW, &Change::Bound { pod: pod(job), node });
                Some(node)
            })
        };
        assert_eq!(run(), run(), "{}", rule.name());
    }
}
