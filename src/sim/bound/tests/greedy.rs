//! Simple placements of a tiny demand, each choosing as it goes: what they move, no bound may exceed.

use super::exact::{Instance, State};
use crate::sim::bound::demand::Parts;
use crate::sim::random::Random;

/// How a node is chosen among those with room.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    FewestMissingBytes,
    First,
    Chance,
}

/// What the rule moves, removing by chance; `None` if it leaves a pod without room.
pub(super) fn moved(parts: &Parts, rule: Rule, seed: u64) -> Option<u64> {
    let instance = Instance::new(parts);
    let mut random = Random::new(seed, 0);
    let mut state = State { held: instance.brought(), placed: Vec::new() };
    let mut moved = 0;
    while state.placed.len() < instance.pods.len() {
        let nodes = instance.nodes_with_room(&state);
        let node = match rule {
            Rule::FewestMissingBytes => {
                nodes.into_iter().min_by_key(|node| instance.missing(&state, *node))
            }
            Rule::First => nodes.first().copied(),
            Rule::Chance => nodes.get(random.index(nodes.len())).copied(),
        };
        let mut outcomes = instance.outcomes(&state, node?);
        let (after, bytes) = outcomes.swap_remove(random.index(outcomes.len()));
        (state, moved) = (after, moved + bytes);
    }
    Some(moved)
}
