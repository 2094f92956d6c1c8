//! The curve from seconds saved or lost to points: fixed, monotone, signed.
//!
//! Fixed on purpose and never stretched over the candidates: equal costs tie, and a point means the
//! same for every pod.

use crate::model::unit::{NANOS_PER_SECOND, Nanos};

/// The most points a node can gain or lose: the extender API's `MaxExtenderPriority`.
pub const POINTS_MAX: i8 = 10;

/// How points grow with seconds between the two ends of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveShape {
    /// Each point takes the same factor.
    Logarithmic,
    /// Each point takes the same number of seconds.
    Linear,
}

/// A curve as ten thresholds: a node has as many points as thresholds its seconds reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    /// Ascending; behind the tenth, some that no time reaches.
    thresholds: [Nanos; POINTS_MAX as usize + 3],
    /// By bit length of the nanoseconds: how many thresholds every time of that length has reached. A
    /// decision takes points for every candidate, and few thresholds have the same length.
    reached: [u8; 65],
}

impl Curve {
    /// The curve that gives 0 points at `zero_seconds` and 10 at `full_seconds`, rounded to the
    /// nearest point; needs `0 < zero_seconds < full_seconds`, both finite.
    ///
    /// Logarithmic from 1 s to 64 s: 3 s are 3 points, 6 s are 4, 30 s are 8, 60 s are 10. The
    /// thresholds lie half a point below each whole one. A time exactly between two points has no
    /// representation in nanoseconds on a logarithmic curve, and goes to the upper one on a linear.
    #[must_use]
    pub fn new(shape: CurveShape, zero_seconds: f64, full_seconds: f64) -> Self {
        let mut thresholds = [Nanos(u64::MAX); POINTS_MAX as usize + 3];
        for (at, threshold) in (0u8..).zip(thresholds.iter_mut().take(POINTS_MAX as usize)) {
            let share = (f64::from(at) + 0.5) / f64::from(POINTS_MAX);
            let seconds = match shape {
                CurveShape::Logarithmic => zero_seconds * (full_seconds / zero_seconds).powf(share),
                CurveShape::Linear => zero_seconds + (full_seconds - zero_seconds) * share,
            };
            *threshold = nanos(seconds);
        }
        let mut reached = [0; 65];
        for (length, reached) in (0u32..).zip(&mut reached) {
            let shortest = 1u64.checked_shl(length.saturating_sub(1)).unwrap_or(0);
            let shortest = if length == 0 { 0 } else { shortest };
            let below = thresholds.iter().filter(|threshold| threshold.0 <= shortest).count();
            *reached = u8::try_from(below).expect("a dozen thresholds");
        }
        Self { thresholds, reached }
    }

    /// The points for `saved` nanoseconds; negative for a loss. From -10 to 10, odd, monotone.
    #[must_use]
    pub fn points(&self, saved: i64) -> i8 {
        let time = Nanos(saved.unsigned_abs());
        let reached = self.reached[(u64::BITS - time.0.leading_zeros()) as usize];
        let at = usize::from(reached);
        // The next two without a branch: a processor cannot guess which of them a candidate reaches.
        let mut points = reached
            + u8::from(time >= self.thresholds[at])
            + u8::from(time >= self.thresholds[at + 1]);
        while time >= self.thresholds[usize::from(points)] {
            points += 1;
        }
        let points = points.cast_signed();
        if saved < 0 { -points } else { points }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates by definition"
)]
#[expect(
    clippy::cast_precision_loss,
    reason = "a threshold a few nanoseconds off is the same curve"
)]
fn nanos(seconds: f64) -> Nanos {
    Nanos((seconds * NANOS_PER_SECOND as f64) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Curve, CurveShape};
    use crate::model::unit::{NANOS_PER_SECOND, Nanos};

    fn default_curve() -> Curve {
        Curve::new(CurveShape::Logarithmic, 1.0, 64.0)
    }

    #[test]
    fn short_and_long_pulls_are_both_told_apart() {
        let points =
            |seconds: i64| default_curve().points(seconds * NANOS_PER_SECOND.cast_signed());
        let table = [(0, 0), (1, 0), (3, 3), (6, 4), (30, 8), (60, 10), (64, 10), (5000, 10)];
        for (seconds, expected) in table {
            assert_eq!(points(seconds), expected, "{seconds} s");
            assert_eq!(points(-seconds), -expected, "-{seconds} s");
        }
    }

    proptest! {
        #[test]
        fn more_seconds_never_mean_fewer_points(a in any::<i64>(), b in any::<i64>()) {
            let curve = default_curve();
            prop_assert!(curve.points(a.min(b)) <= curve.points(a.max(b)));
            prop_assert!((-10..=10).contains(&curve.points(a)));
        }

        #[test]
        fn points_are_the_thresholds_reached(saved in any::<i64>(), shift in 0..63, linear: bool) {
            let shape = if linear { CurveShape::Linear } else { CurveShape::Logarithmic };
            let curve = Curve::new(shape, 1.0, 64.0);
            let saved: i64 = saved >> shift;
            let reached = |threshold: &&Nanos| saved.unsigned_abs() >= threshold.0;
            let reached = curve.thresholds.iter().filter(reached).count();
            prop_assert_eq!(usize::from(curve.points(saved).unsigned_abs()), reached);
        }
    }
}
