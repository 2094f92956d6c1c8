//! Tags that moved, and when a kubelet asks the registry: pull policies and pull secrets.

use super::{MB, check, decided, policy, row};
use crate::model::pod::PullPolicy;
use crate::model::unit::Bytes;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pinned, pod};

const TAG: &str = "r.io/golang:1";

/// `new` and `old` hold the tag, each with the image of its time; `layers` holds the new layers under
/// another name, `based` only their base.
fn world() -> World {
    let old = image("old").layer("old os", 40 * MB).layer("old go", 190 * MB);
    let new = image("new").layer("os", 50 * MB).layer("go", 200 * MB);
    World::new()
        .image(old.tagged(TAG).published(10))
        .image(new.tagged(TAG).published(20))
        .image(image("base").layer("os", 50 * MB))
        .node(node("based").lists(&[&pinned("r.io/base", "base")], 50 * MB))
        .node(node("cold"))
        .node(node("layers").lists(&[&pinned("mirror.io/golang", "new")], 250 * MB))
        .node(node("new").lists(&[&pinned("r.io/golang", "new"), TAG], 250 * MB))
        .node(node("old").lists(&[&pinned("r.io/golang", "old"), TAG], 230 * MB))
}

#[test]
fn a_holder_of_a_tag_that_moved_pays_nothing_and_others_lack_the_current_layers() {
    check(
        &world(),
        &pod("p").wants(TAG),
        &[
            ("based", 200 * MB, &[]),
            ("cold", 250 * MB, &[]),
            ("layers", 0, &[]),
            ("new", 0, &["reference-held"]),
            ("old", 0, &["reference-held"]),
        ],
    );
}

#[test]
fn always_resolves_the_tag_so_that_only_current_layers_count() {
    check(
        &world(),
        &pod("p").pulls(PullPolicy::Always, TAG),
        &[
            ("based", 200 * MB, &[]),
            ("cold", 250 * MB, &[]),
            ("layers", 0, &[]),
            ("new", 0, &[]),
            ("old", 250 * MB, &[]),
        ],
    );
}

#[test]
fn a_node_without_the_reference_is_the_last_choice_for_a_pod_that_never_pulls() {
    let world = world();
    let decision = decided(&world, &pod("p").pulls(PullPolicy::Never, TAG), &policy());
    for (node, raw) in [("based", -10), ("layers", -10), ("cold", -10), ("old", 4), ("new", 4)] {
        assert_eq!(row(&world, &decision, node).raw, raw, "{node}");
    }
}

#[test]
fn a_kubelet_asks_again_for_a_secret_it_did_not_see_from_1_35_on() {
    let world = world()
        .node(node("old 34").kubelet(34).lists(&[&pinned("r.io/golang", "old"), TAG], 230 * MB));
    let wants = pod("p").wants(TAG).with_secret("mine");
    let missing = |world: &World| {
        let decision = decided(world, &wants, &policy());
        ["new", "old", "old 34"].map(|name| row(world, &decision, name).missing.0)
    };
    assert_eq!(missing(&world), [0, 250 * MB, 0]);
    let seen = pod("seen").wants(TAG).got(&pinned("r.io/golang", "old")).on("old").running();
    let elsewhere = world.pod(seen.clone().with_secret("yours"));
    assert_eq!(missing(&elsewhere), [0, 250 * MB, 0]);
    assert_eq!(missing(&elsewhere.pod(seen.with_secret("mine"))), [0, 0, 0]);
}

#[test]
fn a_tag_that_no_source_resolves_means_the_newest_digest_that_a_node_reports() {
    let tag = "r.io/tool:1";
    let world = World::new()
        .node(node("early").lists(&[&pinned("r.io/tool", "first"), tag], 70 * MB))
        .pass(60)
        .node(node("late").lists(&[&pinned("r.io/tool", "second"), tag], 80 * MB))
        .node(node("cold"));
    check(
        &world,
        &pod("p").pulls(PullPolicy::Always, tag),
        &[("cold", 80 * MB, &[]), ("early", 80 * MB, &[]), ("late", 0, &[])],
    );
    // Without any digest to go by, whoever has the tag has most likely all of it: also where the
    // kubelet asks again.
    let untold = World::new().node(node("cold")).node(node("here").lists(&[tag], 80 * MB));
    let rows: &[(&str, u64, &[&str])] = &[("cold", 80 * MB, &[]), ("here", 0, &[])];
    check(&untold, &pod("p").pulls(PullPolicy::Always, tag), rows);
    let asks = pod("p").wants(tag).with_secret("mine");
    let decision = decided(&untold, &asks, &policy());
    assert_eq!(row(&untold, &decision, "here").missing, Bytes(0));
}

#[test]
fn a_pinned_image_is_found_by_digest_where_its_names_were_cut() {
    let name = pinned("r.io/golang", "new");
    let world = World::new()
        .image(image("new").layer("os", 50 * MB).also("index"))
        .node(node("cold"))
        .node(node("here").lists(&[&pinned("a.io/x", "new"), "a.io/x:1"], 50 * MB));
    check(&world, &pod("p").wants(&name), &[("cold", 50 * MB, &[]), ("here", 0, &[])]);
    let by_index = pinned("r.io/golang", "index");
    check(&world, &pod("p").wants(&by_index), &[("cold", 50 * MB, &[]), ("here", 0, &[])]);
}
