//! From the names of a request to the nodes of the cluster.
//!
//! A scheduler goes through its nodes in an order that seldom changes, so the one that followed a node in
//! the last request most likely follows it in the next. A guess is only ever a short way to the same
//! answer: a name is compared before it is believed.

use crate::edge::extender::wire::Name;
use crate::model::cluster::{Cluster, NodeId};
use crate::score::Candidates;

/// What is remembered from request to request.
#[derive(Debug, Default)]
pub struct Lookup {
    /// By node id: which node came next.
    followers: Vec<NodeId>,
}

/// Followed by nothing so far. No cluster has so many nodes.
const NOBODY: NodeId = NodeId(u32::MAX);

impl Lookup {
    /// The nodes that the cluster knows, in the order asked, and each other name once, in order.
    pub fn find<'n, 'a>(
        &mut self,
        names: &'n [Name<'a>],
        cluster: &Cluster,
    ) -> (Candidates, Vec<&'n Name<'a>>) {
        self.followers.resize(cluster.node_table_len(), NOBODY);
        let mut nodes = Vec::with_capacity(names.len());
        let mut unknown = Vec::new();
        for name in names {
            match self.node(name, nodes.last().copied(), cluster) {
                Some(id) => nodes.push(id),
                None => unknown.push(name),
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        (Candidates { nodes, unknown_count: unknown.len() }, unknown)
    }

    fn node(&mut self, name: &str, before: Option<NodeId>, cluster: &Cluster) -> Option<NodeId> {
        let Some(before) = before else { return cluster.node_id(name) };
        let guess = self.followers[before.index()];
        if !name.is_empty() && cluster.node_name(guess) == name {
            return Some(guess);
        }
        let id = cluster.node_id(name)?;
        self.followers[before.index()] = id;
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::Lookup;
    use crate::edge::extender::wire::Name;
    use crate::model::cluster::NodeId;
    use crate::state::fixtures::node;
    use crate::state::fixtures::world::World;

    fn found(lookup: &mut Lookup, world: &World, names: &[&str]) -> (Vec<NodeId>, Vec<String>) {
        let names: Vec<_> = names.iter().copied().map(Name::from).collect();
        let (candidates, unknown) = lookup.find(&names, world.cluster());
        assert_eq!(candidates.unknown_count, unknown.len());
        (candidates.nodes, unknown.into_iter().map(|name| name.to_string()).collect())
    }

    #[test]
    fn every_order_is_found_whatever_was_asked_before() {
        let names = ["a", "b", "c", "d"];
        let world = names.iter().fold(World::new(), |world, name| world.node(node(name)));
        let mut lookup = Lookup::default();
        let orders = [["a", "b", "c", "d"], ["c", "d", "a", "b"], ["d", "c", "b", "a"]];
        for order in [orders, orders].concat() {
            let expected: Vec<_> = order.iter().map(|name| world.id(name)).collect();
            assert_eq!(found(&mut lookup, &world, &order), (expected, vec![]));
        }
    }

    #[test]
    fn a_node_that_went_and_one_that_took_its_id_are_not_mixed_up() {
        let world = World::new().node(node("a")).node(node("b"));
        let mut lookup = Lookup::default();
        assert_eq!(found(&mut lookup, &world, &["a", "b"]).1, Vec::<String>::new());
        let world = world.no_node("b");
        assert_eq!(found(&mut lookup, &world, &["a", "b", "", "b"]).1, ["", "b"]);
        let world = world.node(node("c"));
        let (nodes, unknown) = found(&mut lookup, &world, &["a", "b", "c"]);
        assert_eq!((nodes, unknown), (vec![world.id("a"), world.id("c")], vec!["b".to_owned()]));
    }
}
