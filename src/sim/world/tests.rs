//! Physics by hand: a link and an unpacker of 100 MB/s each, nodes of four processors.

mod disk;
mod link;
mod volume;

use super::{Finish, World};
use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::{Catalogue, ImageNumber, Reference, ReferenceNumber};
use crate::sim::fixtures::{self, MEGABYTE, disk, image, node, rate, volume};
use crate::sim::job::{Job, JobNumber};
use crate::sim::placement::{Change, PodNumber};
use crate::sim::record::Outcome;
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeNumber, NodeSetup, Setup, StartSetup, ZoneNumber};

const HERE: NodeNumber = NodeNumber(0);
const THERE: NodeNumber = NodeNumber(1);

fn seconds(seconds: u64) -> Nanos {
    Nanos::from_seconds(seconds)
}

/// A pod of these images that runs for so many seconds.
fn job(images: &[u32], runs_for: u64) -> Job {
    Job { runs_for: seconds(runs_for), ..fixtures::job(images) }
}

/// Images 0 and 1: go of 100 and 200 MB, and rust of the same 100 and 400 MB.
fn setup(node_count: usize, jobs: Vec<Job>) -> Setup {
    let catalogue = Catalogue::new(vec![
        image("go", &[("base", 100), ("go", 200)]),
        image("rust", &[("base", 100), ("rust", 400)]),
    ]);
    Setup { catalogue, nodes: vec![node(4000); node_count], jobs, ..Setup::default() }
}

fn pod(job: u32) -> PodNumber {
    PodNumber { job: JobNumber(job), attempt: 0 }
}

/// A world in which the nodes of time zero are there.
fn begin(setup: &Setup) -> World<'_> {
    let mut world = World::new(setup);
    world.advance(Nanos(0));
    world
}

fn started(world: &World<'_>, job: usize) -> Option<Nanos> {
    world.record().pods[job].started_at
}

fn changes(world: &mut World<'_>) -> Vec<(Nanos, Change)> {
    let mut changes = Vec::new();
    world.take_changes(&mut changes);
    changes
}

fn finished(world: &mut World<'_>) -> Vec<(PodNumber, Finish)> {
    let mut finished = Vec::new();
    world.take_finished(&mut finished);
    finished
}

/// What was moved by all is what was moved for each, and what was lost.
fn assert_conserved(world: &World<'_>) {
    let sum = |of: fn(&crate::sim::record::PodRecord) -> Bytes| {
        world.record().pods.iter().fold(Bytes(0), |sum, pod| sum + of(pod))
    };
    let run = &world.record().run;
    let moved = sum(|pod| pod.moved) + sum(|pod| pod.streamed) + run.lost;
    assert_eq!(run.images.total() + run.volumes.total(), moved);
    let to_nodes = run.nodes.iter().fold(Bytes(0), |sum, node| sum + node.moved);
    assert_eq!(to_nodes, moved);
}

#[test]
fn a_layer_is_fetched_while_the_one_below_is_unpacked() {
    let setup = setup(1, vec![job(&[0], 10)]);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(1000));
    // Fetched at 1 and 3 s, unpacked at 2 and 5 s.
    assert_eq!(started(&world, 0), Some(seconds(5)));
    assert_eq!(world.record().pods[0].moved, Bytes(300 * MEGABYTE));
}

#[test]
fn pulls_of_a_node_are_serial_and_move_only_what_is_not_there() {
    let setup = setup(1, vec![job(&[0], 10), job(&[1], 10), job(&[0], 10)]);
    let mut world = begin(&setup);
    (0..3).for_each(|job| world.bind(pod(job), HERE));
    world.advance(seconds(1000));
    // go: 5 s; rust, of which the base lies there: 4 s to fetch and 4 to unpack.
    assert_eq!(started(&world, 0), Some(seconds(5)));
    assert_eq!(started(&world, 1), Some(seconds(13)));
    // The third pod asked before its image was there, so it stands in line; then nothing is moved.
    assert_eq!(started(&world, 2), Some(seconds(13)));
    assert_eq!(world.record().run.images.registry, Bytes(700 * MEGABYTE));
    let third = world.record().pods[2];
    assert_eq!((third.moved, third.shared), (Bytes(0), Bytes(300 * MEGABYTE)));
    assert_eq!((third.present(), third.present_at_binding()), (third.wanted, Bytes(0)));
    assert_conserved(&world);
}

#[test]
fn layers_that_come_at_once_share_the_link_and_are_unpacked_base_first() {
    let started_with = |layers_max: u32| {
        let mut setup = setup(1, vec![job(&[0], 10)]);
        let layers = [("base", 300), ("go", 100), ("app", 100)];
        setup.catalogue = Catalogue::new(vec![image("go", &layers)]);
        setup.nodes[0].hardware.layers_max = layers_max;
        let mut world = begin(&setup);
        world.bind(pod(0), HERE);
        world.advance(seconds(1000));
        assert_conserved(&world);
        started(&world, 0)
    };
    // They come at 3, 4 and 5 s, or at 5, 2 and 4 s; each takes as long to unpack as by itself to fetch.
    assert_eq!(started_with(1), Some(seconds(8)));
    assert_eq!(started_with(2), Some(seconds(10)));
    assert_eq!(started_with(3), Some(seconds(10)));
}

#[test]
fn sandboxes_are_made_at_once_and_containers_start_after_their_images() {
    let mut setup = setup(1, vec![job(&[0], 10), job(&[1], 10), job(&[0], 10)]);
    setup.start = StartSetup { sandbox: seconds(1), containers: seconds(2) };
    let mut world = begin(&setup);
    (0..2).for_each(|job| world.bind(pod(job), HERE));
    world.advance(seconds(20));
    // Both ask for their images at 1 s; go is there at 6 s, rust at 14 s.
    assert_eq!(started(&world, 0), Some(seconds(8)));
    assert_eq!(started(&world, 1), Some(seconds(16)));
    world.bind(pod(2), HERE);
    world.advance(seconds(1000));
    assert_eq!(started(&world, 2), Some(seconds(23)), "a warm pod takes no less");
    assert_eq!(world.record().pods[2].ended_at, Some(seconds(33)));
    assert_conserved(&world);
}

#[test]
fn a_pod_with_two_images_waits_for_both_and_a_warm_one_for_none() {
    let setup = setup(1, vec![job(&[0, 1], 10), job(&[1, 0], 10)]);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(13));
    assert_eq!(started(&world, 0), Some(seconds(13)));
    world.bind(pod(1), HERE);
    assert_eq!(started(&world, 1), Some(seconds(13)));
    world.advance(seconds(99));
    assert_eq!(world.record().pods[1].present_at_binding(), Bytes(800 * MEGABYTE));
    // The base of the second image came with the first one.
    let first = world.record().pods[0];
    assert_eq!((first.present_at_binding(), first.shared), (Bytes(0), Bytes(100 * MEGABYTE)));
}

#[test]
fn nodes_pull_side_by_side_and_each_moves_its_own_bytes() {
    let setup = setup(2, vec![job(&[0], 10), job(&[0], 10)]);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.bind(pod(1), THERE);
    world.advance(seconds(5));
    assert_eq!((started(&world, 0), started(&world, 1)), (Some(seconds(5)), Some(seconds(5))));
    assert_eq!(world.record().run.images.registry, Bytes(600 * MEGABYTE));
}

#[test]
fn room_is_taken_from_binding_to_the_end_and_then_given_back() {
    let setup = setup(1, vec![job(&[0], 10)]);
    let mut world = begin(&setup);
    let whole = setup.nodes[0].capacity;
    world.bind(pod(0), HERE);
    world.advance(seconds(14));
    assert!(!world.has_room(HERE, whole));
    world.advance(seconds(15));
    assert!(world.has_room(HERE, whole));
    assert_eq!(world.record().pods[0].ended_at, Some(seconds(15)));
    let node = world.record().run.nodes[0];
    assert_eq!((node.pods, node.cpu_milli_nanos), (1, 1000 * 10_000_000_000));
}

#[test]
fn watchers_hear_of_everything_in_order_and_of_images_after_a_list_and_a_status() {
    let setup = setup(1, vec![job(&[0], 10)]);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(1000));
    let all = changes(&mut world);
    let (listed, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, change)| matches!(change, Change::Listed { .. }));
    let (pod, node) = (pod(0), HERE);
    let NodeSetup { zone, capacity, pods_max, .. } = setup.nodes[0].clone();
    let expected = [
        (Nanos(0), Change::NodeJoined { node, zone, capacity, pods_max }),
        (Nanos(0), Change::Bound { pod, node }),
        (seconds(5), Change::Pulled { node, reference: ReferenceNumber(0), took: seconds(5) }),
        (seconds(5), Change::Started { pod, node, images: None }),
        (seconds(15), Change::Ended { pod, node, images: None }),
        (seconds(75), Change::Removed { pod, node }),
    ];
    assert_eq!(others, expected);
    let [(at, Change::Listed { images, .. })] = &listed[..] else { panic!("{listed:?}") };
    let read: Vec<_> = images.iter().collect();
    assert_eq!(read, [(ImageNumber(0), &[ReferenceNumber(0)][..])]);
    assert!(*at > seconds(5) && *at <= seconds(45), "{at:?}");
    assert_eq!(finished(&mut world), [(pod, Finish::Well)]);
}

#[test]
#[should_panic(expected = "only a node with room is bound to")]
fn a_full_node_is_not_bound_to() {
    let mut setup = setup(1, vec![job(&[0], 10), job(&[0], 10)]);
    setup.nodes[0].pods_max = 1;
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.bind(pod(1), HERE);
}

/// Both images under one name that moves from the first to the second at 100 s.
fn moving(policy: PullPolicy) -> Setup {
    let facts = setup(1, vec![]).catalogue.images().map(|entry| entry.facts.clone()).collect();
    let history = vec![(Nanos(0), ImageNumber(0)), (seconds(100), ImageNumber(1))];
    let reference = Reference { name: "tools:latest".to_owned(), history };
    let catalogue = Catalogue::with_references(facts, vec![reference]);
    let mut late = job(&[0], 10);
    late.containers[0].pull_policy = policy;
    Setup { catalogue, ..setup(1, vec![job(&[0], 10), late]) }
}

fn second_pod_of(setup: &Setup) -> (Nanos, Bytes) {
    let mut world = begin(setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(200));
    world.bind(pod(1), HERE);
    world.advance(seconds(400));
    (started(&world, 1).expect("it starts"), world.record().pods[1].moved)
}

#[test]
fn a_name_that_moved_is_pulled_again_only_where_the_registry_is_always_asked() {
    assert_eq!(second_pod_of(&moving(PullPolicy::IfNotPresent)), (seconds(200), Bytes(0)));
    assert_eq!(second_pod_of(&moving(PullPolicy::Never)), (seconds(200), Bytes(0)));
    let all_but_the_base = Bytes(400 * MEGABYTE);
    assert_eq!(second_pod_of(&moving(PullPolicy::Always)), (seconds(208), all_but_the_base));
}

#[test]
fn pods_tell_which_image_a_moving_name_turned_out_to_be() {
    let setup = moving(PullPolicy::Always);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(200));
    world.bind(pod(1), HERE);
    world.advance(seconds(400));
    let told = changes(&mut world).into_iter().filter_map(|(_, change)| match change {
        Change::Started { images, .. } => images.map(|images| images[0].0),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [0, 1]);
    let lists = world.image_list(HERE);
    let names = |list: &crate::sim::placement::ImageList| {
        list.iter().map(|(image, names)| (image.0, names.len())).collect::<Vec<_>>()
    };
    assert_eq!(names(&lists), [(1, 1), (0, 0)], "the old image is known by digest alone");
}

#[test]
fn what_may_not_be_pulled_and_is_not_there_ends_the_pod() {
    let mut never = job(&[0], 10);
    never.containers[0].pull_policy = PullPolicy::Never;
    let setup = setup(1, vec![never]);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    assert_eq!(finished(&mut world), [(pod(0), Finish::ForGood(Outcome::ImageAbsent))]);
    assert!(world.has_room(HERE, setup.nodes[0].capacity));
}

#[test]
fn kept_blobs_are_unpacked_without_being_fetched() {
    let mut setup = setup(1, vec![job(&[0], 10), job(&[1], 10)]);
    setup.catalogue = Catalogue::new(vec![
        image("go", &[("base", 100), ("go", 200)]),
        image("odd", &[("go", 200), ("odd", 100)]),
    ]);
    setup.nodes[0].hardware.keeps_blobs = true;
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(100));
    world.bind(pod(1), HERE);
    world.advance(seconds(200));
    // 2 s to unpack what lies there; meanwhile the other layer comes, and takes another second.
    assert_eq!(started(&world, 1), Some(seconds(103)));
    let record = world.record().pods[1];
    assert_eq!(
        (record.moved, record.present_at_binding()),
        (Bytes(100_000_000), Bytes(200_000_000))
    );
}

#[test]
fn a_drained_node_takes_its_pods_with_it_and_they_are_made_anew() {
    let mut setup = setup(2, vec![job(&[0], 10), job(&[1], 10)]);
    setup.nodes[0].leaves_at = Some(seconds(3));
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.bind(pod(1), HERE);
    world.advance(seconds(3));
    assert_eq!(finished(&mut world), [(pod(0), Finish::Again), (pod(1), Finish::Again)]);
    assert!(!world.has_room(HERE, Resources::default()));
    assert_eq!(world.record().run.lost, Bytes(300 * MEGABYTE));
    let again = PodNumber { attempt: 1, ..pod(0) };
    world.bind(again, THERE);
    world.advance(seconds(100));
    assert_eq!(started(&world, 0), Some(seconds(8)));
    let record = world.record().pods[0];
    assert_eq!((record.attempts, record.node), (2, Some(THERE)));
    assert_eq!(finished(&mut world), [(again, Finish::Well)]);
    assert_conserved(&world);
}

#[test]
fn what_lies_on_a_node_when_it_joins_is_told_and_not_pulled() {
    let mut setup = setup(1, vec![job(&[1], 10)]);
    setup.nodes[0].preloaded = vec![ImageNumber(1)];
    setup.nodes[0].joins_at = seconds(7);
    let mut world = begin(&setup);
    assert!(!world.has_room(HERE, Resources::default()) && world.may_gain_room());
    world.advance(seconds(7));
    world.bind(pod(0), HERE);
    assert_eq!(started(&world, 0), Some(seconds(7)));
    let told = changes(&mut world);
    assert!(
        matches!(&told[1].1, Change::Listed { images, .. } if images.iter().count() == 1),
        "{told:?}"
    );
}
