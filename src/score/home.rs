//! Where pods of a kind meet while no node with room is warm.
//!
//! Equal scores scatter a burst of equal pods over the cluster, and every node pulls. Rendezvous
//! hashing of the pod's cargo over the candidates gives all replicas the same first choice without any
//! shared state (Thaler, Ravishankar 1998); a bound on waiting pods hands over to the next in hash
//! order (consistent hashing with bounded loads: Mirrokni, Thorup, Zadimoghaddam 2018).

use crate::model::cluster::mix;
use crate::model::unit::Nanos;
use crate::policy::Policy;
use crate::score::Question;
use crate::score::decision::{Decision, Reasons, Row};

/// Where pods of this kind meet: which avoided pulls count in a node's favour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meeting {
    /// The row of the home, if a cold one is needed.
    pub(super) home: Option<usize>,
    /// Nodes that are ready later than this are no place to meet: bytes saved must not cost the pod more
    /// time than the policy's slack. Nothing counts where it is zero.
    pub(super) ready_within: Nanos,
}

/// Where pods of this kind meet.
///
/// Nowhere if home is switched off, or if a node with room has everything: then seconds alone decide. Else
/// where the cargo is already arriving; else on a cold node, of which those that miss least compete, so
/// that a node with the base layers is preferred to one with nothing.
pub(super) fn choose(decision: &Decision, question: &Question<'_>) -> Meeting {
    let policy = question.policy;
    if policy.home_share.0 == 0 {
        return Meeting::default();
    }
    let delays = &decision.scratch.delays;
    let bounds = Rooms::new(decision, policy);
    let rooms = decision.rows.iter().enumerate().filter(|(_, row)| bounds.has_room(decision, row));
    let mut soonest = None;
    for (at, row) in rooms.clone() {
        if has_all(row) {
            return Meeting::default();
        }
        let delay = delays[at];
        soonest = Some(soonest.map_or(delay, |soonest: Nanos| soonest.min(delay)));
    }
    let Some(soonest) = soonest else { return Meeting::default() };
    let ready_within = soonest + policy.home_slack.of(soonest);
    let home = home_of(rooms.filter(|(at, _)| delays[*at] <= ready_within), decision, question);
    Meeting { home, ready_within }
}

/// The first in hash order of the places that miss least; none where nothing is missing.
fn home_of<'a>(
    places: impl Iterator<Item = (usize, &'a Row)>,
    decision: &Decision,
    question: &Question<'_>,
) -> Option<usize> {
    let cluster = question.cluster;
    let hash = |row: &Row| mix(decision.wanted_of(row).home_key ^ cluster.gist(row.node).name_hash);
    let name = |row: &Row| &cluster.node(row.node).name;
    let mut home: Option<(usize, &Row, u64)> = None;
    for (at, row) in places {
        if home.is_some_and(|(_, best, _)| row.missing > best.missing) {
            continue;
        }
        let hash = hash(row);
        let comes_first = home.is_none_or(|(_, best, best_hash)| {
            let by_hash = || hash.cmp(&best_hash).then_with(|| name(row).cmp(name(best)));
            row.missing < best.missing || by_hash().is_gt()
        });
        if comes_first {
            home = Some((at, row, hash));
        }
    }
    home.filter(|(_, row, _)| row.missing.0 > 0).map(|(at, ..)| at)
}

/// How many step pods may wait on a node before it has no room.
struct Rooms {
    /// Where everything is there.
    warm: u64,
    /// Where something is still on its way: pods that wait are spread over the policy's number of places,
    /// so that a kind that comes again finds more than one of them warm.
    arriving: u64,
}

impl Rooms {
    fn new(decision: &Decision, policy: &Policy) -> Self {
        let places = decision.rows.iter().filter(|row| row.missing.0 == 0 && row.arriving.0 > 0);
        let waiting: u64 = places.map(Row::pods_before).sum();
        let arriving = waiting / u64::from(policy.home_places) + 1;
        Self {
            warm: policy.home_waiting_pods_max.into(),
            arriving: arriving.min(policy.home_arriving_pods_max.into()),
        }
    }

    fn has_room(&self, decision: &Decision, row: &Row) -> bool {
        let most = if row.arriving.0 > 0 { self.arriving } else { self.warm };
        row.pods_before() < most
            && !row.reasons.has(Reasons::NEVER_PULLED)
            && decision.wanted_of(row).bytes.0 > 0
    }
}

fn has_all(row: &Row) -> bool {
    row.missing.0 == 0 && row.arriving.0 == 0
}
