//! What will be pulled again on candidates whose disk the pod's missing cargo fills.
//!
//! Looks at nodes alone whose agents tell of their disk, and at none while the policy has this switched off.
//! What counts as full and what it costs is [`crate::cost::pressure`]'s.

use crate::cost::pressure::PressureRules;
use crate::policy::Policy;
use crate::score::Question;
use crate::score::decision::Decision;

/// Enters into each row what will be pulled again.
pub(super) fn note_refetches(decision: &mut Decision, question: &Question<'_>) {
    let rules = pressure_rules(question.policy);
    if rules.refetch_share.0 == 0 || question.cluster.disks.is_empty() {
        return;
    }
    for row in &mut decision.rows {
        // Blobs that are here take room again when they are unpacked.
        let brought = row.missing + row.kept;
        if brought.0 > 0
            && let Some(disk) = question.cluster.disk(row.node)
        {
            row.refetched = rules.refetched(disk, brought);
        }
    }
}

const fn pressure_rules(policy: &Policy) -> PressureRules {
    PressureRules {
        high_percent: policy.pressure.high_percent,
        low_percent: policy.pressure.low_percent,
        disk_bytes_per_byte: policy.pressure.disk_bytes_per_byte,
        refetch_share: policy.pressure.refetch_share,
    }
}
