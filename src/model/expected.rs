//! Pods that were decided about and are not seen bound yet: where they most likely go.
//!
//! A scheduler binds some time after it was answered, and the news takes longer still. Without this, all
//! pods of a burst that are decided about meanwhile see the same warm nodes with the same room. What
//! is expected counts as waiting, and ends by itself: it can shift a preference and nothing else.

use std::collections::{BTreeMap, VecDeque};

use crate::model::cluster::NodeId;
use crate::model::unit::{Nanos, PerMille, Time};

/// A pod that is not seen bound by then most likely was not: several times what a scheduler with a
/// backlog takes from answer to binding, and less than anybody would watch a node stay empty.
pub const EXPECTED_FOR: Nanos = Nanos::from_seconds(5);
/// Pods expected at once; the oldest go. What the fastest schedulers bind in that time, and it bounds what
/// a flood of made-up requests can hold.
const PODS_MAX: usize = 4_096;
/// A pod is expected on its best nodes in equal shares, unless they are more than this: then the share is
/// too small to overheat any of them.
pub const NODES_MAX: usize = 64;

/// The pods expected, and how many of them on each node.
#[derive(Debug, Default)]
pub struct ExpectedPods {
    by_uid: BTreeMap<String, Expectation>,
    /// In the order of `decided_at`. May name pods that came meanwhile or were decided about again.
    oldest_first: VecDeque<(Time, String)>,
    /// By node id; nodes past its end expect nothing.
    on_node: Vec<PerMille>,
}

#[derive(Debug)]
struct Expectation {
    decided_at: Time,
    nodes: Vec<NodeId>,
}

impl ExpectedPods {
    /// How many pods are expected on a node, in thousandths.
    #[must_use]
    pub fn on(&self, node: NodeId) -> PerMille {
        self.on_node.get(node.index()).copied().unwrap_or_default()
    }

    /// Where a pod is expected, and its share on each of those nodes; empty for one that is not.
    #[must_use]
    pub fn of(&self, uid: &str) -> (&[NodeId], PerMille) {
        let nodes = self.by_uid.get(uid).map_or(&[][..], |expectation| &expectation.nodes);
        (nodes, share(nodes.len()))
    }

    /// Expects a pod on one of `nodes`, and no longer where it was expected before. One without a uid,
    /// or with no nodes or too many of them, is not expected at all.
    pub(crate) fn expect(&mut self, uid: String, nodes: Vec<NodeId>, now: Time) {
        self.end(&uid);
        if uid.is_empty() || nodes.is_empty() || nodes.len() > NODES_MAX {
            return;
        }
        if self.oldest_first.len() == PODS_MAX {
            self.end_oldest();
        }
        for &node in &nodes {
            if node.index() >= self.on_node.len() {
                self.on_node.resize(node.index() + 1, PerMille(0));
            }
            self.on_node[node.index()].0 += share(nodes.len()).0;
        }
        self.oldest_first.push_back((now, uid.clone()));
        self.by_uid.insert(uid, Expectation { decided_at: now, nodes });
    }

    /// The pod came, or is gone.
    pub(crate) fn end(&mut self, uid: &str) {
        let Some(expectation) = self.by_uid.remove(uid) else { return };
        let share = share(expectation.nodes.len());
        for node in expectation.nodes {
            let on_node = &mut self.on_node[node.index()].0;
            *on_node = on_node.saturating_sub(share.0);
        }
    }

    /// Ends what was expected for too long.
    pub(crate) fn expire(&mut self, now: Time) {
        while self.oldest_first.front().is_some_and(|(at, _)| now >= at.after(EXPECTED_FOR)) {
            self.end_oldest();
        }
    }

    /// Expects nothing more on a node that is gone: its id may soon be another's.
    pub(crate) fn forget_node(&mut self, node: NodeId) {
        if self.on(node) == PerMille(0) {
            return;
        }
        let here = |expectation: &Expectation| expectation.nodes.contains(&node);
        let uids = self.by_uid.iter().filter(|(_, expectation)| here(expectation));
        for uid in uids.map(|(uid, _)| uid.clone()).collect::<Vec<_>>() {
            self.end(&uid);
        }
    }

    fn end_oldest(&mut self) {
        let Some((at, uid)) = self.oldest_first.pop_front() else { return };
        if self.by_uid.get(&uid).is_some_and(|expectation| expectation.decided_at == at) {
            self.end(&uid);
        }
    }
}

fn share(nodes: usize) -> PerMille {
    PerMille(1000 / u64::try_from(nodes.max(1)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{EXPECTED_FOR, ExpectedPods, NODES_MAX, PODS_MAX};
    use crate::model::cluster::NodeId;
    use crate::model::unit::{PerMille, Time};

    fn nodes(count: u32) -> Vec<NodeId> {
        (0..count).map(NodeId).collect()
    }

    #[test]
    fn a_pod_is_expected_in_equal_shares_until_it_comes() {
        let mut expected = ExpectedPods::default();
        expected.expect("a".to_owned(), nodes(4), Time(0));
        expected.expect("b".to_owned(), nodes(1), Time(0));
        assert_eq!(expected.on(NodeId(0)), PerMille(1250));
        assert_eq!(expected.on(NodeId(3)), PerMille(250));
        assert_eq!(expected.of("a"), (&nodes(4)[..], PerMille(250)));
        expected.end("a");
        assert_eq!(expected.on(NodeId(0)), PerMille(1000));
        assert_eq!(expected.on(NodeId(3)), PerMille(0));
        assert!(expected.of("a").0.is_empty());
    }

    #[test]
    fn a_second_decision_takes_the_place_of_the_first() {
        let mut expected = ExpectedPods::default();
        expected.expect("a".to_owned(), nodes(1), Time(0));
        expected.expect("a".to_owned(), vec![NodeId(7)], Time(1));
        assert_eq!((expected.on(NodeId(0)), expected.on(NodeId(7))), (PerMille(0), PerMille(1000)));
        // What is left of the first in the order of age does not end the second.
        expected.expire(Time(0).after(EXPECTED_FOR));
        assert_eq!(expected.on(NodeId(7)), PerMille(1000));
        expected.expire(Time(1).after(EXPECTED_FOR));
        assert_eq!(expected.on(NodeId(7)), PerMille(0));
    }

    #[test]
    fn many_equal_nodes_and_pods_without_a_name_are_not_expected() {
        let mut expected = ExpectedPods::default();
        expected.expect("a".to_owned(), nodes(u32::try_from(NODES_MAX).unwrap() + 1), Time(0));
        expected.expect(String::new(), nodes(1), Time(0));
        assert_eq!(expected.on(NodeId(0)), PerMille(0));
    }

    #[test]
    fn a_flood_is_bounded_and_a_node_that_goes_leaves_nothing() {
        let mut expected = ExpectedPods::default();
        for at in 0..PODS_MAX + 1000 {
            expected.expect(format!("p{at}"), vec![NodeId(3)], Time(0));
        }
        assert_eq!(expected.on(NodeId(3)), PerMille(1000 * PODS_MAX as u64));
        assert_eq!(expected.oldest_first.len(), PODS_MAX);
        expected.forget_node(NodeId(3));
        assert_eq!(expected.on(NodeId(3)), PerMille(0));
        assert!(expected.by_uid.is_empty());
    }
}
