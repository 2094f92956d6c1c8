//! A cluster learnt event by event decides as one learnt from a list of what is left.
//!
//! What a list cannot tell is shut out: past use has run out, no tag moved between two looks, and no
//! secret was seen (where pods and lists name different digests under one tag, which one came last is not
//! shut out: one case in 25,000). Every node has told its status once more, as kubelets do every few minutes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{by_name, decided, same_rows};
use crate::model::image::ImageFacts;
use crate::model::node::NodeFacts;
use crate::model::pod::PodFacts;
use crate::policy::Policy;
use crate::state::event::{Event, Kind};
use crate::state::fixtures::universe::{any_change, any_wishes};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{at, cases, pod};

/// What a list names.
#[derive(Debug, Default)]
struct Objects {
    nodes: BTreeMap<String, NodeFacts>,
    pods: BTreeMap<String, PodFacts>,
    images: Vec<ImageFacts>,
}

impl Objects {
    fn note(&mut self, event: &Event) {
        match event.clone() {
            Event::NodeApplied(facts) => drop(self.nodes.insert(facts.name.clone(), facts)),
            Event::PodApplied(facts) => drop(self.pods.insert(facts.uid.clone(), facts)),
            Event::PodRemoved { uid } => drop(self.pods.remove(&uid)),
            Event::ImageKnown(facts) => self.images.push(facts),
            Event::NodeRemoved { name } => {
                self.nodes.remove(&name);
                self.pods.retain(|_, pod| pod.node.as_ref() != Some(&name));
            }
            _ => {}
        }
    }

    fn listed(self, mut world: World) -> World {
        world = self.images.into_iter().fold(world, World::image);
        world = world.resync(Kind::Pods).resync(Kind::Nodes);
        world = self.nodes.into_values().fold(world, World::node);
        world = self.pods.into_values().fold(world, World::pod);
        world.resynced(Kind::Nodes).resynced(Kind::Pods)
    }
}

/// Pods that wait were bound just before the end, those that ended did so long ago.
fn timed(mut event: Event) -> Event {
    if let Event::PodApplied(facts) = &mut event {
        let seconds = facts.bound_at.map_or(0, |bound| bound.since(at(9_000)).0 / 1_000_000_000);
        facts.bound_at = Some(at(13_500 + seconds / 2));
        facts.ended_at = Some(at(9_000));
    }
    event
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn a_replay_and_a_list_give_the_same_decisions(
        history in prop::collection::vec(any_change().prop_map(timed), 0..60),
        asked in prop::collection::vec(any_wishes(), 4),
    ) {
        let (mut replayed, mut left) = (World::new(), Objects::default());
        for event in history {
            left.note(&event);
            replayed = replayed.then(event);
        }
        replayed = replayed.pass(4000);
        replayed = left.nodes.values().cloned().fold(replayed, World::node);
        let listed = left.listed(World { now: replayed.now, ..World::new() });
        let policy = Policy::named("default").expect("comes with the program");
        for wishes in asked {
            let mut pod = pod("asked").with_secret("other");
            for (pull_policy, reference) in wishes {
                pod = pod.pulls(pull_policy, &reference);
            }
            let decide = |world| by_name(world, &decided(world, &pod, &policy));
            let decisions = [&replayed, &listed].map(decide);
            same_rows(&decisions[0], &decisions[1])?;
        }
    }
}
