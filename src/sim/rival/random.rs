//! Any node with room.

use crate::sim::random::Random;

/// So many nodes are tried before all are looked at: on a cluster that is half full, one pod in 65,536
/// needs that.
const TRIES_MAX: usize = 16;

/// One of the nodes with room, each with the same chance; `None` if there is none.
pub fn choose(
    nodes: usize,
    random: &mut Random,
    has_room: impl Fn(usize) -> bool,
) -> Option<usize> {
    let tried = (0..TRIES_MAX.min(nodes)).find_map(|_| {
        let node = random.index(nodes);
        has_room(node).then_some(node)
    });
    tried.or_else(|| {
        let with_room: Vec<usize> = (0..nodes).filter(|node| has_room(*node)).collect();
        with_room.get(random.index(with_room.len())).copied()
    })
}
