//! Nodes with pulls in progress: what is arriving is waited for, what is not queues behind it.

use super::{MB, decided, policy, row};
use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos};
use crate::policy::LabelMatch;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pod};

/// Two images of 100 and 250 MB that share a base of 50 MB: 2 and 5 seconds.
fn world() -> World {
    World::new()
        .image(image("a").layer("os", 50 * MB).layer("a", 50 * MB).tagged("r.io/a:1"))
        .image(image("b").layer("os", 50 * MB).layer("b", 200 * MB).tagged("r.io/b:1"))
        .node(node("busy"))
        .node(node("idle"))
}

fn seconds(nanos: Nanos) -> u64 {
    nanos.0 / 1_000_000_000
}

#[test]
fn of_two_cold_nodes_the_one_with_an_empty_queue_wins() {
    let world = world().pod(pod("first").wants("r.io/b:1").on("busy"));
    let other = pod("p").wants("r.io/c:1");
    let world = world.image(image("c").layer("c", 100 * MB).tagged("r.io/c:1"));
    let decision = decided(&world, &other, &policy());
    let (busy, idle) = (row(&world, &decision, "busy"), row(&world, &decision, "idle"));
    assert_eq!((seconds(busy.wait), seconds(idle.wait)), (5, 0));
    assert!(busy.raw < idle.raw && busy.raw < 0, "a loss against a cold, idle node");
    assert_eq!(busy.reasons.names().collect::<Vec<_>>(), ["queued"]);
}

#[test]
fn what_is_arriving_is_waited_for_once_and_its_bytes_are_not_counted_again() {
    let world = world().pod(pod("first").wants("r.io/b:1").on("busy")).pass(2);
    let decision = decided(&world, &pod("p").wants("r.io/b:1"), &policy());
    let busy = row(&world, &decision, "busy");
    assert_eq!((busy.missing, busy.arriving), (Bytes(0), Bytes(250 * MB)));
    assert_eq!((seconds(busy.wait), seconds(decision.parts(busy).cost())), (3, 3));
    assert_eq!(busy.reasons.names().collect::<Vec<_>>(), ["arriving"]);
    assert!(busy.raw > row(&world, &decision, "idle").raw);
}

#[test]
fn shared_layers_arrive_and_the_rest_queues() {
    let world = world().pod(pod("first").wants("r.io/b:1").on("busy"));
    let decision = decided(&world, &pod("p").wants("r.io/a:1"), &policy());
    let busy = row(&world, &decision, "busy");
    assert_eq!((busy.missing, busy.arriving), (Bytes(50 * MB), Bytes(50 * MB)));
    assert_eq!(seconds(busy.wait), 5);
}

#[test]
fn a_pull_that_should_be_done_is_no_longer_waited_for() {
    let world = world().pod(pod("first").wants("r.io/b:1").on("busy")).pass(60);
    let decision = decided(&world, &pod("p").wants("r.io/b:1"), &policy());
    assert_eq!(row(&world, &decision, "busy").wait, Nanos(0));
}

#[test]
fn nodes_that_pull_side_by_side_do_not_queue() {
    let mut policy = policy();
    policy.other_order_labels = vec![LabelMatch::from("pulls=parallel".to_owned())];
    let world = world()
        .node(node("busy").labelled("pulls", "parallel"))
        .pod(pod("first").wants("r.io/b:1").on("busy"));
    let decision = decided(&world, &pod("p").wants("r.io/a:1"), &policy);
    // Still waited for: the pull that brings the shared base.
    assert_eq!(seconds(row(&world, &decision, "busy").wait), 5);
    let world = world.image(image("c").layer("c", 100 * MB).tagged("r.io/c:1"));
    let decision = decided(&world, &pod("p").wants("r.io/c:1"), &policy);
    assert_eq!(row(&world, &decision, "busy").wait, Nanos(0));
}

#[test]
fn a_whole_image_arrives_by_its_name() {
    let tag = "r.io/tool:1";
    let world =
        world().node(node("has").lists(&[tag], 100 * MB)).pod(pod("first").wants(tag).on("busy"));
    let decision = decided(&world, &pod("p").wants(tag), &policy());
    let busy = row(&world, &decision, "busy");
    assert_eq!((busy.missing, busy.arriving), (Bytes(0), Bytes(100 * MB)));
}

#[test]
fn a_busy_node_is_trusted_image_by_image() {
    // One image was seen with the pod's secret, the other was not: only that one is asked for again.
    let world = world()
        .image(image("c").layer("c", 100 * MB).tagged("r.io/c:1"))
        .node(node("busy").lists(&["r.io/seen:1"], 7 * MB).lists(&["r.io/new:1"], 9 * MB))
        .pod(
            pod("s")
                .wants("r.io/seen:1")
                .got("r.io/seen:1")
                .with_secret("mine")
                .on("busy")
                .running(),
        )
        .image(image("seen").layer("seen", 7 * MB).tagged("r.io/seen:1").published(1))
        .image(image("moved").layer("moved", 8 * MB).tagged("r.io/seen:1").published(2))
        .image(image("new").layer("new", 9 * MB).tagged("r.io/new:1").published(1))
        .image(image("newer").layer("newer", 10 * MB).tagged("r.io/new:1").published(2));
    let wants = pod("p").wants("r.io/seen:1").wants("r.io/new:1").with_secret("mine");
    let missing = |world: &World| {
        let decision = decided(world, &wants, &policy());
        row(world, &decision, "busy").missing
    };
    assert_eq!(missing(&world), Bytes(10 * MB));
    let busy = world.pod(pod("first").pulls(PullPolicy::Always, "r.io/c:1").on("busy"));
    assert_eq!(missing(&busy), Bytes(10 * MB));
}
