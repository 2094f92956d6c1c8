//! Where pods that need a volume meet if not on a holder of it: bringing it to one node at a time.

use std::cmp::Reverse;

use crate::model::cluster::volume::Volume;
use crate::model::cluster::{NodeId, mix, stable_hash};
use crate::model::node_set::place;
use crate::model::unit::Nanos;
use crate::score::Question;
use crate::score::decision::Decision;

/// How long the first of the streams in progress to candidates with room still takes.
pub(super) fn soonest_with_room(
    decision: &Decision,
    question: &Question<'_>,
    coming: &[(NodeId, Nanos)],
) -> Option<Nanos> {
    let with_room = coming.iter().filter(|(node, _)| has_room(decision, question, *node));
    with_room.map(|(_, left)| *left).min()
}

/// Whether a node is a candidate where not too many pods wait for more to meet there.
fn has_room(decision: &Decision, question: &Question<'_>, node: NodeId) -> bool {
    let (word, bit) = place(node);
    let scratch = &decision.scratch;
    let full = u64::from(question.policy.home_arriving_pods_max);
    scratch.candidates[word] & bit != 0
        && decision.rows[scratch.row_of[node.index()] as usize].pods_before() < full
}

/// The candidate with room that the first stream of a volume shall go to: of those that it costs least, the
/// first in hash order of its key. Where a holder has room that one is the better place, and yet the
/// scheduler's own plugins may find it too full.
pub(super) fn choose<C: Ord>(
    decision: &Decision,
    question: &Question<'_>,
    key: &str,
    volume: Option<&Volume>,
    cost: impl Fn(NodeId) -> Option<C>,
) -> Option<NodeId> {
    if question.policy.home_share.0 == 0 {
        return None;
    }
    let (cluster, key) = (question.cluster, stable_hash(key));
    let is_holder = |node| volume.is_some_and(|volume| volume.holders.contains(node));
    let nodes = decision.rows.iter().map(|row| row.node);
    let places = nodes.filter(|&node| has_room(decision, question, node) && !is_holder(node));
    let rank = |node| {
        let hash = mix(key ^ cluster.gist(node).name_hash);
        cost(node).map(|cost| (cost, Reverse(hash), &cluster.node(node).name))
    };
    let ranked = places.filter_map(|node| Some((rank(node)?, node)));
    ranked.min_by(|one, other| one.0.cmp(&other.0)).map(|(_, node)| node)
}
