//! What policies are compared by: one number a run each, and which way it is better.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::bound;
use crate::sim::summary::Summary;

/// A number that each run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Bytes of images and volumes that came over links.
    Moved,
    /// How many times the least possible that is.
    Regret,
    /// Share of the avoidable bytes that was avoided, spread being the measure.
    Captured,
    /// Share of the wanted image bytes that lay on the node at binding.
    Hits,
    /// Bytes that crossed a zone.
    CrossedZone,
    /// Mean wait from creation to start.
    MeanWait,
    /// Median of it.
    MedianWait,
    /// What 95 of 100 pods did not exceed.
    P95Wait,
    /// Busiest node over the mean of all.
    Imbalance,
    /// How long nodes were there, all together, in a cluster that grows and shrinks.
    NodeTime,
    /// Bytes that garbage collection removed.
    Evicted,
    /// Pulls that found the disk full.
    Refused,
    /// Jobs that did not end well.
    Failed,
    /// When the last pod ended.
    Ended,
}

/// What a measure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// [`Bytes`].
    Bytes,
    /// [`Nanos`].
    Nanos,
    /// Thousandths.
    PerMille,
    /// Things.
    Count,
}

/// What a run is held against, beside its own numbers: both of the same seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// What none of the compared runs can move less than.
    pub least: Bytes,
    /// What spread moved, if it was run.
    pub spread: Option<Bytes>,
}

impl Measure {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 14] = [
        Self::Moved,
        Self::Regret,
        Self::Captured,
        Self::Hits,
        Self::CrossedZone,
        Self::MeanWait,
        Self::MedianWait,
        Self::P95Wait,
        Self::Imbalance,
        Self::NodeTime,
        Self::Evicted,
        Self::Refused,
        Self::Failed,
        Self::Ended,
    ];

    /// What it counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Moved | Self::CrossedZone | Self::Evicted => Unit::Bytes,
            Self::Regret | Self::Captured | Self::Hits | Self::Imbalance => Unit::PerMille,
            Self::MeanWait | Self::MedianWait | Self::P95Wait | Self::NodeTime | Self::Ended => {
                Unit::Nanos
            }
            Self::Refused | Self::Failed => Unit::Count,
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub const fn is_better_higher(self) -> bool {
        matches!(self, Self::Captured | Self::Hits)
    }

    /// Whether somebody can win by it: the two that say of [`Self::Moved`] the same in other words are left
    /// out.
    #[must_use]
    pub const fn has_winner(self) -> bool {
        !matches!(self, Self::Regret | Self::Captured)
    }

    /// Its value; `None` for a run that has none.
    #[must_use]
    pub fn of(self, summary: &Summary, marks: Marks) -> Option<i64> {
        let nanos = |time: Option<Nanos>| time.map(|time| time.0);
        let value = match self {
            Self::Captured => return captured(summary.moved(), marks),
            Self::Moved => Some(summary.moved().0),
            Self::Regret => bound::regret(summary.moved(), marks.least).map(|share| share.0),
            Self::Hits => (summary.wanted.0 > 0).then(|| summary.hit_share().0),
            Self::CrossedZone => Some(summary.crossed_zone.0),
            Self::MeanWait => (summary.waits.count > 0).then_some(summary.waits.mean.0),
            Self::MedianWait => nanos(summary.waits.percentile(50)),
            Self::P95Wait => nanos(summary.waits.percentile(95)),
            Self::Imbalance => Some(summary.imbalance.0),
            Self::NodeTime => (summary.node_time.0 > 0).then_some(summary.node_time.0),
            Self::Evicted => Some(summary.evicted.0),
            Self::Refused => Some(summary.pulls_refused),
            Self::Failed => Some(summary.outcomes.failed()),
            Self::Ended => Some(summary.ended_at.0),
        };
        value.map(|value| i64::try_from(value).unwrap_or(i64::MAX))
    }
}

fn captured(moved: Bytes, marks: Marks) -> Option<i64> {
    bound::captured_share(marks.spread?, moved, marks.least)
}
