//! Worked examples of upstream's `least_allocated_test.go` and `balanced_allocation_test.go`, 1.37.2.

use super::{SIZES_MAX, allocation, balanced_allocation, least_allocated};
use crate::model::unit::Bytes;
use crate::sim::resource::Resources;
use crate::sim::setup::NodeNumber;
use crate::sim::twin::allocation::Allocations;
use crate::sim::twin::node::{NodeTable, TwinNode};
use crate::sim::twin::request::Requests;

fn of(cpu_millis: u64, memory: u64) -> Resources {
    Resources { cpu_millis, memory: Bytes(memory) }
}

fn exactly(asked: Resources) -> Requests {
    Requests { asked, scored: asked }
}

#[test]
fn free_shares_are_rounded_down_one_by_one_and_averaged() {
    // What pods ask for in all, what the node has, what it gets.
    let table = [
        (of(0, 0), of(4000, 10_000), 100),
        (of(3000, 5000), of(4000, 10_000), 37),
        (of(3000, 5000), of(6000, 10_000), 50),
        (of(6000, 0), of(10_000, 20_000), 70),
        (of(6000, 5000), of(10_000, 20_000), 57),
        (of(6000, 10_000), of(10_000, 20_000), 45),
        (of(6000, 10_000), of(10_000, 50_000), 60),
        (of(6000, 0), of(4000, 10_000), 50),
        (of(6000, 5000), of(4000, 10_000), 25),
        (of(6000, 5000), of(0, 0), 0),
    ];
    for (used, capacity, expected) in table {
        assert_eq!(least_allocated(used, capacity), expected, "{used:?} of {capacity:?}");
    }
    // What a node has nothing of does not count.
    assert_eq!(least_allocated(of(1000, 5000), of(4000, 0)), 75);
}

#[test]
fn balance_is_scored_by_what_the_pod_changes() {
    // What is used, what the pod asks for, what the node has, what it gets.
    let table = [
        (of(0, 0), of(3000, 5000), of(4000, 10_000), 68),
        (of(0, 0), of(3000, 5000), of(6000, 10_000), 75),
        (of(3000, 0), of(3000, 5000), of(10_000, 20_000), 73),
        (of(3000, 5000), of(3000, 5000), of(10_000, 20_000), 74),
        (of(3000, 5000), of(3000, 5000), of(10_000, 50_000), 70),
        (of(3000, 0), of(0, 5000), of(3000, 5000), 100),
        (of(0, 0), of(0, 5000), of(3000, 5000), 50),
        (of(3000, 0), of(3000, 0), of(6000, 10_000), 62),
        (of(3000, 5000), of(3000, 0), of(6000, 10_000), 62),
        (of(0, 0), of(3000, 5000), of(3500, 40_000), 56),
    ];
    for (before, asked, capacity, expected) in table {
        let score = balanced_allocation(before, before.with(asked), capacity);
        assert_eq!(score, expected, "{before:?} and {asked:?} of {capacity:?}");
    }
}

#[test]
fn a_pod_that_asks_for_nothing_is_not_scored_by_balance() {
    let mut nodes = NodeTable::default();
    let node = NodeNumber(0);
    nodes.add(node, TwinNode { allocatable: of(4000, 10_000), ..TwinNode::default() });
    assert_eq!(allocation(nodes.used(node), exactly(of(0, 0))).balanced_allocation, 0);
    assert_eq!(allocation(nodes.used(node), exactly(of(2000, 5000))).balanced_allocation, 75);
}

#[test]
fn what_is_remembered_is_what_would_be_computed() {
    let mut nodes = NodeTable::default();
    let facts = TwinNode { allocatable: of(100_000, 1 << 40), pods_max: 9, ..TwinNode::default() };
    let numbers = [0, 1, 2].map(NodeNumber);
    numbers.iter().for_each(|node| nodes.add(*node, facts));
    let mut allocations = Allocations::default();
    // More sizes than there is room for, each twice, with a change in between.
    for round in 0..(4 * SIZES_MAX) {
        let requests = exactly(of(10 * (1 + round as u64 % 70), 1 << (round % 38)));
        nodes.assume(numbers[round % 3], requests);
        for node in numbers {
            let own = allocation(nodes.used(node), requests);
            let expected = own.least_allocated + own.balanced_allocation;
            assert_eq!(allocations.of(requests, 3).sum(node, &nodes), expected);
        }
    }
}
