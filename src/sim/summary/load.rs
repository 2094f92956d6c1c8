//! How evenly work was spread over nodes, and how many nodes it took.

use crate::model::unit::{Nanos, PerMille};
use crate::sim::record::NodeRecord;
use crate::sim::setup::Setup;

/// Shares of a node's time are compared to this part.
const PARTS: u128 = 1_000_000_000;

/// How much of its processors the busiest node was asked for while it was there, over how much all of them
/// together were, in thousandths.
///
/// Two equal nodes, of which one did all the work: 2,000. Where nobody worked: 1,000.
#[must_use]
pub fn busiest(setup: &Setup, nodes: &[NodeRecord], ended_at: Nanos) -> PerMille {
    let able = |number: usize, node: &NodeRecord| {
        let scaled = setup.scaling.as_ref().map(|scaling| &scaling.template);
        let cpu_millis = setup.nodes.get(number).or(scaled).map_or(1, |n| n.capacity.cpu_millis);
        u128::from(cpu_millis.max(1)) * u128::from(there(node, ended_at).0)
    };
    let able: Vec<u128> = nodes.iter().enumerate().map(|(at, node)| able(at, node)).collect();
    let work = nodes.iter().map(|node| node.cpu_milli_nanos);
    let share = |(work, able): (u128, &u128)| (work * PARTS).checked_div(*able).unwrap_or(0);
    let mean = share((work.clone().sum(), &able.iter().sum()));
    let busiest = work.zip(&able).map(share).max().unwrap_or(0);
    let ratio = (busiest * 1000 + mean / 2).checked_div(mean);
    PerMille(ratio.map_or(1000, |ratio| u64::try_from(ratio).unwrap_or(u64::MAX)))
}

/// How long nodes were there, all of them together: what a cloud would bill.
#[must_use]
pub fn node_time(nodes: &[NodeRecord], ended_at: Nanos) -> Nanos {
    nodes.iter().fold(Nanos(0), |sum, node| sum + there(node, ended_at))
}

fn there(node: &NodeRecord, ended_at: Nanos) -> Nanos {
    let left_at = node.left_at.unwrap_or(ended_at).max(node.joined_at);
    left_at - node.joined_at
}

#[cfg(test)]
mod tests {
    use super::{busiest, node_time};
    use crate::model::unit::Nanos;
    use crate::sim::fixtures::node;
    use crate::sim::record::NodeRecord;
    use crate::sim::setup::Setup;

    fn check(nodes: &[(u64, u128)], expected: u64) {
        let capacities = nodes.iter().map(|(cpu_millis, _)| node(*cpu_millis));
        let setup = Setup { nodes: capacities.collect(), ..Setup::default() };
        let work = nodes.iter().map(|(_, seconds)| NodeRecord {
            cpu_milli_nanos: seconds * 1_000_000_000,
            ..NodeRecord::default()
        });
        let ended_at = Nanos::from_seconds(50);
        assert_eq!(busiest(&setup, &work.collect::<Vec<_>>(), ended_at).0, expected);
    }

    #[test]
    fn the_busiest_node_is_held_against_the_mean_of_all() {
        check(&[(1000, 10), (1000, 20), (1000, 0)], 2000);
        check(&[(1000, 5), (1000, 5)], 1000);
        check(&[(1000, 0), (1000, 0)], 1000);
        check(&[], 1000);
    }

    #[test]
    fn a_large_node_may_do_more_than_a_small_one() {
        check(&[(1000, 10), (4000, 40)], 1000);
        check(&[(1000, 40), (4000, 10)], 4000);
    }

    #[test]
    fn a_node_counts_for_the_time_that_it_was_there() {
        let there = |joined: u64, left: Option<u64>, seconds: u128| NodeRecord {
            joined_at: Nanos::from_seconds(joined),
            left_at: left.map(Nanos::from_seconds),
            cpu_milli_nanos: seconds * 1000 * 1_000_000_000,
            ..NodeRecord::default()
        };
        let setup = Setup { nodes: vec![node(1000), node(1000)], ..Setup::default() };
        let ended_at = Nanos::from_seconds(100);
        // Half busy all the time, and half busy for the tenth of it that it was there.
        let nodes = [there(0, None, 50), there(40, Some(50), 5)];
        assert_eq!(busiest(&setup, &nodes, ended_at).0, 1000);
        assert_eq!(node_time(&nodes, ended_at), Nanos::from_seconds(110));
        // One that joined after the end of all was not there.
        assert_eq!(node_time(&[there(140, None, 0)], ended_at), Nanos(0));
    }
}
