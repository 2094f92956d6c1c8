//! Policies: text in, validated numbers out.
//!
//! A policy is data (`policy/*.yaml`), never code: what each key means is written in the files. The
//! rules for reading are strict, because a mistyped key that is silently ignored would be found only
//! on the bill: every key is required, unknown and repeated keys are refused with line and caret.

pub mod attach;
pub mod curve;
pub mod interest;
pub mod lookahead;
mod number;
pub mod stream;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::node::PullOrder;
use crate::model::unit::{Bytes, Nanos, PerMille, TransferRate};
use crate::policy::attach::{Attach, AttachKeys};
use crate::policy::curve::{Curve, CurveShape};
use crate::policy::number::{SECONDS_MAX, rate, seconds, share};
use crate::policy::stream::{RunKeys, RunPolicy, StreamKeys, StreamPolicy};

/// The policies that come with the program: name and text.
pub const NAMED: [(&str, &str); 2] = [
    ("default", include_str!("../policy/default.yaml")),
    ("plain", include_str!("../policy/plain.yaml")),
];

/// The numbers a decision uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What is there or missing.
    pub granularity: Granularity,
    /// From the registry to a node.
    pub fetch: TransferRate,
    /// From compressed blob to snapshot, in compressed bytes.
    pub unpack: TransferRate,
    /// How most nodes order their pulls.
    pub order: PullOrder,
    /// Labels of nodes with the other order.
    pub other_order_labels: Vec<LabelMatch>,
    /// Whether pulls in progress are counted.
    pub in_progress: InProgress,
    /// How much of the pull of a later container counts as queued.
    pub later_share: PerMille,
    /// How observed pulls correct the two rates.
    pub learn: Learn,
    /// Assumed size of an image without one.
    pub unsized_image_bytes: Bytes,
    /// How long disks on the network take.
    pub attach: Attach,
    /// Seconds to points.
    pub curve: Curve,
    /// The same of the distance from the best candidate.
    pub distance_curve: Curve,
    /// What a pull avoided is worth, as a share of its seconds.
    pub home_share: PerMille,
    /// How much later than the soonest a node may be ready and still be a place to meet, as a share.
    pub home_slack: PerMille,
    /// Waiting step pods at which a node where something is still arriving has no room.
    pub home_arriving_pods_max: u32,
    /// Nodes over which pods of a kind are spread while their cargo is arriving.
    pub home_places: u32,
    /// Waiting step pods at which a node has no room as a home.
    pub home_waiting_pods_max: u32,
    /// Cost of each step pod that waits on a node.
    pub heat_per_waiting_pod: Nanos,
    /// Where missing volumes come from.
    pub stream: StreamPolicy,
    /// What the company of a run is worth, and what its later steps will want.
    pub run: RunPolicy,
}

/// The smallest thing that a node has or lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Granularity {
    /// Layers, where they are known.
    Layers,
    /// Whole images.
    Images,
}

/// Whether what pulls in progress bring, and how long they still take, is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InProgress {
    /// What is on its way is waited for, and the rest queues behind it.
    Counted,
    /// What is not there yet is missing.
    Ignored,
}

/// How observed pulls correct the policy's rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learn {
    /// Off: the policy's rates hold.
    pub enabled: bool,
    /// Nodes with one value of this label are learned about together.
    pub node_group_label: String,
    /// With fewer pulls nothing is learned from them.
    pub observations_min: u32,
    /// Pulls are taken to last at most so many times as long as by the policy's rates, and at least that
    /// part of it.
    pub factor_max: u32,
}

/// A node label, with or without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelMatch {
    /// The key that must be there.
    pub key: String,
    /// The value it must have; any if `None`.
    pub value: Option<String>,
}

/// Why a policy was refused. The text has line, column and the offending line where the file is to
/// blame, and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not YAML, or not the keys of a policy.
    #[error("{0}")]
    Text(Box<serde_saphyr::Error>),
    /// A key has a value that makes no sense.
    #[error("{key}: {expected}, not {found}")]
    Value {
        /// Where, as a path of keys.
        key: &'static str,
        /// What would be right.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}

impl Policy {
    /// The policy in `text`.
    ///
    /// # Errors
    /// If it is no policy; see [`Error`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: File =
            serde_saphyr::from_str(text).map_err(|error| Error::Text(Box::new(error)))?;
        file.validate()
    }

    /// A policy of the project by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = NAMED.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(text).expect("a test parses every named policy"))
    }

    /// The name of the group of a node with these labels; empty where nothing is learned or it has none.
    #[must_use]
    pub fn node_group(&self, labels: &BTreeMap<String, String>) -> String {
        let label = labels.get(&self.learn.node_group_label).filter(|_| self.learn.enabled);
        label.cloned().unwrap_or_default()
    }

    /// How a node with these labels orders its pulls.
    #[must_use]
    pub fn pull_order(&self, labels: &BTreeMap<String, String>) -> PullOrder {
        let other = self.other_order_labels.iter().any(|label| label.matches(labels));
        match (self.order, other) {
            (PullOrder::Serial, false) | (PullOrder::Parallel, true) => PullOrder::Serial,
            (PullOrder::Serial, true) | (PullOrder::Parallel, false) => PullOrder::Parallel,
        }
    }
}

impl LabelMatch {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let found = labels.get(&self.key);
        found.is_some_and(|found| self.value.as_ref().is_none_or(|value| value == found))
    }
}

impl From<String> for LabelMatch {
    fn from(text: String) -> Self {
        match text.split_once('=') {
            Some((key, value)) => Self { key: key.to_owned(), value: Some(value.to_owned()) },
            None => Self { key: text, value: None },
        }
    }
}

// The file's own shape; only `File::validate` makes a `Policy` of it.

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct File {
    api_version: String,
    kind: String,
    pull: PullKeys,
    attach: AttachKeys,
    curve: CurveKeys,
    home: HomeKeys,
    heat: HeatKeys,
    stream: StreamKeys,
    run: RunKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PullKeys {
    granularity: Granularity,
    fetch_bytes_per_second: u64,
    unpack_bytes_per_second: u64,
    order: OrderKey,
    other_order_node_labels: Vec<String>,
    in_progress: InProgress,
    later_share: f64,
    unsized_image_bytes: u64,
    learn: LearnKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LearnKeys {
    enabled: bool,
    node_group_label: String,
    observations_min: u32,
    factor_max: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CurveKeys {
    shape: ShapeKey,
    zero_seconds: f64,
    full_seconds: f64,
    distance_zero_seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HomeKeys {
    share: f64,
    slack_share: f64,
    places: u32,
    waiting_pods_max: u32,
    arriving_pods_max: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HeatKeys {
    seconds_per_waiting_pod: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OrderKey {
    Serial,
    Parallel,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ShapeKey {
    Logarithmic,
    Linear,
}

/// Twice as many count alone, and no more than 21 are remembered.
const OBSERVATIONS_MAX: u32 = 10;

/// From a modem to a data centre: with more, what is learned would be a mistake.
const FACTOR_MAX: u32 = 1_000;

impl File {
    fn validate(self) -> Result<Policy, Error> {
        expect_text("apiVersion", &self.api_version, "dunnage.dev/v1alpha1")?;
        expect_text("kind", &self.kind, "PlacementPolicy")?;
        let pull = self.pull;
        let (curve, distance_curve) = self.curve.validate()?;
        Ok(Policy {
            granularity: pull.granularity,
            fetch: rate("pull.fetchBytesPerSecond", pull.fetch_bytes_per_second)?,
            unpack: rate("pull.unpackBytesPerSecond", pull.unpack_bytes_per_second)?,
            order: match pull.order {
                OrderKey::Serial => PullOrder::Serial,
                OrderKey::Parallel => PullOrder::Parallel,
            },
            other_order_labels: pull.other_order_node_labels.into_iter().map(Into::into).collect(),
            in_progress: pull.in_progress,
            later_share: share("pull.laterShare", pull.later_share)?,
            learn: pull.learn.validate()?,
            unsized_image_bytes: Bytes(pull.unsized_image_bytes),
            attach: self.attach.validate()?,
            curve,
            distance_curve,
            home_share: share("home.share", self.home.share)?,
            home_slack: share("home.slackShare", self.home.slack_share)?,
            home_places: places(self.home.places)?,
            home_arriving_pods_max: self.home.arriving_pods_max,
            home_waiting_pods_max: self.home.waiting_pods_max,
            heat_per_waiting_pod: seconds(
                "heat.secondsPerWaitingPod",
                self.heat.seconds_per_waiting_pod,
            )?,
            stream: self.stream.validate()?,
            run: self.run.validate()?,
        })
    }
}

impl LearnKeys {
    fn validate(self) -> Result<Learn, Error> {
        if !(1..=OBSERVATIONS_MAX).contains(&self.observations_min) {
            let (key, found) = ("pull.learn.observationsMin", self.observations_min.to_string());
            return Err(Error::Value { key, expected: "expected 1 to 10", found });
        }
        if !(1..=FACTOR_MAX).contains(&self.factor_max) {
            let (key, found) = ("pull.learn.factorMax", self.factor_max.to_string());
            return Err(Error::Value { key, expected: "expected 1 to 1000", found });
        }
        Ok(Learn {
            enabled: self.enabled,
            node_group_label: self.node_group_label,
            observations_min: self.observations_min,
            factor_max: self.factor_max,
        })
    }
}

impl CurveKeys {
    /// The curve, and that of the distance from the best.
    fn validate(self) -> Result<(Curve, Curve), Error> {
        let shape = match self.shape {
            ShapeKey::Logarithmic => CurveShape::Logarithmic,
            ShapeKey::Linear => CurveShape::Linear,
        };
        let curve = |key, zero: f64| {
            let full = self.full_seconds;
            if zero.is_finite() && zero > 0.0 && zero < full && full <= SECONDS_MAX {
                return Ok(Curve::new(shape, zero, full));
            }
            let expected = "expected 0 < the zero < fullSeconds <= 3600";
            Err(Error::Value { key, expected, found: format!("{zero} and {full}") })
        };
        let distance = curve("curve.distanceZeroSeconds", self.distance_zero_seconds);
        Ok((curve("curve.zeroSeconds", self.zero_seconds)?, distance?))
    }
}

fn expect_text(key: &'static str, found: &str, wanted: &'static str) -> Result<(), Error> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::Value { key, expected: wanted, found: format!("{found:?}") })
}

fn places(found: u32) -> Result<u32, Error> {
    if found > 0 {
        return Ok(found);
    }
    let expected = "expected 1 or more; home is switched off with share: 0";
    Err(Error::Value { key: "home.places", expected, found: found.to_string() })
}

#[cfg(test)]
mod tests;
