//! Pods of runs that are not bound yet, and what their runs will still ask for.

use super::check_all;
use crate::model::pod::{PodFacts, PullPolicy};
use crate::state::event::Kind;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{node, pod};
use crate::state::pending::PODS_MAX;

fn step(uid: &str) -> PodFacts {
    pod(uid).of_run("build").wants("golang:1")
}

/// What the run will ask for, by how many pods each.
fn coming(world: &World) -> Vec<(&str, u32)> {
    check_all(world);
    let run = world.cluster().run("ci", "build");
    let coming = run.into_iter().flat_map(|run| &run.coming);
    coming.map(|(image, pods)| (&*image.name, *pods)).collect()
}

const GO: &str = "docker.io/library/golang:1";

#[test]
fn a_run_asks_for_what_its_pending_pods_want_each_image_once_a_pod() {
    let world = World::new().pending(step("a").wants("r.io/lint:1").wants("golang:1"));
    let world = world.pending(step("b")).pending(pod("c").of_run("other").wants("r.io/c:1"));
    assert_eq!(coming(&world), [(GO, 2), ("r.io/lint:1", 1)]);
    // A pod that changes counts as it is now.
    let world = world.pending(pod("a").of_run("build").wants("r.io/vet:1"));
    assert_eq!(coming(&world), [(GO, 1), ("r.io/vet:1", 1)]);
    let world = world.pending(pod("a").wants("r.io/vet:1")).not_pending("b").not_pending("no");
    assert_eq!(coming(&world), []);
    assert_eq!(world.not_pending("c").cluster().sizes().map(|(_, count)| count), [0; 9]);
}

#[test]
fn pull_policies_are_kept_apart() {
    let world = World::new().pending(step("a").pulls(PullPolicy::Always, "golang:1"));
    assert_eq!(coming(&world), [(GO, 1), (GO, 1)]);
}

#[test]
fn what_is_no_step_of_no_run_bound_or_over_is_not_kept() {
    let world = World::new().node(node("n")).pending(step("a").no_step());
    let world = world.pending(pod("b").wants("golang:1")).pending(step("c").on("n"));
    let world = world.pending(step("d").ended(9_990));
    assert_eq!(coming(&world), []);
    assert!(world.cluster().has_no_pending_pod());
}

#[test]
fn a_bound_pod_is_not_to_come_whichever_watch_tells_first() {
    let bound = || step("a").on("n");
    let first = World::new().node(node("n")).pending(step("a")).pod(bound());
    assert_eq!(coming(&first), []);
    let second = World::new().node(node("n")).pod(bound()).pending(step("a"));
    assert_eq!(coming(&second), []);
    // Each of them goes from one watch before it has gone from the other.
    assert_eq!(coming(&first.not_pending("a").no_pod("a")), []);
    let second = second.no_pod("a");
    assert_eq!(coming(&second), [(GO, 1)], "as the other watch still says");
    assert_eq!(coming(&second.not_pending("a")), []);
}

#[test]
fn a_pod_bound_to_a_node_that_goes_is_as_the_other_watch_says() {
    let world = World::new().node(node("n")).pending(step("a")).pod(step("a").on("n").running());
    assert_eq!(coming(&world), []);
    let world = world.not_pending("a").no_node("n");
    assert_eq!(coming(&world), []);
}

#[test]
fn a_list_ends_what_it_does_not_name() {
    let world = World::new().pending(step("a")).pending(step("b")).resync(Kind::PendingPods);
    let world = world.pending(step("b"));
    assert_eq!(coming(&world), [(GO, 2)], "not before the list is complete");
    assert_eq!(coming(&world.resynced(Kind::PendingPods)), [(GO, 1)]);
}

#[test]
fn only_so_many_are_kept() {
    let many = (0..PODS_MAX + 10).map(|at| step(&format!("p{at}")));
    let world = many.fold(World::new(), World::pending);
    assert_eq!(world.cluster().sizes()[2], ("pending-pods", PODS_MAX));
    let world = world.not_pending("p0").pending(step("late"));
    assert!(world.cluster().is_pending("late"));
    let images = (0..100).fold(step("late"), |pod, at| pod.wants(&format!("r.io/{at}:1")));
    let world = world.pending(images);
    assert_eq!(world.cluster().run("ci", "build").expect("known").coming.len(), 32);
}
