//! What came of a workload, and how its figures are printed beside others.

use std::fmt;
use std::time::Duration;

use super::arm::Node;
use super::probe::Probes;
use crate::testbed::real::Pushed;

/// A run of the workload. Times are from the creation of the first step on.
pub struct Outcome {
    /// What the nodes received, without what idle nodes receive.
    pub received_bytes: f64,
    /// What was found of the nodes before.
    pub probes: Probes,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The images, in the order of the demand's.
    pub images: Vec<Pushed>,
    /// The steps in the order of their creation.
    pub steps: Vec<Ran>,
}

/// What became of a step.
pub struct Ran {
    pub name: String,
    /// Its image, as an index.
    pub image: usize,
    pub node: String,
    pub created: Duration,
    pub bound: Duration,
    pub started: Duration,
    pub ended: Duration,
}

impl Outcome {
    /// Seconds from creation to the start of the container, of each step.
    pub fn waits(&self) -> Vec<f64> {
        let waits = self.steps.iter().map(|step| step.started - step.created);
        waits.map(|wait| wait.as_secs_f64()).collect()
    }

    /// Its figures.
    pub fn figures(&self) -> Figures {
        Figures::of(self.received_bytes, &self.waits())
    }
}

/// What runs are compared by: bytes, and seconds from creation to the start of the container.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub bytes: f64,
    pub median: f64,
    pub mean: f64,
    pub p95: f64,
}

impl Figures {
    /// Those of pods with these waits.
    pub fn of(bytes: f64, waits: &[f64]) -> Self {
        let mut sorted = waits.to_vec();
        sorted.sort_by(f64::total_cmp);
        // The nearest rank, as in reports of the simulator.
        let quantile = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1];
        let mean = waits.iter().sum::<f64>() / waits.len() as f64;
        Self { bytes, median: quantile(50), mean, p95: quantile(95) }
    }

    /// Each of them by itself.
    pub fn each(self) -> [f64; 4] {
        [self.bytes, self.median, self.mean, self.p95]
    }

    /// By how much these are more than others, in percent of those.
    pub fn beyond(self, others: Self) -> [f64; 4] {
        let [own, others] = [self.each(), others.each()];
        std::array::from_fn(|at| (own[at] / others[at] - 1.0) * 100.0)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, median, mean, p95 } = self;
        let megabytes = bytes / 1e6;
        write!(
            f,
            "{megabytes:6.0} MB; start wait median {median:.2} s, mean {mean:.2} s, p95 {p95:.2} s"
        )
    }
}
