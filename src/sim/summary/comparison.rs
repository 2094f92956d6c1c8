//! Policies beside each other, over the same seeds: means, how sure they are, and who won by what.
//!
//! Runs of one seed are of the same pods, so policies are told apart by the differences between such runs,
//! not by whether their intervals overlap: what a seed does to all of them cancels.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::record::Curve;
use crate::sim::summary::interval::Estimate;
use crate::sim::summary::measure::{Marks, Measure};
use crate::sim::summary::{Summary, curve, wait};

/// Runs of policies over seeds.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Names, in the order asked for.
    pub policies: Vec<String>,
    /// Seeds, ascending.
    pub seeds: Vec<u64>,
    /// By seed, then by policy.
    runs: Vec<Vec<Summary>>,
    /// By seed.
    marks: Vec<Marks>,
}

/// Who did best by a measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Win {
    /// The measure.
    pub measure: Measure,
    /// The place of the policy with the best mean, the first of several.
    pub best: usize,
    /// Places of those that cannot be told from it: with one seed, the same value; with several, a difference
    /// that chance explains. In the order asked for.
    pub equals: Vec<usize>,
    /// By policy: seeds at which none was better.
    pub seeds_won: Vec<usize>,
}

impl Comparison {
    /// The comparison of these runs, by seed and then by policy; `spread` is the place of the policy that the
    /// avoidable bytes are counted from.
    #[must_use]
    pub fn new(
        policies: Vec<String>,
        seeds: Vec<u64>,
        runs: Vec<Vec<Summary>>,
        spread: Option<usize>,
    ) -> Self {
        debug_assert!(runs.len() == seeds.len());
        debug_assert!(runs.iter().all(|runs| runs.len() == policies.len()));
        let marks = runs.iter().map(|runs| Marks {
            // Each run has a bound of its own, from its own times; the smallest of them bounds all.
            least: runs.iter().map(Summary::least).min().unwrap_or_default(),
            spread: spread.and_then(|place| runs.get(place)).map(Summary::moved),
        });
        let marks = marks.collect();
        Self { policies, seeds, runs, marks }
    }

    /// Each run with its seed, what it is held against, and the place of its policy: by seed, then policy.
    pub fn runs(&self) -> impl Iterator<Item = (u64, Marks, usize, &Summary)> {
        let by_seed = self.seeds.iter().zip(&self.marks).zip(&self.runs);
        by_seed.flat_map(|((&seed, &marks), runs)| {
            runs.iter().enumerate().map(move |(policy, summary)| (seed, marks, policy, summary))
        })
    }

    /// Runs of a policy, by seed.
    pub fn runs_of(&self, policy: usize) -> impl Iterator<Item = &Summary> {
        self.runs.iter().filter_map(move |runs| runs.get(policy))
    }

    /// A measure of a policy over the seeds at which it has one.
    #[must_use]
    pub fn estimate(&self, policy: usize, measure: Measure) -> Option<Estimate> {
        let values: Vec<i64> = self.values(policy, measure).into_iter().flatten().collect();
        Estimate::of(&values)
    }

    /// What no run can move less than, over the seeds.
    #[must_use]
    pub fn least(&self) -> Option<Estimate> {
        let bytes = |marks: &Marks| i64::try_from(marks.least.0).unwrap_or(i64::MAX);
        Estimate::of(&self.marks.iter().map(bytes).collect::<Vec<_>>())
    }

    /// Who did best by each measure. A measure by which all are the same at every seed is left out.
    #[must_use]
    pub fn wins(&self) -> Vec<Win> {
        let measures = Measure::ALL.into_iter().filter(|measure| measure.has_winner());
        measures.filter_map(|measure| self.win(measure)).collect()
    }

    /// Bytes over time of a policy, as the mean over seeds: [`curve::mean`].
    #[must_use]
    pub fn curve(&self, policy: usize) -> (Nanos, Vec<Bytes>) {
        let curves: Vec<&Curve> = self.runs_of(policy).map(|summary| &summary.curve).collect();
        curve::mean(&curves)
    }

    /// The wait that 0, 1, … 100 of a hundred pods did not exceed, as the mean over seeds; empty if no pod
    /// started at some seed.
    #[must_use]
    pub fn waits(&self, policy: usize) -> Vec<Nanos> {
        let at = |percent| {
            let waits = self.runs_of(policy).map(|summary| summary.waits.percentile(percent));
            let waits: Option<Vec<_>> = waits.collect();
            waits.map(|waits| wait::mean(&waits))
        };
        (0..=100).map(at).collect::<Option<_>>().unwrap_or_default()
    }

    /// By seed.
    fn values(&self, policy: usize, measure: Measure) -> Vec<Option<i64>> {
        let runs = self.runs.iter().zip(&self.marks);
        runs.map(|(runs, marks)| measure.of(&runs[policy], *marks)).collect()
    }

    fn win(&self, measure: Measure) -> Option<Win> {
        // Turned so that less is better.
        let turned = |value: i64| if measure.is_better_higher() { -value } else { value };
        let of_policy = |policy| {
            let values = self.values(policy, measure).into_iter();
            values.map(|value| value.map(turned)).collect::<Option<Vec<i64>>>()
        };
        let values: Vec<Option<Vec<i64>>> = (0..self.policies.len()).map(of_policy).collect();
        let known = || values.iter().flatten();
        if known().count() < 2 || known().all(|values| Some(values) == known().next()) {
            return None;
        }
        let numbered =
            (0..).zip(&values).filter_map(|(policy, values)| Some((policy, values.as_ref()?)));
        let (best, of_best) = numbered.clone().min_by_key(|(_, values)| sum(values))?;
        let equals =
            numbered.filter(|(policy, values)| *policy != best && !differs(values, of_best));
        let equals = equals.map(|(policy, _)| policy).collect();
        let least: Vec<Option<i64>> =
            (0..self.seeds.len()).map(|seed| known().map(|values| values[seed]).min()).collect();
        let won = |values: &Option<Vec<i64>>| {
            let values = values.iter().flatten().zip(&least);
            values.filter(|(value, least)| Some(**value) == **least).count()
        };
        Some(Win { measure, best, equals, seeds_won: values.iter().map(won).collect() })
    }
}

fn sum(values: &[i64]) -> i128 {
    values.iter().map(|value| i128::from(*value)).sum()
}

/// Whether two policies differ by more than chance, given their values by seed.
fn differs(values: &[i64], best: &[i64]) -> bool {
    let differences = values.iter().zip(best).map(|(value, best)| value.saturating_sub(*best));
    let estimate = Estimate::of(&differences.collect::<Vec<_>>());
    estimate.is_some_and(|estimate| estimate.is_not_zero())
}
