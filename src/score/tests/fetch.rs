//! Which bytes a node misses: layers by prefix, whole images, things nobody knows.

use super::{MB, check, decided, policy, row};
use crate::model::image::ImageFacts;
use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos};
use crate::policy::Granularity;
use crate::score::decision::{Neutral, Verdict};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{digest, image, node, pinned, pod};

/// An operating system of 50 MB, Go of 200 MB on top, tools of 30 MB on top of that.
fn golang() -> ImageFacts {
    os("golang").layer("go", 200 * MB).layer("tools", 30 * MB).tagged("r.io/golang:1")
}

fn os(name: &str) -> ImageFacts {
    image(name).layer("os", 50 * MB)
}

/// Four nodes: one with nothing, one with the base, one with Go on another base, one with all.
fn world() -> World {
    World::new()
        .image(golang())
        .image(os("os").tagged("r.io/os:1"))
        .image(image("other").layer("other os", 40 * MB).layer("go", 200 * MB))
        .node(node("all").lists(&[&pinned("r.io/golang", "golang"), "r.io/golang:1"], 280 * MB))
        .node(node("base").lists(&[&pinned("r.io/os", "os"), "r.io/os:1"], 50 * MB))
        .node(node("cold"))
        .node(node("other").lists(&[&pinned("r.io/other", "other")], 240 * MB))
}

#[test]
fn only_the_longest_prefix_of_layers_is_free() {
    let nothing = 280 * MB;
    check(
        &world(),
        &pod("p").wants("r.io/golang:1"),
        &[
            ("all", 0, &["reference-held"]),
            ("base", 230 * MB, &[]),
            ("cold", nothing, &[]),
            ("other", nothing, &[]),
        ],
    );
}

#[test]
fn where_whole_images_count_a_base_is_worth_nothing() {
    let world = world();
    let mut policy = policy();
    policy.granularity = Granularity::Images;
    let decision = decided(&world, &pod("p").wants("r.io/golang:1"), &policy);
    let missing = |node| row(&world, &decision, node).missing;
    assert_eq!((missing("base"), missing("cold")), (Bytes(280 * MB), Bytes(280 * MB)));
    let held = world.node(node("whole").lists(&["r.io/golang:1"], 280 * MB));
    let decision = decided(&held, &pod("p").wants("r.io/golang:1"), &policy);
    assert_eq!(row(&held, &decision, "whole").missing, Bytes(0));
}

#[test]
fn missing_bytes_are_fetched_and_unpacked_and_saved_against_a_cold_node() {
    let world = world();
    let decision = decided(&world, &pod("p").wants("r.io/golang:1"), &policy());
    let base = row(&world, &decision, "base");
    let parts = decision.parts(base);
    assert_eq!((parts.fetch, parts.unpack), (Nanos(2_300_000_000), Nanos(2_300_000_000)));
    assert_eq!(parts.saved, 1_000_000_000);
    assert_eq!(decision.wanted_of(base).bytes, Bytes(280 * MB));
    assert_eq!(decision.parts(row(&world, &decision, "cold")).saved, 0);
}

#[test]
fn a_layer_that_several_images_share_is_charged_once() {
    let world = world()
        .image(os("lint").layer("lint", 70 * MB).tagged("r.io/lint:1"))
        .image(golang().layer("vet", 9 * MB).named("vet").tagged("r.io/vet:1"));
    let wants = pod("p").wants("r.io/golang:1").wants("r.io/lint:1").wants("r.io/vet:1");
    let rows: &[(&str, u64, &[&str])] = &[
        ("all", 79 * MB, &["reference-held"]),
        ("base", 309 * MB, &[]),
        ("cold", 359 * MB, &[]),
        ("other", 359 * MB, &[]),
    ];
    check(&world, &wants, rows);
    let bytes = decided(&world, &wants, &policy()).wanted[0].bytes;
    assert_eq!(bytes, Bytes(359 * MB));
}

#[test]
fn a_shared_layer_is_charged_once_where_the_image_that_shares_most_is_excused() {
    // `moved` holds an older golang:1 without any of these layers, and will not pull the new one.
    let world = world()
        .image(golang().layer("vet", 9 * MB).named("vet").tagged("r.io/vet:1"))
        .node(node("moved").lists(&[&pinned("r.io/golang", "older"), "r.io/golang:1"], 5));
    let wants = pod("p").wants("r.io/os:1").wants("r.io/golang:1").wants("r.io/vet:1");
    let decision = decided(&world, &wants, &policy());
    let moved = row(&world, &decision, "moved");
    assert_eq!(moved.missing, Bytes((50 + 200 + 30 + 9) * MB));
}

#[test]
fn init_containers_sidecars_and_image_volumes_count_like_any_image() {
    // The border puts them all in one list, in the order of pulling.
    let world = world().image(image("data").layer("data", 500 * MB).tagged("r.io/data:1"));
    let wants = pod("p").wants("r.io/data:1").wants("r.io/os:1").wants("r.io/golang:1");
    let decision = decided(&world, &wants, &policy());
    assert_eq!(row(&world, &decision, "all").missing, Bytes(500 * MB));
    assert_eq!(row(&world, &decision, "cold").missing, Bytes(780 * MB));
}

#[test]
fn a_digest_that_occurs_twice_in_an_image_is_moved_once() {
    let twice = os("twice").layer("again", 8 * MB).layer("b", MB).layer("again", 8 * MB);
    let world = World::new()
        .image(twice.tagged("r.io/twice:1"))
        .image(os("first").layer("again", 8 * MB))
        .node(node("cold"))
        .node(node("first").lists(&[&pinned("r.io/first", "first")], 58 * MB));
    // Unpacked layers are found by chain, and blobs are not kept: the second one is fetched again.
    check(
        &world,
        &pod("p").wants("r.io/twice:1"),
        &[("cold", 59 * MB, &[]), ("first", 9 * MB, &[])],
    );
}

#[test]
fn an_image_without_known_layers_counts_as_a_whole_and_by_digest_under_any_name() {
    let listed = pinned("r.io/tool", "tool");
    let world = World::new()
        .node(node("cold"))
        .node(node("here").lists(&[&listed, "r.io/tool:1"], 100 * MB))
        .node(node("mirrored").lists(&[&pinned("mirror.io/tool", "tool")], 100 * MB));
    let rows: &[(&str, u64, &[&str])] =
        &[("cold", 100 * MB, &[]), ("here", 0, &["reference-held"]), ("mirrored", 0, &[])];
    check(&world, &pod("p").wants("r.io/tool:1"), rows);
    // Twice under two policies and by its digest: still one image.
    let again = pod("p").wants("r.io/tool:1").pulls(PullPolicy::Always, "r.io/tool:1");
    check(&world, &again.wants(&format!("r.io/tool@{}", digest("tool"))), rows);
}

#[test]
fn an_image_that_nobody_sizes_counts_what_the_policy_assumes() {
    let world = World::new().node(node("cold")).node(node("here").lists(&["r.io/tool:1"], 0));
    let wants = pod("p").wants("r.io/tool:1");
    check(&world, &wants, &[("cold", 200 * MB, &[]), ("here", 0, &["reference-held"])]);
    let verdicts = &decided(&world, &wants, &policy()).wanted[0].verdicts;
    assert_eq!(*verdicts, [Verdict::Unsized(Bytes(200 * MB))]);
}

#[test]
fn a_pod_of_unknown_images_gets_a_neutral_answer_and_one_known_image_is_enough() {
    let neutral = |pod| decided(&world(), &pod, &policy()).neutral;
    assert_eq!(
        neutral(pod("p").wants("r.io/new:1").wants("not one")),
        Some(Neutral::ImagesUnknown)
    );
    assert_eq!(neutral(pod("p")), Some(Neutral::NoImages));
    assert_eq!(neutral(pod("p").wants("r.io/new:1").wants("r.io/os:1")), None);
    let decision = decided(&World::new(), &pod("p").wants("r.io/os:1"), &policy());
    assert_eq!(decision.neutral, Some(Neutral::NoKnownCandidate));
}

#[test]
fn the_smaller_image_with_more_missing_bytes_costs_more() {
    let world = World::new()
        .image(image("small").layer("s", 100 * MB).tagged("r.io/small:1"))
        .image(image("large").layer("l", 900 * MB).layer("top", 20 * MB).tagged("r.io/large:1"))
        .image(image("base of large").layer("l", 900 * MB))
        .node(node("based").lists(&[&pinned("r.io/b", "base of large")], 900 * MB));
    let missing = |image: &str| {
        let decision = decided(&world, &pod("p").wants(image), &policy());
        row(&world, &decision, "based").missing
    };
    assert!(missing("r.io/small:1") > missing("r.io/large:1"));
}

#[test]
fn a_cut_list_hides_only_what_is_smaller_than_its_smallest() {
    let cut = node("cut").filled_to(50, 60 * MB);
    let world = world().node(cut);
    let remarks = |image: &str| {
        let decision = decided(&world, &pod("p").wants(image), &policy());
        let row = row(&world, &decision, "cut");
        (row.missing.0, row.reasons.names().collect::<Vec<_>>())
    };
    assert_eq!(remarks("r.io/golang:1"), (280 * MB, vec![]));
    assert_eq!(remarks("r.io/os:1"), (50 * MB, vec!["list-cut"]));
}
