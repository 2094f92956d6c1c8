//! The part of a policy about what later steps of a run will want: what having it is worth, and how much the
//! pod itself may lose by it.

use serde::Deserialize;

use crate::model::unit::{Nanos, PerMille};
use crate::policy::Error;
use crate::policy::number::{seconds, share};

/// What layers of later steps are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookaheadPolicy {
    /// Of their seconds; zero switches it off.
    pub share: PerMille,
    /// How much later than on the soonest node the pod itself may be ready for it, as a share of what it
    /// costs on a cold node.
    pub slack_share: PerMille,
    /// That, for a pod whose share is less.
    pub slack_min: Nanos,
}

impl LookaheadPolicy {
    /// How much later the pod may be ready that costs so much on a cold node.
    #[must_use]
    pub fn slack(&self, cold: Nanos) -> Nanos {
        self.slack_share.of(cold).max(self.slack_min)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LookaheadKeys {
    share: f64,
    slack_share: f64,
    slack_seconds_min: f64,
}

impl LookaheadKeys {
    pub(super) fn validate(self) -> Result<LookaheadPolicy, Error> {
        Ok(LookaheadPolicy {
            share: share("run.lookahead.share", self.share)?,
            slack_share: share("run.lookahead.slackShare", self.slack_share)?,
            slack_min: seconds("run.lookahead.slackSecondsMin", self.slack_seconds_min)?,
        })
    }
}
