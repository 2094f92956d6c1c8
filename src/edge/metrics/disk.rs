//! Metrics of disks behind step pods' claims, counted when such a pod is bound after a decision.

use prometheus::{Counter, IntCounterVec};

use crate::edge::metrics::Registered;
use crate::score::decision::volume::{VolumeReasons, VolumeRow};

/// Where a disk was, seen from the node that the pod was bound to.
const STANDINGS: [(VolumeReasons, &str); 5] = [
    (VolumeReasons::DISK_HERE, "here"),
    (VolumeReasons::DISK_COMING, "coming"),
    (VolumeReasons::DISK_NOWHERE, "nowhere"),
    (VolumeReasons::DISK_ELSEWHERE, "elsewhere"),
    (VolumeReasons::DISK_IN_USE, "in-use-elsewhere"),
];

/// Metrics of disks.
#[derive(Debug)]
pub struct DiskMetrics {
    /// Pods by where a disk of theirs was; one with several disks can count under several.
    pods: IntCounterVec,
    /// Until their disks are attached, as predicted.
    seconds: Counter,
}

impl DiskMetrics {
    pub(super) fn new(new: &Registered<'_>) -> Self {
        Self {
            pods: new.counters_of(
                "disk_pods_total",
                "Step pods bound after a decision, by where a disk of theirs was, seen from their \
                 node (here, coming, nowhere, elsewhere, in-use-elsewhere).",
                "disk",
                STANDINGS.map(|(_, standing)| standing),
            ),
            seconds: new.float_counter(
                "attach_seconds_total",
                "Seconds until the disks of those pods are attached, by the policy.",
            ),
        }
    }

    /// Counts a pod that was bound to the node of a row.
    pub fn count(&self, row: &VolumeRow) {
        for (_, standing) in STANDINGS.iter().filter(|(reason, _)| row.reasons.has(*reason)) {
            self.pods.with_label_values(&[standing]).inc();
        }
        self.seconds.inc_by(row.attach.as_seconds());
    }
}
