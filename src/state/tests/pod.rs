//! What bound pods prove about their node, and for how long.

use super::check;
use crate::model::pod::PodFacts;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pinned, pod};

const TAG: &str = "docker.io/library/golang:1";

fn user(uid: &str) -> PodFacts {
    pod(uid).wants("golang:1").got(&pinned("docker.io/library/golang", "golang")).on("a")
}

#[test]
fn a_running_container_proves_its_image_whatever_the_list_says() {
    let world = World::new().node(node("a")).pod(user("p").running());
    check(&world, TAG, &["a"]);
    assert_eq!(world.digest_holders("golang"), ["a"]);
    let world = world.pass(7200).node(node("a")).pass(1);
    check(&world, TAG, &["a"]);
}

#[test]
fn an_image_that_has_come_is_there_before_its_pod_runs() {
    let world = World::new().node(node("a")).pod(user("p").wants("node:22"));
    check(&world, TAG, &["a"]);
    assert_eq!(world.arrivals("a"), [("docker.io/library/node:22", 0)]);
}

#[test]
fn past_use_is_believed_for_a_while_and_then_expires() {
    let world = World::new().node(node("a")).pod(user("p").running()).pass(10);
    let world = world.pod(user("p").ended(10_010)).pass(59);
    check(&world, TAG, &["a"]);
    check(&world.pass(1), TAG, &[]);
    // One that ended long ago proves nothing when first seen.
    check(&World::new().node(node("a")).pod(user("p").ended(9_000)), TAG, &[]);
}

#[test]
fn a_pod_deleted_while_it_ran_used_its_image_until_then() {
    let world = World::new()
        .node(node("a"))
        .pod(user("early").ended(10_000))
        .pod(user("late").running())
        .pass(50)
        .no_pod("early")
        .no_pod("late")
        .pass(59);
    check(&world, TAG, &["a"]);
    check(&world.pass(1), TAG, &[]);
}

#[test]
fn on_a_node_whose_list_was_cut_past_use_is_believed_for_an_hour() {
    let cut = || node("a").filled_to(50, 600);
    let world = World::new().node(cut()).pod(user("p").ended(10_000)).pass(600).node(cut());
    check(&world, TAG, &["a"]);
    check(&world.pass(3000), TAG, &[]);
    // Also if the list became a cut one only afterwards, and nothing else happens on the node.
    let world = World::new().node(node("a")).pod(user("p").ended(10_000)).node(cut()).pass(60);
    check(&world, TAG, &["a"]);
    check(&world.pass(3540), TAG, &[]);
}

#[test]
fn a_list_well_after_the_last_use_overrides_it() {
    let world = World::new().node(node("a")).pod(user("p").ended(10_000)).pass(39).node(node("a"));
    check(&world, TAG, &["a"]);
    check(&world.pass(1).node(node("a")), TAG, &[]);
}

#[test]
fn once_the_list_names_an_image_only_the_list_says_whether_it_is_there() {
    let listed = node("a").lists(&[&pinned("docker.io/library/golang", "golang"), "golang:1"], 300);
    let world = World::new().node(node("a")).pod(user("p").ended(10_000)).pass(5).node(listed);
    check(&world, TAG, &["a"]);
    check(&world.pass(5).node(node("a")), TAG, &[]);
}

#[test]
fn several_users_of_an_image_are_counted() {
    let world = World::new().node(node("a")).pod(user("p").running()).pod(user("q").running());
    let world = world.no_pod("p").pass(7200);
    check(&world, TAG, &["a"]);
    check(&world.no_pod("q").pass(60), TAG, &[]);
}

#[test]
fn evidence_counts_for_the_layers_of_a_known_image() {
    let world = World::new()
        .image(image("golang").layer("os", 50).layer("go", 200))
        .node(node("a"))
        .pod(user("p").running());
    assert_eq!(world.depth("a", "golang"), 2);
    assert_eq!(world.no_pod("p").pass(60).depth("a", "golang"), 0);
}

#[test]
fn evidence_seen_before_its_node_counts_for_the_platform_the_node_tells() {
    let amd = image("amd").also("golang").layer("amd os", 50).published(2);
    let arm = image("arm").also("golang").layer("arm os", 40).runs("linux/arm64").published(1);
    let world = World::new().image(amd).image(arm).pod(user("p").running());
    let world = world.node(node("a").runs("linux/arm64")).pass(60);
    assert_eq!((world.depth("a", "arm"), world.depth("a", "amd")), (1, 0));
}

#[test]
fn a_container_that_started_again_from_another_image_uses_that_one() {
    let again =
        pod("p").wants("golang:1").got(&pinned("docker.io/library/golang", "newer")).on("a");
    let world = World::new().node(node("a")).pod(user("p").running()).pod(again.running()).pass(60);
    assert!(world.digest_holders("golang").is_empty());
    assert_eq!(world.digest_holders("newer"), ["a"]);
}

#[test]
fn pods_without_a_node_or_without_containers_change_nothing() {
    let world = World::new().node(node("a")).pod(pod("p").wants("golang:1"));
    assert_eq!(world.cluster().reference_id(TAG), None);
    let world = world.pod(pod("empty").on("a")).pod(pod("odd").wants("no image").on("a"));
    assert!(world.arrivals("a").is_empty());
    assert_eq!(world.cluster().node(world.id("a")).waiting_step_pods, 2);
}

#[test]
fn a_pod_told_on_another_node_is_another_pod() {
    let world =
        World::new().node(node("a")).node(node("b")).pod(pod("p").wants("golang:1").on("a"));
    let world = world.pod(pod("p").wants("golang:1").on("b"));
    assert!(world.arrivals("a").is_empty());
    assert_eq!(world.arrivals("b").len(), 1);
}
