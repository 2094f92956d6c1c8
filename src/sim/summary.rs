//! What a run came to, in numbers that can be held against another run of the same workload.
//!
//! One [`Summary`] a run, made from what there was ([`Setup`]) and what became of it ([`Record`]). Integers
//! and thousandths only, so that equal runs give equal bytes. Several runs beside each other, over policies
//! and seeds, are [`comparison`]'s; how any of it looks is no matter here.

pub mod comparison;
pub mod curve;
pub mod interval;
pub mod load;
pub mod measure;
pub mod wait;

use crate::model::unit::{Bytes, Nanos, PerMille};
use crate::sim::bound::demand::setup::{attempts, demand};
use crate::sim::bound::{self, Bound, Premise, compulsory};
use crate::sim::job::JobNumber;
use crate::sim::record::{BySource, Curve, Outcome, PodRecord, Record};
use crate::sim::setup::Setup;
use crate::sim::summary::wait::Waits;

/// Sums of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How jobs ended.
    pub outcomes: Outcomes,
    /// Bytes of images that came over links.
    pub images: BySource,
    /// Bytes of volumes that did.
    pub volumes: BySource,
    /// Of both, those that crossed a zone.
    pub crossed_zone: Bytes,
    /// Of both, those that came and were never used.
    pub lost: Bytes,
    /// Bytes of the images that pods asked for.
    pub wanted: Bytes,
    /// Of these, what lay on the pod's node when it was bound.
    pub present: Bytes,
    /// Compressed bytes that garbage collection removed.
    pub evicted: Bytes,
    /// Pulls that found the disk full.
    pub pulls_refused: u64,
    /// Volumes that were needed and nowhere to be had.
    pub volumes_missing: u64,
    /// What no placement of these pods at these times moves less of, of images.
    pub bounds: [Bound; 4],
    /// The same of volumes, whenever they run.
    pub volume_bound: Bytes,
    /// From creation to start.
    pub waits: Waits,
    /// From creation to binding: the part of it that was for room, on average.
    pub mean_wait_for_room: Nanos,
    /// Load of the busiest node over the mean: [`load::busiest`].
    pub imbalance: PerMille,
    /// How long nodes were there, all together; nothing for a cluster that neither grows nor shrinks.
    pub node_time: Nanos,
    /// When the last pod ended.
    pub ended_at: Nanos,
    /// Bytes that had come by a time.
    pub curve: Curve,
}

/// Jobs by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// All of them.
    pub jobs: u64,
    /// Pods made for them.
    pub pods: u64,
    /// Well.
    pub succeeded: u64,
    /// Not at all yet.
    pub pending: u64,
    /// Without room on any node.
    pub fits_nowhere: u64,
    /// Without an image that they may not pull.
    pub image_absent: u64,
    /// On a full disk.
    pub disk_full: u64,
    /// After one that had not ended well.
    pub blocked: u64,
}

impl Summary {
    /// The sums of a run that is over.
    #[must_use]
    pub fn of(setup: &Setup, record: &Record) -> Self {
        let Record { pods, run } = record;
        let sum = |bytes: fn(&PodRecord) -> Bytes| {
            pods.iter().map(bytes).fold(Bytes(0), |sum, bytes| sum + bytes)
        };
        let for_room = pods.iter().filter_map(|pod| Some(pod.bound_at? - pod.created_at?));
        let ran = (0..).map(JobNumber).zip(pods).filter(|(_, pod)| pod.started_at.is_some());
        Self {
            outcomes: Outcomes::of(pods),
            images: run.images,
            volumes: run.volumes,
            crossed_zone: run.crossed_zone,
            lost: run.lost,
            wanted: sum(|pod| pod.wanted),
            present: sum(PodRecord::present_at_binding),
            evicted: run.evicted,
            pulls_refused: run.pulls_refused,
            volumes_missing: run.volumes_missing,
            bounds: bound::all(&demand(setup, &attempts(pods))),
            volume_bound: compulsory::volumes(setup, ran.map(|(number, _)| number)),
            waits: Waits::of(pods.iter().filter_map(PodRecord::wait).collect()),
            mean_wait_for_room: wait::mean(&for_room.collect::<Vec<_>>()),
            imbalance: load::busiest(setup, &run.nodes, run.ended_at),
            node_time: match setup.scaling {
                Some(_) => load::node_time(&run.nodes, run.ended_at),
                None => Nanos(0),
            },
            ended_at: run.ended_at,
            curve: run.curve.clone(),
        }
    }

    /// Bytes of images and volumes that came over links.
    #[must_use]
    pub fn moved(&self) -> Bytes {
        self.images.total() + self.volumes.total()
    }

    /// The bytes by where they came from, of images and volumes together.
    #[must_use]
    pub fn by_source(&self) -> BySource {
        BySource {
            registry: self.images.registry + self.volumes.registry,
            peer: self.images.peer + self.volumes.peer,
            zone: self.images.zone + self.volumes.zone,
        }
    }

    /// Share of the wanted bytes that lay there already; rounded down.
    #[must_use]
    pub fn hit_share(&self) -> PerMille {
        let share = u128::from(self.present.0) * 1000 / u128::from(self.wanted.0.max(1));
        PerMille(u64::try_from(share).unwrap_or(u64::MAX))
    }

    /// The largest bound of this very run: its pods, at its times.
    #[must_use]
    pub fn largest_bound(&self) -> Option<Bound> {
        bound::largest_valid(&self.bounds, Premise::SameTimes)
    }

    /// What no placement of these pods at these times moves less of, images and volumes together.
    #[must_use]
    pub fn least(&self) -> Bytes {
        let images = self.largest_bound().map_or(Bytes(0), |bound| bound.bytes);
        images + self.volume_bound
    }
}

impl Outcomes {
    fn of(pods: &[PodRecord]) -> Self {
        let mut outcomes = Self { jobs: pods.len() as u64, ..Self::default() };
        for pod in pods {
            outcomes.pods += u64::from(pod.attempts);
            let count = match pod.outcome {
                Outcome::Pending => &mut outcomes.pending,
                Outcome::Succeeded => &mut outcomes.succeeded,
                Outcome::FitsNowhere => &mut outcomes.fits_nowhere,
                Outcome::ImageAbsent => &mut outcomes.image_absent,
                Outcome::DiskFull => &mut outcomes.disk_full,
                Outcome::Blocked => &mut outcomes.blocked,
            };
            *count += 1;
        }
        outcomes
    }

    /// Those that did not end well.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.jobs - self.succeeded
    }
}

#[cfg(test)]
mod tests;
