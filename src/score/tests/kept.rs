//! Compressed blobs that a node keeps: layers beyond the unpacked ones cost unpacking alone.

use super::{MB, decided, policy, row};
use crate::model::image::ImageFacts;
use crate::model::inventory::{InventoryFacts, Kept};
use crate::model::unit::{Bytes, Nanos};
use crate::state::fixtures::agent::inventory;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{digest, image, node, pod};

/// An image of 50, 100 and 200 MB: a second of fetching and as much of unpacking for each 100.
fn app() -> ImageFacts {
    image("app").layer("base", 50 * MB).layer("middle", 100 * MB).layer("top", 200 * MB)
}

fn known() -> World {
    World::new().node(node("a")).node(node("b")).image(app())
}

/// Checks the bytes that a pod of the image misses on `a`, and those that are there compressed.
fn check(facts: InventoryFacts, missing: u64, kept: u64) {
    let world = known().report("a", facts);
    let wish = pod("p").wants(&format!("r.io/app@{}", digest("app")));
    let decision = decided(&world, &wish, &policy());
    let on_a = row(&world, &decision, "a");
    assert_eq!((on_a.missing, on_a.kept), (Bytes(missing * MB), Bytes(kept * MB)));
    let reasons: Vec<_> = on_a.reasons.names().collect();
    assert_eq!(reasons.contains(&"blobs-kept"), kept > 0);
    let parts = decision.parts(on_a);
    assert_eq!(parts.fetch, Nanos(missing * 10_000_000));
    assert_eq!(parts.unpack, Nanos((missing + kept) * 10_000_000));
    assert_eq!(decision.delay(on_a), parts.fetch + parts.unpack);
}

#[test]
fn a_layer_that_is_there_compressed_is_unpacked_and_not_downloaded() {
    check(inventory(10_000).holds_part("app", 1), 300, 0);
    check(inventory(10_000).holds_part("app", 1).keeps(Kept::All), 0, 300);
    check(inventory(10_000).holds_part("app", 1).keeps(Kept::Places(vec![0, 2])), 100, 200);
    // What is unpacked already need not be unpacked again, and a place that is not there is nothing.
    check(inventory(10_000).holds_part("app", 3).keeps(Kept::All), 0, 0);
    check(inventory(10_000).holds_part("app", 2).keeps(Kept::Places(vec![9])), 200, 0);
}

#[test]
fn a_blob_counts_whichever_image_it_came_with_and_so_does_one_of_none() {
    let other = image("other").layer("elsewhere", 5).layer("top", 200 * MB);
    let world = known()
        .image(other)
        .report("a", inventory(10_000).holds("r.io/other:1", "other").keeps(Kept::All));
    let wish = pod("p").wants(&format!("r.io/app@{}", digest("app")));
    let decision = decided(&world, &wish, &policy());
    let on_a = row(&world, &decision, "a");
    assert_eq!((on_a.missing, on_a.kept), (Bytes(150 * MB), Bytes(200 * MB)));
    let loose = InventoryFacts { loose_blobs: vec![digest("middle")], ..inventory(10_000) };
    check(loose, 250, 100);
}

#[test]
fn a_layer_that_two_images_share_is_kept_once_and_one_that_arrives_is_not_kept() {
    let twin = ImageFacts { digests: vec![digest("twin")], ..app() }.layer("more", 10 * MB);
    let both = || {
        let wish = pod("p").wants(&format!("r.io/app@{}", digest("app")));
        wish.wants(&format!("r.io/twin@{}", digest("twin")))
    };
    let loose = InventoryFacts { loose_blobs: vec![digest("middle")], ..inventory(10_000) };
    let world = known().image(twin).report("a", loose);
    let decision = decided(&world, &both(), &policy());
    let on_a = row(&world, &decision, "a");
    assert_eq!((on_a.missing, on_a.kept), (Bytes(260 * MB), Bytes(100 * MB)));
    let bound = pod("q").wants(&format!("r.io/app@{}", digest("app"))).on("a");
    let world = world.pod(bound);
    let decision = decided(&world, &both(), &policy());
    let on_a = row(&world, &decision, "a");
    assert_eq!((on_a.missing, on_a.kept), (Bytes(10 * MB), Bytes(0)));
    assert_eq!(on_a.arriving, Bytes(350 * MB));
}
