//! What holds of lookahead on every cluster.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::naive::Told;
use super::properties::{Case, any_case, latest, told_to};
use super::{by_name, decided, everywhere, policy, same_rows};
use crate::model::pod::PodFacts;
use crate::model::unit::{Nanos, PerMille};
use crate::policy::Policy;
use crate::score::decision::volume::VolumeRow;
use crate::score::decision::{Decision, Reasons, Row};
use crate::score::scratch::Scratch;
use crate::score::{Question, decide, decide_into, rates};
use crate::state::fixtures::cases;
use crate::state::fixtures::universe::any_pending_pod;
use crate::state::fixtures::world::World;

/// Pods that wait to be bound, some of them of the run of the pod that is asked about.
fn any_pending() -> impl Strategy<Value = Vec<PodFacts>> {
    let pod = |at| (any_pending_pod(Just(format!("w{at}"))), any::<bool>());
    let pods: Vec<_> = (0..5).map(pod).collect();
    let named = |(pod, is_of_run)| if is_of_run { of_run(pod) } else { pod };
    pods.prop_map(move |pods| pods.into_iter().map(named).collect())
}

fn of_run(pod: PodFacts) -> PodFacts {
    pod.of_run("r0")
}

fn volumes_by_name(world: &World, decision: &Decision) -> BTreeMap<String, VolumeRow> {
    let rows = decision.rows.iter().zip(&decision.volume_rows);
    let name = |row: &Row| world.cluster().node(row.node).name.to_string();
    rows.map(|(row, volumes)| (name(row), *volumes)).collect()
}

/// What is counted at most: all that later steps do not have to move to a node, at the policy's share.
fn worth(decision: &Decision, case: &Case, policy: &Policy, row: &Row) -> Nanos {
    let told = Told { images: &latest(&case.images), cluster: case.world.cluster(), policy };
    let name = &*case.world.cluster().node(row.node).name;
    let node = case.nodes.iter().find(|node| node.name == name).expect("was told");
    let mut all = case.pod.clone();
    all.images.extend(decision.later.images.iter().cloned());
    let missing = told.lack(&all, node).bytes - told.lack(&case.pod, node).bytes;
    let wanted = decision.later.wanted[usize::from(row.group)].bytes;
    let rates = rates(policy);
    policy.run.lookahead.share.of(rates.duration_of(wanted) - rates.duration_of(missing))
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn it_counts_what_a_walk_over_layers_finds_where_the_pod_itself_is_ready_soon(
        case in any_case(),
        pending in any_pending(),
    ) {
        let mut case = case;
        case.pod = of_run(case.pod);
        case.world = pending.into_iter().fold(case.world, World::pending);
        let policy = policy();
        let decision = decided(&case.world, &case.pod, &policy);
        let has_room = |row: &&Row| {
            row.waiting_pods < policy.run.waiting_pods_max
                && !row.reasons.has(Reasons::NEVER_PULLED)
        };
        let soonest = decision.rows.iter().filter(has_room).map(|row| decision.delay(row)).min();
        for row in &decision.rows {
            let own = decision.wanted_of(row).cold;
            let slack = (own.0 / 4).max(2_000_000_000);
            let within = soonest.is_some_and(|soonest| decision.delay(row).0 <= soonest.0 + slack);
            let counts = has_room(&row) && within && !decision.later.images.is_empty();
            let expected = if counts { worth(&decision, &case, &policy, row) } else { Nanos(0) };
            prop_assert_eq!(decision.parts(row).lookahead, expected, "{:?}", row);
        }
    }

    #[test]
    fn it_changes_nothing_but_what_it_adds_and_switched_off_nothing_at_all(
        case in any_case(),
        pending in any_pending(),
    ) {
        let pod = of_run(case.pod);
        let mut off = Policy::named("default").expect("comes with the program");
        let default = off.clone();
        off.run.lookahead.share = PerMille(0);
        let without = decided(&case.world, &pod, &default);
        let known = pending.into_iter().fold(case.world, World::pending);
        let switched_off = decided(&known, &pod, &off);
        prop_assert_eq!(&switched_off.rows, &without.rows);
        prop_assert_eq!(&switched_off.volume_rows, &without.volume_rows);
        let with = decided(&known, &pod, &default);
        // Of a pod whose own images nobody knows a decision may be taken now.
        for (row, other) in with.rows.iter().zip(&without.rows) {
            let facts = |row: &Row| Row { raw: 0, points: 0, ..row.clone() };
            prop_assert_eq!(facts(row), facts(other));
            let (parts, others) = (with.parts(row), without.parts(other));
            let gained = i64::try_from(parts.lookahead.0).expect("small");
            prop_assert_eq!(parts.saved - gained, others.saved);
            prop_assert_eq!(parts.cost(), others.cost());
        }
    }

    #[test]
    fn an_order_of_candidates_of_ids_or_of_events_never_reaches_it(
        case in any_case(),
        pending in any_pending(),
        turn in any::<prop::sample::Index>(),
    ) {
        let Case { images, mut nodes, bound, world, pod } = case;
        let pod = of_run(pod);
        let policy = Policy::named("default").expect("comes with the program");
        let world = pending.iter().cloned().fold(world, World::pending);
        let asked = decided(&world, &pod, &policy);
        let mut turned = everywhere(&world);
        turned.nodes.rotate_left(turn.index(nodes.len()));
        turned.nodes.reverse();
        let again = decide(&pod, &turned, world.cluster(), &policy, world.now);
        same_rows(&by_name(&world, &asked), &by_name(&world, &again))?;
        prop_assert_eq!(volumes_by_name(&world, &asked), volumes_by_name(&world, &again));
        nodes.reverse();
        let other = pending.into_iter().rev().fold(World::new(), World::pending);
        let other = told_to(other, &images, &nodes, &bound);
        let elsewhere = decided(&other, &pod, &policy);
        same_rows(&by_name(&world, &asked), &by_name(&other, &elsewhere))?;
        prop_assert_eq!(volumes_by_name(&world, &asked), volumes_by_name(&other, &elsewhere));
    }

    #[test]
    fn a_used_buffer_gives_the_same(
        case in any_case(),
        other in any_case(),
        pending in any_pending(),
    ) {
        let policy = Policy::named("default").expect("comes with the program");
        let pending = |world: World| pending.iter().cloned().fold(world, World::pending);
        let (world, used) = (pending(case.world), pending(other.world));
        let (pod, before) = (of_run(case.pod), of_run(other.pod));
        let fresh = decided(&world, &pod, &policy);
        let mut decision = decided(&used, &before, &policy);
        let mut scratch = Scratch::default();
        let candidates = everywhere(&world);
        for _ in 0..2 {
            decide_into(&mut decision, &mut scratch, &Question {
                pod: &pod,
                candidates: &candidates,
                cluster: world.cluster(),
                policy: &policy,
                now: world.now,
            });
            prop_assert_eq!(&decision.rows, &fresh.rows);
            prop_assert_eq!(&decision.volume_rows, &fresh.volume_rows);
            prop_assert_eq!(&decision.later.wanted, &fresh.later.wanted);
        }
    }
}
