//! Missing volumes: each from its best source, once, by zone.
//!
//! The default policy: 100 MB a second from a peer, 50 from the registry, so 100 MB are one second or two.

use super::{MB, decided, policy, row};
use crate::cost::stream::Source;
use crate::model::pod::{PodFacts, PullPolicy};
use crate::model::unit::{Bytes, Nanos, PerMille, Price, TransferRate};
use crate::model::volume::VolumeKind;
use crate::policy::Policy;
use crate::policy::stream::Fallback;
use crate::score::decision::Neutral;
use crate::score::decision::volume::SizeTold;
use crate::score::{Candidates, decide};
use crate::state::fixtures::agent::inventory;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pod};

const TAG: &str = "r.io/a:1";

fn rate(megabytes: u64) -> TransferRate {
    TransferRate::from_bytes_per_second(megabytes * MB).expect("in range")
}

/// Another zone is half as fast, and a gigabyte from there costs 0.02.
fn zoned() -> Policy {
    let mut policy = policy();
    policy.stream.zone.rate = rate(50);
    policy.stream.zone.gigabyte_price = Price(20_000);
    policy
}

/// Two nodes in a zone and one in another, all with the pod's image; the first holds 400 MB.
fn world() -> World {
    let mut world = World::new().image(image("a").layer("a", 100 * MB).tagged(TAG));
    for (name, zone) in [("holder", "x"), ("near", "x"), ("far", "y")] {
        world = world.node(node(name).in_zone(zone).lists(&[TAG], 100 * MB));
    }
    world.report_volume("holder", "v", 400)
}

impl World {
    /// An agent reports the node's image and one volume.
    fn report_volume(self, node: &str, key: &str, megabytes: u64) -> Self {
        self.report(node, inventory(10_000).holds(TAG, "a").has_volume(key, megabytes * MB))
    }
}

fn reader() -> PodFacts {
    pod("reader").wants(TAG).needs("v", None)
}

/// Checks milliseconds of streaming, missing and zone bytes in megabytes, and remarks of each node.
fn check(
    world: &World,
    pod: &PodFacts,
    policy: &Policy,
    expected: &[(&str, u64, u64, u64, &[&str])],
) {
    let decision = decided(world, pod, policy);
    assert_eq!(decision.neutral, None);
    for (node, millis, missing, zone, reasons) in expected {
        let row = row(world, &decision, node);
        let volumes = decision.volumes_of(row).expect("the pod names volumes");
        let found = (decision.parts(row).stream, volumes.missing, volumes.zone_bytes);
        let wanted = (Nanos(millis * 1_000_000), Bytes(missing * MB), Bytes(zone * MB));
        assert_eq!(found, wanted, "{node}");
        assert_eq!(volumes.reasons.names().collect::<Vec<_>>(), *reasons, "{node}");
        assert_eq!(decision.delay(row), decision.parts(row).delay(), "{node}");
    }
}

#[test]
fn a_pod_without_images_goes_where_its_volumes_are() {
    let expected = [("holder", 0, 0, 0, &["volume-here"][..])];
    check(&world(), &pod("reader").needs("v", None), &policy(), &expected);
    let none = decided(&world(), &pod("reader").needs("new", None), &policy());
    assert_eq!(none.neutral, Some(Neutral::ImagesUnknown));
}

#[test]
fn a_holder_pays_nothing_its_zone_the_stream_and_others_what_crosses_a_zone() {
    check(
        &world(),
        &reader(),
        &zoned(),
        &[
            ("holder", 0, 0, 0, &["volume-here"]),
            ("near", 4_000, 400, 0, &["volume-from-peer"]),
            ("far", 8_000, 400, 400, &["volume-from-zone"]),
        ],
    );
    let decision = decided(&world(), &reader(), &zoned());
    let raw = |node| row(&world(), &decision, node).raw;
    assert!(raw("holder") > raw("near") && raw("near") > raw("far"));
    // Against the registry, at 50 MB a second.
    assert_eq!(decision.parts(row(&world(), &decision, "near")).saved, 6_000_000_000);
}

#[test]
fn the_registry_or_the_blob_store_serves_where_it_is_faster_than_another_zone() {
    let mut policy = zoned();
    policy.stream.zone.rate = rate(25);
    check(&world(), &reader(), &policy, &[("far", 8_000, 400, 0, &["volume-from-registry"])]);
    policy.stream.kinds[VolumeKind::Output as usize].fallback = Fallback::BlobStore;
    policy.stream.blob_store_zone = "x".to_owned();
    policy.stream.blob_store.gigabyte_price = Price(10_000);
    let far: &[&str] = &["volume-from-blob-store"];
    check(&world(), &reader(), &policy, &[("far", 8_000, 400, 400, far)]);
    let decision = decided(&world(), &reader(), &policy);
    let price = |node| decision.volumes_of(row(&world(), &decision, node)).unwrap().price;
    assert_eq!([price("near"), price("far")], [Price(0), Price(4_000)]);
    assert_eq!(decision.volumes[0].fallback, Some(Source::BlobStore));
}

#[test]
fn what_no_node_holds_costs_all_the_same_so_that_layers_decide() {
    let all: &[&str] = &["volume-from-registry"];
    let world = world().node(node("cold").in_zone("x"));
    let asked = pod("p").wants(TAG).needs("nowhere", Some(100 * MB));
    let expected = ["holder", "near", "far", "cold"].map(|name| (name, 2_000, 100, 0, all));
    check(&world, &asked, &policy(), &expected);
    let decision = decided(&world, &asked, &policy());
    let without = decided(&world, &pod("p").wants(TAG), &policy());
    let raw = |decision: &_| ["near", "cold"].map(|name| row(&world, decision, name).raw);
    assert_eq!(raw(&decision), raw(&without));
    // Where there is no fallback either, nothing is waited for.
    let task = pod("p").wants(TAG).needs_kind("cache", VolumeKind::TaskCache);
    check(&world, &task, &policy(), &[("near", 0, 0, 0, &["volume-nowhere"])]);
    assert!(!decided(&world, &task, &policy()).volumes[0].is_somewhere());
}

#[test]
fn volumes_alone_can_tell_nodes_apart() {
    let asked = || pod("p").wants("r.io/never-heard-of:1");
    let decision = decided(&world(), &asked().needs("v", None), &policy());
    assert_eq!(decision.neutral, None);
    assert!(row(&world(), &decision, "holder").points > 0);
    for pod in [asked(), asked().needs("nowhere", None)] {
        let decision = decided(&world(), &pod, &policy());
        assert_eq!(decision.neutral, Some(Neutral::ImagesUnknown));
        assert!(decision.rows.is_empty() && decision.volume_rows.is_empty());
    }
    assert!(decided(&world(), &pod("p").wants(TAG), &policy()).volume_rows.is_empty());
}

#[test]
fn a_volume_named_twice_counts_once() {
    let once = decided(&world(), &reader(), &policy());
    let twice = decided(&world(), &reader().needs("v", Some(1)), &policy());
    assert_eq!(once.rows, twice.rows);
    assert_eq!(once.volume_rows, twice.volume_rows);
    assert_eq!(twice.volumes[1].size, SizeTold::Repeated);
}

#[test]
fn nodes_tell_a_size_before_pods_and_pods_before_the_policy() {
    let size = |world: &World, told| {
        let asked = pod("p").wants(TAG).needs("v", told);
        let volume = decided(world, &asked, &policy()).volumes[0];
        (volume.bytes.0 / MB, volume.size)
    };
    assert_eq!(size(&world(), Some(7 * MB)), (400, SizeTold::Node));
    let made = pod("maker").produces("v", Some(30 * MB)).on("near").ended(9_990);
    let made = World::new().node(node("near").lists(&[TAG], 100 * MB)).pod(made);
    assert_eq!(size(&made, Some(7 * MB)), (7, SizeTold::Pod));
    assert_eq!(size(&made, None), (30, SizeTold::Pod));
    let bare = World::new().node(node("near").lists(&[TAG], 100 * MB));
    assert_eq!(size(&bare, None), (100, SizeTold::Nobody));
}

#[test]
fn streams_from_one_holder_share_its_link_and_what_is_on_its_way_costs_what_is_left() {
    let waits = |uid: &str, node: &str| pod(uid).needs("v", None).on(node).bound(9_999);
    let world = world().node(node("other").in_zone("x").lists(&[TAG], 100 * MB));
    let world = world.pod(waits("p", "near"));
    let anew: &[&str] = &["volume-from-peer"];
    // Alone it takes four seconds, of which one is over; a second one has half of the link.
    check(
        &world,
        &reader(),
        &policy(),
        &[
            ("near", 3_000, 0, 0, &["volume-arriving"]),
            ("other", 8_000, 400, 0, anew),
            ("holder", 0, 0, 0, &["volume-here"]),
        ],
    );
    let arriving = decided(&world, &reader(), &policy());
    let near = arriving.volumes_of(row(&world, &arriving, "near")).expect("volumes").arriving;
    assert_eq!((near, arriving.volumes[0].streams), (Bytes(400 * MB), 1));
    // With as many as make the registry faster, it serves.
    let world = world.pod(waits("q", "far"));
    let other: &[&str] = &["volume-from-registry"];
    check(&world, &reader(), &policy(), &[("other", 8_000, 400, 0, other)]);
    // Another holder has a link of its own.
    let world = world.report_volume("other", "v", 400).node(node("last").in_zone("x"));
    let decision = decided(&world, &reader(), &policy());
    let last = row(&world, &decision, "last");
    assert!(decision.parts(last).stream <= Nanos::from_seconds(8));
}

#[test]
fn money_counts_as_seconds_by_the_exchange_rate_and_can_change_the_source() {
    let mut policy = zoned();
    policy.stream.zone.rate = rate(100);
    policy.stream.time_per_money = Nanos::from_seconds(500);
    let decision = decided(&world(), &reader(), &policy);
    let far = decision.parts(row(&world(), &decision, "far"));
    // 0.4 GB are 0.008, which are 4 s: as dear as the registry, and nearer.
    assert_eq!((far.stream, far.money), (Nanos::from_seconds(4), Nanos::from_seconds(4)));
    assert_eq!((far.delay(), far.cost()), (Nanos::from_seconds(4), Nanos::from_seconds(8)));
    assert_eq!(far.saved, 2_000_000_000, "those of its image");
    policy.stream.time_per_money = Nanos::from_seconds(501);
    check(&world(), &reader(), &policy, &[("far", 8_000, 400, 0, &["volume-from-registry"])]);
}

#[test]
fn a_stream_on_its_way_to_a_node_with_room_counts_against_another() {
    let mut policy = policy();
    (policy.stream.avoidable_times, policy.home_arriving_pods_max) = (PerMille(1600), 2);
    let waits = |uid: &str| pod(uid).needs("v", None).on("near").bound(9_999);
    let coming = world().pod(waits("first"));
    // Two streams share the holder's link: 400 MB take eight seconds, and 1.6 times that is avoidable.
    let avoidable = |world: &World, asked: &[&str]| {
        let nodes = asked.iter().map(|name| world.cluster().node_id(name).unwrap()).collect();
        let candidates = Candidates { nodes, unknown_count: 0 };
        let decision = decide(&reader(), &candidates, world.cluster(), &policy, world.now);
        let parts = decision.parts(row(world, &decision, "far"));
        (parts.stream.0 / 1_000_000, parts.avoidable.0 / 1_000_000)
    };
    let all = ["holder", "near", "far"];
    assert_eq!(avoidable(&coming, &all), (8_000, 12_800));
    assert_eq!(avoidable(&world(), &all), (4_000, 6_400), "the holder has room");
    assert_eq!(avoidable(&coming, &["far"]).1, 0, "it comes to no candidate");
    assert_eq!(avoidable(&coming.pod(waits("second")), &["near", "far"]).1, 0, "no room");
}

#[test]
fn a_holder_on_which_the_pod_cannot_start_is_no_reason_to_bring_its_volume_nowhere_else() {
    let mut policy = policy();
    policy.stream.avoidable_times = PerMille(1600);
    let world = World::new()
        .image(image("a").layer("a", 100 * MB).tagged(TAG))
        .node(node("holder"))
        .node(node("ready").lists(&[TAG], 100 * MB))
        .report("holder", inventory(10_000).has_volume("v", 400 * MB));
    let avoidable = |pull_policy| {
        let reader = pod("reader").pulls(pull_policy, TAG).needs("v", None);
        let decision = decided(&world, &reader, &policy);
        decision.parts(row(&world, &decision, "ready")).avoidable.0 / 1_000_000
    };
    assert_eq!(avoidable(PullPolicy::IfNotPresent), 6_400);
    assert_eq!(avoidable(PullPolicy::Never), 0);
}

#[test]
fn the_volumes_key_chooses_one_node_for_its_first_stream() {
    let mut policy = policy();
    policy.stream.avoidable_times = PerMille(1600);
    let names: Vec<_> = (0..8).map(|at| format!("cold-{at}")).collect();
    let many = names
        .iter()
        .fold(world(), |world, name| world.node(node(name).in_zone("x").lists(&[TAG], 100 * MB)));
    let free_of_charge = |world: &World, key: &str, asked: &[&str]| {
        let nodes = asked.iter().map(|name| world.cluster().node_id(name).unwrap()).collect();
        let candidates = Candidates { nodes, unknown_count: 0 };
        let reader = pod("p").wants(TAG).needs(key, Some(400 * MB));
        let decision = decide(&reader, &candidates, world.cluster(), &policy, world.now);
        let free = decision.rows.iter().filter(|row| decision.parts(row).avoidable == Nanos(0));
        free.map(|row| world.cluster().node(row.node).name.to_string()).collect::<Vec<_>>()
    };
    let cold: Vec<_> = names.iter().map(String::as_str).collect();
    let backwards: Vec<_> = cold.iter().rev().copied().collect();
    let home = free_of_charge(&many, "v", &cold);
    assert_eq!(home.len(), 1);
    assert_eq!(free_of_charge(&many, "v", &backwards), home);
    // Other volumes have other homes.
    let homes = (0..20).map(|at| free_of_charge(&many, &format!("other-{at}"), &cold));
    assert!(homes.collect::<std::collections::BTreeSet<_>>().len() > 3);
    // Where the pod's image would have to be pulled, too, it does not meet.
    let bare =
        (0..8).fold(world(), |world, at| world.node(node(&format!("bare-{at}")).in_zone("x")));
    let bare = bare.node(node("warm").in_zone("x").lists(&[TAG], 100 * MB));
    let all: Vec<_> = (0..8).map(|at| format!("bare-{at}")).chain(["warm".to_owned()]).collect();
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    for at in 0..5 {
        assert_eq!(free_of_charge(&bare, &format!("key-{at}"), &all), ["warm"]);
    }
    // While a holder has room that is the place, and then the same one again.
    let with_holder: Vec<_> = cold.iter().copied().chain(["holder"]).collect();
    assert_eq!(free_of_charge(&many, "v", &with_holder), ["holder"]);
    let full = (0..policy.run.waiting_pods_max)
        .fold(many, |world, at| world.pod(pod(&format!("w{at}")).wants(TAG).on("holder")));
    let expected: Vec<_> = home.iter().cloned().chain(["holder".to_owned()]).collect();
    assert_eq!(free_of_charge(&full, "v", &with_holder), expected);
}
