//! How evenly work was spread over nodes.

use crate::model::unit::PerMille;
use crate::sim::record::NodeRecord;
use crate::sim::setup::Setup;

/// Fine enough, and coarse enough for products of a year's work of a large cluster.
const NANOS_PER_MILLI: u128 = 1_000_000;

/// Load of the busiest node over the load of all of them together, in thousandths, rounded down. A node's
/// load is the processor time that pods asked for, by the processors that it has; a node that was there for
/// a part of the run only counts as one that was idle for the rest.
///
/// Two equal nodes, of which one did all the work: 2,000. Where nobody worked: 1,000.
#[must_use]
pub fn busiest(setup: &Setup, nodes: &[NodeRecord]) -> PerMille {
    let capacity = |number: usize| {
        let scaled = setup.scaling.as_ref().map(|scaling| &scaling.template);
        let node = setup.nodes.get(number).or(scaled);
        node.map_or(1, |node| u128::from(node.capacity.cpu_millis.max(1)))
    };
    let work = nodes.iter().map(|node| node.cpu_milli_nanos / NANOS_PER_MILLI);
    let work: Vec<u128> = work.collect();
    let sum: u128 = work.iter().sum();
    let capacities: u128 = (0..nodes.len()).map(capacity).sum();
    let loads = work.iter().enumerate();
    let loads = loads.map(|(number, work)| work * capacities * 1000 / capacity(number));
    let busiest = loads.max().unwrap_or(0).checked_div(sum);
    PerMille(busiest.map_or(1000, |load| u64::try_from(load).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::busiest;
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
        assert_eq!(busiest(&setup, &work.collect::<Vec<_>>()).0, expected);
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
}
