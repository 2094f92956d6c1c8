//! What is on its way to a node: which images, in which order, how many bytes each.

use crate::model::image::ImageFacts;
use crate::model::pod::PullPolicy;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pinned, pod};

const A: &str = "r.io/a:1";
const B: &str = "r.io/b:1";
const C: &str = "r.io/c:1";

fn on_os(name: &str, bytes: u64) -> ImageFacts {
    image(name).layer("os", 50).layer(name, bytes).tagged(&format!("r.io/{name}:1"))
}

/// Three images on one base of 50 bytes, and an empty node.
fn world() -> World {
    World::new().image(on_os("a", 10)).image(on_os("b", 20)).image(on_os("c", 30)).node(node("n"))
}

fn check(world: &World, expected: &[(&str, u64)]) {
    assert_eq!(world.arrivals("n"), expected);
    assert_eq!(world.cluster().pulling().contains(world.id("n")), !expected.is_empty());
}

#[test]
fn pods_pull_in_the_order_of_binding_and_shared_layers_once() {
    let world = world()
        .pod(pod("late").wants(B).on("n").bound(9_990))
        .pod(pod("early").wants(A).wants(C).on("n").bound(9_980));
    check(&world, &[(A, 60), (C, 30), (B, 20)]);
}

#[test]
fn an_image_that_several_pods_want_is_pulled_once() {
    let world = world()
        .pod(pod("p").wants(A).wants(B).on("n").bound(9_980))
        .pod(pod("q").wants(B).wants(A).on("n").bound(9_990))
        .pod(pod("r").wants(&pinned("r.io/b", "b")).on("n").bound(9_995));
    check(&world, &[(A, 60), (B, 20)]);
    let next: Vec<_> = world.pulls("n").iter().map(|pull| pull.next_in_line).collect();
    assert_eq!(next, [true, true], "q waits for b first");
}

#[test]
fn only_the_first_missing_image_of_a_pod_is_next_in_line() {
    let world = world().pod(pod("p").wants(A).wants(B).wants(C).on("n"));
    let next = |world: &World| world.pulls("n").iter().map(|p| p.next_in_line).collect::<Vec<_>>();
    assert_eq!(next(&world), [true, false, false]);
    let world = world.pod(pod("p").wants(A).got(&pinned("r.io/a", "a")).wants(B).wants(C).on("n"));
    check(&world, &[(B, 20), (C, 30)]);
    assert_eq!(next(&world), [true, false]);
}

#[test]
fn what_fails_or_may_not_be_pulled_is_not_arriving() {
    let world = world().pod(pod("p").wants(A).fails().pulls(PullPolicy::Never, B).wants(C).on("n"));
    check(&world, &[(C, 80)]);
}

#[test]
fn nothing_arrives_behind_an_init_container_whose_image_cannot_be_had() {
    let two = || pod("p").wants(A).init().wants(B).init();
    check(&world().pod(two().wants(C).on("n")), &[(A, 60), (B, 20), (C, 30)]);
    let failing = world().pod(two().fails().wants(C).on("n"));
    check(&failing, &[(A, 60)]);
    let other = failing.pod(pod("q").wants(C).on("n"));
    check(&other, &[(A, 60), (C, 30)]);
    check(&other.pod(two().wants(C).on("n")), &[(A, 60), (B, 20), (C, 30)]);
}

#[test]
fn what_is_there_is_not_pulled_unless_the_tag_moved_and_the_registry_is_asked() {
    let older = |world: World| world.node(node("n").lists(&[&pinned("r.io/a", "older"), A], 7));
    let asks = |policy| pod("p").pulls(policy, A).on("n");
    check(&older(world()).pod(asks(PullPolicy::IfNotPresent)), &[]);
    check(&older(world()).pod(asks(PullPolicy::Always)), &[(A, 60)]);
    let newest = world().node(node("n").lists(&[&pinned("r.io/a", "a"), A], 60));
    check(&newest.pod(asks(PullPolicy::Always)), &[]);
}

#[test]
fn arrival_ends_with_the_image_the_pod_or_its_wait() {
    let waiting = || world().pod(pod("p").wants(A).on("n"));
    check(&waiting(), &[(A, 60)]);
    check(&waiting().node(node("n").lists(&[A], 60)), &[]);
    check(&waiting().no_pod("p"), &[]);
    check(&waiting().pod(pod("p").wants(A).on("n").ended(10_000)), &[]);
    check(&waiting().pod(pod("p").wants(A).on("n").running()), &[]);
    check(&waiting().pass(899), &[(A, 60)]);
    let ghost = waiting().pass(900);
    check(&ghost, &[]);
    assert_eq!(ghost.cluster().node(ghost.id("n")).waiting_step_pods, 0);
}

#[test]
fn an_image_nobody_knows_is_on_its_way_with_the_size_that_is_reported() {
    let world = world().pod(pod("p").wants("r.io/new:1").on("n"));
    check(&world, &[("r.io/new:1", 0)]);
    let world =
        world.node(node("m").lists(&["r.io/new:1"], 700)).pod(pod("p").wants("r.io/new:1").on("n"));
    check(&world, &[("r.io/new:1", 700)]);
    let world = world.image(image("new").layer("new", 650).tagged("r.io/new:1"));
    check(&world, &[("r.io/new:1", 650)]);
}

#[test]
fn an_image_that_becomes_known_can_show_that_a_waiting_pod_pulls() {
    let world = World::new()
        .node(node("n").lists(&[&pinned("r.io/a", "older"), A], 7))
        .pod(pod("p").pulls(PullPolicy::Always, A).on("n"));
    check(&world, &[]);
    check(&world.image(on_os("a", 10)), &[(A, 60)]);
}

#[test]
fn waiting_step_pods_are_counted_and_others_are_not() {
    let world = world()
        .pod(pod("p").wants(A).on("n"))
        .pod(pod("p").wants(A).on("n"))
        .pod(pod("q").wants(A).on("n"))
        .pod(pod("service").no_step().wants(B).on("n"));
    assert_eq!(world.cluster().node(world.id("n")).waiting_step_pods, 2);
    check(&world, &[(A, 60), (B, 20)]);
}
