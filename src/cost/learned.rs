//! How fast pulls will be: the policy's constants, corrected by what was observed.
//!
//! A pull is reported with one duration, from which fetching and unpacking cannot be told apart: one factor
//! scales both. It is that of the pair of node group and registry, drawn to that of the group where the pair
//! was seen seldom, and that to 1, the policy's constants. Outliers are the median's
//! ([`crate::model::observed`]) to leave out; what a factor may be at most is the policy's.

use crate::cost::pull::PullRates;
use crate::model::observed::{Knowledge, Sample};

/// What a factor is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LearnRules {
    /// Off: the constants hold whatever was observed.
    pub enabled: bool,
    /// With fewer pulls a sample counts nothing; with twice as many it counts alone.
    pub observations_min: u32,
    /// A factor is at most this, and at least its reciprocal.
    pub factor_max: u32,
}

/// How many times as long as by the constants a byte takes: a binary fraction, so that equal inputs give
/// equal bytes on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(u64);

/// So many bits are behind the point: the finest of two factors differ by 0.02 % at a sixteenth.
const FRACTION_BITS: u32 = 16;

impl Factor {
    /// Just as long.
    pub const ONE: Self = Self(1 << FRACTION_BITS);

    /// For display and metrics only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / Self::ONE.0 as f64
    }

    /// The mean of factors by weight; 1 where nothing weighs anything.
    #[must_use]
    pub fn mean(weighted: impl Iterator<Item = (Self, u64)>) -> Self {
        let (mut sum, mut weights) = (0_u128, 0_u128);
        for (factor, weight) in weighted {
            sum += u128::from(factor.0) * u128::from(weight);
            weights += u128::from(weight);
        }
        sum.checked_div(weights).map_or(Self::ONE, |mean| Self(saturated(mean)))
    }
}

impl PullRates {
    /// Fetching and unpacking that take `factor` times as long.
    #[must_use]
    pub fn scaled(self, factor: Factor) -> Self {
        let scale = |rate: crate::model::unit::TransferRate| rate.scaled(factor.0, FRACTION_BITS);
        Self { fetch: scale(self.fetch), unpack: scale(self.unpack) }
    }
}

impl LearnRules {
    /// By what the constants are to be corrected, given what is known of such pulls.
    #[must_use]
    pub fn factor(&self, constants: PullRates, knowledge: &Knowledge) -> Factor {
        if !self.enabled {
            return Factor::ONE;
        }
        let group = self.towards(Factor::ONE, constants, knowledge.group);
        self.towards(group, constants, knowledge.pair)
    }

    /// The factor of a sample, drawn to `prior` the more the fewer pulls there are.
    fn towards(&self, prior: Factor, constants: PullRates, sample: Sample) -> Factor {
        let (count, least) = (u64::from(sample.count), u64::from(self.observations_min.max(1)));
        if count < least {
            return prior;
        }
        let full = 2 * least;
        let own = count.min(full);
        let observed = self.bounded(constants, sample);
        Factor((prior.0 * (full - own) + observed.0 * own) / full)
    }

    fn bounded(&self, constants: PullRates, sample: Sample) -> Factor {
        let one_by_constants =
            constants.fetch.slowness().saturating_add(constants.unpack.slowness());
        let observed = u128::from(sample.median.slowness()) << FRACTION_BITS;
        let factor = saturated(observed / u128::from(one_by_constants.max(1)));
        let most = u64::from(self.factor_max.max(1));
        Factor(factor.clamp(Factor::ONE.0 / most, Factor::ONE.0 * most))
    }
}

fn saturated(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, proptest};

    use super::{Factor, LearnRules};
    use crate::cost::pull::PullRates;
    use crate::model::observed::{GroupId, Knowledge, ObservedPulls, Sample};
    use crate::model::unit::{Bytes, Nanos, TransferRate};
    use crate::state::fixtures::cases;

    const RULES: LearnRules = LearnRules { enabled: true, observations_min: 4, factor_max: 16 };

    fn rate(bytes_per_second: u64) -> TransferRate {
        TransferRate::from_bytes_per_second(bytes_per_second).expect("in range")
    }

    /// 50 MB a second in all.
    fn constants() -> PullRates {
        PullRates { fetch: rate(100_000_000), unpack: rate(100_000_000) }
    }

    fn sample(count: u32, bytes_per_second: u64) -> Sample {
        Sample { count, median: rate(bytes_per_second) }
    }

    fn factor(pair: Sample, group: Sample) -> f64 {
        (RULES.factor(constants(), &Knowledge { pair, group }).as_f64() * 1000.0).round() / 1000.0
    }

    #[test]
    fn few_pulls_count_nothing_then_half_then_alone() {
        let none = Sample::default();
        for (count, expected) in [(0, 1.0), (3, 1.0), (4, 1.5), (6, 1.75), (8, 2.0), (21, 2.0)] {
            assert_eq!(factor(none, sample(count, 25_000_000)), expected, "{count}");
            assert_eq!(factor(sample(count, 25_000_000), none), expected, "{count}");
        }
    }

    #[test]
    fn a_pair_is_drawn_to_its_group_and_a_group_to_the_constants() {
        let group = sample(21, 12_500_000);
        assert_eq!(factor(sample(1, 50_000_000), group), 4.0);
        assert_eq!(factor(sample(4, 50_000_000), group), 2.5);
        assert_eq!(factor(sample(8, 50_000_000), group), 1.0);
    }

    #[test]
    fn a_factor_is_bounded_both_ways_and_switched_off() {
        assert_eq!(factor(sample(21, 1), Sample::default()), 16.0);
        assert_eq!(factor(sample(21, 1_000_000_000_000), Sample::default()), 0.063);
        let off = LearnRules { enabled: false, ..RULES };
        let knowledge = Knowledge { pair: sample(21, 1), group: sample(21, 1) };
        assert_eq!(off.factor(constants(), &knowledge), Factor::ONE);
        assert_eq!(constants().scaled(Factor::ONE), constants());
    }

    #[test]
    fn several_registries_count_by_bytes() {
        let four = RULES.factor(
            constants(),
            &Knowledge { pair: sample(8, 12_500_000), group: Sample::default() },
        );
        let mean = Factor::mean([(four, 100), (Factor::ONE, 200)].into_iter());
        assert_eq!(mean.as_f64(), 2.0);
        assert_eq!(Factor::mean(std::iter::empty()), Factor::ONE);
    }

    proptest! {
        #![proptest_config(cases(200))]

        /// Whatever the constants, pulls of a true rate with up to two fifths of arbitrary ones among them
        /// are predicted within the noise of the others.
        #[test]
        fn predictions_converge_despite_outliers(
            true_rate in 4_000_000_u64..700_000_000,
            noise in prop::collection::vec(
                (90_u64..=110, any::<bool>(), 1_u64..1_000_000_000_000),
                20..60,
            ),
        ) {
            let (bytes, mut pulls) = (Bytes(100_000_000), ObservedPulls::default());
            for (at, &(percent, is_odd, odd_nanos)) in noise.iter().enumerate() {
                let even = rate(true_rate).duration_of(bytes).0 * percent / 100;
                let took = Nanos(if is_odd && matches!(at % 5, 1 | 3) { odd_nanos } else { even });
                pulls.add(GroupId(0), "r.io", TransferRate::of(bytes, took));
            }
            let knowledge = pulls.knowledge(GroupId(0), pulls.registry_id("r.io"));
            let rates = constants().scaled(RULES.factor(constants(), &knowledge));
            let ratio = rates.duration_of(bytes).as_seconds()
                / rate(true_rate).duration_of(bytes).as_seconds();
            prop_assert!((0.85..=1.15).contains(&ratio), "{ratio}");
        }

        #[test]
        fn no_factor_leaves_its_bounds(
            counts in (0_u32..22, 0_u32..22),
            took in (0_u64..u64::MAX, 0_u64..u64::MAX),
            bytes in 1_u64..u64::MAX,
        ) {
            let sample = |count, nanos| {
                Sample { count, median: TransferRate::of(Bytes(bytes), Nanos(nanos)) }
            };
            let knowledge = Knowledge {
                pair: sample(counts.0, took.0),
                group: sample(counts.1, took.1),
            };
            let factor = RULES.factor(constants(), &knowledge).as_f64();
            prop_assert!((1.0 / 16.0..=16.0).contains(&factor), "{factor}");
        }
    }
}
