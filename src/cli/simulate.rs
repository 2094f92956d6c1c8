//! Flags of `simulate`.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// A scenario, who places its pods, and how to tell what came of it.
#[derive(Args, Clone, Debug)]
pub struct Simulate {
    /// The scenario: a file as in `simulations/`
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Who places the pods; may repeat, to compare: stock (kube-scheduler alone), default or a policy file
    /// (kube-scheduler with dunnage), spread, pack, random, greedy, concourse, stork, lrscheduler, skippy,
    /// bounded-hash, hindsight
    #[arg(long, value_name = "NAME_OR_FILE", default_values = ["stock", "default"])]
    pub policy: Vec<String>,
    /// What dunnage's points are multiplied by: the extender's weight in the scheduler's configuration
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=WEIGHT_MAX))]
    pub weight: u64,
    /// Seed of all chance [default: the scenario's]
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,
    /// Seeds, the last one included: means with 95 % confidence intervals
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    pub seeds: Option<Seeds>,
    /// Runs at a time; changes no number of the report [default: as many as there are processors]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// How to print [default: what FILE ends with, else text]
    #[arg(short = 'o', value_name = "FORMAT", value_enum)]
    pub format: Option<Format>,
    /// Write the report to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table
    Text,
    /// Everything, for programs
    Json,
    /// One page with charts
    Html,
}

/// Seeds from the first to the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub RangeInclusive<u64>);

/// At a tenth of it one point is more than all of the scheduler's own plugins together.
const WEIGHT_MAX: u64 = 1000;
/// Intervals of more seeds are no narrower than anybody could use, and every run is kept until the end.
const SEEDS_MAX: u64 = 1000;
/// More than machines have processors; each holds a run in memory.
const THREADS_MAX: usize = 256;

fn seeds(text: &str) -> Result<Seeds, String> {
    let expected = || "expected A..B, as 1..10, which is ten seeds".to_owned();
    let (first, last) = text.split_once("..").ok_or_else(expected)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| expected());
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(format!("{last} comes before {first}: {}", expected()));
    }
    if last - first >= SEEDS_MAX {
        return Err(format!("more than {SEEDS_MAX} seeds: give fewer"));
    }
    Ok(Seeds(first..=last))
}

fn threads(text: &str) -> Result<NonZeroUsize, String> {
    let found = text.parse::<NonZeroUsize>().ok().filter(|count| count.get() <= THREADS_MAX);
    found.ok_or_else(|| format!("expected a number from 1 to {THREADS_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::seeds;

    #[test]
    fn seeds_are_counted_with_the_last_one() {
        assert_eq!(seeds("1..10").map(|seeds| seeds.0.count()), Ok(10));
        assert_eq!(seeds("7..7").map(|seeds| seeds.0.count()), Ok(1));
        assert_eq!(seeds("0..999").map(|seeds| seeds.0.count()), Ok(1000));
    }

    #[test]
    fn what_is_no_range_of_seeds_is_refused() {
        for (text, part) in [
            ("5", "expected A..B"),
            ("1..", "expected A..B"),
            ("a..b", "expected A..B"),
            ("-1..2", "expected A..B"),
            ("3..1", "1 comes before 3"),
            ("0..1000", "more than 1000"),
            ("0..18446744073709551615", "more than 1000"),
        ] {
            let refusal = seeds(text).expect_err(text);
            assert!(refusal.contains(part), "{text}: {refusal}");
        }
    }
}
