//! From seconds saved to raw points, for pods whose disks, named volumes or run's later steps tell candidates
//! apart.
//!
//! The curve is steep near zero and flat at its end, and zero is a cold node. Where all candidates have a
//! pod's large image, all of them are at the flat end, and a disk that only one of them has would not be
//! seen, nor that the rest of the run is warm there; where all would be sooner by another node's link than by
//! the registry, a volume that only one of them has would hardly be. So the distance from the best candidate
//! is what goes through a curve, one of its own. A best one that saves something has the points by that, and
//! a cold node none; one that saves nothing has none. The order of candidates is the same either way.

use crate::policy::Policy;
use crate::policy::curve::Curve;
use crate::score::decision::{Decision, Reasons};
use crate::score::{attach, lookahead, stream};

/// How seconds saved become raw points in one decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale<'a> {
    /// Nanoseconds that the best candidate saves, a cold one being among them where a candidate is unknown;
    /// `None` for the curve as it is.
    best: Option<i64>,
    curve: &'a Curve,
}

impl<'a> Scale<'a> {
    /// That of a decision whose delays and home are known.
    pub(super) fn of(decision: &Decision, policy: &'a Policy) -> Self {
        let streams = stream::tells_apart(decision, &policy.distance_curve);
        if !streams && !attach::tells_apart(decision) && !lookahead::tells_apart(decision) {
            return Self { best: None, curve: &policy.curve };
        }
        let rows = decision.rows.iter().zip(&decision.scratch.delays);
        let rows = rows.filter(|(row, _)| !row.reasons.has(Reasons::NEVER_PULLED));
        let best = rows.map(|(row, &delay)| decision.saved(row, delay)).max();
        let least = if streams && decision.unknown_count == 0 { i64::MIN } else { 0 };
        Self { best: Some(best.unwrap_or(0).max(least)), curve: &policy.distance_curve }
    }

    /// Raw points of a candidate that saves so many nanoseconds.
    pub(super) fn points(self, saved: i64) -> i8 {
        let Some(best) = self.best else { return self.curve.points(saved) };
        self.curve.points(best.max(0)) - self.curve.points(best.saturating_sub(saved))
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;
    use crate::policy::curve::{Curve, CurveShape};

    fn points(best_seconds: Option<i64>, saved_seconds: i64) -> i8 {
        let curve = Curve::new(CurveShape::Logarithmic, 1.0, 64.0);
        let nanos = |seconds: i64| seconds * 1_000_000_000;
        Scale { best: best_seconds.map(nanos), curve: &curve }.points(nanos(saved_seconds))
    }

    #[test]
    fn what_all_candidates_save_does_not_hide_what_one_saves_more() {
        // Of 64 and 79 seconds the curve alone makes no difference.
        assert_eq!((points(None, 64), points(None, 79)), (10, 10));
        assert_eq!((points(Some(79), 64), points(Some(79), 79)), (3, 10));
        // A cold node has none either way, and a worse one has less.
        assert_eq!((points(Some(79), 0), points(Some(15), 0)), (0, 0));
        assert_eq!(points(Some(0), -100), -10);
        // Nor does what all of them lose hide what one loses less.
        assert_eq!((points(None, -20), points(None, -44)), (-7, -9));
        assert_eq!((points(Some(-20), -20), points(Some(-20), -44)), (0, -8));
    }
}
