//! Numbers as text: integers in, so that no machine rounds differently. What is rounded never flatters: less
//! is rounded up where less is better, and down where more is.

use crate::sim::summary::comparison::Comparison;
use crate::sim::summary::interval::Estimate;
use crate::sim::summary::measure::{Measure, Unit};

/// The unit of all bytes of a report, so that columns can be compared at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteUnit {
    /// As printed.
    pub(super) name: &'static str,
    /// Bytes in it.
    pub(super) bytes: u64,
}

const UNITS: [ByteUnit; 4] = [
    ByteUnit { name: "kB", bytes: 1_000 },
    ByteUnit { name: "MB", bytes: 1_000_000 },
    ByteUnit { name: "GB", bytes: 1_000_000_000 },
    ByteUnit { name: "TB", bytes: 1_000_000_000_000 },
];
/// The largest number of a report has at least this many of the unit: one decimal is enough then.
const LARGEST_MIN: u64 = 10;

impl ByteUnit {
    /// One in which so many bytes are a number of two digits at least.
    #[must_use]
    pub fn of(largest: u64) -> Self {
        let fits = |unit: &&Self| largest / unit.bytes >= LARGEST_MIN;
        UNITS.iter().rev().find(fits).copied().unwrap_or(UNITS[0])
    }

    /// One for all bytes that runs moved.
    pub(super) fn of_runs(comparison: &Comparison) -> Self {
        let moved = comparison.runs().map(|(_, _, _, summary)| summary.moved().0);
        Self::of(moved.max().unwrap_or(0))
    }

    /// With the unit: `152.4 GB`.
    #[must_use]
    pub fn with_name(self, bytes: u64) -> String {
        format!("{} {}", scaled(bytes, self.bytes, 1, true), self.name)
    }
}

/// `value / unit` with so many decimals, rounded up or down; thousands are set apart.
pub(super) fn scaled(value: u64, unit: u64, decimals: u32, up: bool) -> String {
    let power = 10_u128.pow(decimals);
    let (product, unit) = (u128::from(value) * power, u128::from(unit.max(1)));
    let rounded = if up { product.div_ceil(unit) } else { product / unit };
    let whole = grouped(rounded / power);
    if decimals == 0 {
        return whole;
    }
    format!("{whole}.{:0width$}", rounded % power, width = decimals as usize)
}

/// `12345` as `12,345`.
pub(super) fn grouped(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How a measure is printed: the unit it is divided by, decimals, and what follows the number.
fn form(measure: Measure, bytes: ByteUnit) -> (u64, u32, &'static str) {
    match (measure, measure.unit()) {
        (Measure::Captured | Measure::Hits, _) => (10, 1, " %"),
        (Measure::NodeTime, _) => (3_600_000_000_000, 1, " h"),
        (_, Unit::Bytes) => (bytes.bytes, 1, ""),
        (_, Unit::Nanos) => (1_000_000_000, 1, " s"),
        (_, Unit::PerMille) => (1000, 2, ""),
        (_, Unit::Count) => (1, 0, ""),
    }
}

/// A value of a measure: `31.1 s`, `41.2 %`, `1.22`; bytes without their unit.
pub(super) fn value(measure: Measure, value: i64, bytes: ByteUnit) -> String {
    let (unit, decimals, suffix) = form(measure, bytes);
    let up = measure.is_better_higher() == (value < 0);
    let number = scaled(value.unsigned_abs(), unit, decimals, up);
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{number}{suffix}")
}

/// The mean, with half of its interval if there is one: `31.1 s ±1.3`; a dash if there is no mean.
pub(super) fn estimate(measure: Measure, found: Option<Estimate>, bytes: ByteUnit) -> String {
    let Some(Estimate { mean, half_width }) = found else {
        return "-".to_owned();
    };
    let (unit, decimals, _) = form(measure, bytes);
    let mean = value(measure, mean, bytes);
    match half_width {
        None => mean,
        // A count of whole things has a mean that is not whole: what is left out is in the interval.
        Some(half) => format!("{mean} ±{}", scaled(half, unit, decimals, true)),
    }
}

/// A time on an axis or in a sentence: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`.
pub(super) fn span(nanos: u64) -> String {
    const PARTS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    if nanos < 10_000_000_000 && !nanos.is_multiple_of(1_000_000_000) {
        return format!("{} s", scaled(nanos, 1_000_000_000, 1, true));
    }
    let seconds = nanos / 1_000_000_000;
    let first = PARTS.iter().position(|(size, _)| seconds >= *size).unwrap_or(PARTS.len() - 1);
    let (size, name) = PARTS[first];
    let text = format!("{} {name}", seconds / size);
    match PARTS.get(first + 1) {
        Some((next, next_name)) if seconds % size / next > 0 => {
            format!("{text} {} {next_name}", seconds % size / next)
        }
        _ => text,
    }
}
