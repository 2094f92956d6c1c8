//! What holds whatever happens, in whatever order.

use proptest::prelude::*;

use super::invariants;
use crate::model::image::ImageFacts;
use crate::model::unit::Nanos;
use crate::state::event::{Event, Kind};
use crate::state::fixtures::cases;
use crate::state::fixtures::universe::{any_change, any_image};
use crate::state::fixtures::world::World;

fn any_event() -> impl Strategy<Value = Event> {
    const KINDS: [Kind; 4] = [Kind::Nodes, Kind::Pods, Kind::PendingPods, Kind::Inventories];
    let kind = || (0..KINDS.len()).prop_map(|at| KINDS[at]);
    prop_oneof![
        32 => any_change(),
        3 => Just(Event::TimePassed),
        3 => any_image().prop_map(forgotten),
        1 => kind().prop_map(Event::ResyncStarted),
        1 => kind().prop_map(Event::ResyncEnded),
    ]
}

fn forgotten(facts: ImageFacts) -> Event {
    Event::ImageForgotten { manifest: facts.digests[0].clone(), platform: facts.platform }
}

/// Events, each with the seconds that pass before it.
fn any_history() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let wait = prop_oneof![5 => Just(0), 3 => 1..70_u64, 1 => 600..4000_u64];
    prop::collection::vec((wait, any_event()), 0..60)
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn whatever_happens_both_directions_stay_in_step(history in any_history()) {
        let mut world = World::new();
        for (wait, event) in history {
            world.now = world.now.after(Nanos::from_seconds(wait));
            world = world.then(event);
            invariants::check(&world.tracker, world.now);
        }
    }

    #[test]
    fn nothing_but_known_images_outlives_nodes_and_pods(history in any_history()) {
        let mut world = World::new();
        for (wait, event) in history {
            world.now = world.now.after(Nanos::from_seconds(wait));
            world = world.then(event);
        }
        for name in ["n0", "n1", "n2", "n3", "n4"] {
            world = world.no_node(name).no_report(name);
        }
        world = world.resync(Kind::PendingPods).resynced(Kind::PendingPods);
        prop_assert!(world.cluster().claims.is_empty() && world.cluster().blobs.is_empty());
        invariants::check(&world.tracker, world.now);
        let held = ["nodes", "pods", "pending-pods", "records", "volumes", "runs"];
        let left: Vec<_> = world.cluster().sizes().into_iter()
            .filter(|(what, count)| *count > 0 && held.contains(what))
            .collect();
        prop_assert_eq!(left, []);
    }

    #[test]
    fn what_is_only_inferred_ends_by_itself(history in any_history()) {
        let mut world = World::new();
        for (wait, event) in history {
            world.now = world.now.after(Nanos::from_seconds(wait));
            world = world.then(event);
        }
        // Longer than any belief, and in two steps: the first end of one must not lose the next.
        world = world.pass(1000).pass(7200);
        invariants::check(&world.tracker, world.now);
        for (_, node) in world.cluster().nodes_by_name() {
            prop_assert!(node.waiting.is_empty() && node.inventory.is_none());
            let supported = node.held.iter().all(|held| held.reported || held.users > 0);
            prop_assert!(supported, "{:?}", node.held);
        }
    }
}
