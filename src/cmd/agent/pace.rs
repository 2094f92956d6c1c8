//! When the agent reads and writes: at most once an interval, at least once a heartbeat, never all
//! agents at once.

use std::time::Duration;

use crate::edge::inventory::change::own_share;

/// The shortest heartbeat. 2,000 nodes of 40 kB that write once in this time make 0.3 MB/s, half of
/// what the leases of so many nodes make in requests.
const HEARTBEAT_MIN: Duration = Duration::from_secs(300);
/// Intervals in a heartbeat, where that is longer.
const HEARTBEAT_INTERVALS: u32 = 10;
/// The first pause after a failure, and the longest.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// The times of one agent.
#[derive(Clone, Debug)]
pub struct Pace {
    node: String,
    /// The least time between two writes of the inventory.
    pub interval: Duration,
    count: u64,
}

impl Pace {
    /// The pace of a node's agent.
    pub fn new(node: &str, interval: Duration) -> Self {
        Self { node: node.to_owned(), interval, count: 0 }
    }

    /// The longest time between two writes, and between two full readings.
    pub fn heartbeat(&self) -> Duration {
        HEARTBEAT_MIN.max(self.interval * HEARTBEAT_INTERVALS)
    }

    /// How long a report may be believed, in seconds: one heartbeat may be missed.
    pub fn valid_seconds(&self) -> u64 {
        (self.heartbeat() * 2 + self.interval * 2).as_secs()
    }

    /// Before the first reading: up to one interval, the node's own share of it.
    pub fn first_pause(&self) -> Duration {
        own_share(&self.node, self.interval.min(HEARTBEAT_MIN))
    }

    /// Between two writes: the interval and up to a tenth more, another share each time.
    pub fn pause(&mut self) -> Duration {
        self.count += 1;
        let own = format!("{} {}", self.node, self.count);
        self.interval + own_share(&own, self.interval / 10)
    }
}

/// Pauses that double from failure to failure.
#[derive(Debug, Default)]
pub struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// The pause after one more failure.
    pub fn next_pause(&mut self) -> Duration {
        let next = self.last.map_or(BACKOFF_FIRST, |last| (last * 2).min(BACKOFF_MAX));
        self.last = Some(next);
        next
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BACKOFF_MAX, Backoff, Pace};

    #[test]
    fn pauses_are_never_shorter_than_the_interval_and_differ() {
        let interval = Duration::from_secs(30);
        let mut pace = Pace::new("a", interval);
        let pauses: Vec<_> = (0..50).map(|_| pace.pause()).collect();
        assert!(pauses.iter().all(|pause| (interval..interval * 11 / 10).contains(pause)));
        assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        assert!(pace.first_pause() < interval);
    }

    #[test]
    fn a_report_outlives_a_missed_heartbeat() {
        for seconds in [1, 30, 600] {
            let pace = Pace::new("a", Duration::from_secs(seconds));
            let two = pace.heartbeat().as_secs() * 2;
            assert!(pace.valid_seconds() > two, "{seconds}");
            assert!(pace.heartbeat() >= pace.interval * 10);
        }
    }

    #[test]
    fn failures_are_tried_again_soon_and_then_seldom() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..10).map(|_| backoff.next_pause()).collect();
        assert_eq!(pauses[0], Duration::from_millis(500));
        assert_eq!(pauses[1], Duration::from_secs(1));
        assert_eq!(pauses[9], BACKOFF_MAX);
    }
}
