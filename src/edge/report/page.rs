//! The report as one page that needs nothing else: no network, no script, light and dark, wide and narrow.

use std::fmt::Write;

use crate::edge::report::bar::{Bar, Bars};
use crate::edge::report::chart::{Axis, Chart, Line};
use crate::edge::report::number::{self, ByteUnit};
use crate::edge::report::{Report, phrase, text};
use crate::model::unit::Bytes;
use crate::sim::record::BySource;
use crate::sim::summary::Summary;
use crate::sim::summary::measure::Measure;

const STYLE: &str = include_str!("page.css");
/// The slowest pods are left out of the chart of waits: one of them would squeeze all others together.
const PERCENT_SHOWN: usize = 99;

/// The whole page.
#[must_use]
pub fn render(report: &Report) -> String {
    let unit = ByteUnit::of_runs(&report.comparison);
    let mut page = String::new();
    let name = escaped(&report.scenario.name);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}: simulation report</title>\n<style>\n{STYLE}</style></head>\n<body>\n"
    );
    head(&mut page, report);
    page.push_str("<main>\n");
    best(&mut page, report);
    page.push_str("<section><h2>The numbers</h2>\n");
    numbers(&mut page, report, unit, &text::BYTES);
    numbers(&mut page, report, unit, &text::PODS);
    page.push_str("</section>\n");
    notes(&mut page, report, unit);
    page.push_str("<div class=\"figures\">\n");
    moved(&mut page, report, unit);
    curves(&mut page, report, unit);
    waits(&mut page, report);
    imbalance(&mut page, report);
    page.push_str("</div>\n");
    asked(&mut page, report);
    words(&mut page, report);
    let _ = write!(
        page,
        "</main>\n<footer class=\"dim\">dunnage {}, SimulationReport</footer>\n</body></html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

/// What is safe inside of an element and of a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(character),
        }
    }
    safe
}

fn head(page: &mut String, report: &Report) {
    let (scenario, size) = (&report.scenario, &report.scenario.size);
    let _ = writeln!(page, "<header><h1>{}</h1>", escaped(&scenario.name));
    for paragraph in scenario.about.split("\n\n").filter(|it| !it.trim().is_empty()) {
        let _ = writeln!(page, "<p>{}</p>", escaped(paragraph.trim()));
    }
    let image_bytes = ByteUnit::of(size.image_bytes.0).with_name(size.image_bytes.0);
    let mut facts = vec![
        ("pods", number::grouped(size.jobs.into())),
        ("arriving within", number::span(size.arrivals_last.0)),
        ("nodes", nodes(size.nodes, size.scaled_nodes_max)),
        ("zones", number::grouped(size.zones.into())),
        ("images", format!("{} ({image_bytes})", number::grouped(size.images.into()))),
        ("volumes", number::grouped(size.volumes.into())),
        ("seeds", phrase::seeds(&report.comparison.seeds)),
    ];
    facts.retain(|(name, value)| !matches!(*name, "zones" | "volumes") || value != "0");
    page.push_str("<dl class=\"facts\">");
    for (name, value) in facts {
        let _ = write!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    page.push_str("</dl></header>\n");
}

fn nodes(named: u64, scaled_max: u64) -> String {
    match (named, scaled_max) {
        (named, 0) => number::grouped(named.into()),
        (0, most) => format!("up to {}", number::grouped(most.into())),
        (named, most) => {
            format!(
                "{}, up to {} more",
                number::grouped(named.into()),
                number::grouped(most.into())
            )
        }
    }
}

fn best(page: &mut String, report: &Report) {
    let comparison = &report.comparison;
    let wins = comparison.wins();
    if wins.is_empty() {
        return;
    }
    page.push_str(
        "<section><h2>Who did best</h2>\n<div class=\"scroll\"><table><thead><tr>\
         <th scope=\"col\">by</th><th scope=\"col\">policy</th>",
    );
    let has_seeds = comparison.seeds.len() > 1;
    if has_seeds {
        page.push_str("<th scope=\"col\">seeds at which none was better</th>");
    }
    page.push_str("</tr></thead><tbody>\n");
    for win in &wins {
        let winners = phrase::winners(comparison, win);
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td>",
            phrase::name(win.measure),
            escaped(&winners)
        );
        if has_seeds {
            let won = comparison.policies.iter().zip(&win.seeds_won);
            let won = won.filter(|(_, won)| **won > 0);
            let won: Vec<_> = won.map(|(name, won)| format!("{name} {won}")).collect();
            let _ = write!(page, "<td>{}</td>", escaped(&won.join(", ")));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div></section>\n");
}

/// The policies by these measures, and the least possible where bytes are among them.
fn numbers(page: &mut String, report: &Report, unit: ByteUnit, measures: &[Measure]) {
    let comparison = &report.comparison;
    let shown = phrase::shown(comparison, measures);
    let heads: Vec<_> = shown.iter().map(|measure| phrase::head(*measure, unit.name)).collect();
    page.push_str(
        "<div class=\"scroll\"><table class=\"numbers\"><thead><tr><th scope=\"col\">policy</th>",
    );
    for head in &heads {
        let _ = write!(page, "<th scope=\"col\" class=\"right\">{head}</th>");
    }
    page.push_str("</tr></thead><tbody>\n");
    for (policy, name) in comparison.policies.iter().enumerate() {
        let (name, about) = (escaped(name), escaped(&report.abouts[policy]));
        let _ =
            write!(page, "<tr><th scope=\"row\">{name} <span class=\"dim\">{about}</span></th>");
        for (measure, head) in shown.iter().zip(&heads) {
            let text = number::estimate(*measure, comparison.estimate(policy, *measure), unit);
            let _ = write!(page, "<td class=\"right\" data-label=\"{head}\">{text}</td>");
        }
        page.push_str("</tr>\n");
    }
    if let Some(head) = heads.first().filter(|_| shown.first() == Some(&Measure::Moved)) {
        let least = number::estimate(Measure::Moved, comparison.least(), unit);
        let _ = writeln!(
            page,
            "<tr class=\"least\"><th scope=\"row\">least possible</th>\
             <td class=\"right\" data-label=\"{head}\">{least}</td>\
             <td class=\"blank\" colspan=\"{}\"></td></tr>",
            shown.len() - 1
        );
    }
    page.push_str("</tbody></table></div>\n");
}

fn notes(page: &mut String, report: &Report, unit: ByteUnit) {
    page.push_str("<section class=\"dim\">\n");
    for note in text::notes(report, unit) {
        let _ = writeln!(page, "<p>{}</p>", escaped(&note));
    }
    page.push_str("</section>\n");
}

fn moved(page: &mut String, report: &Report, unit: ByteUnit) {
    let comparison = &report.comparison;
    let bars = (0..comparison.policies.len()).map(|policy| {
        let moved =
            number::estimate(Measure::Moved, comparison.estimate(policy, Measure::Moved), unit);
        Bar {
            name: &comparison.policies[policy],
            values: [
                |bytes: BySource| bytes.registry,
                |bytes: BySource| bytes.peer,
                |bytes: BySource| bytes.zone,
            ]
            .map(|part| mean(comparison.runs_of(policy).map(Summary::by_source).map(part)))
            .into(),
            text: format!("{moved} {}", unit.name),
        }
    });
    let least = comparison.least().map_or(0, |least| least.mean.unsigned_abs());
    Bars {
        title: "Bytes moved",
        caption: "What came over links, by where from. The line is the least possible: what no \
                  placement of these pods at these times could undercut.",
        parts: &[
            ("registry", "registry"),
            ("peer", "node in the zone"),
            ("zone", "node in another zone"),
        ],
        bars: bars.collect(),
        mark: Some((least, "least possible")),
    }
    .render(page);
}

fn mean(bytes: impl Iterator<Item = Bytes>) -> u64 {
    let (count, sum) =
        bytes.fold((0, 0), |(count, sum), bytes| (count + 1, sum + u128::from(bytes.0)));
    u64::try_from(sum / u128::max(count, 1)).unwrap_or(u64::MAX)
}

fn curves(page: &mut String, report: &Report, unit: ByteUnit) {
    let comparison = &report.comparison;
    let line = |policy: usize| {
        let (step, points) = comparison.curve(policy);
        let points = (1..).zip(points).map(|(number, bytes)| (number * step.0, bytes.0));
        let name = comparison.policies[policy].as_str();
        Line { style: policy, name, points: [(0, 0)].into_iter().chain(points).collect() }
    };
    let lines: Vec<Line<'_>> = (0..comparison.policies.len()).map(line).collect();
    let end = |part: fn(&(u64, u64)) -> u64| {
        lines.iter().flat_map(|line| &line.points).map(part).max().unwrap_or(0)
    };
    let least = comparison.least().map_or(0, |least| least.mean.unsigned_abs());
    let upwards = Axis::decimal(end(|point| point.1).max(least), |bytes| {
        let decimals = u32::from(bytes % unit.bytes > 0);
        format!("{} {}", number::scaled(bytes, unit.bytes, decimals, true), unit.name)
    });
    Chart {
        title: "Bytes over time",
        caption: "What had come to nodes by a time, on average over seeds. Steep where pods arrive \
                  at nodes that lack their images, flat where these are there.",
        lines: &lines,
        across: Axis::time(end(|point| point.0), number::span),
        upwards,
        level: Some((least, "least possible")),
    }
    .render(page);
}

fn waits(page: &mut String, report: &Report) {
    let comparison = &report.comparison;
    let line = |policy: usize| {
        let waits = comparison.waits(policy);
        let points = (0..).zip(&waits).map(|(percent, wait)| (wait.0, percent));
        Line { style: policy, name: &comparison.policies[policy], points: points.collect() }
    };
    let lines: Vec<Line<'_>> = (0..comparison.policies.len()).map(line).collect();
    let ends = lines.iter().filter_map(|line| line.points.get(PERCENT_SHOWN));
    let end = ends.map(|point| point.0).max().unwrap_or(0);
    Chart {
        title: "Waits from creation to start",
        caption: "Share of the pods that had started within a time of their creation; further up \
                  and to the left is better. The slowest one of a hundred is left out.",
        lines: &lines,
        across: Axis::time(end, number::span),
        upwards: Axis::decimal(100, |percent| format!("{percent} %")),
        level: None,
    }
    .render(page);
}

fn imbalance(page: &mut String, report: &Report) {
    let comparison = &report.comparison;
    let bars = (0..comparison.policies.len()).map(|policy| {
        let found = comparison.estimate(policy, Measure::Imbalance);
        Bar {
            name: &comparison.policies[policy],
            values: vec![found.map_or(0, |found| found.mean.unsigned_abs())],
            text: number::estimate(Measure::Imbalance, found, ByteUnit::of(0)),
        }
    });
    Bars {
        title: "Busiest node over the mean",
        caption: "How unevenly work lay on nodes: processor time asked for by the pods of the \
                  busiest node, by its processors, over that of all nodes. 1.00 is even.",
        parts: &[("load", "load")],
        bars: bars.collect(),
        mark: Some((1000, "even")),
    }
    .render(page);
}

fn asked(page: &mut String, report: &Report) {
    let scenario = &report.scenario;
    page.push_str("<section><h2>What was asked</h2>\n");
    let _ = writeln!(page, "<pre><code>{}</code></pre>", escaped(&report.command));
    for (title, entries) in [("Real data", &scenario.data), ("Modelled", &scenario.modelled)] {
        if entries.is_empty() {
            continue;
        }
        let _ = write!(page, "<h3>{title}</h3>\n<dl class=\"words\">");
        for (name, text) in entries {
            let _ = write!(page, "<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(text));
        }
        page.push_str("</dl>\n");
    }
    page.push_str("</section>\n");
}

fn words(page: &mut String, report: &Report) {
    page.push_str("<section><h2>What the numbers mean</h2>\n<dl class=\"words\">");
    for measure in phrase::shown(&report.comparison, &Measure::ALL) {
        let (name, meaning) = (phrase::name(measure), phrase::meaning(measure));
        let _ = write!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(meaning));
    }
    page.push_str("</dl></section>\n");
}
