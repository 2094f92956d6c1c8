//! What a kubelet's list says: names, replaced lists, lists that were cut, nodes that come and go.

use super::check;
use crate::model::unit::Bytes;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{digest, image, node, pinned, pod};

const GOLANG: &str = "docker.io/library/golang:1";

#[test]
fn names_reported_together_are_one_image() {
    let names =
        [&*pinned("golang", "manifest"), &*pinned("golang", "index"), "golang:1", "golang:1.25"];
    let world = World::new().node(node("a").lists(&names, 300));
    check(&world, GOLANG, &["a"]);
    check(&world, "docker.io/library/golang:1.25", &["a"]);
    check(&world, &pinned("docker.io/library/golang", "index"), &["a"]);
    assert_eq!(world.digest_holders("manifest"), ["a"]);
    assert_eq!(world.digest_holders("index"), ["a"]);
    assert!(world.cluster().sizes().contains(&("records", 1)));
}

#[test]
fn spellings_of_the_hub_are_one_name() {
    let mut world = World::new();
    for (name, text) in [
        ("a", "golang:1"),
        ("b", "docker.io/golang:1"),
        ("c", "index.docker.io/library/golang:1"),
        ("d", "quay.io/library/golang:1"),
    ] {
        world = world.node(node(name).lists(&[text], 300));
    }
    check(&world, GOLANG, &["a", "b", "c"]);
}

#[test]
fn a_new_list_replaces_the_old_one() {
    let world = World::new()
        .node(node("a").lists(&["golang:1"], 300).lists(&["node:22"], 200))
        .node(node("b").lists(&["golang:1"], 300))
        .node(node("a").lists(&["node:22"], 200));
    check(&world, GOLANG, &["b"]);
    check(&world, "docker.io/library/node:22", &["a"]);
    let world = world.node(node("b"));
    check(&world, GOLANG, &[]);
    assert_eq!(world.cluster().reference_id(GOLANG), None);
}

#[test]
fn a_name_stays_while_any_entry_of_the_list_has_it() {
    let (old, new) = (pinned("golang", "old"), pinned("golang", "new"));
    let world = World::new()
        .node(node("a").lists(&[&old, "golang:1"], 300).lists(&[&new, "golang:1"], 310))
        .node(node("a").lists(&[&new, "golang:1"], 310));
    check(&world, GOLANG, &["a"]);
    assert!(world.digest_holders("old").is_empty());
}

#[test]
fn odd_entries_change_less_and_not_everything() {
    let world = World::new().node(
        node("a")
            .lists(&[], 5)
            .lists(&["<none>:<none>", "", "two words"], 0)
            .lists(&[&digest("bare id")], 7)
            .lists(&["golang:1"], 0)
            .lists(&["golang:1"], 0),
    );
    check(&world, GOLANG, &["a"]);
    assert_eq!(world.digest_holders("bare id"), ["a"]);
}

#[test]
fn only_a_list_of_fifty_may_have_been_cut() {
    let cut_at = |len| {
        let world = World::new().node(node("a").lists(&["big:1"], 900).filled_to(len, 60));
        world.cluster().node(world.id("a")).list_cut_at
    };
    assert_eq!(cut_at(49), None);
    assert_eq!(cut_at(50), Some(Bytes(60)));
    assert_eq!(cut_at(51), None);
    let world = World::new().node(node("a").filled_to(50, 60)).node(node("a"));
    assert_eq!(world.cluster().node(world.id("a")).list_cut_at, None);
}

#[test]
fn a_removed_node_is_forgotten_with_its_pods_and_starts_anew() {
    let world = World::new()
        .node(node("a").lists(&["golang:1"], 300))
        .pod(pod("p").wants("node:22").on("a"))
        .pod(pod("q").wants("golang:1").got("golang:1").on("a").running())
        .no_node("a");
    assert_eq!(world.cluster().node_id("a"), None);
    assert!(world.cluster().sizes().iter().all(|(_, count)| *count == 0));
    assert!(world.cluster().pulling().is_empty());
    let world = world.pass(1).node(node("a"));
    assert!(world.arrivals("a").is_empty());
    check(&world, GOLANG, &[]);
    assert_eq!(world.cluster().node(world.id("a")).added_at, world.now);
}

#[test]
fn removing_what_is_not_there_changes_nothing() {
    let world = World::new()
        .no_node("a")
        .no_pod("p")
        .node(node("a"))
        .no_node("b")
        .no_node("a")
        .no_node("a");
    assert!(world.cluster().nodes_by_name().is_empty());
}

#[test]
fn a_node_that_only_a_pod_has_named_does_not_exist_yet() {
    let world = World::new()
        .image(image("golang").layer("os", 50).tagged(GOLANG))
        .pod(pod("p").wants("golang:1").on("a"));
    assert!(world.cluster().nodes_by_name().is_empty());
    assert_eq!(world.arrivals("a"), [(GOLANG, 50)]);
    let world = world.node(node("a"));
    assert_eq!(world.cluster().nodes_by_name().len(), 1);
    assert_eq!(world.arrivals("a"), [(GOLANG, 50)]);
    let gone = World::new().pod(pod("p").on("a")).no_pod("p");
    assert_eq!(gone.cluster().node_id("a"), None);
}
