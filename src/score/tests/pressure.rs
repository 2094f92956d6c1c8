//! Nodes whose disk the pod would fill: what garbage collection removes there will be pulled again.

use super::{MB, decided, policy, row};
use crate::model::unit::{Bytes, Nanos, PerMille};
use crate::policy::Policy;
use crate::state::fixtures::agent::inventory;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pod};

const APP: &str = "r.io/app:1";

/// All that is removed is pulled again.
fn all_again() -> Policy {
    let mut policy = policy();
    policy.pressure.refetch_share = PerMille(1_000);
    policy
}

/// An image of 200 MB, 500 on the disk, and two nodes without it. The disk of one is of 10 GB.
fn world(free: u64) -> World {
    World::new()
        .image(image("app").layer("app", 200 * MB).tagged(APP))
        .node(node("told"))
        .node(node("untold"))
        .report("told", inventory(10_000).on_disk(10_000 * MB, free * MB))
}

fn refetched(world: &World, policy: &Policy) -> u64 {
    let decision = decided(world, &pod("p").wants(APP), policy);
    let (told, untold) = (row(world, &decision, "told"), row(world, &decision, "untold"));
    assert_eq!((untold.refetched, untold.raw), (Bytes(0), 0));
    let parts = decision.parts(told);
    assert_eq!(parts.pressure, Nanos(told.refetched.0 * 20), "50 MB a second");
    assert_eq!(parts.cost(), decision.delay(told) + parts.pressure);
    assert_eq!(i128::from(parts.saved), -i128::from(parts.pressure.0));
    told.refetched.0 / MB
}

#[test]
fn a_pod_that_fills_the_disk_costs_what_must_go_for_it() {
    assert_eq!(refetched(&world(5_000), &all_again()), 0);
    assert_eq!(refetched(&world(2_101), &all_again()), 0);
    // 1,500 MB are left of the 2,000 that shall be free: 500 go, 200 compressed.
    assert_eq!(refetched(&world(2_000), &all_again()), 200);
    assert_eq!(refetched(&world(500), &all_again()), 800);
    let decision = decided(&world(500), &pod("p").wants(APP), &all_again());
    assert!(row(&world(500), &decision, "told").raw < 0, "worse than an empty node");
}

#[test]
fn it_is_switched_off_by_default_and_costs_nothing_where_nothing_is_missing() {
    let policy = Policy::named("default").expect("comes with the program");
    assert_eq!(policy.pressure.refetch_share, PerMille(0));
    assert_eq!(refetched(&world(500), &self::policy()), 0);
    let there = inventory(10_000).holds(APP, "app").on_disk(10_000 * MB, 0);
    let world = world(500).report("told", there);
    let decision = decided(&world, &pod("p").wants(APP), &all_again());
    assert_eq!(row(&world, &decision, "told").refetched, Bytes(0));
}

#[test]
fn what_an_agent_told_of_the_disk_ends_with_its_report() {
    assert_eq!(refetched(&world(500).report("told", inventory(10_000)), &all_again()), 0);
    assert_eq!(refetched(&world(500).no_report("told"), &all_again()), 0);
    assert_eq!(refetched(&world(500).pass(600), &all_again()), 0);
}
