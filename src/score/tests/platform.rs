//! Clusters of several platforms: each candidate is charged for the image of its own.

use super::{MB, check, decided, policy, row};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pinned, pod};

const TAG: &str = "r.io/golang:1";

fn world() -> World {
    let amd = image("amd").layer("amd os", 50 * MB).layer("amd go", 200 * MB);
    let arm = image("arm").layer("arm os", 40 * MB).layer("arm go", 180 * MB);
    World::new()
        .image(amd.tagged(TAG).also("index").published(1))
        .image(arm.tagged(TAG).also("index").published(2).runs("linux/arm64/v8"))
        .node(node("amd"))
        .node(node("amd warm").lists(&[&pinned("r.io/golang", "index"), TAG], 250 * MB))
        .node(node("arm").runs("linux/arm64"))
        .node(
            node("arm warm")
                .runs("linux/arm64")
                .lists(&[&pinned("r.io/golang", "index")], 220 * MB),
        )
}

#[test]
fn each_platform_is_charged_for_its_own_image_of_one_index() {
    check(
        &world(),
        &pod("p").wants(TAG),
        &[
            ("amd", 250 * MB, &[]),
            ("amd warm", 0, &["reference-held"]),
            ("arm", 220 * MB, &[]),
            ("arm warm", 0, &[]),
        ],
    );
}

#[test]
fn a_platform_without_the_image_is_charged_by_what_its_nodes_report() {
    let world = world().node(node("win").runs("windows/amd64"));
    let decision = decided(&world, &pod("p").wants(TAG), &policy());
    assert_eq!(row(&world, &decision, "win").missing.0, 0);
    let world = world
        .node(node("win").runs("windows/amd64"))
        .node(node("win warm").runs("windows/amd64").lists(&[TAG], 900 * MB));
    let decision = decided(&world, &pod("p").wants(TAG), &policy());
    assert_eq!(row(&world, &decision, "win").missing.0, 900 * MB);
    assert_eq!(row(&world, &decision, "win warm").missing.0, 0);
}

#[test]
fn a_node_that_tells_no_platform_takes_the_newest_image_of_any_and_says_so() {
    let world = World::new()
        .image(image("amd").layer("amd os", 50 * MB).tagged(TAG).published(1))
        .image(image("arm").layer("arm os", 40 * MB).tagged(TAG).published(2).runs("linux/arm64"))
        .node(node("untold").runs("untold"));
    check(&world, &pod("p").wants(TAG), &[("untold", 40 * MB, &["platform-untold"])]);
}

#[test]
fn what_a_node_without_a_platform_lists_is_no_image_for_another_platform() {
    // Its image is taken for the one known, of amd64; an arm node must not be charged for those layers.
    let listed = pinned("r.io/tool", "tool");
    let world = World::new()
        .image(image("tool").layer("amd", 50 * MB))
        .node(node("arm").runs("linux/arm64"))
        .node(node("untold").runs("untold").lists(&[&listed, "r.io/tool:1"], 70 * MB));
    let decision = decided(&world, &pod("p").wants("r.io/tool:1"), &policy());
    assert_eq!(row(&world, &decision, "arm").missing.0, 70 * MB);
}
