//! The report as a table for terminals, at most 100 columns wide.

use std::fmt::Write;

use crate::edge::report::number::{self, ByteUnit};
use crate::edge::report::{Report, phrase};
use crate::model::unit::Bytes;
use crate::sim::summary::comparison::{Comparison, Win};
use crate::sim::summary::measure::Measure;

/// Of a line, in characters.
const COLUMNS_MAX: usize = 100;
/// Between two columns.
const GAP: usize = 2;
/// Longer names of policies lose their beginning, which is a folder's name.
const NAME_COLUMNS_MAX: usize = 18;

/// What is told of bytes.
pub(super) const BYTES: [Measure; 6] = [
    Measure::Moved,
    Measure::Regret,
    Measure::Captured,
    Measure::Hits,
    Measure::CrossedZone,
    Measure::Evicted,
];
/// What is told of pods and nodes.
pub(super) const PODS: [Measure; 8] = [
    Measure::MeanWait,
    Measure::MedianWait,
    Measure::P95Wait,
    Measure::Imbalance,
    Measure::NodeTime,
    Measure::Failed,
    Measure::Refused,
    Measure::Ended,
];

/// The whole of it, with the end of its last line.
#[must_use]
pub fn render(report: &Report) -> String {
    let unit = ByteUnit::of_runs(&report.comparison);
    let mut text = head(report);
    text.push_str(&tables(&report.comparison));
    let wins = wins(report);
    if !wins.is_empty() {
        text.push('\n');
        text.push_str(&listed(&wins));
    }
    text.push('\n');
    for line in notes(report, unit) {
        text.push_str(&wrapped(&line, ""));
    }
    // Not wrapped, so that it can be copied.
    let _ = writeln!(text, "Again: {}", report.command);
    text
}

/// Its two tables: what is told of bytes, with the least possible, and what is told of pods and nodes.
#[must_use]
pub fn tables(comparison: &Comparison) -> String {
    let unit = ByteUnit::of_runs(comparison);
    let bytes = table(&measures(comparison, &BYTES, unit, true));
    format!("{bytes}\n{}", table(&measures(comparison, &PODS, unit, false)))
}

fn head(report: &Report) -> String {
    let (scenario, size) = (&report.scenario, &report.scenario.size);
    let plural = if report.comparison.seeds.len() > 1 { "seeds" } else { "seed" };
    let mut line = format!(
        "{}: {} pods on {} nodes",
        scenario.name,
        number::grouped(size.jobs.into()),
        number::grouped(size.nodes.into()),
    );
    if size.scaled_nodes_max > 0 {
        let _ = write!(line, " and up to {} more", number::grouped(size.scaled_nodes_max.into()));
    }
    let _ = write!(
        line,
        ", {} images ({}), {plural} {}.",
        number::grouped(size.images.into()),
        ByteUnit::of(size.image_bytes.0).with_name(size.image_bytes.0),
        phrase::seeds(&report.comparison.seeds),
    );
    let mut text = wrapped(&line, "");
    if !scenario.about.trim().is_empty() {
        text.push_str(&wrapped(&scenario.about, "  "));
    }
    text.push('\n');
    text
}

/// Rows of a table, the first its head: the policies by these measures, as far as they say something.
fn measures(
    comparison: &Comparison,
    measures: &[Measure],
    unit: ByteUnit,
    with_least: bool,
) -> Vec<Vec<String>> {
    let shown = phrase::shown(comparison, measures);
    let heads = shown.iter().map(|measure| phrase::head(*measure, unit.name));
    let mut rows = vec![["policy".to_owned()].into_iter().chain(heads).collect::<Vec<_>>()];
    for (policy, name) in comparison.policies.iter().enumerate() {
        let cell = |measure: &Measure| {
            number::estimate(*measure, comparison.estimate(policy, *measure), unit)
        };
        let cells = shown.iter().map(cell);
        rows.push([shortened(name)].into_iter().chain(cells).collect());
    }
    if with_least {
        let least = number::estimate(Measure::Moved, comparison.least(), unit);
        rows.push(vec!["least possible".to_owned(), least, "1.00".to_owned()]);
    }
    rows
}

/// Measures with who won by them, after a head.
fn wins(report: &Report) -> Vec<(&'static str, String)> {
    let comparison = &report.comparison;
    let wins = comparison.wins();
    let row = |win: &Win| (phrase::name(win.measure), phrase::winners(comparison, win));
    let head = (!wins.is_empty()).then(|| ("best by", "policy".to_owned()));
    head.into_iter().chain(wins.iter().map(row)).collect()
}

/// What must be said beside the numbers.
pub(super) fn notes(report: &Report, unit: ByteUnit) -> Vec<String> {
    let mut notes: Vec<String> = report.scenario.notes.clone();
    let comparison = &report.comparison;
    if comparison.seeds.len() > 1 {
        notes.push(format!(
            "Means of {} seeds; ± is half of the 95 % confidence interval (Student's t). Policies \
             are told apart by their differences at equal seeds.",
            comparison.seeds.len()
        ));
    }
    let no_spread = comparison.runs().all(|(_, marks, ..)| marks.spread.is_none());
    if no_spread {
        notes.push("The share of avoidable bytes is counted from spread: --policy spread.".into());
    }
    if report.zone_gigabyte_price.0 > 0 {
        for (policy, name) in comparison.policies.iter().enumerate() {
            let bytes = comparison.estimate(policy, Measure::CrossedZone);
            let bytes = bytes.map_or(0, |bytes| bytes.mean.unsigned_abs());
            let price = report.zone_gigabyte_price.of_gigabytes(Bytes(bytes));
            let money = number::scaled(price.0, 1_000_000, 2, true);
            let crossed = number::value(Measure::CrossedZone, bytes.cast_signed(), unit);
            notes.push(format!("{name}: {crossed} {} over zones cost {money}.", unit.name));
        }
    }
    notes
}

/// The first column to the left, the others to the right. What has no room on a line comes in a second table
/// below, with the first column again.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let width = |column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut tables = vec![vec![0]];
    let mut used = 0;
    for (column, width) in widths.iter().enumerate() {
        let is_full = column > 1 && used + GAP + width > COLUMNS_MAX;
        if is_full {
            tables.push(vec![0]);
        }
        used = if is_full || column == 0 { widths[0] } else { used };
        if column > 0 {
            used += GAP + width;
            tables.last_mut().into_iter().for_each(|shown| shown.push(column));
        }
    }
    let tables: Vec<String> = tables.iter().map(|shown| lines(rows, &widths, shown)).collect();
    tables.join("\n")
}

/// These columns of a table.
fn lines(rows: &[Vec<String>], widths: &[usize], shown: &[usize]) -> String {
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for &column in shown.iter().filter(|column| **column < row.len()) {
            let (cell, width) = (&row[column], widths[column]);
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        // A row without any of these says nothing here.
        if row.len() > shown.get(1).copied().unwrap_or(0) {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text
}

/// Names to the left, and what there is to say of them to the right, wrapped.
fn listed(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + GAP;
    let indent = " ".repeat(width);
    let mut text = String::new();
    for (name, words) in rows {
        let _ = write!(text, "{name:<width$}{}", wrapped(words, &indent).trim_start());
    }
    text
}

fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= NAME_COLUMNS_MAX {
        return name.to_owned();
    }
    let end: String = name.chars().skip(count + 1 - NAME_COLUMNS_MAX).collect();
    format!("…{end}")
}

/// Words in lines of at most [`COLUMNS_MAX`], each after `indent`. A word that is longer has its own.
fn wrapped(words: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for word in words.split_whitespace() {
        let columns = indent.len() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && columns > COLUMNS_MAX {
            let _ = writeln!(text, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(text, "{indent}{line}");
    text
}
