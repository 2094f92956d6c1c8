//! Reports of agents: what they override, what they do not, and how they end.

use super::check;
use crate::model::image::ImageFacts;
use crate::model::inventory::InventoryFacts;
use crate::model::unit::Bytes;
use crate::state::event::Kind;
use crate::state::fixtures::agent::{chains_of, inventory};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pinned, pod};

const TAG: &str = "r.io/golang:1";

fn golang() -> ImageFacts {
    image("golang").layer("os", 50).layer("go", 200).layer("tools", 30).with_config()
}

fn listing() -> World {
    World::new().image(golang()).node(node("a").lists(&[&pinned("r.io/golang", "golang"), TAG], 9))
}

fn told(world: World, facts: InventoryFacts) -> World {
    world.report("a", facts)
}

#[test]
fn a_report_stands_for_the_kubelets_list_until_it_is_too_old() {
    let world = told(listing(), inventory(10_000).believed(100));
    check(&world, TAG, &[]);
    assert_eq!(world.depth("a", "golang"), 0);
    // What the kubelet lists meanwhile is kept for later.
    let world = world.node(node("a").lists(&[TAG], 9)).pass(99);
    check(&world, TAG, &[]);
    let world = world.pass(1);
    check(&world, TAG, &["a"]);
    assert!(world.cluster().node(world.id("a")).inventory.is_none());
}

#[test]
fn a_report_that_is_renewed_lives_on_and_ends_when_the_last_one_does() {
    let world = told(listing(), inventory(10_000).believed(100)).pass(60);
    let world = told(world, inventory(10_060).believed(100)).pass(60);
    check(&world, TAG, &[]);
    check(&world.pass(40), TAG, &["a"]);
    let shorter = told(listing(), inventory(10_000).believed(100));
    check(&told(shorter, inventory(10_000).believed(10)).pass(10), TAG, &["a"]);
}

#[test]
fn an_image_is_there_as_the_report_says_and_gone_with_the_next() {
    let world = told(World::new().node(node("a")).image(golang()), {
        inventory(10_000).holds(TAG, "golang")
    });
    check(&world, TAG, &["a"]);
    assert_eq!((world.depth("a", "golang"), world.digest_holders("golang")), (3, vec!["a"]));
    let world = told(world, inventory(10_000));
    check(&world, TAG, &[]);
    assert_eq!(world.depth("a", "golang"), 0);
}

#[test]
fn of_an_image_in_part_only_the_unpacked_layers_count_whenever_they_become_known() {
    let report = || inventory(10_000).with(&[TAG], "golang", Some(2));
    let early = told(World::new().image(golang()).node(node("a")), report());
    let late = told(World::new().node(node("a")), report()).image(golang());
    for world in [early, late] {
        check(&world, TAG, &[]);
        assert_eq!((world.depth("a", "golang"), world.digest_holders("golang")), (2, vec![]));
        assert_eq!(told(world, inventory(10_000)).depth("a", "golang"), 0);
    }
}

#[test]
fn chains_of_no_image_count_whether_they_or_their_image_are_told_first() {
    let left = InventoryFacts {
        chains: chains_of(&golang())[..2].to_vec(),
        ..inventory(10_000).believed(100)
    };
    let early = told(World::new().image(golang()).node(node("a")), left.clone());
    let late = told(World::new().node(node("a")), left.clone()).image(golang());
    for world in [early, late] {
        check(&world, TAG, &[]);
        assert_eq!(world.depth("a", "golang"), 2);
        // An image that goes takes with it only what nothing else supports.
        let world = told(
            world,
            InventoryFacts { chains: left.chains.clone(), ..inventory(10_000) }
                .holds_part("golang", 3),
        );
        assert_eq!(world.depth("a", "golang"), 3);
        let world = told(world, left.clone());
        assert_eq!(world.depth("a", "golang"), 2);
        check(&world, TAG, &[]);
        assert_eq!(world.pass(100).depth("a", "golang"), 0);
    }
}

#[test]
fn what_a_pod_uses_after_the_report_counts_and_what_it_used_before_does_not() {
    let user = || pod("p").wants(TAG).got(&pinned("r.io/golang", "golang")).on("a");
    let world = told(World::new().node(node("a")), inventory(10_000));
    let running = world.pass(5).pod(user().running());
    check(&running, TAG, &["a"]);
    let running = told(running, inventory(10_005));
    check(&running, TAG, &["a"]);
    let ended = running.pass(5).pod(user().ended(10_008));
    check(&ended, TAG, &["a"]);
    check(&told(ended, inventory(10_008)), TAG, &[]);
    let world = told(World::new().node(node("a")), inventory(10_000));
    check(&world.pod(user().ended(9_999)), TAG, &[]);
}

#[test]
fn an_image_that_was_left_out_of_a_report_can_still_be_there() {
    let user = || pod("p").wants(TAG).got(&pinned("r.io/golang", "golang")).on("a");
    let cut = |seconds| InventoryFacts {
        hidden_bytes_max: Some(Bytes(70)),
        ..inventory(seconds).believed(3600)
    };
    let world = told(World::new().node(node("a")), cut(10_000));
    assert_eq!(world.cluster().node(world.id("a")).list_cut_at, Some(Bytes(71)));
    let world = world.pod(user().running()).pod(user().ended(10_000)).pass(1200);
    check(&told(world, cut(11_200)), TAG, &["a"]);
}

#[test]
fn old_reports_and_such_that_ask_for_too_much_are_held_to_their_bounds() {
    check(&told(listing(), inventory(9_000)), TAG, &["a"]);
    let absurd = inventory(99_999).believed(1 << 40);
    let world = told(listing(), absurd.clone()).pass(3599);
    check(&world, TAG, &[]);
    check(&world.pass(1), TAG, &["a"]);
    // An old report ends a newer one: it is what the API server has.
    check(&told(told(listing(), absurd), inventory(9_000)), TAG, &["a"]);
}

#[test]
fn a_deleted_report_and_one_that_a_full_list_leaves_out_end() {
    check(&told(listing(), inventory(10_000)).no_report("a"), TAG, &["a"]);
    check(&listing().no_report("a").no_report("b"), TAG, &["a"]);
    let world = told(listing(), inventory(10_000)).resync(Kind::Inventories);
    let listed = told(world, inventory(10_000)).resynced(Kind::Inventories);
    check(&listed, TAG, &[]);
    let world = listed.resync(Kind::Inventories).resynced(Kind::Inventories);
    check(&world, TAG, &["a"]);
    assert!(!world.cluster().is_synced(), "agents say nothing about nodes and pods");
}

#[test]
fn a_removed_node_takes_its_report_along_and_a_report_may_come_before_its_node() {
    let report = || inventory(10_000).holds(TAG, "golang").believed(100);
    let world = told(listing(), report()).no_node("a");
    assert_eq!(world.cluster().node_id("a"), None);
    check(&world.node(node("a")), TAG, &[]);
    let early = told(World::new(), report());
    assert!(early.cluster().nodes_by_name().is_empty());
    let early = early.node(node("a").runs("linux/arm64")).image(golang().runs("linux/arm64"));
    check(&early, TAG, &["a"]);
    assert_eq!(early.depth("a", "golang"), 3);
    let never = told(World::new(), report()).pass(100);
    assert_eq!(never.cluster().node_id("a"), None);
}

#[test]
fn a_digest_does_not_become_newer_by_being_told_in_other_words() {
    let tags = |name| node(name).lists(&[&pinned("r.io/golang", name), TAG], 250);
    let world = World::new().node(tags("old")).pass(10).node(tags("new")).pass(10);
    let names = [TAG, &pinned("r.io/golang", "old")];
    let world = world.report("old", inventory(10_020).with(&names, "manifest of old", None));
    let cluster = world.cluster();
    let newest = cluster.newest_record(cluster.name_ids(TAG), None).expect("listed");
    assert_eq!(cluster.digest_text(cluster.record(newest).digests[0]), image("new").digests[0]);
}
