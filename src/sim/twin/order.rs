//! In which order the scheduler looks at nodes: one of each zone in turn, in each zone as they joined.
//!
//! `pkg/scheduler/backend/cache/node_tree.go` of Kubernetes 1.37.2. Where in the order a search begins is
//! [`super::search`]'s.

use crate::sim::setup::{NodeNumber, ZoneNumber};

/// The nodes of a cluster by zone.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeOrder {
    /// By the time of their first node; a zone that lost its last node is gone.
    zones: Vec<(ZoneNumber, Vec<NodeNumber>)>,
    /// What they come to, once asked for.
    list: Vec<NodeNumber>,
    is_stale: bool,
}

impl NodeOrder {
    /// Puts a node behind the others of its zone, unless it is there.
    pub(super) fn add(&mut self, node: NodeNumber, zone: ZoneNumber) {
        self.is_stale = true;
        match self.zones.iter_mut().find(|(known, _)| *known == zone) {
            Some((_, nodes)) if nodes.contains(&node) => {}
            Some((_, nodes)) => nodes.push(node),
            None => self.zones.push((zone, vec![node])),
        }
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, node: NodeNumber) {
        self.is_stale = true;
        self.zones.iter_mut().for_each(|(_, nodes)| nodes.retain(|other| *other != node));
        self.zones.retain(|(_, nodes)| !nodes.is_empty());
    }

    /// All nodes in the order in which they are looked at.
    pub(super) fn list(&mut self) -> &[NodeNumber] {
        if std::mem::take(&mut self.is_stale) {
            self.list.clear();
            let longest = self.zones.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
            for at in 0..longest {
                self.list.extend(self.zones.iter().filter_map(|(_, nodes)| nodes.get(at)));
            }
        }
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::NodeOrder;
    use crate::sim::setup::{NodeNumber, ZoneNumber};

    fn order(zones: &[(u32, u16)]) -> NodeOrder {
        let mut order = NodeOrder::default();
        zones.iter().for_each(|&(node, zone)| order.add(NodeNumber(node), ZoneNumber(zone)));
        order
    }

    fn check(order: &mut NodeOrder, expected: &[u32]) {
        let list: Vec<u32> = order.list().iter().map(|node| node.0).collect();
        assert_eq!(list, expected);
    }

    /// The nodes of upstream's `node_tree_test.go`, with a number for each of its zones.
    const NODES: [(u32, u16); 9] =
        [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (8, 5)];

    #[test]
    fn zones_take_turns_as_upstream_has_it() {
        check(&mut order(&NODES[..4]), &[0, 1, 2, 3]);
        check(&mut order(&NODES), &[0, 1, 2, 3, 5, 6, 4, 7, 8]);
    }

    #[test]
    fn a_node_is_there_once_and_gone_once_removed() {
        let mut order = order(&[(0, 0), (0, 0), (1, 1), (2, 0)]);
        check(&mut order, &[0, 1, 2]);
        order.remove(NodeNumber(0));
        check(&mut order, &[2, 1]);
    }

    #[test]
    fn a_zone_that_was_empty_comes_last() {
        let mut order = order(&[(0, 0), (1, 1)]);
        order.remove(NodeNumber(0));
        order.add(NodeNumber(0), ZoneNumber(0));
        check(&mut order, &[1, 0]);
    }
}
