//! What came of a workload, and how its figures are printed beside others.

use std::fmt;
use std::time::Duration;

use super::arm::Node;
use crate::testbed::real::Pushed;

/// A run of the workload. Times are from the creation of the first step on.
pub struct Outcome {
    /// What the nodes received, without what idle nodes receive.
    pub received_bytes: f64,
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
    /// Its figures.
    pub fn figures(&self) -> Figures {
        let waits = self.steps.iter().map(|step| (step.started - step.created).as_secs_f64());
        let mut waits: Vec<f64> = waits.collect();
        waits.sort_by(f64::total_cmp);
        // The nearest rank, as in reports of the simulator.
        let quantile = |percent: usize| waits[(waits.len() * percent).div_ceil(100).max(1) - 1];
        Figures {
            bytes: self.received_bytes,
            median: quantile(50),
            mean: waits.iter().sum::<f64>() / waits.len() as f64,
            p95: quantile(95),
        }
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
