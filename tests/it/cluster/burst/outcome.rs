//! What came of a burst, and how it is printed.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};
use std::time::Duration;

/// The figures of one run.
pub struct Outcome {
    /// From creation until it had the volume, of each step.
    pub starts: Vec<Duration>,
    /// What all nodes received meanwhile, heartbeats included.
    pub received_bytes: u64,
    /// What the volume has.
    pub volume_bytes: u64,
    /// Steps on each node that got any.
    pub per_node: BTreeMap<String, usize>,
}

impl Display for Outcome {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let seconds: Vec<f64> = self.starts.iter().map(Duration::as_secs_f64).collect();
        let mean = seconds.iter().sum::<f64>() / seconds.len().max(1) as f64;
        let last = seconds.iter().copied().fold(0.0, f64::max);
        let moved = self.received_bytes as f64 / self.volume_bytes as f64;
        let mut steps: Vec<_> = self.per_node.values().copied().collect();
        steps.sort_unstable_by(|a, b| b.cmp(a));
        let megabytes = self.received_bytes / 1_000_000;
        write!(out, "start mean {mean:6.1} s, last {last:6.1} s; ")?;
        write!(out, "{megabytes:6} MB received = {moved:.2} x the volume; steps by node {steps:?}")
    }
}
