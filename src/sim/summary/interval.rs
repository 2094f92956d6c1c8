//! Means of a few runs and how sure they are, in integers.

/// The mean of a measure over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Rounded half away from zero.
    pub mean: i64,
    /// The true mean lies within so much of it with 95 % confidence; rounded up. `None` for a single value,
    /// which says nothing about others.
    pub half_width: Option<u64>,
}

/// Two-sided 95 % quantiles of Student's t, in thousandths, for 1, 2, … degrees of freedom.
///
/// Source: NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2, "Critical Values of the
/// Student's t Distribution", column 0.975. A test computes them anew.
const QUANTILES: [u16; 30] = [
    12706, 4303, 3182, 2776, 2571, 2447, 2365, 2306, 2262, 2228, 2201, 2179, 2160, 2145, 2131,
    2120, 2110, 2101, 2093, 2086, 2080, 2074, 2069, 2064, 2060, 2056, 2052, 2048, 2045, 2042,
];
/// The same for many: those of the first are used until the next.
const QUANTILES_OF_MANY: [(u64, u16); 4] = [(30, 2042), (40, 2021), (60, 2000), (120, 1980)];

/// Never too small: between two rows of the table, that of fewer degrees of freedom.
fn quantile(degrees: u64) -> u16 {
    let few = usize::try_from(degrees).ok().and_then(|degrees| QUANTILES.get(degrees - 1));
    let many = QUANTILES_OF_MANY.iter().rev().find(|(from, _)| *from <= degrees);
    few.copied().or(many.map(|(_, quantile)| *quantile)).unwrap_or(QUANTILES[0])
}

impl Estimate {
    /// The mean of independent values, each as likely as the others; `None` without any.
    ///
    /// 10, 12 and 14: 12, and 4.303 times 2 over the root of 3, which is 4.97: 5.
    #[must_use]
    pub fn of(values: &[i64]) -> Option<Self> {
        let count = i128::try_from(values.len()).ok().filter(|count| *count > 0)?;
        let sum: i128 = values.iter().map(|value| i128::from(*value)).sum();
        let half = if sum < 0 { -count / 2 } else { count / 2 };
        let mean = i64::try_from((sum + half) / count).unwrap_or(i64::MAX);
        Some(Self { mean, half_width: half_width(values) })
    }

    /// Whether zero is outside of the interval: a difference that chance does not explain. Of a single
    /// value, whether it is not zero.
    #[must_use]
    pub fn is_not_zero(&self) -> bool {
        self.mean.unsigned_abs() > self.half_width.unwrap_or(0)
    }
}

/// `t * s / sqrt(n)`, where the square of `s` is the sum of squared distances from the mean over `n - 1`.
/// Exact until the root; `None` also for values so far apart that they overflow: petabytes.
fn half_width(values: &[i64]) -> Option<u64> {
    let first = *values.first()?;
    let count = u128::try_from(values.len()).ok()?;
    let degrees = count.checked_sub(1).filter(|degrees| *degrees > 0)?;
    // Distances are the same from wherever they are counted, and smaller from one of the values.
    let shifted = values.iter().map(|value| i128::from(*value) - i128::from(first));
    let (mut sum, mut squares) = (0_i128, 0_u128);
    for value in shifted {
        sum += value;
        squares = squares.checked_add(value.unsigned_abs().checked_pow(2)?)?;
    }
    let spread = count.checked_mul(squares)?.checked_sub(sum.unsigned_abs().checked_pow(2)?)?;
    let divisor = count * count * degrees * 1_000_000;
    let quantile = u128::from(quantile(u64::try_from(degrees).ok()?)).pow(2);
    // The whole part and the rest apart, so that the product stays in range.
    let whole = (spread / divisor).checked_mul(quantile)?;
    let square = whole.checked_add((spread % divisor * quantile).div_ceil(divisor))?;
    let root = square.isqrt();
    u64::try_from(root + u128::from(root * root < square)).ok()
}

#[cfg(test)]
mod tests {
    use super::{Estimate, QUANTILES, QUANTILES_OF_MANY, quantile};

    fn check(values: &[i64], mean: i64, half_width: Option<u64>) {
        assert_eq!(Estimate::of(values), Some(Estimate { mean, half_width }), "{values:?}");
    }

    #[test]
    fn the_interval_is_to_the_byte() {
        check(&[10, 12, 14], 12, Some(5));
        // 12.706 * 1e12 / sqrt(2) / sqrt(2), exactly.
        check(&[0, 1_000_000_000_000], 500_000_000_000, Some(6_353_000_000_000));
        check(&[7, 7, 7], 7, Some(0));
        check(&[-3, -4], -4, Some(7));
    }

    #[test]
    fn a_single_value_has_no_interval_and_none_no_mean() {
        check(&[5], 5, None);
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn absurd_values_lose_the_interval_and_nothing_else() {
        check(&[i64::MAX, i64::MAX], i64::MAX, Some(0));
        let far_apart = Estimate::of(&[i64::MIN, i64::MAX, 0, 5]).expect("values");
        assert_eq!(far_apart.half_width, None);
    }

    #[test]
    fn zero_within_the_interval_is_chance() {
        assert!(!Estimate { mean: 5, half_width: Some(5) }.is_not_zero());
        assert!(Estimate { mean: -6, half_width: Some(5) }.is_not_zero());
        assert!(!Estimate { mean: 0, half_width: None }.is_not_zero());
    }

    #[test]
    fn between_rows_the_wider_interval_holds() {
        let found = [1, 30, 31, 59, 60, 119, 120, 999].map(quantile);
        assert_eq!(found, [12706, 2042, 2042, 2021, 2000, 2000, 1980, 1980]);
    }

    /// The chance of a value within `t` of zero, by formulas 26.7.3 and 26.7.4 of Abramowitz and Stegun.
    fn chance_within(t: f64, degrees: u16) -> f64 {
        let angle = (t / f64::from(degrees).sqrt()).atan();
        let (sine, cosine) = angle.sin_cos();
        let is_odd = degrees % 2 == 1;
        let (mut term, mut sum) = if is_odd { (cosine, cosine) } else { (1.0, 1.0) };
        let first = if is_odd { 3 } else { 2 };
        for step in (first..degrees - 1).step_by(2) {
            term *= cosine * cosine * f64::from(step - 1) / f64::from(step);
            sum += term;
        }
        match (is_odd, degrees) {
            (true, 1) => 2.0 * angle / std::f64::consts::PI,
            (true, _) => 2.0 / std::f64::consts::PI * (angle + sine * sum),
            (false, _) => sine * sum,
        }
    }

    #[test]
    fn the_table_is_students() {
        let few = (1..).zip(QUANTILES);
        let many = QUANTILES_OF_MANY
            .map(|(degrees, quantile)| (u16::try_from(degrees).expect("small"), quantile));
        for (degrees, quantile) in few.chain(many) {
            let within = |thousandths: f64| chance_within(thousandths / 1000.0, degrees);
            let quantile = f64::from(quantile);
            let brackets = within(quantile - 0.51) < 0.95 && within(quantile + 0.51) > 0.95;
            assert!(brackets, "{degrees}: {quantile}");
        }
    }
}
