//! What came of a workload, and how it is printed.

use std::time::Duration;

/// The figures of one run.
pub struct Outcome {
    /// What the nodes received, without what idle nodes receive.
    pub received_bytes: f64,
    /// The least that they could have received.
    pub least_bytes: usize,
    /// From creation to the start of the container, of each step.
    pub waits: Vec<Duration>,
}

impl Outcome {
    /// One line, with the bytes as a share of those of another run.
    pub fn beside(&self, bytes: f64) -> String {
        let least = self.least_bytes as f64;
        let moved = format!(
            "{:6.0} MB = {:.2} x stock, {:.2} x the least ({:.0} MB)",
            self.received_bytes / 1e6,
            self.received_bytes / bytes,
            self.received_bytes / least,
            least / 1e6,
        );
        let [mean, most] = [self.mean(), self.quantile(95)].map(|wait| wait.as_secs_f64());
        format!("{moved}; start wait mean {mean:.2} s, p95 {most:.2} s")
    }

    fn mean(&self) -> Duration {
        let steps = u32::try_from(self.waits.len()).unwrap_or(u32::MAX);
        self.waits.iter().sum::<Duration>() / steps.max(1)
    }

    /// The wait that so many percent of the steps do not exceed.
    fn quantile(&self, percent: usize) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort();
        let at = (waits.len() * percent).div_ceil(100).saturating_sub(1);
        waits.get(at).copied().unwrap_or_default()
    }
}
