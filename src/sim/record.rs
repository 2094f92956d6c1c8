//! What became of each pod, and what a run of the simulator moved: plain numbers, for reports.
//!
//! Bytes are conserved: of each job, [`PodRecord::wanted`] is what lay there and [`PodRecord::moved`],
//! and what all pods moved together with [`RunRecord::lost`] is what came over all links.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::setup::NodeNumber;

/// All that is known when a run is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// By number of the job.
    pub pods: Vec<PodRecord>,
    /// Of all together.
    pub run: RunRecord,
}

/// What became of a job. Times and the node are those of its last attempt, bytes are those of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodRecord {
    /// How it ended.
    pub outcome: Outcome,
    /// Pods that were made for it: more than one where it failed or was evicted.
    pub attempts: u16,
    /// Where it was bound.
    pub node: Option<NodeNumber>,
    /// When the first pod was created: it had arrived, and all it comes after had ended.
    pub first_created_at: Option<Nanos>,
    /// When the last one was: later than that by what failed.
    pub created_at: Option<Nanos>,
    /// When it was bound.
    pub bound_at: Option<Nanos>,
    /// When it started.
    pub started_at: Option<Nanos>,
    /// When it ended.
    pub ended_at: Option<Nanos>,
    /// Compressed bytes of its images, each time one was asked for.
    pub wanted: Bytes,
    /// Of these, what was fetched for it, from the registry or from peers.
    pub moved: Bytes,
    /// Of the rest, what came for other pods of the node while it waited.
    pub shared: Bytes,
    /// Bytes of its volumes.
    pub volumes_wanted: Bytes,
    /// Of these, what was streamed for it.
    pub streamed: Bytes,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Not yet: it has not arrived, waits, or runs.
    #[default]
    Pending,
    /// Well.
    Succeeded,
    /// No node, now or later, has the room for it; or none that the placement would take.
    FitsNowhere,
    /// It may not pull an image, and the image was not on its node.
    ImageAbsent,
    /// Its images found no room on its node's disk, for an hour.
    DiskFull,
    /// A job that it comes after has not ended well.
    Blocked,
}

impl PodRecord {
    /// Of the wanted bytes, those that lay on the node, or had come there for another pod.
    #[must_use]
    pub fn present(&self) -> Bytes {
        self.wanted - self.moved
    }

    /// Of those, the ones that lay there when it was bound.
    #[must_use]
    pub fn present_at_binding(&self) -> Bytes {
        self.present() - self.shared
    }

    /// From creation to start, for one that started: what it ran in vain before is no wait.
    #[must_use]
    pub fn wait(&self) -> Option<Nanos> {
        Some(self.started_at? - self.created_at?)
    }
}

/// Sums of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunRecord {
    /// When the last pod ended.
    pub ended_at: Nanos,
    /// Bytes of images that came over links, by where from.
    pub images: BySource,
    /// Bytes of volumes, the same.
    pub volumes: BySource,
    /// Of both together, those that crossed a zone.
    pub crossed_zone: Bytes,
    /// Of both together, those that came and were never used: their node left before the last of them had
    /// come.
    pub lost: Bytes,
    /// Compressed bytes of the layers that garbage collection removed.
    pub evicted: Bytes,
    /// Pulls that found the disk full even after garbage collection.
    pub pulls_refused: u64,
    /// Volumes that a pod needed and that were nowhere: it did without.
    pub volumes_missing: u64,
    /// Nodes that there were, by number.
    pub nodes: Vec<NodeRecord>,
    /// Bytes of images and volumes that had come by a time: every [`Curve::step`].
    pub curve: Curve,
}

/// Bytes by where they came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BySource {
    /// The registry.
    pub registry: Bytes,
    /// A node in the zone.
    pub peer: Bytes,
    /// A node in another zone.
    pub zone: Bytes,
}

impl BySource {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> Bytes {
        self.registry + self.peer + self.zone
    }
}

/// What a node did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeRecord {
    /// When it was ready.
    pub joined_at: Nanos,
    /// When it went.
    pub left_at: Option<Nanos>,
    /// Thousandths of a processor that pods asked for, times the nanoseconds that they ran.
    pub cpu_milli_nanos: u128,
    /// Pods that were bound to it.
    pub pods: u64,
    /// Bytes that came to it.
    pub moved: Bytes,
}

/// A sum as it grew over time: at most [`CURVE_POINTS_MAX`] points at equal distances, however long the
/// run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    /// Between two points.
    pub step: Nanos,
    /// The sum at each multiple of the step, from one step on.
    pub points: Vec<Bytes>,
    total: Bytes,
}

/// Enough for a line across a page.
pub const CURVE_POINTS_MAX: usize = 200;

impl Default for Curve {
    fn default() -> Self {
        Self { step: Nanos::from_seconds(1), points: Vec::new(), total: Bytes(0) }
    }
}

impl Curve {
    /// Adds to the sum at a time; times never go back.
    pub fn add(&mut self, at: Nanos, bytes: Bytes) {
        self.extend(at);
        self.total += bytes;
    }

    /// Draws the line up to a time.
    pub fn extend(&mut self, at: Nanos) {
        while at.0 / self.step.0 >= CURVE_POINTS_MAX as u64 * 2 {
            self.halve();
        }
        while (self.points.len() as u64 + 1) * self.step.0 <= at.0 {
            if self.points.len() == CURVE_POINTS_MAX {
                self.halve();
            } else {
                self.points.push(self.total);
            }
        }
    }

    /// Keeps every second point.
    fn halve(&mut self) {
        let kept = self.points.iter().skip(1).step_by(2).copied().collect();
        self.points = kept;
        self.step = self.step + self.step;
    }
}

#[cfg(test)]
mod tests {
    use super::{CURVE_POINTS_MAX, Curve};
    use crate::model::unit::{Bytes, Nanos};

    #[test]
    fn a_curve_has_few_points_however_long_it_is() {
        let mut curve = Curve::default();
        for second in 0..1000 {
            curve.add(Nanos::from_seconds(second), Bytes(1));
        }
        curve.extend(Nanos::from_seconds(1000));
        assert!(curve.points.len() <= CURVE_POINTS_MAX, "{}", curve.points.len());
        assert_eq!(curve.step, Nanos::from_seconds(8));
        // What comes at a point is in the next one.
        assert_eq!(curve.points[..2], [Bytes(8), Bytes(16)]);
        assert_eq!(curve.points.last(), Some(&Bytes(1000)));
    }

    #[test]
    fn a_long_silence_costs_no_time() {
        let mut curve = Curve::default();
        curve.add(Nanos(5), Bytes(7));
        curve.extend(Nanos(u64::MAX / 2));
        assert!(curve.points.len() <= CURVE_POINTS_MAX);
        assert!(curve.points.iter().all(|bytes| *bytes == Bytes(7)));
    }
}
