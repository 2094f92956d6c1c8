//! Named volumes and runs: who holds what, for how long that is believed, and what is on its way.

use super::check_all;
use crate::model::inventory::InventoryFacts;
use crate::model::run::RunSource;
use crate::model::unit::Bytes;
use crate::model::volume::VolumeKind;
use crate::state::event::{Event, Kind};
use crate::state::fixtures::agent::inventory;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{node, pod};

const MB: u64 = 1_000_000;

/// Names of the nodes that hold a volume, in order.
fn holders<'a>(world: &'a World, key: &str) -> Vec<&'a str> {
    check_all(world);
    let cluster = world.cluster();
    let Some(id) = cluster.volume_id(key) else { return Vec::new() };
    world.names(cluster.volume(id).holders.iter())
}

/// Where a volume is on its way to, and where each most likely comes from.
fn streams<'a>(world: &'a World, key: &str) -> Vec<(&'a str, Option<&'a str>)> {
    check_all(world);
    let cluster = world.cluster();
    let Some(id) = cluster.volume_id(key) else { return Vec::new() };
    let name = |node| &*cluster.node(node).name;
    let streams = cluster.volume(id).streams.iter();
    streams.map(|stream| (name(stream.to), stream.from.map(name))).collect()
}

fn runs_on<'a>(world: &'a World, run: &str) -> Vec<&'a str> {
    check_all(world);
    world.cluster().run("ci", run).map(|run| world.names(run.nodes.iter())).unwrap_or_default()
}

fn two_nodes() -> World {
    World::new().node(node("a")).node(node("b"))
}

#[test]
fn a_report_stands_until_the_next_one_and_until_it_is_too_old() {
    let report = || inventory(10_000).has_volume("v", 70 * MB).has_volume("v", 60 * MB);
    let world = two_nodes().report("a", report());
    assert_eq!(holders(&world, "v"), ["a"]);
    let volume = world.cluster().volume(world.cluster().volume_id("v").unwrap());
    assert_eq!((volume.bytes(), volume.is_measured()), (Some(Bytes(70 * MB)), true));
    assert_eq!(volume.kind(), VolumeKind::Output);
    let world = world.report("b", report()).report("a", inventory(10_001));
    assert_eq!(holders(&world, "v"), ["b"]);
    assert_eq!(holders(&world.pass(601), "v"), [""; 0]);
    let world = two_nodes().report("a", report()).no_report("a");
    assert_eq!(world.cluster().volume_id("v"), None);
}

#[test]
fn what_a_pod_leaves_is_believed_for_an_hour_after_its_end() {
    let maker = || pod("maker").produces("v", Some(70 * MB)).on("a");
    let world = two_nodes().pod(maker()).pod(maker().running());
    assert_eq!(holders(&world, "v"), [""; 0]);
    let world = world.pod(maker().ended(10_000));
    assert_eq!(holders(&world, "v"), ["a"]);
    let volume = world.cluster().volume(world.cluster().volume_id("v").unwrap());
    assert_eq!((volume.bytes(), volume.is_measured()), (Some(Bytes(70 * MB)), false));
    // Also when the pod is gone.
    let world = world.no_pod("maker").pass(3599);
    assert_eq!(holders(&world, "v"), ["a"]);
    let world = world.pass(1);
    assert_eq!(world.cluster().volume_id("v"), None);
    check_all(&world);
}

#[test]
fn what_a_pod_that_failed_would_have_made_is_nowhere_and_what_it_read_is_there() {
    let maker = || pod("maker").needs("read", None).produces("v", None).on("a");
    let world = two_nodes().pod(maker()).pod(maker().running()).pod(maker().failed(10_000));
    assert_eq!(holders(&world, "v"), [""; 0]);
    assert_eq!(holders(&world, "read"), ["a"]);
    let world = world.no_pod("maker");
    assert_eq!(holders(&world, "v"), [""; 0]);
    assert_eq!(holders(&world, "read"), ["a"]);
    // What it sealed before it failed is told by the agent.
    let world = world.report("a", inventory(10_000).has_volume("v", MB));
    assert_eq!(holders(&world, "v"), ["a"]);
}

#[test]
fn a_report_made_later_than_a_pod_needs_to_seal_says_otherwise() {
    let made = two_nodes().pod(pod("maker").produces("v", None).on("a").ended(9_950));
    let world = made.report("a", inventory(9_979));
    assert_eq!(holders(&world, "v"), ["a"]);
    let world = world.report("a", inventory(9_980));
    assert_eq!(holders(&world, "v"), [""; 0]);
    // With the report its word goes.
    assert_eq!(holders(&world.no_report("a"), "v"), ["a"]);
}

#[test]
fn a_report_of_an_agent_without_a_store_says_nothing_of_what_is_not_in_it() {
    let made = two_nodes().pod(pod("maker").produces("v", None).on("a").ended(9_950));
    let without = InventoryFacts { lists_all_volumes: false, ..inventory(9_980) };
    assert_eq!(holders(&made.report("a", without), "v"), ["a"]);
}

#[test]
fn what_goes_to_a_blob_store_does_not_stay_on_the_node() {
    let mut maker = pod("maker").produces("v", None).on("a").ended(9_950);
    maker.run.produces_source = RunSource::Argo;
    assert_eq!(holders(&two_nodes().pod(maker), "v"), [""; 0]);
}

#[test]
fn a_volume_is_on_its_way_while_pods_that_need_it_wait_and_there_while_they_run() {
    let reader = || pod("reader").needs("v", None).on("b").bound(10_000);
    let world = two_nodes().report("a", inventory(10_000).has_volume("v", MB));
    let world = world.pod(reader()).pod(reader().bound(10_001));
    assert_eq!(streams(&world, "v"), [("b", Some("a"))]);
    assert_eq!(holders(&world, "v"), ["a"]);
    let world = world.pod(reader().running());
    assert_eq!(streams(&world, "v"), []);
    assert_eq!(holders(&world, "v"), ["a", "b"]);
    let world = world.pod(reader().ended(10_002)).no_pod("reader");
    assert_eq!(holders(&world, "v"), ["a", "b"]);
    // One that waits for ever brings nothing.
    let world = two_nodes().pod(reader());
    assert_eq!(streams(&world, "v"), [("b", None)]);
    assert_eq!(streams(&world.pass(900), "v"), []);
}

#[test]
fn a_step_that_runs_still_gets_its_volume_until_a_full_list_of_its_node_has_it() {
    let empty = || inventory(10_000).has_volume("other", MB);
    let full = || empty().has_volume("v", MB);
    let reader = || pod("reader").needs("v", None).on("b").bound(10_000).running();
    let world = two_nodes().report("a", full()).report("b", empty()).pod(reader());
    assert_eq!(streams(&world, "v"), [("b", Some("a"))]);
    assert_eq!(holders(&world, "v"), ["a"]);
    let world = world.report("b", full());
    assert_eq!(streams(&world, "v"), []);
    assert_eq!(holders(&world, "v"), ["a", "b"]);
    // Where the agent has no store, that it runs is all that anybody knows.
    let without = InventoryFacts { lists_all_volumes: false, ..empty() };
    let world = two_nodes().report("b", without).pod(reader());
    assert_eq!(holders(&world, "v"), ["b"]);
}

#[test]
fn holders_in_the_zone_take_turns_and_then_those_of_others() {
    let mut world = World::new();
    for (name, zone) in [("a", "x"), ("b", "x"), ("c", "y"), ("d", "x"), ("e", "z"), ("f", "x")] {
        world = world.node(node(name).in_zone(zone));
    }
    for holder in ["a", "b", "c"] {
        world = world.report(holder, inventory(10_000).has_volume("v", MB));
    }
    for (uid, (name, bound)) in ["p", "q", "r"].into_iter().zip([("d", 1), ("f", 2), ("e", 3)]) {
        world = world.pod(pod(uid).needs("v", None).on(name).bound(10_000 + bound));
    }
    let from: Vec<_> = streams(&world, "v").into_iter().map(|(_, from)| from.unwrap()).collect();
    assert_ne!(from[0], from[1], "they take turns");
    assert!(from[..2].iter().all(|from| ["a", "b"].contains(from)), "{from:?}");
    // The node moves, and then is of the zone of its holder.
    let world = world.node(node("d").in_zone("y"));
    assert_eq!(streams(&world, "v")[0], ("d", Some("c")));
    let world = world.no_node("c");
    assert!(["a", "b"].contains(&streams(&world, "v")[0].1.unwrap()));
}

#[test]
fn a_run_is_where_its_pods_are_and_were_an_hour_ago() {
    let step = |uid: &str| pod(uid).of_run("build");
    let world = two_nodes().pod(step("p").on("a")).pod(step("q").on("b").ended(9_990));
    assert_eq!(runs_on(&world, "build"), ["a", "b"]);
    assert_eq!(runs_on(&world, "other"), [""; 0]);
    let world = world.no_pod("p").no_pod("q");
    assert_eq!(runs_on(&world, "build"), ["b"], "p has not run");
    assert_eq!(runs_on(&world.pass(3590), "build"), [""; 0]);
}

#[test]
fn nothing_is_left_of_nodes_that_went_and_traces_are_bounded() {
    let mut world = two_nodes();
    for number in 0..300 {
        let uid = format!("p{number}");
        let made = pod(&uid).of_run(&uid).produces(&uid, None).on("a").ended(9_000 + number);
        world = world.pod(made).no_pod(&uid);
    }
    check_all(&world);
    assert_eq!(holders(&world, "p43"), [""; 0], "the oldest go");
    assert_eq!(holders(&world, "p44"), ["a"]);
    let world = world.no_node("a").no_node("b");
    assert!(world.cluster().sizes().iter().all(|(_, count)| *count == 0));
}

#[test]
fn a_pod_that_a_full_list_does_not_name_leaves_its_traces_too() {
    let ended = pod("maker").produces("v", None).on("a").ended(9_990);
    let world = two_nodes().synced().pod(ended);
    let world = world.then(Event::ResyncStarted(Kind::Pods)).resynced(Kind::Pods);
    assert_eq!(holders(&world, "v"), ["a"]);
}
