//! Where pods of a kind meet while no node with room is warm.
//!
//! Equal scores scatter a burst of equal pods over the cluster, and every node pulls. Rendezvous
//! hashing of the pod's cargo over the candidates gives all replicas the same first choice without any
//! shared state (Thaler, Ravishankar 1998); a bound on waiting pods hands over to the next in hash
//! order (consistent hashing with bounded loads: Mirrokni, Thorup, Zadimoghaddam 2018).

use crate::model::cluster::mix;
use crate::model::unit::Bytes;
use crate::score::Question;
use crate::score::decision::{Decision, Reasons, Row};

/// Where pods of this kind meet, and with it which avoided pulls count in a node's favour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// Nowhere: home is switched off, or a node with room has everything. Then seconds alone decide:
    /// waiting for a pull elsewhere must not look as good as starting at once.
    NotNeeded,
    /// Where their cargo is already arriving.
    Arriving,
    /// There too, and on the node of this row, which is still cold.
    At(usize),
}

/// Where pods of this kind meet.
///
/// Only nodes with room that miss least compete for the home, so that a node with the base layers is
/// preferred to one with nothing.
pub(super) fn choose(decision: &Decision, question: &Question<'_>) -> Meeting {
    let policy = question.policy;
    if policy.home_share.0 == 0 {
        return Meeting::NotNeeded;
    }
    let has_room = |row: &Row| {
        row.waiting_pods < policy.home_waiting_pods_max
            && !row.reasons.has(Reasons::NEVER_PULLED)
            && decision.wanted_of(row).bytes.0 > 0
    };
    let rooms = decision.rows.iter().enumerate().filter(|(_, row)| has_room(row));
    let Some(least) = rooms.clone().map(|(_, row)| row.missing).min() else {
        return Meeting::Arriving;
    };
    if least == Bytes(0) {
        let warm = rooms.clone().any(|(_, row)| row.missing == least && row.arriving == least);
        return if warm { Meeting::NotNeeded } else { Meeting::Arriving };
    }
    let home = rooms.filter(|(_, row)| row.missing == least).max_by_key(|(_, row)| {
        let node = question.cluster.node(row.node);
        (mix(decision.wanted_of(row).home_key ^ node.name_hash), &node.name)
    });
    home.map_or(Meeting::Arriving, |(at, _)| Meeting::At(at))
}
