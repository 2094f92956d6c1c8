//! A run of a report as JSON: all that is known of it, for whoever wants to count otherwise.

use serde::Serialize;

use crate::edge::report::Report;
use crate::edge::report::json::{seconds, thousandths};
use crate::model::unit::{Bytes, PerMille};
use crate::sim::bound::{Bound, Kind, Premise};
use crate::sim::record::BySource;
use crate::sim::summary::measure::{Marks, Measure};
use crate::sim::summary::{Outcomes, Summary};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunView<'a> {
    policy: &'a str,
    seed: u64,
    jobs: JobsView,
    images: SourcesView,
    volumes: SourcesView,
    moved_bytes: u64,
    least_bytes: u64,
    times_least: Option<f64>,
    captured_share: Option<f64>,
    bounds: Vec<BoundView>,
    crossed_zone_bytes: u64,
    crossed_zone_price: f64,
    lost_bytes: u64,
    wanted_bytes: u64,
    present_bytes: u64,
    hit_share: f64,
    evicted_bytes: u64,
    refused_pulls: u64,
    missing_volumes: u64,
    wait_seconds: WaitView,
    busiest_over_mean: f64,
    /// Only for a cluster that grows and shrinks.
    #[serde(skip_serializing_if = "Option::is_none")]
    node_seconds: Option<f64>,
    ended_seconds: f64,
    curve: CurveView,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobsView {
    total: u64,
    pods: u64,
    succeeded: u64,
    pending: u64,
    fits_nowhere: u64,
    image_absent: u64,
    disk_full: u64,
    blocked: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourcesView {
    registry_bytes: u64,
    zone_peer_bytes: u64,
    other_zone_peer_bytes: u64,
}

/// One of images; that of volumes is called so.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BoundView {
    kind: &'static str,
    bytes: u64,
    /// What another run must share with this one to be bound by it, too.
    binds_runs_of: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WaitView {
    pods: u64,
    mean: f64,
    mean_for_room: f64,
    median: Option<f64>,
    p95: Option<f64>,
    percentiles: Vec<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CurveView {
    step_seconds: f64,
    bytes: Vec<u64>,
}

impl<'a> RunView<'a> {
    pub(super) fn of(
        report: &'a Report,
        (seed, policy): (u64, usize),
        marks: Marks,
        summary: &Summary,
    ) -> Self {
        let share = |measure: Measure| measure.of(summary, marks).map(thousandths);
        let price = report.zone_gigabyte_price.of_gigabytes(summary.crossed_zone);
        Self {
            policy: &report.comparison.policies[policy],
            seed,
            jobs: JobsView::of(summary.outcomes),
            images: SourcesView::of(summary.images),
            volumes: SourcesView::of(summary.volumes),
            moved_bytes: summary.moved().0,
            least_bytes: marks.least.0,
            times_least: share(Measure::Regret),
            captured_share: share(Measure::Captured),
            bounds: bounds(summary),
            crossed_zone_bytes: summary.crossed_zone.0,
            crossed_zone_price: price.as_money(),
            lost_bytes: summary.lost.0,
            wanted_bytes: summary.wanted.0,
            present_bytes: summary.present.0,
            hit_share: per_mille(summary.hit_share()),
            evicted_bytes: summary.evicted.0,
            refused_pulls: summary.pulls_refused,
            missing_volumes: summary.volumes_missing,
            wait_seconds: WaitView::of(summary),
            busiest_over_mean: per_mille(summary.imbalance),
            node_seconds: (summary.node_time.0 > 0).then(|| seconds(summary.node_time)),
            ended_seconds: seconds(summary.ended_at),
            curve: CurveView {
                step_seconds: seconds(summary.curve.step),
                bytes: summary.curve.points.iter().map(|Bytes(bytes)| *bytes).collect(),
            },
        }
    }
}

fn bounds(summary: &Summary) -> Vec<BoundView> {
    let of_images = summary.bounds.iter().map(|Bound { kind, bytes }| BoundView {
        kind: match kind {
            Kind::Compulsory => "compulsory",
            Kind::PooledInOrder => "pooledInOrder",
            Kind::Pooled => "pooled",
            Kind::Replica => "replica",
        },
        bytes: bytes.0,
        binds_runs_of: premise(kind.premise()),
    });
    let of_volumes = BoundView {
        kind: "volumes",
        bytes: summary.volume_bound.0,
        binds_runs_of: premise(Premise::SamePods),
    };
    of_images.chain([of_volumes]).collect()
}

const fn premise(premise: Premise) -> &'static str {
    match premise {
        Premise::SamePods => "samePods",
        Premise::SameOrder => "sameOrder",
        Premise::SameTimes => "sameTimes",
    }
}

impl JobsView {
    fn of(outcomes: Outcomes) -> Self {
        Self {
            total: outcomes.jobs,
            pods: outcomes.pods,
            succeeded: outcomes.succeeded,
            pending: outcomes.pending,
            fits_nowhere: outcomes.fits_nowhere,
            image_absent: outcomes.image_absent,
            disk_full: outcomes.disk_full,
            blocked: outcomes.blocked,
        }
    }
}

impl SourcesView {
    fn of(bytes: BySource) -> Self {
        Self {
            registry_bytes: bytes.registry.0,
            zone_peer_bytes: bytes.peer.0,
            other_zone_peer_bytes: bytes.zone.0,
        }
    }
}

impl WaitView {
    fn of(summary: &Summary) -> Self {
        let waits = &summary.waits;
        Self {
            pods: waits.count,
            mean: seconds(waits.mean),
            mean_for_room: seconds(summary.mean_wait_for_room),
            median: waits.percentile(50).map(seconds),
            p95: waits.percentile(95).map(seconds),
            percentiles: waits.percentiles.iter().copied().map(seconds).collect(),
        }
    }
}

fn per_mille(share: PerMille) -> f64 {
    thousandths(i64::try_from(share.0).unwrap_or(i64::MAX))
}
