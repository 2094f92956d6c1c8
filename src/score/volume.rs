//! Charges candidates for the pod's volumes: what has to be streamed and attached there, and where its run
//! is.
//!
//! Decides who is charged and in which order; a pod that names neither volume nor run pays nothing for
//! this. Named volumes are `stream`'s, disks `attach`'s, runs `company`'s, layers `charge`'s.

use crate::score::decision::Decision;
use crate::score::decision::volume::VolumeRow;
use crate::score::{Question, attach, company, stream};

/// Fills [`Decision::volume_rows`], and adds to the cost of a cold node what it has to get.
///
/// Nearly every pod of a CI system names a run: where it has no company to look for, that costs nothing.
pub(super) fn charge(decision: &mut Decision, question: &Question<'_>) {
    let company = company::of(question);
    let pod = question.pod;
    if pod.run.needs.is_empty() && pod.claims.is_empty() && company.is_none() {
        return;
    }
    decision.volume_rows.resize(decision.rows.len(), VolumeRow::default());
    let cold = stream::charge(decision, question) + attach::charge(decision, question);
    if let Some(company) = company {
        company::credit(decision, question, company);
    }
    for wanted in &mut decision.wanted {
        wanted.cold = wanted.cold + cold;
    }
}

/// Whether the pod's volumes make a difference between candidates.
pub(super) fn tells_apart(decision: &Decision) -> bool {
    decision.volume_rows.windows(2).any(|pair| pair[0] != pair[1])
}
