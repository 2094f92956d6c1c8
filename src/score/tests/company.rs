//! A run's company is worth a little, until the node fills.

use super::{MB, decided, policy, row};
use crate::model::pod::PodFacts;
use crate::model::unit::{Nanos, PerMille};
use crate::score::decision::Decision;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pod};

const TAG: &str = "r.io/a:1";

fn step(uid: &str) -> PodFacts {
    pod(uid).of_run("build").wants(TAG)
}

/// A run whose first step ended on one of three equal nodes.
fn world() -> World {
    let world = World::new().image(image("a").layer("a", 100 * MB).tagged(TAG));
    let nodes = ["first", "b", "c"].map(|name| node(name).lists(&[TAG], 100 * MB));
    nodes.into_iter().fold(world, World::node).pod(step("one").on("first").ended(9_990))
}

fn company(world: &World, decision: &Decision, node: &str) -> Nanos {
    decision.parts(row(world, decision, node)).company
}

#[test]
fn a_later_step_prefers_the_node_of_its_run_by_what_it_would_have_to_move() {
    let world = world();
    let asked = step("two").produces("out", Some(800 * MB));
    let decision = decided(&world, &asked, &policy());
    // Half of the eight seconds.
    assert_eq!(company(&world, &decision, "first"), Nanos::from_seconds(4));
    assert_eq!(company(&world, &decision, "b"), Nanos(0));
    assert!(row(&world, &decision, "first").points > row(&world, &decision, "b").points);
    // One that names nothing is taken to leave an output of 100 MB.
    let decision = decided(&world, &step("two"), &policy());
    assert_eq!(company(&world, &decision, "first"), Nanos(500_000_000));
}

#[test]
fn other_runs_and_other_namespaces_are_no_company_and_zero_switches_it_off() {
    let world = world();
    let mut elsewhere = step("two");
    elsewhere.namespace = "other".to_owned();
    for asked in [pod("two").of_run("other").wants(TAG), elsewhere, pod("two").wants(TAG)] {
        let decision = decided(&world, &asked, &policy());
        assert_eq!(company(&world, &decision, "first"), Nanos(0));
    }
    let mut off = policy();
    off.run.later_step_share = PerMille(0);
    let decision = decided(&world, &step("two"), &off);
    let without = decided(&world, &pod("two").wants(TAG), &off);
    assert_eq!(decision.rows, without.rows);
}

#[test]
fn a_run_spreads_when_its_node_fills() {
    let mut world = world();
    let policy = policy();
    for number in 0..policy.run.waiting_pods_max {
        let decision = decided(&world, &step("next"), &policy);
        assert!(company(&world, &decision, "first").0 > 0, "{number} wait");
        world = world.pod(pod(&format!("w{number}")).wants("r.io/other:1").on("first"));
    }
    let decision = decided(&world, &step("next"), &policy);
    assert_eq!(company(&world, &decision, "first"), Nanos(0));
    // A step that went elsewhere makes that a place of the run too.
    let world = world.pod(step("three").on("b"));
    let decision = decided(&world, &step("next"), &policy);
    assert!(company(&world, &decision, "b").0 > 0);
}
