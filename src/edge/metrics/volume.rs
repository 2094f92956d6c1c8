//! Metrics of named volumes that step pods need, counted when such a pod is bound after a decision.

use prometheus::{Counter, IntCounter, IntCounterVec};

use crate::edge::metrics::Registered;
use crate::model::unit::Bytes;
use crate::score::decision::volume::VolumeRow;

/// Metrics of volumes.
#[derive(Debug)]
pub struct VolumeMetrics {
    /// Bytes of volumes that bound pods needed, by what the node had of them.
    pub bytes: IntCounterVec,
    /// Bytes of volumes to move to the chosen node, and to the best and median candidate.
    pub move_bytes: IntCounterVec,
    /// Bytes that crossed a zone.
    pub zone_bytes: IntCounter,
    /// Their price.
    pub zone_price: Counter,
}

impl VolumeMetrics {
    pub(super) fn new(new: &Registered<'_>) -> Self {
        Self {
            bytes: new.counters_of(
                "volume_bytes_total",
                "Bytes of volumes needed by step pods that were bound after a decision, by what \
                 the node had (present, arriving, missing).",
                "state",
                ["present", "arriving", "missing"],
            ),
            move_bytes: new.counters_of(
                "volume_move_bytes_total",
                "Bytes of volumes to move to the chosen node, and instead to the best and median \
                 candidate, as predicted by the decision.",
                "node",
                ["chosen", "best", "median"],
            ),
            zone_bytes: new.counter(
                "zone_bytes_total",
                "Bytes of volumes that most likely crossed a zone for pods bound after a decision.",
            ),
            zone_price: new.float_counter(
                "zone_price_total",
                "Price of those bytes, in the policy's money, by the policy's prices.",
            ),
        }
    }

    /// Counts a pod that was bound to the node of a row; `wanted` bytes are of all its volumes, the others
    /// those that the best and the median candidate would have moved.
    pub fn count(&self, wanted: Bytes, row: &VolumeRow, (best, median): (u64, u64)) {
        let (arriving, missing) = (row.arriving, row.missing);
        let present = wanted - arriving - missing;
        for (state, bytes) in [("present", present), ("arriving", arriving), ("missing", missing)] {
            self.bytes.with_label_values(&[state]).inc_by(bytes.0);
        }
        for (node, bytes) in [("chosen", missing.0), ("best", best), ("median", median)] {
            self.move_bytes.with_label_values(&[node]).inc_by(bytes);
        }
        self.zone_bytes.inc_by(row.zone_bytes.0);
        self.zone_price.inc_by(row.price.as_money());
    }
}
