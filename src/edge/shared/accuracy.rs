//! Reports of pulls: each is held against what was predicted, then learned from.
//!
//! Decides which report counts as what in the metrics. What is learned is the tracker's to say.

use std::collections::VecDeque;

use crate::edge::object::pulled::{PullReport, PullTimes};
use crate::edge::shared::Shared;
use crate::model::observed::PULL_BYTES_MIN;
use crate::model::unit::{Nanos, Time};
use crate::score::predicted;
use crate::state::event::Event;

/// Bias and error are of so many last pulls: enough for a median, and few enough to show a change.
const RATIOS_MAX: usize = 100;

/// How the last predictions did: how many times as long as predicted each pull took.
#[derive(Debug, Default)]
pub struct Accuracy {
    ratios: VecDeque<f64>,
}

impl Accuracy {
    fn add(&mut self, ratio: f64) {
        if self.ratios.len() == RATIOS_MAX {
            self.ratios.pop_front();
        }
        self.ratios.push_back(ratio);
    }

    /// How many pulls count.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ratios.len()
    }

    /// How much longer than predicted the median pull took, as a share of the prediction; negative for
    /// shorter. `None` without pulls.
    #[must_use]
    pub fn bias(&self) -> Option<f64> {
        median(self.ratios.iter().map(|ratio| ratio - 1.0).collect())
    }

    /// The median of how far predictions were off, as a share of what was observed. `None` without pulls.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        median(self.ratios.iter().map(|ratio| (1.0 / ratio - 1.0).abs()).collect())
    }
}

impl Shared {
    /// Takes an event of a pull: holds its report, if it is one, against the prediction, and learns from it.
    pub fn observe(&self, report: Option<PullReport>) {
        let Some(report) = report else {
            self.metrics.learning.observations.with_label_values(&["unreadable"]).inc();
            return;
        };
        let (result, prediction) = self.judge(&report, self.clock.now());
        self.metrics.learning.observations.with_label_values(&[result]).inc();
        if let (Some(predicted), Some(times)) = (prediction, report.times) {
            self.note_ratio(predicted, times.pull);
        }
        self.note_whole(&report);
        self.apply(Event::PullObserved {
            node: report.node,
            reference: report.reference,
            took: report.times.map(|times| times.pull),
        });
    }

    /// What a report counts as, and what was predicted if it is learned from.
    fn judge(&self, report: &PullReport, now: Time) -> (&'static str, Option<Nanos>) {
        let Some(PullTimes { pull: took, .. }) = report.times else {
            return ("present", None);
        };
        let tracker = self.read();
        let cluster = tracker.cluster();
        let node = cluster.node_id(&report.node);
        match node.and_then(|node| cluster.begun().get(node, &report.reference, now)) {
            None => ("unexpected", None),
            Some(pull) if !pull.is_new => ("unexpected", None),
            Some(pull) if !pull.has_layers => ("layers-unknown", None),
            Some(pull) if !pull.is_telling() || took.0 == 0 => ("small", None),
            Some(pull) => ("learned", Some(predicted(&self.policy, pull))),
        }
    }

    fn note_ratio(&self, predicted: Nanos, took: Nanos) {
        let learning = &self.metrics.learning;
        let ratio = took.as_seconds() / predicted.as_seconds().max(1e-9);
        learning.ratio.with_label_values(&["pull"]).observe(ratio);
        let mut accuracy = self.accuracy();
        accuracy.add(ratio);
        learning.bias.set(accuracy.bias().unwrap_or_default());
        learning.error.set(accuracy.error().unwrap_or_default());
    }

    /// Holds the whole wait of a pod of one image against what its decision said of the chosen node.
    fn note_whole(&self, report: &PullReport) {
        let Some(took) = report.times.and_then(|times| times.with_waiting) else { return };
        let Some(entry) = self.recent().of_pod(&report.pod_uid).cloned() else { return };
        let Some(row) = entry.chosen_row().filter(|_| entry.pod.images.len() == 1) else { return };
        let delay = entry.decision.delay(row);
        if row.missing + row.arriving >= PULL_BYTES_MIN && delay.0 > 0 {
            let ratio = took.as_seconds() / delay.as_seconds();
            self.metrics.learning.ratio.with_label_values(&["whole"]).observe(ratio);
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::{Accuracy, RATIOS_MAX};

    #[test]
    fn bias_has_a_sign_and_error_has_none() {
        let mut accuracy = Accuracy::default();
        assert_eq!((accuracy.bias(), accuracy.error()), (None, None));
        for ratio in [0.5, 2.0, 2.0] {
            accuracy.add(ratio);
        }
        assert_eq!((accuracy.bias(), accuracy.error()), (Some(1.0), Some(0.5)));
        for _ in 0..RATIOS_MAX {
            accuracy.add(0.8);
        }
        assert_eq!(accuracy.count(), RATIOS_MAX);
        assert!((accuracy.bias().expect("pulls") + 0.2).abs() < 1e-9);
        assert!((accuracy.error().expect("pulls") - 0.25).abs() < 1e-9);
    }
}
