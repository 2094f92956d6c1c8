//! Enough warm nodes are enough: waiting step pods make a node less attractive.

use super::{MB, decided, policy, row};
use crate::model::unit::Nanos;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pod};

#[test]
fn each_waiting_step_pod_costs_what_the_policy_says() {
    let tag = "r.io/a:1";
    let mut world = World::new()
        .image(image("a").layer("a", 100 * MB).tagged(tag))
        .node(node("crowded").lists(&[tag], 100 * MB))
        .node(node("warm").lists(&[tag], 100 * MB));
    for uid in ["a", "b", "c"] {
        world = world.pod(pod(uid).wants(tag).on("crowded"));
    }
    world = world.pod(pod("service").no_step().wants(tag).on("crowded"));
    let mut policy = policy();
    policy.heat_per_waiting_pod = Nanos(400_000_000);
    let decision = decided(&world, &pod("p").wants(tag), &policy);
    let (crowded, warm) = (row(&world, &decision, "crowded"), row(&world, &decision, "warm"));
    assert_eq!((crowded.waiting_pods, decision.parts(crowded).heat), (3, Nanos(1_200_000_000)));
    assert_eq!((warm.waiting_pods, decision.parts(warm).heat), (0, Nanos(0)));
    assert!(crowded.raw < warm.raw);
    let cool = decided(&world, &pod("p").wants(tag), &super::policy());
    assert_eq!(row(&world, &cool, "crowded").raw, row(&world, &cool, "warm").raw);
}
