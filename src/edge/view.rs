//! Decisions and the cluster as JSON: what the admin port serves, `explain` prints and the page shows.
//!
//! Twins of the core's types with names instead of ids and seconds instead of nanoseconds. Field names
//! are stable within `dunnage.dev/v1alpha1`. What is shown is copied first ([`copy`], [`legend`]) and then
//! made into views without any lock: a page that somebody left open must not hold up a scheduling request.

pub mod cluster;
pub mod copy;
pub mod disk;
pub mod later;
pub mod legend;
pub mod run;
pub mod volume;

use serde::{Deserialize, Serialize};

use crate::edge::recent::{Entry, best_and_median_bytes};
use crate::edge::view::disk::ClaimView;
use crate::edge::view::later::LaterView;
use crate::edge::view::legend::Legend;
use crate::edge::view::run::RunView;
use crate::edge::view::volume::WantedVolumeView;
use crate::model::cluster::NodeId;
use crate::model::pod::{PodFacts, PodImage, PullPolicy};
use crate::model::unit::{Nanos, PerMille, Time};
use crate::score::decision::{Decision, Row, Verdict, Wanted};

/// `apiVersion` of everything here.
pub const API_VERSION: &str = "dunnage.dev/v1alpha1";

/// A decision with all its parts and reasons.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionView {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `Decision`.
    pub kind: String,
    /// When it was taken, RFC 3339.
    pub at: String,
    /// The pod.
    pub pod: PodView,
    /// Its run, if it tells any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<RunView>,
    /// Why no node is preferred; absent if some are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub neutral: Option<String>,
    /// Where pods of this kind shall meet, if a home was needed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub home: Option<String>,
    /// Whether the scheduler got the points; false in shadow mode and for `explain`.
    pub sent: bool,
    /// The node the pod was bound to, once known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub chosen: Option<String>,
    /// What the pod wants, per platform among the candidates.
    pub wanted: Vec<WantedView>,
    /// What later steps of the run want, if that is known and the policy looks ahead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub later: Option<LaterView>,
    /// The volumes that the pod needs, in its order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub volumes: Vec<WantedVolumeView>,
    /// Candidates that the index does not know.
    pub unknown_nodes: usize,
    /// Candidates that the index knows. In a list of decisions `nodes` has the best few of them only.
    #[serde(default)]
    pub candidates: usize,
    /// Bytes to move to the candidate that needs least.
    #[serde(default)]
    pub best_bytes: u64,
    /// Bytes to move to the median candidate.
    #[serde(default)]
    pub median_bytes: u64,
    /// The candidates, best first: by raw points, then bytes to move, then name.
    pub nodes: Vec<NodeScoreView>,
    /// What is known of the pod's claims, in their order.
    #[serde(default)]
    pub claims: Vec<ClaimView>,
}

/// A pod by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PodView {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
}

/// What a pod wants on one platform.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedView {
    /// `os/architecture`, or `unknown`.
    pub platform: String,
    /// Compressed bytes, shared layers once.
    pub bytes: u64,
    /// Seconds on a cold, idle node.
    pub cold_seconds: f64,
    /// One per image of the pod, in its order.
    pub images: Vec<ImageVerdictView>,
}

/// What is known of one image of a pod.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageVerdictView {
    /// As written in the pod.
    pub reference: String,
    /// `Always`, `IfNotPresent`, `Never`.
    pub pull_policy: String,
    /// `layers`, `whole`, `unsized`, `repeated`, `unknown`, `unreadable`.
    pub known: String,
    /// The same in words.
    pub reason: String,
    /// Compressed bytes of the image.
    pub bytes: u64,
    /// Number of layers, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub layers: Option<usize>,
    /// Digest of the manifest, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
}

/// One candidate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described on the core's Row")]
pub struct NodeScoreView {
    pub node: String,
    /// Which of the decision's `wanted` counts here, from 0.
    #[serde(default)]
    pub wanted: u8,
    pub points: u8,
    pub raw: i8,
    pub saved_seconds: f64,
    pub cost_seconds: f64,
    pub wait_seconds: f64,
    pub fetch_seconds: f64,
    pub unpack_seconds: f64,
    #[serde(default)]
    pub stream_seconds: f64,
    #[serde(default)]
    pub attach_seconds: f64,
    #[serde(default)]
    pub money_seconds: f64,
    pub heat_seconds: f64,
    pub credit_seconds: f64,
    #[serde(default)]
    pub company_seconds: f64,
    #[serde(default)]
    pub lookahead_seconds: f64,
    #[serde(default)]
    pub avoidable_seconds: f64,
    pub missing_bytes: u64,
    #[serde(default)]
    pub kept_bytes: u64,
    pub arriving_bytes: u64,
    /// Bytes of volumes that have to be moved, those on their way, and those that cross a zone.
    #[serde(default)]
    pub stream_bytes: u64,
    #[serde(default)]
    pub arriving_volume_bytes: u64,
    #[serde(default)]
    pub zone_bytes: u64,
    /// What those cost, in the policy's money.
    #[serde(default)]
    pub zone_price: f64,
    pub waiting_pods: u32,
    /// Decided about and not seen bound yet: a share where several nodes were equally good.
    #[serde(default)]
    pub expected_pods: f64,
    pub reasons: Vec<String>,
}

impl DecisionView {
    /// The view of a decision that was just taken, with all its candidates.
    #[must_use]
    pub fn new(pod: &PodFacts, decision: &Decision, legend: &Legend) -> Self {
        let rows = best_first(decision, legend, usize::MAX, None);
        Self::of_rows(&rows, pod, decision, legend)
    }

    /// The view of a remembered decision, with the best `nodes_max` candidates and the chosen one.
    #[must_use]
    pub fn of_entry(entry: &Entry, legend: &Legend, nodes_max: usize) -> Self {
        let decision = &*entry.decision;
        let rows = best_first(decision, legend, nodes_max, entry.chosen);
        Self {
            sent: entry.sent,
            chosen: entry.chosen.map(|id| legend.node_name(id, decision.at).to_owned()),
            ..Self::of_rows(&rows, &entry.pod, decision, legend)
        }
    }

    fn of_rows(rows: &[&Row], pod: &PodFacts, decision: &Decision, legend: &Legend) -> Self {
        let (best_bytes, median_bytes) = best_and_median_bytes(&decision.rows);
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "Decision".to_owned(),
            at: rfc3339(decision.at),
            pod: PodView {
                namespace: pod.namespace.clone(),
                name: pod.name.clone(),
                uid: pod.uid.clone(),
            },
            run: RunView::of(&pod.run),
            neutral: decision.neutral.map(|neutral| neutral.name().to_owned()),
            home: decision.home.map(|id| legend.node_name(id, decision.at).to_owned()),
            sent: false,
            chosen: None,
            wanted: decision.wanted.iter().map(|w| want(w, &pod.images, legend)).collect(),
            later: LaterView::of(&decision.later, legend),
            volumes: volume::wanted(&pod.run.needs, &decision.volumes),
            unknown_nodes: decision.unknown_count,
            candidates: decision.rows.len(),
            best_bytes,
            median_bytes,
            nodes: rows.iter().map(|row| score(row, decision, legend)).collect(),
            claims: decision.disks.iter().map(|disk| ClaimView::new(disk, legend)).collect(),
        }
    }
}

/// The best `most` rows in order, and behind them the chosen one if it is not among them. Lists of
/// decisions are asked for every other second: what is not shown is neither sorted nor named.
fn best_first<'a>(
    decision: &'a Decision,
    legend: &Legend,
    most: usize,
    chosen: Option<NodeId>,
) -> Vec<&'a Row> {
    let name = |row: &Row| legend.node_name(row.node, decision.at);
    let order = |a: &&Row, b: &&Row| (b.raw, a.missing, name(a)).cmp(&(a.raw, b.missing, name(b)));
    let mut rows: Vec<&Row> = decision.rows.iter().collect();
    let mut rest = Vec::new();
    if most < rows.len() {
        rows.select_nth_unstable_by(most, order);
        rest = rows.split_off(most);
    }
    rows.sort_unstable_by(order);
    rows.extend(rest.into_iter().find(|row| Some(row.node) == chosen));
    rows
}

fn score(row: &Row, decision: &Decision, legend: &Legend) -> NodeScoreView {
    let parts = decision.parts(row);
    let volumes = decision.volumes_of(row).copied().unwrap_or_default();
    let reasons = row.reasons.names().chain(volumes.reasons.names());
    NodeScoreView {
        node: legend.node_name(row.node, decision.at).to_owned(),
        wanted: row.group,
        points: row.points,
        raw: row.raw,
        saved_seconds: signed_seconds(parts.saved),
        cost_seconds: seconds(parts.cost()),
        wait_seconds: seconds(parts.wait),
        fetch_seconds: seconds(parts.fetch),
        unpack_seconds: seconds(parts.unpack),
        stream_seconds: seconds(parts.stream),
        attach_seconds: seconds(parts.attach),
        money_seconds: seconds(parts.money),
        heat_seconds: seconds(parts.heat),
        credit_seconds: seconds(parts.credit),
        company_seconds: seconds(parts.company),
        lookahead_seconds: seconds(parts.lookahead),
        avoidable_seconds: seconds(parts.avoidable),
        missing_bytes: row.missing.0,
        kept_bytes: row.kept.0,
        arriving_bytes: row.arriving.0,
        stream_bytes: volumes.missing.0,
        arriving_volume_bytes: volumes.arriving.0,
        zone_bytes: volumes.zone_bytes.0,
        zone_price: volumes.price.as_money(),
        waiting_pods: row.waiting_pods,
        expected_pods: thousandths(row.expected_pods),
        reasons: reasons.map(str::to_owned).collect(),
    }
}

fn want(wanted: &Wanted, images: &[PodImage], legend: &Legend) -> WantedView {
    let images = wanted.verdicts.iter().zip(images);
    WantedView {
        platform: legend.platform(wanted.platform),
        bytes: wanted.bytes.0,
        cold_seconds: seconds(wanted.cold),
        images: images
            .map(|(verdict, image)| {
                verdict_view(*verdict, &image.reference, image.pull_policy, legend)
            })
            .collect(),
    }
}

fn verdict_view(
    verdict: Verdict,
    reference: &str,
    policy: PullPolicy,
    legend: &Legend,
) -> ImageVerdictView {
    let image = match verdict {
        Verdict::Layers(id) => legend.image(id),
        _ => None,
    };
    let (known, reason, bytes) = match verdict {
        Verdict::Layers(_) => {
            let bytes = image.map_or(0, |image| image.bytes.0);
            ("layers", "its layers are known", bytes)
        }
        Verdict::Whole(bytes) => {
            ("whole", "layers unknown: counts as a whole by the size nodes report", bytes.0)
        }
        Verdict::Unsized(bytes) => {
            ("unsized", "no node tells its size: the policy's assumption counts", bytes.0)
        }
        Verdict::Repeated => ("repeated", "occurs before in this pod", 0),
        Verdict::Unknown => {
            ("unknown", "no node holds it and no source knows its layers: counts nothing", 0)
        }
        Verdict::Unreadable => ("unreadable", "not an image reference", 0),
    };
    ImageVerdictView {
        reference: reference.to_owned(),
        pull_policy: format!("{policy:?}"),
        known: known.to_owned(),
        reason: reason.to_owned(),
        bytes,
        layers: image.map(|image| image.layer_count),
        digest: image.and_then(|image| image.digest.as_deref()).map(str::to_owned),
    }
}

/// Seconds rounded to milliseconds: more would only be noise on the page.
fn thousandths(count: PerMille) -> f64 {
    f64::from(u32::try_from(count.0).unwrap_or(u32::MAX)) / 1000.0
}

fn seconds(time: Nanos) -> f64 {
    (time.as_seconds() * 1000.0).round() / 1000.0
}

fn signed_seconds(nanos: i64) -> f64 {
    let size = seconds(Nanos(nanos.unsigned_abs()));
    if nanos < 0 { -size } else { size }
}

/// An instant as RFC 3339, to the millisecond.
#[must_use]
pub fn rfc3339(time: Time) -> String {
    let millis = i64::try_from(time.0 / 1_000_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map(|time| time.to_string()).unwrap_or_default()
}
