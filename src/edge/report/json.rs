//! The report as JSON, for programs. Field names are stable within `dunnage.dev/v1alpha1`; keys come in the
//! order below, whole bytes, seconds with milliseconds, shares and ratios with thousandths. There is no clock
//! in it: equal runs give equal bytes.
//!
//! ```text
//! apiVersion, kind      dunnage.dev/v1alpha1, SimulationReport
//! version               of the program
//! command               how to get the same again
//! scenario              name, about, data and modelled (what: from where, how), notes; size: nodes,
//!                       scaledNodesMax, zones, jobs, arrivalsSeconds, images, imageBytes, volumes
//! seeds                 of the runs, ascending
//! zonePricePerGigabyte  money for a gigabyte (10^9 bytes) that crosses a zone; 0 if nobody says
//! least                 meanBytes, halfWidthBytes: what no placement of these pods at these times undercuts
//! policies[]            in the order asked for: name, about, and measures: movedBytes, timesLeast,
//!                       capturedShare, hitShare, crossedZoneBytes, meanWaitSeconds, medianWaitSeconds,
//!                       p95WaitSeconds, busiestOverMean, evictedBytes, refusedPulls, failedJobs,
//!                       endedSeconds; each is null, or mean and halfWidth (of its 95 % confidence interval
//!                       by Student's t; null with one seed)
//! best[]                by each measure that differs: measure, policy (of the best mean), equals (others
//!                       that cannot be told from it), seedsWon by policy
//! runs[]                by seed, then policy: policy, seed, jobs by outcome, bytes of images and volumes by
//!                       source, and the rest; leastBytes is of all runs of the seed, bounds are of this run
//!                       alone, the largest being its own; waitSeconds.percentiles are 101: what 0, 1, … 100
//!                       of a hundred pods did not exceed; curve.bytes had come by 1, 2, … times stepSeconds
//! ```

mod run;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::edge::report::json::run::RunView;
use crate::edge::report::{Report, Scenario};
use crate::edge::view::API_VERSION;
use crate::model::unit::Nanos;
use crate::sim::summary::comparison::{Comparison, Win};
use crate::sim::summary::interval::Estimate;
use crate::sim::summary::measure::{Measure, Unit};

/// The whole of it, with a line end.
///
/// # Errors
/// If it cannot be written as JSON, which no report is known for.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&ReportView::of(report))?;
    text.push('\n');
    Ok(text)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportView<'a> {
    api_version: &'static str,
    kind: &'static str,
    version: &'static str,
    command: &'a str,
    scenario: ScenarioView<'a>,
    seeds: &'a [u64],
    zone_price_per_gigabyte: f64,
    least: LeastView,
    policies: Vec<PolicyView<'a>>,
    best: Vec<BestView<'a>>,
    runs: Vec<RunView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScenarioView<'a> {
    name: &'a str,
    about: &'a str,
    data: BTreeMap<&'a str, &'a str>,
    modelled: BTreeMap<&'a str, &'a str>,
    notes: &'a [String],
    nodes: u64,
    scaled_nodes_max: u64,
    zones: u64,
    jobs: u64,
    arrivals_seconds: f64,
    images: u64,
    image_bytes: u64,
    volumes: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LeastView {
    mean_bytes: i64,
    half_width_bytes: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyView<'a> {
    name: &'a str,
    about: &'a str,
    measures: MeasuresView,
}

/// In the order of [`Measure::ALL`], as the names are.
struct MeasuresView(Vec<(Measure, Option<EstimateView>)>);

impl Serialize for MeasuresView {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(measure, found)| (key(*measure), found)))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EstimateView {
    mean: NumberView,
    half_width: Option<NumberView>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum NumberView {
    Whole(i64),
    Thousandths(f64),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BestView<'a> {
    measure: &'static str,
    policy: &'a str,
    equals: Vec<&'a str>,
    seeds_won: Vec<usize>,
}

impl<'a> ReportView<'a> {
    fn of(report: &'a Report) -> Self {
        let comparison = &report.comparison;
        let least = comparison.least().unwrap_or(Estimate { mean: 0, half_width: None });
        let runs = comparison.runs();
        Self {
            api_version: API_VERSION,
            kind: "SimulationReport",
            version: env!("CARGO_PKG_VERSION"),
            command: &report.command,
            scenario: ScenarioView::of(&report.scenario),
            seeds: &comparison.seeds,
            zone_price_per_gigabyte: report.zone_gigabyte_price.as_money(),
            least: LeastView { mean_bytes: least.mean, half_width_bytes: least.half_width },
            policies: (0..comparison.policies.len())
                .map(|policy| PolicyView::of(report, policy))
                .collect(),
            best: comparison.wins().into_iter().map(|win| BestView::of(comparison, win)).collect(),
            runs: runs
                .map(|(seed, marks, policy, summary)| {
                    RunView::of(report, (seed, policy), marks, summary)
                })
                .collect(),
        }
    }
}

impl<'a> ScenarioView<'a> {
    fn of(scenario: &'a Scenario) -> Self {
        let map = |entries: &'a [(String, String)]| {
            entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
        };
        let size = scenario.size;
        Self {
            name: &scenario.name,
            about: &scenario.about,
            data: map(&scenario.data),
            modelled: map(&scenario.modelled),
            notes: &scenario.notes,
            nodes: size.nodes,
            scaled_nodes_max: size.scaled_nodes_max,
            zones: size.zones,
            jobs: size.jobs,
            arrivals_seconds: seconds(size.arrivals_last),
            images: size.images,
            image_bytes: size.image_bytes.0,
            volumes: size.volumes,
        }
    }
}

impl<'a> PolicyView<'a> {
    fn of(report: &'a Report, policy: usize) -> Self {
        let comparison = &report.comparison;
        let measures = Measure::ALL.map(|measure| {
            let found = comparison.estimate(policy, measure);
            (measure, found.map(|found| EstimateView::of(measure, found)))
        });
        Self {
            name: &comparison.policies[policy],
            about: &report.abouts[policy],
            measures: MeasuresView(measures.into()),
        }
    }
}

impl EstimateView {
    fn of(measure: Measure, found: Estimate) -> Self {
        let half = found.half_width.map(|half| i64::try_from(half).unwrap_or(i64::MAX));
        Self {
            mean: NumberView::of(measure, found.mean),
            half_width: half.map(|half| NumberView::of(measure, half)),
        }
    }
}

impl NumberView {
    fn of(measure: Measure, value: i64) -> Self {
        match measure.unit() {
            Unit::Bytes | Unit::Count => Self::Whole(value),
            Unit::PerMille => Self::Thousandths(thousandths(value)),
            Unit::Nanos => Self::Thousandths(thousandths(value / NANOS_PER_MILLI)),
        }
    }
}

impl<'a> BestView<'a> {
    fn of(comparison: &'a Comparison, win: Win) -> Self {
        let name = |policy: &usize| comparison.policies[*policy].as_str();
        Self {
            measure: key(win.measure),
            policy: name(&win.best),
            equals: win.equals.iter().map(name).collect(),
            seeds_won: win.seeds_won,
        }
    }
}

const fn key(measure: Measure) -> &'static str {
    match measure {
        Measure::Moved => "movedBytes",
        Measure::Regret => "timesLeast",
        Measure::Captured => "capturedShare",
        Measure::Hits => "hitShare",
        Measure::CrossedZone => "crossedZoneBytes",
        Measure::MeanWait => "meanWaitSeconds",
        Measure::MedianWait => "medianWaitSeconds",
        Measure::P95Wait => "p95WaitSeconds",
        Measure::Imbalance => "busiestOverMean",
        Measure::NodeTime => "nodeSeconds",
        Measure::Evicted => "evictedBytes",
        Measure::Refused => "refusedPulls",
        Measure::Failed => "failedJobs",
        Measure::Ended => "endedSeconds",
    }
}

const NANOS_PER_MILLI: i64 = 1_000_000;

/// The division of two whole numbers that a double holds: the same on every machine.
#[expect(
    clippy::cast_precision_loss,
    reason = "thousandths beyond 2^53 are no thousandths any more"
)]
fn thousandths(value: i64) -> f64 {
    value as f64 / 1000.0
}

/// With milliseconds, rounded down.
fn seconds(time: Nanos) -> f64 {
    thousandths(i64::try_from(time.0).unwrap_or(i64::MAX) / NANOS_PER_MILLI)
}
