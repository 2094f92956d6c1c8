//! What measures are called where people read them.

use crate::sim::summary::comparison::{Comparison, Win};
use crate::sim::summary::measure::{Measure, Unit};

/// As a row's name: `bytes moved`.
pub(super) const fn name(measure: Measure) -> &'static str {
    match measure {
        Measure::Moved => "bytes moved",
        Measure::Regret => "times least",
        Measure::Captured => "captured",
        Measure::Hits => "hit rate",
        Measure::CrossedZone => "bytes over zones",
        Measure::MeanWait => "mean wait",
        Measure::MedianWait => "median wait",
        Measure::P95Wait => "p95 wait",
        Measure::Imbalance => "busiest/mean node",
        Measure::NodeTime => "node time",
        Measure::Evicted => "bytes evicted",
        Measure::Refused => "refused pulls",
        Measure::Failed => "failed jobs",
        Measure::Ended => "end of all",
    }
}

/// As a column's head, which tells the unit of bytes: `GB moved`.
pub(super) fn head(measure: Measure, byte_unit: &str) -> String {
    match measure.unit() {
        Unit::Bytes => name(measure).replacen("bytes", byte_unit, 1),
        _ => name(measure).to_owned(),
    }
}

/// What it means, in a sentence.
pub(super) const fn meaning(measure: Measure) -> &'static str {
    match measure {
        Measure::Moved => "Bytes of images and volumes that came to nodes over links.",
        Measure::Regret => {
            "Bytes moved over the least possible: what no placement of these pods at these times \
             could undercut, the lowest such bound of the policies compared."
        }
        Measure::Captured => {
            "Of the bytes that spread moved beyond the least possible, the share not moved."
        }
        Measure::Hits => {
            "Share of the pods' image bytes that lay on the node when the pod was bound."
        }
        Measure::CrossedZone => "Of the bytes moved, those that crossed from one zone to another.",
        Measure::MeanWait => {
            "From a pod's creation to its start, for room and for bytes, on average."
        }
        Measure::MedianWait => "The wait that half of the pods did not exceed.",
        Measure::P95Wait => "The wait that 95 of 100 pods did not exceed.",
        Measure::Imbalance => {
            "Load of the busiest node over the mean load: processor time asked for, by processors."
        }
        Measure::NodeTime => "How long nodes were there, all of them together.",
        Measure::Evicted => "Compressed bytes that nodes removed to make room on their disks.",
        Measure::Refused => "Pulls that found the disk full even so.",
        Measure::Failed => "Jobs that did not end well: no room anywhere, no image, a full disk.",
        Measure::Ended => "When the last pod ended.",
    }
}

/// Measures that say something here: those by which not all runs of all policies are at nothing.
pub(super) fn shown(comparison: &Comparison, measures: &[Measure]) -> Vec<Measure> {
    let says = |measure: &Measure| {
        let is_always = !matches!(
            measure,
            Measure::Captured
                | Measure::CrossedZone
                | Measure::NodeTime
                | Measure::Evicted
                | Measure::Refused
        );
        let is_there = |(_, marks, _, summary)| measure.of(summary, marks).unwrap_or(0) != 0;
        is_always || comparison.runs().any(is_there)
    };
    measures.iter().filter(|measure| says(measure)).copied().collect()
}

/// Who won: `default`; `default; too close to call: greedy, pack`.
pub(super) fn winners(comparison: &Comparison, win: &Win) -> String {
    let name = |policy: &usize| comparison.policies[*policy].as_str();
    let equals: Vec<&str> = win.equals.iter().map(name).collect();
    let best = name(&win.best);
    match (equals.len(), comparison.seeds.len()) {
        (0, _) => best.to_owned(),
        (_, 1) => format!("{best}; as good: {}", equals.join(", ")),
        _ => format!("{best}; too close to call: {}", equals.join(", ")),
    }
}

/// Seeds as typed: `7`, `1..10`, `1, 5`.
pub(super) fn seeds(seeds: &[u64]) -> String {
    match seeds {
        [] => String::new(),
        [one] => one.to_string(),
        [first, .., last] => format!("{first}..{last}"),
    }
}
