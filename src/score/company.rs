//! What the company of a run is worth: a little, on nodes where other pods of it are or were.
//!
//! Volumes that they left there are worth their seconds already ([`super::stream`]). Beyond that, a later
//! step may need what this pod leaves together with what is there: the policy says how likely. It is no
//! affinity: a node that fills with waiting pods loses it, and the run spreads.

use crate::model::cluster::volume::Run;
use crate::model::node_set::place;
use crate::model::unit::{Bytes, Nanos};
use crate::model::volume::VolumeKind;
use crate::score::Question;
use crate::score::decision::Decision;
use crate::score::decision::volume::VolumeReasons;

/// The pod's run and what its company is worth; `None` where there is none or it is worth nothing.
pub(super) fn of<'a>(question: &Question<'a>) -> Option<(&'a Run, Nanos)> {
    let worth = question.policy.run.later_step_share.of(moving_what_it_leaves(question));
    if worth.0 == 0 {
        return None;
    }
    let pod = question.pod;
    let run = question.cluster.run(&pod.namespace, pod.run.run.as_ref()?)?;
    // Nearly every pod that is asked about waits to be bound, and its run is known by that alone.
    (!run.nodes.is_empty()).then_some((run, worth))
}

/// Credits the candidates where pods of a run are or were with what that is worth.
pub(super) fn credit(
    decision: &mut Decision,
    question: &Question<'_>,
    (run, worth): (&Run, Nanos),
) {
    let holders = &mut decision.scratch.holders;
    holders.fill(0);
    run.nodes.add_to_words(holders);
    let full = u64::from(question.policy.run.waiting_pods_max);
    for (row, volumes) in decision.rows.iter().zip(&mut decision.volume_rows) {
        let (word, bit) = place(row.node);
        if holders[word] & bit != 0 && row.pods_before() < full {
            volumes.company = worth;
            volumes.reasons.add(VolumeReasons::COMPANY);
        }
    }
}

/// How long it takes to move what the pod leaves to another node of the zone; a pod that names nothing is
/// taken to leave one output.
fn moving_what_it_leaves(question: &Question<'_>) -> Nanos {
    let policy = &question.policy.stream;
    let made = &question.pod.run.produces;
    let told = made.iter().map(|facts| facts.bytes.unwrap_or(policy.kind(facts.kind).bytes));
    let bytes = told.fold(Bytes(0), |sum, bytes| sum + bytes);
    let untold = policy.kind(VolumeKind::Output).bytes;
    policy.peer.duration_of(if made.is_empty() { untold } else { bytes })
}
