//! What holds for every decision about a pod with volumes, on every cluster.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{by_name, decided, policy};
use crate::model::inventory::InventoryFacts;
use crate::model::node::NodeFacts;
use crate::model::pod::PodFacts;
use crate::model::run::RunFacts;
use crate::model::unit::{Nanos, Price};
use crate::model::volume::HeldVolume;
use crate::policy::Policy;
use crate::score::decision::volume::VolumeRow;
use crate::score::decision::{Decision, Row};
use crate::state::fixtures::agent::inventory;
use crate::state::fixtures::universe::any_node;
use crate::state::fixtures::volume::{any_held, any_run};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{cases, node, pod};

/// Nodes with what their agents report of volumes, pods that wait on them, and the pod asked about.
#[derive(Clone, Debug)]
struct Case {
    nodes: Vec<(NodeFacts, Vec<HeldVolume>)>,
    bound: Vec<PodFacts>,
    asked: PodFacts,
}

fn any_case() -> impl Strategy<Value = Case> {
    let nodes = (1..6_usize).prop_flat_map(|count| {
        let nodes = (0..count).map(|at| (any_node(Just(format!("n{at}"))), any_held()));
        nodes.collect::<Vec<_>>()
    });
    let bound = prop::collection::vec((any_run(), 0..5_usize, 9_990..10_000_u64), 0..6);
    (nodes, bound, any_run()).prop_map(|(nodes, bound, run)| {
        let of = |run: RunFacts, uid: &str| PodFacts { run, ..pod(uid).wants("r.io/lint:1") };
        let waiting = bound.into_iter().enumerate().map(|(number, (run, at, bound))| {
            let name = &nodes[at % nodes.len()].0.name;
            of(run, &format!("u{number}")).on(name).bound(bound)
        });
        let bound = waiting.collect();
        Case { nodes, bound, asked: of(run, "asked") }
    })
}

impl Case {
    fn world(&self) -> World {
        let mut world = World::new();
        for (facts, held) in &self.nodes {
            world = world.node(facts.clone());
            let report = InventoryFacts { volumes: held.clone(), ..inventory(10_000) };
            world = world.report(&facts.name, report);
        }
        self.bound.iter().cloned().fold(world, World::pod)
    }
}

fn rows(world: &World, decision: &Decision) -> BTreeMap<String, VolumeRow> {
    let rows = decision.rows.iter().map(|row| {
        let name = world.cluster().node(row.node).name.to_string();
        (name, decision.volumes_of(row).copied().unwrap_or_default())
    });
    rows.collect()
}

fn priced(gigabyte: u64, seconds: u64) -> Policy {
    let mut policy = policy();
    policy.stream.zone.gigabyte_price = Price(gigabyte);
    policy.stream.registry.gigabyte_price = Price(gigabyte);
    policy.stream.registry_zone = "x".to_owned();
    policy.stream.time_per_money = Nanos::from_seconds(seconds);
    policy
}

#[test]
fn a_row_stays_small_and_a_pod_without_volumes_has_no_others() {
    assert_eq!((size_of::<Row>(), size_of::<VolumeRow>()), (56, 88));
    let world = World::new().node(node("a").lists(&["r.io/a:1"], 1)).node(node("b"));
    let decision = decided(&world, &pod("p").wants("r.io/a:1"), &policy());
    assert_eq!((decision.rows.len(), decision.volume_rows.capacity()), (2, 0));
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn another_volume_on_a_node_never_makes_it_wait_longer(
        case in any_case(),
        which in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!case.asked.run.needs.is_empty());
        let needed = &case.asked.run.needs[which.index(case.asked.run.needs.len())];
        let mut richer = case.clone();
        // Of the size that counts anyway, so that only the place is news.
        let decision = decided(&case.world(), &case.asked, &policy());
        prop_assume!(decision.neutral.is_none());
        let at = case.asked.run.needs.iter().position(|facts| facts.key == needed.key);
        let bytes = at.map(|at| decision.volumes[at].bytes).unwrap_or_default();
        let (key, kind) = (needed.key.clone(), needed.kind);
        let held = HeldVolume { key, kind, bytes, last_used: None };
        richer.nodes[0].1.push(held);
        let (poor, rich) = (case.world(), richer.world());
        let delay = |world: &World, decision: &Decision| {
            rows(world, decision).get("n0").map(VolumeRow::delay)
        };
        let richly = decided(&rich, &case.asked, &policy());
        prop_assert!(delay(&rich, &richly) <= delay(&poor, &decision));
    }

    #[test]
    fn naming_volumes_again_changes_nothing(case in any_case()) {
        let world = case.world();
        let once = decided(&world, &case.asked, &policy());
        let mut again = case.asked.clone();
        again.run.needs.extend_from_within(..);
        let twice = decided(&world, &again, &policy());
        prop_assert_eq!(once.rows, twice.rows);
        prop_assert_eq!(once.volume_rows, twice.volume_rows);
    }

    #[test]
    fn an_order_of_nodes_never_reaches_the_answer(case in any_case()) {
        let policy = Policy::named("default").expect("comes with the program");
        let mut turned = case.clone();
        turned.nodes.reverse();
        let worlds = [case.world(), turned.world()];
        let [one, other] = worlds.each_ref().map(|world| {
            let decision = decided(world, &case.asked, &policy);
            (by_name(world, &decision), rows(world, &decision))
        });
        prop_assert_eq!(one, other);
    }

    #[test]
    fn with_a_price_of_zero_nothing_changes(case in any_case()) {
        let world = case.world();
        let plain = decided(&world, &case.asked, &priced(0, 0));
        for policy in [priced(0, 1000), priced(50_000, 0)] {
            let other = decided(&world, &case.asked, &policy);
            prop_assert_eq!(&plain.rows, &other.rows);
            for (one, other) in plain.volume_rows.iter().zip(&other.volume_rows) {
                prop_assert_eq!(one, &VolumeRow { price: Price(0), ..*other });
                prop_assert_eq!(other.money, Nanos(0));
            }
        }
    }

    #[test]
    fn no_node_pays_more_than_the_registry_for_what_it_can_have_there(case in any_case()) {
        let world = case.world();
        let decision = decided(&world, &case.asked, &policy());
        let cold = decision.volumes.iter().fold(Nanos(0), |sum, volume| sum + volume.cold);
        let all = decision.volumes.iter().all(|volume| volume.fallback.is_some());
        for row in decision.volume_rows.iter().filter(|_| all) {
            prop_assert!(row.stream <= cold, "{:?} {:?}", row, decision.volumes);
        }
    }
}
