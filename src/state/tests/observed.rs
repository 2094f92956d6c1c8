//! What reported pulls tell: which of them count, for whom, and that none counts twice.

use crate::model::observed::{Knowledge, Sample};
use crate::model::unit::{Bytes, Nanos, TransferRate};
use crate::state::event::Event;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pod};

const A: &str = "r.io/a:1";
const MB: u64 = 1_000_000;

/// A listed cluster of one node, and an image of 100 MB.
fn world() -> World {
    let a = image("a").layer("a", 100 * MB).tagged(A);
    World::new().image(a).node(node("n").grouped("large")).synced()
}

fn knowledge(world: &World) -> Knowledge {
    let observed = world.cluster().observed();
    let group = world.cluster().node(world.id("n")).group;
    observed.knowledge(group, observed.registry_id("r.io"))
}

fn check(world: &World, count: u32) {
    assert_eq!(knowledge(world).pair.count, count);
    assert_eq!(world.cluster().observed().is_empty(), count == 0);
}

#[test]
fn a_pull_that_was_expected_tells_its_rate() {
    let world = world().pod(pod("p").wants(A).on("n")).pulled("n", A, 4_000);
    let rate = TransferRate::of(Bytes(100 * MB), Nanos::from_seconds(4));
    let sample = Sample { count: 1, median: rate };
    assert_eq!(knowledge(&world), Knowledge { pair: sample, group: sample });
    let pairs: Vec<_> = world.cluster().observed().pairs().map(|(g, r, _)| (g, r)).collect();
    assert_eq!(pairs, [("large", "r.io")]);
}

#[test]
fn a_pull_counts_once_whoever_reports_it() {
    let both = world().pod(pod("p").wants(A).on("n")).pod(pod("q").wants(A).on("n"));
    check(&both.pulled("n", A, 4_000).pulled("n", A, 50), 1);
}

#[test]
fn the_report_may_come_after_the_status_but_not_long_after() {
    let got = || world().pod(pod("p").wants(A).on("n")).pod(pod("p").wants(A).on("n").running());
    check(&got().pass(59).pulled("n", A, 4_000), 1);
    check(&got().pass(60).pulled("n", A, 4_000), 0);
}

#[test]
fn what_nobody_expected_or_what_was_there_tells_nothing() {
    check(&world().pulled("n", A, 4_000), 0);
    check(&world().pulled("nobody", A, 4_000), 0);
    let expected = world().pod(pod("p").wants(A).on("n"));
    let (node, reference) = ("n".to_owned(), A.to_owned());
    let there = expected.then(Event::PullObserved { node, reference, took: None });
    check(&there.pulled("n", A, 4_000), 0);
    check(&world().pod(pod("p").wants(A).on("n")).pulled("n", A, 0), 0);
}

#[test]
fn small_pulls_and_images_without_layers_tell_nothing() {
    let small = image("b").layer("b", 19 * MB).tagged("r.io/b:1");
    let world = world()
        .image(small)
        .node(node("m").lists(&["r.io/whole:1"], 700 * MB))
        .pod(pod("p").wants("r.io/b:1").wants("r.io/whole:1").on("n"));
    check(&world.pulled("n", "r.io/b:1", 1_000).pulled("n", "r.io/whole:1", 9_000), 0);
}

#[test]
fn layers_that_become_known_while_an_image_is_pulled_are_what_it_moves() {
    let world = world().pod(pod("p").wants("r.io/new:1").on("n"));
    let new = image("new").layer("new", 50 * MB).tagged("r.io/new:1");
    let world = world.image(new).pulled("n", "r.io/new:1", 1_000);
    assert_eq!(
        knowledge(&world).pair.median,
        TransferRate::of(Bytes(50 * MB), Nanos::from_seconds(1))
    );
}

#[test]
fn pods_that_wait_at_the_start_tell_nothing() {
    let a = image("a").layer("a", 100 * MB).tagged(A);
    let waiting = || pod("p").wants(A).on("n");
    let world = World::new().image(a).node(node("n")).pod(waiting()).synced();
    check(&world.pod(waiting()).pulled("n", A, 1), 0);
}
