//! Full lists: what they do not name is gone, and before the first of each kind no answer has a ground.

use super::check;
use crate::state::event::Kind;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{node, pod};

const TAG: &str = "docker.io/library/golang:1";

fn names(world: &World) -> Vec<&str> {
    let nodes = world.cluster().nodes_by_name();
    nodes.into_iter().map(|(id, _)| &*world.cluster().node(id).name).collect()
}

#[test]
fn a_cluster_is_synced_after_the_first_list_of_each_kind() {
    let world = World::new().resync(Kind::Nodes).resync(Kind::Pods).node(node("a"));
    assert!(!world.cluster().is_synced());
    let world = world.resynced(Kind::Nodes);
    assert!(!world.cluster().is_synced());
    let world = world.resynced(Kind::Pods);
    assert!(world.cluster().is_synced());
    assert!(world.resync(Kind::Nodes).cluster().is_synced());
}

#[test]
fn objects_that_a_list_does_not_name_are_gone_when_it_ends() {
    let world = World::new()
        .node(node("a").lists(&["golang:1"], 300))
        .node(node("b").lists(&["golang:1"], 300))
        .pod(pod("p").wants("node:22").on("b"))
        .pod(pod("q").wants("node:22").on("b"))
        .resync(Kind::Nodes)
        .node(node("b").lists(&["golang:1"], 300));
    check(&world, TAG, &["a", "b"]);
    let world = world.resynced(Kind::Nodes);
    check(&world, TAG, &["b"]);
    let world = world.resync(Kind::Pods).pod(pod("q").wants("node:22").on("b"));
    assert_eq!(world.cluster().node(world.id("b")).waiting.len(), 2);
    let world = world.resynced(Kind::Pods);
    assert_eq!(world.cluster().node(world.id("b")).waiting.len(), 1);
    assert_eq!(names(&world), ["b"]);
}

#[test]
fn lists_of_both_kinds_at_once_do_not_undo_each_other() {
    let world = World::new()
        .resync(Kind::Nodes)
        .node(node("a"))
        .resync(Kind::Pods)
        .pod(pod("p").wants("golang:1").on("a"))
        .resynced(Kind::Nodes)
        .resync(Kind::Nodes)
        .resynced(Kind::Pods);
    assert_eq!(names(&world), ["a"]);
    assert_eq!(world.arrivals("a"), [(TAG, 0)]);
}

#[test]
fn a_list_that_starts_again_counts_from_its_last_start() {
    let world = World::new()
        .resync(Kind::Nodes)
        .node(node("a"))
        .resync(Kind::Nodes)
        .node(node("b"))
        .resynced(Kind::Nodes);
    assert_eq!(names(&world), ["b"]);
}
