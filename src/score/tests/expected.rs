//! Pods that were decided about while the news of their binding is still on its way.

use super::{MB, decided, row};
use crate::model::expected::EXPECTED_FOR;
use crate::model::unit::{NANOS_PER_SECOND, PerMille};
use crate::policy::Policy;
use crate::score::decision::Decision;
use crate::state::event::Event;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{node, pod};

const TAG: &str = "r.io/a:1";

fn policy() -> Policy {
    Policy::named("default").expect("comes with the program")
}

/// Twenty nodes, of which the first five hold the image.
fn five_warm() -> World {
    (0..20).fold(World::new(), |world, at| {
        let node = node(&format!("n{at:02}"));
        world.node(if at < 5 { node.lists(&[TAG], 800 * MB) } else { node })
    })
}

fn decide(world: &World, uid: &str) -> Decision {
    decided(world, &pod(uid).wants(TAG), &policy())
}

fn expecting(world: World, uid: &str) -> World {
    let nodes = decide(&world, uid).best().collect();
    world.then(Event::PodExpected { uid: uid.to_owned(), nodes })
}

#[test]
fn what_is_expected_heats_as_what_waits_does() {
    let late = (0..50).fold(five_warm(), |world, at| expecting(world, &format!("p{at}")));
    let bound = (0..50).fold(five_warm(), |world, at| {
        world.pod(pod(&format!("p{at}")).wants(TAG).on(&format!("n{:02}", at % 5)))
    });
    let (late, bound) = (decide(&late, "next"), decide(&bound, "next"));
    let heat = |decision: &Decision, at: usize| decision.parts(&decision.rows[at]).heat;
    for at in 0..20 {
        let (late_row, bound_row) = (&late.rows[at], &bound.rows[at]);
        assert_eq!(late_row.expected_pods, PerMille(1000 * u64::from(bound_row.waiting_pods)));
        assert_eq!((heat(&late, at), late_row.points), (heat(&bound, at), bound_row.points));
    }
    assert!(heat(&bound, 0) > heat(&bound, 9));
}

#[test]
fn a_pod_is_not_in_its_own_way_and_one_that_was_bound_counts_once() {
    let world = expecting(expecting(five_warm(), "first"), "second");
    let expected = |world: &World, uid| row(world, &decide(world, uid), "n00").expected_pods;
    assert_eq!(expected(&world, "third"), PerMille(400));
    assert_eq!(expected(&world, "first"), PerMille(200));
    let bound = world.pod(pod("first").wants(TAG).on("n00"));
    assert_eq!(expected(&bound, "third"), PerMille(200));
    assert_eq!(row(&bound, &decide(&bound, "third"), "n00").waiting_pods, 1);
    let gone = bound.no_node("n00").node(node("n00"));
    assert_eq!(expected(&gone, "third"), PerMille(0));
}

#[test]
fn what_does_not_come_is_forgotten() {
    let world = expecting(five_warm(), "first");
    assert_eq!(row(&world, &decide(&world, "next"), "n00").expected_pods, PerMille(200));
    let later = world.pass(EXPECTED_FOR.0 / NANOS_PER_SECOND);
    assert_eq!(row(&later, &decide(&later, "next"), "n00").expected_pods, PerMille(0));
}
