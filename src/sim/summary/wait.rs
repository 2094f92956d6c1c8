//! How long pods waited from their creation to their start: for room, for other pulls, for their own.

use crate::model::unit::Nanos;

/// Waits of the pods that started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// How many there are.
    pub count: u64,
    /// Their mean, rounded down.
    pub mean: Nanos,
    /// The wait that so many of a hundred did not exceed, from 0 (the shortest) to 100 (the longest): the
    /// points of the distribution. Empty if no pod started.
    pub percentiles: Vec<Nanos>,
}

impl Waits {
    /// Of these, in any order.
    #[must_use]
    pub fn of(mut waits: Vec<Nanos>) -> Self {
        waits.sort_unstable();
        let count = waits.len();
        let nearest_rank = |percent: usize| waits[(count * percent).div_ceil(100).max(1) - 1];
        let percentiles = if count == 0 { 0..0 } else { 0..101 };
        Self {
            count: count as u64,
            mean: mean(&waits),
            percentiles: percentiles.map(nearest_rank).collect(),
        }
    }

    /// The wait that so many of a hundred did not exceed (nearest rank); `None` if no pod started.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<Nanos> {
        self.percentiles.get(percent).copied()
    }
}

/// Rounded down; nothing of nothing.
#[must_use]
pub fn mean(waits: &[Nanos]) -> Nanos {
    let sum: u128 = waits.iter().map(|wait| u128::from(wait.0)).sum();
    Nanos(u64::try_from(sum / waits.len().max(1) as u128).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::Waits;
    use crate::model::unit::Nanos;

    #[test]
    fn percentiles_are_waits_that_some_pod_had() {
        let waits = Waits::of([40, 10, 30, 20].map(Nanos).to_vec());
        assert_eq!((waits.count, waits.mean), (4, Nanos(25)));
        let found = [0, 1, 25, 26, 50, 95, 100].map(|percent| waits.percentile(percent));
        assert_eq!(found, [10, 10, 10, 20, 20, 40, 40].map(|nanos| Some(Nanos(nanos))));
    }

    #[test]
    fn nobody_who_started_has_no_percentiles() {
        let waits = Waits::of(Vec::new());
        assert_eq!((waits.mean, waits.percentile(50)), (Nanos(0), None));
    }
}
