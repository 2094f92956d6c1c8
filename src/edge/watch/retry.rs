//! How long a broken watch waits before it is opened again.
//!
//! The first time hardly at all: an API server cuts off a watcher that falls behind in a burst, and in a
//! burst each second without news of where pods went is hundreds of pods placed blindly. kube's own
//! default waits 0.8 s at first and remembers failures for two minutes.

use std::time::{Duration, Instant};

use kube::runtime::utils::Backoff;

/// A first pause that a human would not notice, and that keeps a refusing server from being asked more
/// than twenty times a second.
const FIRST: Duration = Duration::from_millis(50);
/// A server that is down for long is asked twice a minute.
const LONGEST: Duration = Duration::from_secs(30);
/// A watch that has held this long starts anew.
const FORGET_AFTER: Duration = Duration::from_secs(10);

/// Pauses that double from failure to failure.
#[derive(Debug, Default)]
pub struct Retry {
    last: Option<(Instant, Duration)>,
}

impl Retry {
    fn pause_at(&mut self, now: Instant) -> Duration {
        let pause = match self.last {
            Some((at, pause)) if now.duration_since(at) < pause + FORGET_AFTER => {
                (pause * 2).min(LONGEST)
            }
            _ => FIRST,
        };
        self.last = Some((now, pause));
        pause
    }
}

impl Iterator for Retry {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.pause_at(Instant::now()))
    }
}

impl Backoff for Retry {
    /// Called at each event that comes through. One event is no sign of health: only time is.
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{FIRST, LONGEST, Retry};

    #[test]
    fn pauses_double_while_failures_follow_each_other_and_start_anew_after_a_while() {
        let (mut retry, mut now) = (Retry::default(), Instant::now());
        let mut expected = FIRST;
        for _ in 0..12 {
            let pause = retry.pause_at(now);
            assert_eq!(pause, expected);
            expected = (expected * 2).min(LONGEST);
            now += pause;
        }
        assert_eq!(retry.pause_at(now + Duration::from_secs(60)), FIRST);
    }
}
