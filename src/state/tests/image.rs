//! Images whose layers become known, before or after nodes report them, and known better later.

use crate::model::chain::KeySpace;
use crate::model::image::ImageFacts;
use crate::model::unit::Bytes;
use crate::state::event::Event;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pinned, pod};

const TAG: &str = "r.io/golang:1";

fn golang() -> ImageFacts {
    image("golang").layer("os", 50).layer("go", 200).tagged(TAG)
}

#[test]
fn an_image_is_recognised_whether_it_or_its_node_is_told_first() {
    let listed = || node("a").lists(&[&pinned("r.io/golang", "golang")], 250);
    assert_eq!(World::new().image(golang()).node(listed()).depth("a", "golang"), 2);
    assert_eq!(World::new().node(listed()).image(golang()).depth("a", "golang"), 2);
}

#[test]
fn images_on_one_base_share_its_chains_and_not_more() {
    let world = World::new()
        .image(golang())
        .image(image("node").layer("os", 50).layer("node", 150))
        .image(image("other").layer("alpine", 3).layer("go", 200))
        .node(node("a").lists(&[&pinned("r.io/node", "node")], 200))
        .node(node("b").lists(&[&pinned("r.io/other", "other")], 203));
    assert_eq!(world.depth("a", "golang"), 1);
    assert_eq!(world.depth("b", "golang"), 0);
    let world = world.node(node("a"));
    assert_eq!(world.depth("a", "node"), 0);
}

#[test]
fn a_base_stays_while_another_image_on_the_node_needs_it() {
    let both = node("a")
        .lists(&[&pinned("r.io/golang", "golang")], 250)
        .lists(&[&pinned("r.io/os", "os")], 50);
    let world = World::new().image(golang()).image(image("os").layer("os", 50)).node(both);
    let world = world.node(node("a").lists(&[&pinned("r.io/os", "os")], 50));
    assert_eq!(world.depth("a", "golang"), 1);
}

#[test]
fn when_the_config_becomes_known_chains_run_over_diff_ids_and_nothing_is_lost() {
    let world = World::new()
        .image(golang())
        .image(image("os").layer("os", 50))
        .node(node("a").lists(&[&pinned("r.io/golang", "golang")], 250))
        .image(golang().with_config());
    assert_eq!(world.depth("a", "golang"), 2);
    // The two key spaces are never compared: the base alone is known by compressed digests.
    assert_eq!(world.depth("a", "os"), 0);
    let world = world.image(image("os").layer("os", 50).with_config());
    assert_eq!(world.depth("a", "os"), 1);
    // What is known once is not forgotten when a source that knows less tells the image again.
    let world = world.image(golang());
    assert!(world.cluster().images().all(|image| image.space == KeySpace::DiffIds));
    assert_eq!(world.depth("a", "os"), 1);
}

#[test]
fn a_diff_id_here_and_there_is_not_a_config() {
    let mut facts = golang();
    facts.layers[0].diff_id = Some("sha256:half".to_owned());
    let world = World::new().image(facts);
    assert!(world.cluster().images().all(|image| image.space == KeySpace::CompressedDigests));
}

#[test]
fn an_image_told_again_keeps_the_names_it_had() {
    let world = World::new()
        .image(golang().also("index"))
        .image(image("golang").layer("os", 50).layer("go", 200).tagged("r.io/golang:1.25"));
    let names: Vec<_> =
        world.cluster().images().map(|i| (i.references.len(), i.digests.len())).collect();
    assert_eq!(names, [(2, 2)]);
}

#[test]
fn an_image_that_tells_no_platform_is_one_image_when_told_again() {
    let untold = || ImageFacts { platform: Default::default(), ..golang() };
    let world = World::new().image(untold()).image(untold());
    assert_eq!(world.cluster().images().count(), 1);
}

#[test]
fn a_listed_tag_without_a_digest_is_the_image_whose_size_fits_else_the_newest() {
    let world = |size| {
        World::new()
            .image(image("old").layer("old", 1_000_000).tagged(TAG).published(1))
            .image(image("new").layer("new", 9_000_000).tagged(TAG).published(2))
            .node(node("a").lists(&[TAG], size))
    };
    let depths = |size| ["old", "new"].map(|name| world(size).depth("a", name));
    assert_eq!(depths(1_010_000), [1, 0]);
    assert_eq!(depths(9_020_000), [0, 1]);
    assert_eq!(depths(0), [0, 1]);
    assert_eq!(depths(5_000_000), [0, 1]);
}

#[test]
fn a_digest_that_is_no_known_image_is_not_taken_for_one_of_another_size() {
    let world = |size| {
        World::new()
            .image(image("old").layer("old", 1_000_000).tagged(TAG))
            .node(node("a").lists(&[&pinned("r.io/golang", "unknown"), TAG], size))
    };
    assert_eq!(world(7_000_000).depth("a", "old"), 0);
    // An index digest that nobody told, and the right size: that is it.
    assert_eq!(world(1_010_000).depth("a", "old"), 1);
}

#[test]
fn a_digest_twice_in_one_image_is_moved_once_and_a_size_of_zero_is_no_harm() {
    let twice = image("twice").layer("x", 7).layer("y", 0).layer("x", 7).tagged(TAG);
    let world = World::new().image(twice).image(image("artifact").tagged("r.io/artifact:1"));
    let beyond: Vec<_> = world.cluster().images().map(|image| image.bytes_beyond.clone()).collect();
    assert_eq!(beyond[0], [7, 7, 7, 0].map(Bytes));
    assert_eq!(beyond[1], [Bytes(0)]);
    let listed = node("a").lists(&[&pinned("r.io/artifact", "artifact")], 0);
    assert_eq!(world.node(listed).depth("a", "artifact"), 0);
}

#[test]
fn a_source_that_does_not_know_a_size_does_not_undo_one_that_does() {
    let world = World::new().image(golang()).image(image("golang").layer("os", 0).layer("go", 200));
    assert!(world.cluster().images().all(|image| image.total_bytes() == Bytes(250)));
}

#[test]
fn a_forgotten_image_goes_once_no_node_holds_or_pulls_it_and_its_place_is_used_again() {
    let forget = |name: &str| Event::ImageForgotten {
        manifest: image(name).digests[0].clone(),
        platform: image(name).platform,
    };
    let known = |world: &World| world.cluster().images().count();
    let listed = node("a").lists(&[&pinned("r.io/golang", "golang")], 250);
    let world = World::new().image(golang()).node(listed).then(forget("golang"));
    assert_eq!((known(&world), world.depth("a", "golang")), (1, 2), "held");
    let world = world.node(node("a")).pod(pod("p").on("a").wants(TAG)).then(forget("golang"));
    assert_eq!((known(&world), world.pulls("a")[0].bytes), (1, Bytes(250)), "pulled");
    let mut world = world.no_pod("p").then(forget("golang")).then(forget("never heard of"));
    assert_eq!(known(&world), 0);
    assert_eq!(world.cluster().reference_id(TAG), None);
    for number in 0..6000 {
        let name = format!("image {number}");
        world = world.image(image(&name).layer("os", 50)).then(forget(&name));
    }
    assert!(world.cluster().images.len() < 4200, "{}", world.cluster().images.len());
}
