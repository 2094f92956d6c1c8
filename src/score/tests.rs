//! Tests of the decision, from small clusters that the tracker built out of events.
//!
//! The policy of [`policy`] makes seconds easy to read: 100 MB a second to fetch and as much to unpack,
//! so that 50 MB are one second of cost; no home, no heat. Files that need those turn them on.

mod attach;
mod burst;
mod company;
mod expected;
mod fetch;
mod heat;
mod home;
mod kept;
mod learned;
mod lookahead;
mod lookahead_properties;
mod naive;
mod platform;
mod points;
mod properties;
mod pulling;
mod queue;
mod replay;
mod stream;
mod tag;
mod volumes;

use std::collections::BTreeMap;

use proptest::prelude::{TestCaseError, prop_assert_eq};

use crate::model::cluster::NodeId;
use crate::model::pod::PodFacts;
use crate::model::unit::{Bytes, Nanos, PerMille};
use crate::policy::Policy;
use crate::policy::curve::{Curve, CurveShape};
use crate::score::decision::{Decision, Parts, Row};
use crate::score::{Candidates, decide};
use crate::state::fixtures::world::World;

const MB: u64 = 1_000_000;

/// The default policy without the terms that look beyond one pod, with points that are easily worked out:
/// from one second on.
fn policy() -> Policy {
    let mut policy = Policy::named("default").expect("comes with the program");
    policy.curve = Curve::new(CurveShape::Logarithmic, 1.0, 64.0);
    policy.home_share = PerMille(0);
    policy.stream.avoidable_times = PerMille(0);
    policy.heat_per_waiting_pod = Nanos(0);
    policy
}

/// All nodes that exist, by name.
fn everywhere(world: &World) -> Candidates {
    let nodes = world.cluster().nodes_by_name();
    Candidates { nodes: nodes.into_iter().map(|(id, _)| id).collect(), unknown_count: 0 }
}

fn decided(world: &World, pod: &PodFacts, policy: &Policy) -> Decision {
    decide(pod, &everywhere(world), world.cluster(), policy, world.now)
}

fn row<'a>(world: &World, decision: &'a Decision, node: &str) -> &'a Row {
    let id = world.id(node);
    let row = decision.rows.iter().find(|row| row.node == id);
    row.unwrap_or_else(|| panic!("no row for {node}"))
}

/// The rows by name of node, without what only numbers a table.
fn by_name(world: &World, decision: &Decision) -> BTreeMap<String, (Row, Parts)> {
    let rows = decision.rows.iter().map(|row| {
        let name = world.cluster().node(row.node).name.to_string();
        let anywhere = Row { node: NodeId(0), group: 0, pace: 0, place: 0, ..row.clone() };
        (name, (anywhere, decision.parts(row)))
    });
    rows.collect()
}

/// Only the rows that differ, so that a failure can be read.
fn same_rows(
    left: &BTreeMap<String, (Row, Parts)>,
    right: &BTreeMap<String, (Row, Parts)>,
) -> Result<(), TestCaseError> {
    for (name, row) in left {
        prop_assert_eq!(Some(row), right.get(name), "{}", name);
    }
    prop_assert_eq!(left.len(), right.len());
    Ok(())
}

/// Checks the bytes that each of the nodes misses for the pod, and the remarks on it.
fn check(world: &World, pod: &PodFacts, expected: &[(&str, u64, &[&str])]) {
    let decision = decided(world, pod, &policy());
    assert_eq!(decision.neutral, None);
    for (node, missing, reasons) in expected {
        let row = row(world, &decision, node);
        assert_eq!(row.missing, Bytes(*missing), "{node} misses");
        assert_eq!(row.reasons.names().collect::<Vec<_>>(), *reasons, "{node}");
    }
    assert_eq!(decision.rows.len(), expected.len());
}
