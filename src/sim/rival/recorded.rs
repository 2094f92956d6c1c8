//! As it was: each pod goes to the node that it was bound to when the trace was recorded.
//!
//! A pod whose node is not there yet, or has no room, waits for it. What was not recorded is placed as evenly
//! as can be: a pod that is made anew because its node went, and one that comes only after its node has gone.
//! Both can be, because pulls here do not take as long as they took.

use std::collections::BTreeSet;

use crate::model::unit::Nanos;
use crate::sim::placement::{Asked, Change, Placement};
use crate::sim::rival::choosing::{Chooser, Rule};
use crate::sim::setup::{NodeNumber, Setup};

/// Binds to the nodes of [`Setup::recorded`]; to be run by [`Engine::recorded`].
///
/// [`Engine::recorded`]: crate::sim::engine::Engine::recorded
#[derive(Clone, Debug)]
pub struct Recorded<'a> {
    setup: &'a Setup,
    gone: BTreeSet<NodeNumber>,
    spread: Chooser<'a>,
}

impl<'a> Recorded<'a> {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(setup: &'a Setup) -> Self {
        Self { setup, gone: BTreeSet::new(), spread: Chooser::new(Rule::Spread, setup) }
    }
}

impl Placement for Recorded<'_> {
    fn observe(&mut self, at: Nanos, change: &Change) {
        if let Change::NodeLeft { node } = change {
            self.gone.insert(*node);
        }
        self.spread.observe(at, change);
    }

    fn place(&mut self, at: Nanos, asked: Asked<'_>) -> Option<NodeNumber> {
        let node = self.setup.recorded.get(asked.pod.job.0 as usize).copied();
        let node = node.filter(|node| asked.pod.attempt == 0 && !self.gone.contains(node));
        match node {
            Some(node) => self.spread.has_room(node, asked.job.requests).then_some(node),
            None => self.spread.place(at, asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Recorded;
    use crate::model::unit::Nanos;
    use crate::sim::engine::Engine;
    use crate::sim::fixtures;
    use crate::sim::job::Job;
    use crate::sim::record::{Outcome, Record};
    use crate::sim::setup::{NodeNumber, NodeSetup, Setup};

    /// Nodes of one processor and pods that take all of it for ten seconds, each with its recorded node.
    fn run(nodes: &[(u64, Option<u64>)], pods: &[(u64, u32)]) -> Record {
        let node = |&(joins, leaves): &(u64, Option<u64>)| NodeSetup {
            name: format!("from-{joins}"),
            joins_at: Nanos::from_seconds(joins),
            leaves_at: leaves.map(Nanos::from_seconds),
            ..fixtures::node(1000)
        };
        let capacity = fixtures::node(1000).capacity;
        let job = |&(at, _): &(u64, u32)| Job {
            requests: capacity,
            arrives_at: Nanos::from_seconds(at),
            runs_for: Nanos::from_seconds(10),
            ..Job::default()
        };
        let setup = Setup {
            nodes: nodes.iter().map(node).collect(),
            jobs: pods.iter().map(job).collect(),
            recorded: pods.iter().map(|&(_, node)| NodeNumber(node)).collect(),
            ..Setup::default()
        };
        Engine::recorded(&setup).run(&mut Recorded::new(&setup))
    }

    fn bound(record: &Record) -> Vec<(u32, u64)> {
        let seconds = |at: Option<Nanos>| at.expect("bound").0 / Nanos::from_seconds(1).0;
        let pods = record.pods.iter().map(|pod| {
            assert_eq!(pod.outcome, Outcome::Succeeded);
            (pod.node.expect("a node").0, seconds(pod.bound_at))
        });
        pods.collect()
    }

    #[test]
    fn a_pod_waits_for_its_node_though_others_have_room() {
        let record = run(&[(0, None), (0, None), (30, None)], &[(0, 0), (1, 0), (2, 1), (3, 2)]);
        assert_eq!(bound(&record), [(0, 0), (0, 10), (1, 2), (2, 30)]);
    }

    #[test]
    fn pods_that_wait_for_different_nodes_do_not_hold_each_other_up() {
        let record = run(&[(0, None), (0, None)], &[(0, 0), (5, 1), (6, 0), (7, 0), (8, 1)]);
        assert_eq!(bound(&record), [(0, 0), (1, 5), (0, 10), (0, 20), (1, 15)]);
    }

    #[test]
    fn what_its_node_took_along_is_placed_where_there_is_room() {
        let record = run(&[(0, Some(5)), (0, None)], &[(0, 0), (1, 0), (9, 0)]);
        let nodes: Vec<_> = bound(&record).into_iter().map(|(node, _)| node).collect();
        assert_eq!(nodes, [1, 1, 1]);
        assert_eq!(record.pods[0].attempts, 2);
    }
}
