//! Where equal pods meet while no node with room is warm.

use std::collections::BTreeMap;

use super::{MB, decided, row};
use crate::model::unit::{Bytes, Nanos, PerMille};
use crate::policy::Policy;
use crate::score::decision::Decision;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pod};

const TAG: &str = "r.io/a:1";

fn policy() -> Policy {
    Policy::named("default").expect("comes with the program")
}

/// 800 MB take 16 seconds.
fn share_of_the_pull() -> Nanos {
    policy().home_share.of(Nanos::from_seconds(16))
}

fn cluster(nodes: usize) -> World {
    let world = World::new().image(image("a").layer("a", 800 * MB).tagged(TAG));
    (0..nodes).fold(world, |world, at| world.node(node(&format!("n{at:03}"))))
}

fn home(world: &World, decision: &Decision) -> Option<String> {
    decision.home.map(|id| world.cluster().node(id).name.to_string())
}

/// Places `count` equal pods one after another, each on a node of most points; of equal ones, which a
/// scheduler chooses among at random, each time another. Says how many pods each node got.
fn burst(mut world: World, policy: &Policy, count: usize) -> BTreeMap<String, usize> {
    let mut placed = BTreeMap::new();
    for at in 0..count {
        let uid = format!("p{at}");
        let decision = decided(&world, &pod(&uid).wants(TAG), policy);
        let most = decision.rows.iter().map(|row| row.points).max();
        let best: Vec<_> = decision.rows.iter().filter(|row| Some(row.points) == most).collect();
        let node = best[at * 7 % best.len()].node;
        let name = world.cluster().node(node).name.to_string();
        world = world.pod(pod(&uid).wants(TAG).on(&name));
        *placed.entry(name).or_default() += 1;
    }
    placed
}

#[test]
fn a_burst_of_equal_pods_warms_a_handful_of_nodes_and_without_home_one_each() {
    let together = burst(cluster(100), &policy(), 50);
    assert!(together.len() <= 8, "{together:?}");
    let mut scattered = policy();
    scattered.home_share = PerMille(0);
    scattered.heat_per_waiting_pod = Nanos(0);
    let apart = burst(cluster(100), &scattered, 50);
    assert_eq!(apart.len(), 50);
}

#[test]
fn all_replicas_choose_the_same_home_and_another_image_another() {
    let world = cluster(100).image(image("b").layer("b", 800 * MB).tagged("r.io/b:1"));
    let of = |tag: &str| home(&world, &decided(&world, &pod("p").wants(tag), &policy()));
    assert_eq!(of(TAG), of(TAG));
    assert!(of(TAG).is_some() && of("r.io/b:1").is_some());
    assert_ne!(of(TAG), of("r.io/b:1"));
}

#[test]
fn the_home_is_worth_a_share_of_the_pull_and_nothing_else_is() {
    let world = cluster(10);
    let decision = decided(&world, &pod("p").wants(TAG), &policy());
    let home = decision.home.expect("all are cold");
    for row in &decision.rows {
        let credit = if row.node == home { share_of_the_pull() } else { Nanos(0) };
        assert_eq!((decision.parts(row).credit, row.missing), (credit, Bytes(800 * MB)));
        assert_eq!(row.points > 0, row.node == home);
    }
}

#[test]
fn a_full_home_passes_on_to_the_next_in_hash_order() {
    let mut policy = policy();
    policy.home_waiting_pods_max = 3;
    let mut world = cluster(20);
    let first = home(&world, &decided(&world, &pod("p").wants(TAG), &policy)).expect("cold");
    for uid in ["a", "b", "c"] {
        // They wait, but for something that nobody knows: the node stays cold.
        world = world.pod(pod(uid).wants("r.io/unknown:1").on(&first));
    }
    let next = home(&world, &decided(&world, &pod("p").wants(TAG), &policy)).expect("cold");
    assert_ne!(next, first);
    let back = world.no_pod("a");
    assert_eq!(home(&back, &decided(&back, &pod("p").wants(TAG), &policy)), Some(first));
}

#[test]
fn a_burst_is_spread_over_the_places_and_then_fills_them_evenly() {
    let mut world = cluster(20);
    for number in 0..40 {
        let wants = pod(&format!("p{number}")).wants(TAG);
        let decision = decided(&world, &wants, &policy());
        let best =
            decision.rows.iter().max_by_key(|row| (row.points, -i64::from(row.waiting_pods)));
        let node = world.cluster().node(best.expect("twenty candidates").node).name.to_string();
        world = world.pod(wants.on(&node));
    }
    let decision = decided(&world, &pod("p").wants(TAG), &policy());
    let waiting = decision.rows.iter().map(|row| row.waiting_pods).filter(|pods| *pods > 0);
    let waiting: Vec<_> = waiting.collect();
    assert!((3..=6).contains(&waiting.len()), "{waiting:?}");
    assert!(waiting.iter().all(|pods| *pods >= 40 / 6 - 2), "{waiting:?}");
}

#[test]
fn no_home_is_needed_where_a_node_with_room_is_warm_or_warming() {
    let warm = cluster(5).node(node("warm").lists(&[TAG], 800 * MB));
    assert_eq!(home(&warm, &decided(&warm, &pod("p").wants(TAG), &policy())), None);
    let warming = cluster(5).pod(pod("first").wants(TAG).on("n001"));
    let mut one_place = policy();
    one_place.home_places = 1;
    let decision = decided(&warming, &pod("p").wants(TAG), &one_place);
    assert_eq!(home(&warming, &decision), None);
    assert_eq!(decision.parts(row(&warming, &decision, "n001")).credit, share_of_the_pull());
    let mut off = policy();
    off.home_share = PerMille(0);
    let cold = cluster(5);
    assert_eq!(home(&cold, &decided(&cold, &pod("p").wants(TAG), &off)), None);
}

#[test]
fn nodes_with_the_base_compete_before_those_with_nothing() {
    let world = cluster(50)
        .image(image("base").layer("os", 50 * MB).tagged("r.io/base:1"))
        .image(image("b").layer("os", 50 * MB).layer("b", 800 * MB).tagged("r.io/b:1"))
        .node(node("based").lists(&["r.io/base:1"], 50 * MB));
    let decision = decided(&world, &pod("p").wants("r.io/b:1"), &policy());
    assert_eq!(home(&world, &decision).as_deref(), Some("based"));
}
