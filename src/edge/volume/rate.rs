//! How fast the agent gives volumes away: so many bytes a second, over all streams together, so that what
//! the node's own pods send is not crowded out.
//!
//! What a node receives is not limited: whoever gets a volume waits for it.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A rate that streams share, each chunk in turn.
#[derive(Debug)]
pub struct Rate {
    bytes_per_second: NonZeroU64,
    /// When all that was let pass so far has been sent at this rate.
    free_at: Mutex<Instant>,
}

impl Rate {
    /// Of so many bytes a second.
    #[must_use]
    pub fn new(bytes_per_second: NonZeroU64) -> Self {
        Self { bytes_per_second, free_at: Mutex::new(Instant::now()) }
    }

    /// Returns when so many bytes may be sent. Time in which nothing was sent is not saved up.
    pub async fn pass(&self, bytes: u64) {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second.get());
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let turn = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*free_at).max(Instant::now());
            *free_at = turn + takes;
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::time::Duration;

    use tokio::time::{Instant, advance};

    use super::Rate;

    #[tokio::test(start_paused = true)]
    async fn streams_share_the_rate_and_save_nothing_up() {
        let rate = Rate::new(NonZeroU64::new(1_000_000).expect("not zero"));
        let stream = async || {
            for _ in 0..10 {
                rate.pass(100_000).await;
            }
        };
        advance(Duration::from_secs(100)).await;
        let start = Instant::now();
        tokio::join!(stream(), stream());
        // The last of the twenty chunks may leave when the nineteen before it are sent.
        assert_eq!(start.elapsed().as_millis(), 1_900);
    }
}
