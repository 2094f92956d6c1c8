//! Charges candidates for the pod's volumes: what has to be streamed and attached there.
//!
//! Decides who is charged and in which order; a pod without volumes pays nothing for this. Seconds are
//! `cost`'s. Layers are `charge`'s.

use crate::model::pod::PodFacts;
use crate::score::decision::Decision;
use crate::score::decision::volume::VolumeRow;
use crate::score::{Question, attach};

/// Fills [`Decision::volume_rows`], and adds to the cost of a cold node what it has to get.
pub(super) fn charge(decision: &mut Decision, question: &Question<'_>) {
    if !has_volumes(question.pod) {
        return;
    }
    decision.volume_rows.resize(decision.rows.len(), VolumeRow::default());
    attach::charge(decision, question);
}

/// Whether the pod's volumes make a difference between candidates.
pub(super) fn tells_apart(decision: &Decision) -> bool {
    decision.volume_rows.windows(2).any(|pair| pair[0] != pair[1])
}

fn has_volumes(pod: &PodFacts) -> bool {
    !pod.run.needs.is_empty() || !pod.claims.is_empty()
}
