//! Where pods that need a volume meet if not on a holder of it: bringing it to one node at a time.

use std::cmp::Reverse;

use crate::model::cluster::volume::Volume;
use crate::model::cluster::{NodeId, mix, stable_hash};
use crate::model::node_set::place;
use crate::model::unit::Nanos;
use crate::score::Question;
use crate::score::decision::{Decision, Reasons, Row};

/// How long it takes until a candidate with room has the volume: nothing where one has it already, else what
/// is left of the first of the streams in progress to some. A holder has room as long as a run would stay
/// there, so that a burst of readers soon brings the volume to a second node.
pub(super) fn soonest_with_room(
    decision: &Decision,
    question: &Question<'_>,
    volume: Option<&Volume>,
    coming: &[(NodeId, Nanos)],
) -> Option<Nanos> {
    let policy = question.policy;
    let holds = |row: &Row| volume.is_some_and(|volume| volume.holders.contains(row.node));
    let is_open = |row: &Row| holds(row) && has_room(row, policy.run.waiting_pods_max);
    if decision.rows.iter().any(is_open) {
        return Some(Nanos(0));
    }
    let scratch = &decision.scratch;
    let to_room = |&&(node, _): &&(NodeId, Nanos)| {
        let (word, bit) = place(node);
        let row = (scratch.candidates[word] & bit != 0).then(|| scratch.row_of[node.index()]);
        row.is_some_and(|row| has_room(&decision.rows[row as usize], policy.home_arriving_pods_max))
    };
    coming.iter().filter(to_room).map(|(_, left)| *left).min()
}

/// Whether more pods can meet on a candidate: fewer than so many wait there, and it can start them.
fn has_room(row: &Row, waiting_pods_max: u32) -> bool {
    row.pods_before() < waiting_pods_max.into() && !row.reasons.has(Reasons::NEVER_PULLED)
}

/// The candidate with room that the first stream of a volume shall go to: of those that the pod costs least,
/// its images too, the first in hash order of the key. No holder: those have no room any more.
pub(super) fn choose(
    decision: &Decision,
    question: &Question<'_>,
    key: &str,
    volume: Option<&Volume>,
    cost: impl Fn(&Row) -> Option<Nanos>,
) -> Option<NodeId> {
    if question.policy.stream.avoidable_times.0 == 0 {
        return None;
    }
    let (cluster, key) = (question.cluster, stable_hash(key));
    let is_holder = |node| volume.is_some_and(|volume| volume.holders.contains(node));
    let full = question.policy.home_arriving_pods_max;
    let places = decision.rows.iter().filter(|row| has_room(row, full) && !is_holder(row.node));
    let rank = |row: &Row| {
        let hash = mix(key ^ cluster.gist(row.node).name_hash);
        cost(row).map(|cost| (cost, Reverse(hash), &cluster.node(row.node).name))
    };
    let ranked = places.filter_map(|row| Some((rank(row)?, row.node)));
    ranked.min_by(|one, other| one.0.cmp(&other.0)).map(|(_, node)| node)
}
