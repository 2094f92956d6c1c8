//! What was learned of pulls changes decisions; without observations nothing changes.

use proptest::prelude::{prop, prop_assert_eq, proptest};

use super::{MB, by_name, decided, policy, row, same_rows};
use crate::model::unit::Nanos;
use crate::policy::Policy;
use crate::score::predicted;
use crate::state::event::Event;
use crate::state::fixtures::universe::{any_change, any_wishes};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{cases, image, node, pod};

const A: &str = "r.io/a:1";

/// An image of 100 MB, two seconds by the constants, and nodes of two groups.
fn world() -> World {
    World::new()
        .image(image("a").layer("a", 100 * MB).tagged(A))
        .node(node("fast").grouped("large"))
        .node(node("slow").grouped("small"))
        .synced()
}

/// So many pulls of 100 MB on a node.
fn pulls(mut world: World, on: &str, registry: &str, count: u64, millis: u64) -> World {
    for number in 0..count {
        let name = format!("{registry}/{on}-{number}:1");
        let shown = image(&name).layer(&name, 100 * MB).tagged(&name);
        let uid = format!("{name} on {on}");
        let waiting = pod(&uid).wants(&name).on(on);
        world = world.image(shown).pod(waiting).pulled(on, &name, millis).no_pod(&uid);
    }
    world
}

fn millis(nanos: Nanos) -> u64 {
    nanos.0 / 1_000_000
}

#[test]
fn a_node_group_that_was_slow_costs_more() {
    let world = pulls(world(), "slow", "r.io", 8, 8_000);
    let world = pulls(world, "fast", "r.io", 8, 1_000);
    let decision = decided(&world, &pod("p").wants(A), &policy());
    let cost = |node: &str| millis(decision.parts(row(&world, &decision, node)).cost());
    assert_eq!((cost("fast"), cost("slow")), (1_000, 8_000));
    let saved = |node: &str| decision.parts(row(&world, &decision, node)).saved / 1_000_000;
    assert_eq!((saved("fast"), saved("slow")), (0, -7_000), "against the fastest cold node");
}

#[test]
fn a_registry_that_was_slow_costs_more_and_several_count_by_bytes() {
    let near = image("b").layer("b", 300 * MB).tagged("near.io/b:1");
    let world = pulls(world().image(near), "fast", "r.io", 8, 8_000);
    let world = pulls(world, "fast", "near.io", 8, 1_000);
    let cost = |references: &[&str]| {
        let wants = references.iter().fold(pod("p"), |pod, reference| pod.wants(reference));
        let decision = decided(&world, &wants, &policy());
        millis(decision.parts(row(&world, &decision, "fast")).cost())
    };
    assert_eq!(cost(&[A]), 8_000);
    assert_eq!(cost(&["near.io/b:1"]), 3_000);
    assert_eq!(cost(&[A, "near.io/b:1"]), 11_000);
}

#[test]
fn queues_are_waited_for_at_the_learned_rate() {
    let world = pulls(world(), "fast", "r.io", 8, 8_000);
    let world = world.pod(pod("first").wants(A).on("fast"));
    let decision = decided(&world, &pod("p").wants(A), &policy());
    assert_eq!(millis(row(&world, &decision, "fast").wait), 8_000);
}

#[test]
fn a_prediction_is_by_what_was_known_when_the_pull_began() {
    let world = pulls(world(), "fast", "r.io", 8, 8_000);
    let world = world.pod(pod("p").wants(A).on("fast"));
    let world = pulls(world, "fast", "r.io", 21, 1_000);
    let begun = world.cluster().begun().get(world.id("fast"), A, world.now);
    assert_eq!(millis(predicted(&policy(), begun.expect("noted"))), 8_000);
}

#[test]
fn nothing_is_learned_where_the_policy_says_so() {
    let world = pulls(world(), "fast", "r.io", 21, 8_000);
    let mut policy = policy();
    policy.learn.enabled = false;
    let decision = decided(&world, &pod("p").wants(A), &policy);
    assert_eq!(millis(decision.parts(row(&world, &decision, "fast")).cost()), 2_000);
}

proptest! {
    #![proptest_config(cases(200))]

    /// Node groups alone, and pulls too few to learn from, change no decision.
    #[test]
    fn without_observations_decisions_are_as_by_the_constants(
        changes in prop::collection::vec(any_change(), 1..25),
        wishes in any_wishes(),
        observed in 0_u64..4,
    ) {
        let constant = changes.iter().cloned().fold(World::new(), World::then);
        let grouped = changes.iter().cloned().map(in_groups).fold(World::new(), World::then);
        // An image that becomes known has all pulls worked out anew, here as there.
        let ready = |world: World| {
            world.synced().node(node("other")).image(image("new").layer("new", 1))
        };
        let learning = pulls(ready(grouped), "other", "r.io", observed, 900);
        let constant = ready(constant);
        let asked = wishes.iter().fold(pod("p"), |pod, (policy, name)| pod.pulls(*policy, name));
        let policy = Policy::named("default").expect("comes with the program");
        let left = decided(&constant, &asked, &policy);
        let right = decided(&learning, &asked, &policy);
        prop_assert_eq!(left.neutral, right.neutral);
        same_rows(&by_name(&constant, &left), &by_name(&learning, &right))?;
    }
}

/// Nodes in one of two groups, by their names.
fn in_groups(event: Event) -> Event {
    match event {
        Event::NodeApplied(facts) => {
            let group = if facts.name.as_str() > "n2" { "small" } else { "large" };
            Event::NodeApplied(facts.grouped(group))
        }
        other => other,
    }
}
