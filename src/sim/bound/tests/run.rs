//! From a setup to its demand: names that move, pull policies, what nodes bring along, disks, volumes.

use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos, TransferRate};
use crate::model::volume::VolumeKind;
use crate::sim::bound::demand::setup::{Attempt, attempts, demand};
use crate::sim::bound::{compulsory, pooled, replica};
use crate::sim::catalogue::tests::image;
use crate::sim::catalogue::{Catalogue, ImageNumber, Reference, ReferenceNumber};
use crate::sim::job::{Container, Job, JobNumber};
use crate::sim::record::PodRecord;
use crate::sim::resource::Resources;
use crate::sim::setup::{
    DiskSetup, NodeHardware, NodeNumber, NodeSetup, Scaling, Setup, VolumeNumber, VolumeSetup,
    ZoneNumber,
};

const MEGABYTE: u64 = 1_000_000;

/// One name that means `old` (base 10 MB, own 20 MB) and from second 100 on `new` (base, own 40 MB).
fn catalogue() -> Catalogue {
    let images = vec![image("old", &[("a", 10), ("b", 20)]), image("new", &[("a", 10), ("c", 40)])];
    let history = vec![(Nanos(0), ImageNumber(0)), (Nanos::from_seconds(100), ImageNumber(1))];
    Catalogue::with_references(images, vec![Reference { name: "app:latest".to_owned(), history }])
}

fn node() -> NodeSetup {
    let rate = TransferRate::from_bytes_per_second(100_000_000).expect("in range");
    NodeSetup {
        name: "node".to_owned(),
        zone: ZoneNumber(0),
        capacity: Resources { cpu_millis: 1000, memory: Bytes(0) },
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

fn job(pull_policy: PullPolicy) -> Job {
    let reference = ReferenceNumber(0);
    let requests = Resources { cpu_millis: 1000, memory: Bytes(0) };
    let containers = Box::new([Container { reference, pull_policy, is_init: false }]);
    Job { containers, requests, ..Job::default() }
}

/// One after the other on one node: jobs of one policy that start at these seconds.
fn setup(pull_policy: PullPolicy, starts: &[u64]) -> (Setup, Vec<Attempt>) {
    let jobs = starts.iter().map(|_| job(pull_policy)).collect();
    let setup = Setup { catalogue: catalogue(), nodes: vec![node()], jobs, ..Setup::default() };
    let attempt = |(number, start): (u32, &u64)| Attempt {
        job: JobNumber(number),
        bound_at: Nanos::from_seconds(*start),
        started_at: Some(Nanos::from_seconds(start + 5)),
        ended_at: Nanos::from_seconds(start + 10),
    };
    (setup, (0..).zip(starts).map(attempt).collect())
}

/// Megabytes that must come.
fn compulsory(setup: &Setup, attempts: &[Attempt]) -> u64 {
    compulsory::bytes(&demand(setup, attempts)).0 / MEGABYTE
}

#[test]
fn always_needs_what_the_name_means_when_the_pod_gets_ready() {
    let (setup, attempts) = setup(PullPolicy::Always, &[10, 200]);
    assert_eq!(compulsory(&setup, &attempts[..1]), 30);
    assert_eq!(compulsory(&setup, &attempts[1..]), 50);
    assert_eq!(compulsory(&setup, &attempts), 70);
}

#[test]
fn a_name_that_moves_while_a_pod_gets_ready_may_mean_either() {
    let (setup, attempts) = setup(PullPolicy::Always, &[97]);
    assert_eq!(compulsory(&setup, &attempts), 10);
}

#[test]
fn if_not_present_is_content_with_what_came_under_the_name_before() {
    let (setup, attempts) = setup(PullPolicy::IfNotPresent, &[10, 200]);
    assert_eq!(compulsory(&setup, &attempts), 30);
    assert_eq!(compulsory(&setup, &attempts[1..]), 50);
    // A pod that was evicted before it started may have left the old image.
    let evicted = Attempt { started_at: None, ..attempts[0] };
    assert_eq!(compulsory(&setup, &[evicted, attempts[1]]), 10);
}

#[test]
fn never_needs_nothing_to_come() {
    let (setup, attempts) = setup(PullPolicy::Never, &[10, 200]);
    assert_eq!(compulsory(&setup, &attempts), 0);
}

#[test]
fn what_any_node_brings_along_need_not_come() {
    let (mut setup, attempts) = setup(PullPolicy::Always, &[10, 200]);
    setup.nodes.push(NodeSetup { preloaded: vec![ImageNumber(0)], ..node() });
    assert_eq!(compulsory(&setup, &attempts), 40);
    let scaled = NodeSetup { preloaded: vec![ImageNumber(1)], ..node() };
    setup.scaling = Some(Scaling {
        template: scaled,
        zones: Vec::new(),
        nodes_max: 3,
        boot: Nanos(0),
        idle: Nanos(0),
    });
    assert_eq!(compulsory(&setup, &attempts), 0);
}

#[test]
fn an_image_brought_along_under_a_moved_name_will_do() {
    let (mut setup, attempts) = setup(PullPolicy::IfNotPresent, &[200]);
    setup.nodes[0].preloaded = vec![ImageNumber(0)];
    assert_eq!(compulsory(&setup, &attempts), 0);
}

#[test]
fn attempts_at_the_same_time_need_their_layers_on_several_nodes() {
    let (mut setup, attempts) = setup(PullPolicy::Always, &[10, 12]);
    setup.nodes.push(node());
    assert_eq!(replica::bytes(&demand(&setup, &attempts)), Bytes(60 * MEGABYTE));
}

#[test]
fn a_disk_holds_less_of_what_is_unpacked() {
    // The first comes back after the second: both fit on 120 MB unpacked, not on 100.
    let images = vec![image("one", &[("a", 30)]), image("two", &[("b", 30)])];
    let mut setup = Setup { catalogue: Catalogue::new(images), ..Setup::default() };
    let mut attempts = Vec::new();
    for (number, reference) in (0..).zip([0, 1, 0]) {
        let mut job = job(PullPolicy::Always);
        job.containers[0].reference = ReferenceNumber(reference);
        setup.jobs.push(job);
        let at = |second: u64| Nanos::from_seconds(10 * u64::from(number) + second);
        let (bound_at, started_at, ended_at) = (at(0), Some(at(1)), at(2));
        attempts.push(Attempt { job: JobNumber(number), bound_at, started_at, ended_at });
    }
    let pooled = |megabytes: u64| {
        let mut setup = setup.clone();
        let mut node = node();
        node.hardware.disk = Some(DiskSetup {
            bytes: Bytes(megabytes * MEGABYTE),
            unpacked_per_mille: 2000,
            high_percent: 85,
            low_percent: 80,
            age_min: Nanos(0),
            interval: Nanos(0),
        });
        setup.nodes = vec![node];
        pooled::bytes(&demand(&setup, &attempts)).0 / MEGABYTE
    };
    assert_eq!(pooled(100), 90);
    assert_eq!(pooled(120), 60);
}

#[test]
fn a_volume_that_only_the_registry_has_comes_once() {
    let volume = |key: &str, holders: Vec<NodeNumber>, is_pushed| VolumeSetup {
        key: key.to_owned(),
        kind: VolumeKind::Output,
        bytes: Bytes(7),
        holders,
        is_pushed,
    };
    let (mut setup, _) = setup(PullPolicy::Always, &[0, 1, 2]);
    setup.volumes = vec![
        volume("pushed", Vec::new(), true),
        volume("held", vec![NodeNumber(0)], true),
        volume("made", Vec::new(), true),
        volume("nowhere", Vec::new(), false),
    ];
    setup.jobs[0].needs = (0..4).map(VolumeNumber).collect();
    setup.jobs[1].needs = Box::new([VolumeNumber(0)]);
    setup.jobs[2].produces = Box::new([VolumeNumber(2)]);
    assert_eq!(compulsory::volumes(&setup, [JobNumber(0), JobNumber(1)]), Bytes(7));
    assert_eq!(compulsory::volumes(&setup, [JobNumber(2)]), Bytes(0));
}

#[test]
fn records_tell_the_last_attempt_and_that_there_were_earlier_ones() {
    let at = |second| Some(Nanos::from_seconds(second));
    let once = PodRecord {
        attempts: 1,
        created_at: at(1),
        bound_at: at(2),
        started_at: at(3),
        ended_at: at(4),
        ..PodRecord::default()
    };
    let again = PodRecord { attempts: 2, ended_at: None, ..once };
    let found = attempts(&[once, PodRecord::default(), again]);
    let told: Vec<_> = found
        .iter()
        .map(|attempt| (attempt.job.0, attempt.bound_at, attempt.started_at, attempt.ended_at))
        .collect();
    let second = Nanos::from_seconds;
    let end = Nanos(u64::MAX);
    let expected =
        [(0, second(2), at(3), second(4)), (2, second(1), None, end), (2, second(2), at(3), end)];
    assert_eq!(told, expected);
}
