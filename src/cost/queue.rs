//! How long a node's pulls in progress still take.
//!
//! A kubelet pulls one image at a time unless told otherwise, in the order in which pods ask; each pod
//! asks for its next image only when the one before has come. What somebody else pulls goes on beside that.

use crate::model::cluster::node::Pull;
use crate::model::node::PullOrder;
use crate::model::unit::{Nanos, PerMille, Time};

/// How a node works through its pulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRules {
    /// One at a time or side by side.
    pub order: PullOrder,
    /// How much of the pull of a later container counts as queued.
    pub later_share: PerMille,
}

impl QueueRules {
    /// When pull number `at` is done, assuming the ones before it are done first (if serial).
    ///
    /// A pull goes on from its `since` or when the one before it ended, whichever is later. `takes` says how
    /// long each takes by itself from there.
    #[must_use]
    pub fn done_at(&self, pulls: &[Pull], takes: &[Nanos], at: usize) -> Time {
        if self.order == PullOrder::Parallel || !is_queued(&pulls[at]) {
            return pulls[at].since.after(takes[at]);
        }
        let before = pulls[..=at].iter().zip(takes).filter(|(pull, _)| is_queued(pull));
        before.fold(Time(0), |free, (pull, takes)| free.max(pull.since).after(*takes))
    }

    /// How long a new pull waits for those in progress: the time left of each that is next in line,
    /// and the policy's share of the others. Nothing where pulls run side by side.
    #[must_use]
    pub fn wait(&self, pulls: &[Pull], takes: &[Nanos], now: Time) -> Nanos {
        if self.order == PullOrder::Parallel {
            return Nanos(0);
        }
        let mut free = Time(0);
        let mut wait = Nanos(0);
        for (pull, takes) in pulls.iter().zip(takes).filter(|(pull, _)| is_queued(pull)) {
            let start = free.max(pull.since);
            free = start.after(*takes);
            let left = free.since(start.max(now));
            wait = wait + if pull.next_in_line { left } else { self.later_share.of(left) };
        }
        wait
    }
}

/// Whether the kubelet pulls it, and others behind it.
fn is_queued(pull: &Pull) -> bool {
    pull.reference.is_some()
}

#[cfg(test)]
mod tests {
    use super::QueueRules;
    use crate::model::cluster::ReferenceId;
    use crate::model::cluster::node::Pull;
    use crate::model::node::PullOrder;
    use crate::model::unit::{Bytes, NANOS_PER_SECOND, Nanos, PerMille, Time};

    fn rules(order: PullOrder) -> QueueRules {
        QueueRules { order, later_share: PerMille(500) }
    }

    /// At 50 MB a second.
    fn takes(pulls: &[Pull]) -> Vec<Nanos> {
        pulls.iter().map(|pull| Nanos(pull.left.0 * 20)).collect()
    }

    fn pull(megabytes: u64, since_seconds: u64, next_in_line: bool) -> Pull {
        let bytes = Bytes(megabytes * 1_000_000);
        Pull {
            reference: Some(ReferenceId(0)),
            image: None,
            bytes,
            left: bytes,
            next_in_line,
            since: Time(since_seconds * NANOS_PER_SECOND),
        }
    }

    fn at(seconds: u64) -> Time {
        Time(seconds * NANOS_PER_SECOND)
    }

    #[test]
    fn serial_pulls_end_one_after_the_other_and_parallel_ones_do_not_wait() {
        let pulls = [pull(500, 100, true), pull(200, 101, true)];
        assert_eq!(rules(PullOrder::Serial).done_at(&pulls, &takes(&pulls), 1), at(114));
        assert_eq!(rules(PullOrder::Parallel).done_at(&pulls, &takes(&pulls), 1), at(105));
        assert_eq!(rules(PullOrder::Parallel).wait(&pulls, &takes(&pulls), at(102)), Nanos(0));
    }

    #[test]
    fn only_what_is_left_of_a_pull_is_waited_for_and_later_ones_count_half() {
        let pulls = [pull(500, 100, true), pull(200, 100, false)];
        let rules = rules(PullOrder::Serial);
        assert_eq!(rules.wait(&pulls, &takes(&pulls), at(104)), Nanos::from_seconds(6 + 2));
        assert_eq!(rules.wait(&pulls, &takes(&pulls), at(112)), Nanos::from_seconds(1));
        assert_eq!(rules.wait(&pulls, &takes(&pulls), at(200)), Nanos(0));
    }

    #[test]
    fn what_no_pod_asked_for_goes_on_beside_the_queue() {
        let unasked = Pull { reference: None, ..pull(300, 100, false) };
        let pulls = [pull(500, 100, true), unasked, pull(200, 100, true)];
        let rules = rules(PullOrder::Serial);
        let done: Vec<_> =
            (0..3).map(|number| rules.done_at(&pulls, &takes(&pulls), number)).collect();
        assert_eq!(done, [at(110), at(106), at(114)]);
        assert_eq!(rules.wait(&pulls, &takes(&pulls), at(100)), Nanos::from_seconds(14));
    }
}
