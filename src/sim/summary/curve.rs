//! Curves of several runs as one.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::record::Curve;

/// The mean of curves at the points of the coarsest; one that has ended stays where it was. Rounded down.
///
/// Steps of curves are a second, doubled as often as needed, so that the coarsest one's points are points of
/// all. Shape: the time between two points, and the points; as [`Curve`].
#[must_use]
pub fn mean(curves: &[&Curve]) -> (Nanos, Vec<Bytes>) {
    let step = curves.iter().map(|curve| curve.step).max().unwrap_or_default();
    let ends = curves.iter().map(|curve| curve.points.len() as u64 * curve.step.0);
    let count = ends.max().unwrap_or(0).div_ceil(step.0.max(1));
    let points = (1..=count).map(|point| {
        let sum: u128 = curves.iter().map(|curve| u128::from(at(curve, point * step.0).0)).sum();
        Bytes(u64::try_from(sum / curves.len() as u128).unwrap_or(u64::MAX))
    });
    (step, points.collect())
}

/// What had come by a time that is a multiple of the curve's step.
fn at(curve: &Curve, nanos: u64) -> Bytes {
    let place = usize::try_from(nanos / curve.step.0.max(1)).unwrap_or(usize::MAX);
    let point = curve.points.get(place.saturating_sub(1)).or(curve.points.last());
    point.copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::mean;
    use crate::model::unit::{Bytes, Nanos};
    use crate::sim::record::Curve;

    fn curve(seconds: u64, bytes_per_second: u64) -> Curve {
        let mut curve = Curve::default();
        for second in 0..seconds {
            curve.add(Nanos::from_seconds(second), Bytes(bytes_per_second));
        }
        curve.extend(Nanos::from_seconds(seconds));
        curve
    }

    #[test]
    fn the_mean_has_the_steps_of_the_coarsest_curve_and_the_end_of_the_longest() {
        let (short, long) = (curve(100, 10), curve(400, 2));
        assert_eq!((short.step.0, long.step.0), (1_000_000_000, 2_000_000_000));
        let (step, points) = mean(&[&short, &long]);
        assert_eq!((step, points.len()), (Nanos::from_seconds(2), 200));
        assert_eq!((points[0], points[49]), (Bytes(12), Bytes(600)));
        assert_eq!(points[199], Bytes(900));
    }

    #[test]
    fn no_curves_have_no_points() {
        assert_eq!(mean(&[]).1, []);
        assert_eq!(mean(&[&Curve::default()]).1, []);
    }
}
