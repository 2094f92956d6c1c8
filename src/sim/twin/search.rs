//! How many nodes the scheduler looks for, and where the next search begins.
//!
//! `findNodesThatFitPod`, `findNodesThatPassFilters` and `numFeasibleNodesToFind` of
//! `pkg/scheduler/schedule_one.go`, Kubernetes 1.37.2, as with `parallelism: 1`. With its 16 workers the real
//! one looks at the same stretch of nodes, but in chunks of which now one, now another is done first: which
//! of the last ones are still found, and the order of all, are chance.

use crate::sim::resource::Resources;
use crate::sim::setup::NodeNumber;
use crate::sim::twin::node::NodeTable;

/// Fewer nodes than this are all looked at, and of more no fewer (`minFeasibleNodesToFind`).
const FOUND_NODES_MIN: usize = 100;
/// At least this share is looked at (`minFeasibleNodesPercentageToFind`).
const PERCENT_MIN: usize = 5;

/// Finds nodes with room, from where the last search ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    /// `nextStartNodeIndex`.
    pub(super) next_start: usize,
}

impl Search {
    /// Puts into `found` the nodes with room for what is asked, as many as are looked for.
    ///
    /// The search ends at the first node with room that is one too many, and the next begins there.
    pub(super) fn run(
        &mut self,
        order: &[NodeNumber],
        nodes: &NodeTable,
        asked: Resources,
        found: &mut Vec<NodeNumber>,
    ) {
        found.clear();
        let wanted = searched_nodes(order.len());
        let (before, after) = order.split_at(self.start(order.len()));
        let mut looked_at = 0;
        for &node in after.iter().chain(before) {
            if nodes.has_room(node, asked) {
                if found.len() == wanted {
                    break;
                }
                found.push(node);
            }
            looked_at += 1;
        }
        self.advance(looked_at, order.len());
    }

    /// The next search begins so many nodes later.
    pub(super) fn advance(&mut self, looked_at: usize, node_count: usize) {
        self.next_start = (self.start(node_count) + looked_at) % node_count.max(1);
    }

    fn start(&self, node_count: usize) -> usize {
        self.next_start % node_count.max(1)
    }
}

/// How many nodes with room end a search among `node_count`: all under 100; else 50% of them less 1%
/// for each 125 nodes, at least 5%; and at least 100.
///
/// 1,000 nodes: 42%, 420. 5,000 nodes: 10%, 500.
fn searched_nodes(node_count: usize) -> usize {
    if node_count < FOUND_NODES_MIN {
        return node_count;
    }
    let percent = 50_usize.saturating_sub(node_count / 125).max(PERCENT_MIN);
    (node_count * percent / 100).max(FOUND_NODES_MIN)
}

#[cfg(test)]
mod tests {
    use super::{Search, searched_nodes};
    use crate::model::unit::Bytes;
    use crate::sim::resource::Resources;
    use crate::sim::setup::NodeNumber;
    use crate::sim::twin::node::{NodeTable, TwinNode};

    /// The last three are upstream's, from `TestNumFeasibleNodesToFind`.
    #[test]
    fn large_clusters_are_sampled() {
        let ours = [(24, 24), (99, 99), (100, 100), (5000, 500), (15_000, 750)];
        for (nodes, expected) in ours.into_iter().chain([(10, 10), (1000, 420), (6000, 300)]) {
            assert_eq!(searched_nodes(nodes), expected, "{nodes}");
        }
    }

    #[test]
    fn a_search_goes_on_where_the_last_one_had_one_node_too_many() {
        let mut nodes = NodeTable::default();
        let order: Vec<NodeNumber> = (0..150).map(NodeNumber).collect();
        let asked = Resources { cpu_millis: 1, memory: Bytes(0) };
        for &node in &order {
            // Nodes 100 to 104 are full.
            let pods_max = u32::from(!(100..105).contains(&node.0));
            nodes.add(node, TwinNode { allocatable: asked, pods_max, ..TwinNode::default() });
        }
        let (mut search, mut found) = (Search::default(), Vec::new());
        search.run(&order, &nodes, asked, &mut found);
        assert_eq!(found, order[..100]);
        assert_eq!(search.next_start, 105);
        search.run(&order, &nodes, asked, &mut found);
        assert_eq!(found, [&order[105..], &order[..55]].concat());
        assert_eq!(search.next_start, 55);
    }
}
