//! Disks behind claims: attached here they are free, elsewhere they cost, in use elsewhere most.

use proptest::prelude::*;

use super::{decided, everywhere, policy, row};
use crate::model::claim::{AccessMode, AttachState, DiskFacts, Reach, StorageObject};
use crate::model::unit::Nanos;
use crate::score::decide;
use crate::score::decision::{Decision, Neutral};
use crate::state::fixtures::storage::{attachment, class, disk, unbound};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{cases, node, pod};

const TAG: &str = "docker.io/library/golang:1";

/// Three nodes that hold the image, and a claim `data` on a disk.
fn world() -> World {
    let names = ["a", "b", "c"];
    let nodes = names.map(|name| node(name).lists(&[TAG], 100_000_000));
    nodes.into_iter().fold(World::new(), World::node).synced().with_data()
}

fn attached(node: &str) -> StorageObject {
    attachment("d", node, AttachState::Attached)
}

/// Seconds to attach on each of the three nodes, and their points.
fn check(world: &World, expected: [u64; 3], points: [u8; 3]) -> Decision {
    let decision = decided(world, &pod("p").wants(TAG).claims("data"), &policy());
    for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
        let row = row(world, &decision, name);
        let attach = decision.parts(row).attach;
        assert_eq!(attach, Nanos::from_seconds(expected[at]), "to attach to {name}");
        assert_eq!(row.points, points[at], "points of {name}");
    }
    decision
}

#[test]
fn a_free_disk_costs_detaching_and_attaching_everywhere_but_where_it_is() {
    // 15 seconds saved are 6.5 points of the curve.
    let decision = check(&world().storage(attached("a")), [0, 15, 15], [7, 0, 0]);
    assert_eq!(decision.wanted[0].cold, decided_cold() + Nanos::from_seconds(15));
}

/// The cost of the image alone.
fn decided_cold() -> Nanos {
    decided(&world(), &pod("p").wants(TAG), &policy()).wanted[0].cold
}

#[test]
fn a_disk_in_use_elsewhere_costs_the_whole_scale() {
    let world = world().storage(attached("a")).pod(pod("q").claims("data").on("a").running());
    check(&world, [0, 64, 64], [10, 0, 0]);
    // One that waits for it on another node makes that no better.
    let stuck = world.pod(pod("r").claims("data").on("b"));
    check(&stuck, [0, 64, 64], [10, 0, 0]);
    let world = stuck.no_pod("r");
    // It has ended, and its disk is still there.
    let world = world.pod(pod("q").claims("data").on("a").ended(1));
    check(&world, [0, 15, 15], [7, 0, 0]);
}

#[test]
fn a_disk_that_is_nowhere_costs_all_nodes_the_same() {
    check(&world(), [9, 9, 9], [0, 0, 0]);
}

#[test]
fn a_disk_on_its_way_is_waited_for_and_one_being_taken_off_is_nowhere_free() {
    let coming = world().storage(attachment("d", "b", AttachState::Attaching));
    // 6 seconds saved.
    check(&coming, [15, 9, 15], [0, 4, 0]);
    let going = world().storage(attachment("d", "b", AttachState::Detaching));
    check(&going, [15, 15, 15], [0, 0, 0]);
}

#[test]
fn what_many_nodes_use_and_what_the_scheduler_sees_to_costs_nothing() {
    let used = |facts: DiskFacts| {
        let world = world().storage(StorageObject::Volume(facts)).storage(attached("a"));
        world.pod(pod("q").claims("data").on("a").running())
    };
    for mode in [AccessMode::Many, AccessMode::ReadByMany] {
        check(&used(disk("d", &[mode])), [0, 0, 0], [0, 0, 0]);
    }
    let local = Reach::Nodes(vec!["a".to_owned()]);
    check(&used(DiskFacts { reach: local, ..disk("d", &[]) }), [0, 0, 0], [0, 0, 0]);
    let share = DiskFacts { driver: None, ..disk("d", &[AccessMode::OneNode]) };
    check(&used(share), [0, 0, 0], [0, 0, 0]);
    // Whether a claim of one pod can be used at all is not for us to say: only moving it is charged.
    check(&used(disk("d", &[AccessMode::OnePod])), [0, 15, 15], [7, 0, 0]);
}

#[test]
fn an_unbound_claim_draws_to_where_its_volume_shall_be_made() {
    let mut facts = unbound("data", "slow");
    let world = world().storage(class("slow")).storage(StorageObject::Claim(facts.clone()));
    check(&world, [9, 9, 9], [0, 0, 0]);
    facts.selected_node = Some("c".to_owned());
    check(&world.storage(StorageObject::Claim(facts)), [15, 15, 9], [0, 0, 4]);
}

#[test]
fn disks_decide_where_no_image_is_known_and_only_if_they_differ() {
    let pod = pod("p").wants("nobody.example/knows:1").claims("data");
    let decision = decided(&world(), &pod, &policy());
    assert_eq!(decision.neutral, Some(Neutral::ImagesUnknown));
    let world = world().storage(attached("b"));
    let decision = decide(&pod, &everywhere(&world), world.cluster(), &policy(), world.now);
    assert_eq!(decision.neutral, None);
    assert_eq!(row(&world, &decision, "b").points, 7);
}

#[test]
fn a_claim_that_nobody_knows_is_said_to_be_unknown_and_costs_nothing() {
    let pod = pod("p").wants(TAG).claims("missing");
    let decision = decided(&world().storage(attached("a")), &pod, &policy());
    assert!(decision.rows.iter().all(|row| decision.parts(row).attach == Nanos(0)));
    assert_eq!(decision.disks[0].known(), "unknown");
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn nearer_disks_never_cost_more_and_the_order_of_nodes_does_not_matter(
        states in prop::array::uniform3(0..5_usize),
        order in Just([0, 1, 2]).prop_shuffle(),
    ) {
        let names = ["a", "b", "c"];
        let world = |order: [usize; 3]| {
            let nodes = order.map(|at| node(names[at]).lists(&[TAG], 100_000_000));
            let world = nodes.into_iter().fold(World::new(), World::node).synced().with_data();
            (0..3).fold(world, |world, at| placed(world, names[at], states[at]))
        };
        let attach = |world: &World| {
            let decision = decided(world, &pod("p").wants(TAG).claims("data"), &policy());
            names.map(|name| {
                let row = row(world, &decision, name);
                (decision.parts(row).attach, row.points)
            })
        };
        let [first, second] = [[0, 1, 2], order].map(|order| attach(&world(order)));
        prop_assert_eq!(first, second);
        let nearest = (0..3).filter(|&at| states[at] >= 3);
        prop_assert!(nearest.clone().all(|at| first[at].0 == Nanos(0)), "{first:?}");
        let least = first.iter().map(|(attach, _)| *attach).min().expect("three nodes");
        prop_assert_eq!(least == Nanos(0), nearest.count() > 0);
    }
}

/// Nothing, being taken off, on its way, attached, or in use.
fn placed(world: World, node: &str, state: usize) -> World {
    match state {
        0 => world,
        1 => world.storage(attachment("d", node, AttachState::Detaching)),
        2 => world.storage(attachment("d", node, AttachState::Attaching)),
        3 => world.storage(attachment("d", node, AttachState::Attached)),
        _ => world.pod(pod(&format!("user-{node}")).claims("data").on(node).running()),
    }
}
