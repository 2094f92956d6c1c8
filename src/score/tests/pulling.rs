//! Pulls as agents see them: what is still to come counts, whoever asked for it, and ends with the report.

use super::{MB, decided, policy, row};
use crate::model::image::ImageFacts;
use crate::model::inventory::InventoryFacts;
use crate::model::unit::{Bytes, Nanos};
use crate::policy::{InProgress, Policy};
use crate::state::fixtures::agent::inventory;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{digest, image, node, pod};

const APP: &str = "r.io/app:1";

fn on_os(name: &str, bytes: u64) -> ImageFacts {
    image(name).layer("os", 50 * MB).layer(name, bytes).tagged(&format!("r.io/{name}:1"))
}

/// Two nodes, and images of 250, 150 and 100 MB, the first two on one base.
fn world() -> World {
    World::new()
        .image(on_os("app", 200 * MB))
        .image(on_os("other", 100 * MB))
        .image(image("alone").layer("alone", 100 * MB).tagged("r.io/alone:1"))
        .node(node("busy"))
        .node(node("idle"))
}

/// A report by which the base has come and so many megabytes of the image's own layer have not.
fn halfway(seconds: u64, left: u64) -> InventoryFacts {
    inventory(seconds).holds_part("app", 0).pulling("os", 0).pulling("app", left * MB)
}

/// Checks megabytes missing and arriving and milliseconds of waiting on the busy node.
fn check(world: &World, reference: &str, missing: u64, arriving: u64, wait: u64) {
    let decision = decided(world, &pod("p").wants(reference), &policy());
    let busy = row(world, &decision, "busy");
    assert_eq!((busy.missing, busy.arriving), (Bytes(missing * MB), Bytes(arriving * MB)));
    assert_eq!(busy.wait, Nanos(wait * 1_000_000));
    let (idle, told) = (row(world, &decision, "idle"), busy.reasons.names().collect::<Vec<_>>());
    assert_eq!(told.contains(&"arriving"), arriving > 0);
    assert_eq!((idle.wait, idle.arriving), (Nanos(0), Bytes(0)));
    // Points begin at a second saved; all of the image takes five.
    let saves = missing == 0 && wait < 4_000;
    assert!(busy.raw > idle.raw || !saves, "what pulls it is preferred");
}

#[test]
fn a_node_that_pulls_costs_what_is_still_to_come_and_not_the_time_since() {
    let world = world().pod(pod("first").wants(APP).on("busy"));
    check(&world, APP, 0, 250, 5_000);
    // It was slow: after two seconds 150 MB are still to be fetched, and all to be unpacked.
    let world = world.pass(2).report("busy", halfway(10_002, 150));
    check(&world, APP, 0, 250, 4_000);
    let world = world.pass(1);
    check(&world, APP, 0, 250, 3_000);
    check(&world.report("busy", halfway(10_003, 0)), APP, 0, 250, 2_500);
}

#[test]
fn a_policy_that_ignores_pulls_in_progress_takes_what_is_not_there_for_missing() {
    let world = world().pod(pod("first").wants(APP).on("busy"));
    let policy = Policy { in_progress: InProgress::Ignored, ..policy() };
    let decision = decided(&world, &pod("p").wants(APP), &policy);
    let busy = row(&world, &decision, "busy");
    assert_eq!((busy.missing, busy.arriving), (Bytes(250 * MB), Bytes(0)));
    assert_eq!((busy.wait, busy.raw), (Nanos(0), 0));
}

#[test]
fn a_second_pod_of_the_image_brings_no_bytes_of_its_own() {
    let world = world()
        .pod(pod("first").wants(APP).on("busy"))
        .report("busy", halfway(10_000, 150))
        .pod(pod("second").wants(APP).on("busy"));
    assert_eq!(world.arrivals("busy"), [(APP, 250 * MB)]);
    check(&world, APP, 0, 250, 4_000);
}

#[test]
fn layers_that_are_unpacked_or_there_compressed_are_not_fetched_again() {
    let world = world().pod(pod("first").wants(APP).on("busy"));
    let one_unpacked = inventory(10_000).holds_part("app", 1).pulling("app", 100 * MB);
    check(&world.report("busy", one_unpacked), APP, 0, 200, 3_000);
    let world = self::world().pod(pod("first").wants(APP).on("busy"));
    let loose = vec![digest("os")];
    let one_kept = InventoryFacts { loose_blobs: loose, ..inventory(10_000) };
    check(&world.report("busy", one_kept.pulling("app", 100 * MB)), APP, 0, 250, 3_500);
}

#[test]
fn a_pull_that_no_pod_asked_for_arrives_and_nobody_queues_behind_it() {
    let world = world().report("busy", halfway(10_000, 100));
    check(&world, APP, 0, 250, 3_500);
    check(&world, "r.io/other:1", 100, 50, 3_500);
    check(&world, "r.io/alone:1", 100, 0, 0);
}

#[test]
fn a_pull_that_was_cancelled_ends_with_the_next_report() {
    let gone = || inventory(10_003).holds_part("app", 0);
    let by_hand = world().report("busy", halfway(10_000, 100)).pass(3);
    check(&by_hand.report("busy", gone()), APP, 250, 0, 0);
    let by_pod = world().pod(pod("first").wants(APP).on("busy"));
    let without = by_pod.report("busy", halfway(10_000, 100)).no_pod("first");
    check(&without, APP, 0, 250, 3_500);
    check(&without.pass(3).report("busy", gone()), APP, 250, 0, 0);
}

#[test]
fn an_agent_that_falls_silent_is_not_believed_about_pulls_for_long() {
    let world = world().report("busy", halfway(10_000, 100)).pass(119);
    check(&world, APP, 0, 250, 0);
    let world = world.pass(1);
    check(&world, APP, 250, 0, 0);
    assert!(world.cluster().node(world.id("busy")).inventory.is_some());
}

#[test]
fn an_image_whose_pull_broke_off_does_not_arrive_because_a_pods_shares_a_layer() {
    let facts = inventory(10_000).holds_part("app", 0).holds_part("other", 0).pulling("os", MB);
    let world = world().pod(pod("first").wants(APP).on("busy")).report("busy", facts);
    assert_eq!(world.arrivals("busy"), [(APP, 250 * MB)]);
}

#[test]
fn reports_do_not_make_a_pull_of_unknown_layers_begin_again() {
    let unknown = "r.io/unknown:1";
    let world = World::new()
        .node(node("busy"))
        .node(node("idle"))
        .node(node("has").lists(&[unknown], 500 * MB))
        .pod(pod("first").wants(unknown).on("busy"))
        .report("busy", inventory(10_000));
    let wait = |world: &World| {
        let decision = decided(world, &pod("p").wants("r.io/other:1").wants(unknown), &policy());
        row(world, &decision, "busy").wait
    };
    let before = wait(&world);
    let after = wait(&world.pass(3).report("busy", inventory(10_003)));
    assert_eq!(before.0 - after.0, 3_000_000_000, "{before:?} {after:?}");
}
