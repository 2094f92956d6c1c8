//! Charts of lines: the plot is an SVG that stretches, its words are HTML, so that they stay readable on a
//! narrow window. Places are whole thousandths of the plot.

use std::fmt::Write;

use crate::edge::report::page::escaped;

/// A chart.
pub(super) struct Chart<'a> {
    /// What it shows, as its heading.
    pub(super) title: &'a str,
    /// What is seen in it, for those who do not see it and as its caption.
    pub(super) caption: &'a str,
    /// By policy: its place in the report, its name, and points from left to right.
    pub(super) lines: &'a [Line<'a>],
    /// Across.
    pub(super) across: Axis,
    /// Upwards.
    pub(super) upwards: Axis,
    /// A level that is drawn across, with what it is.
    pub(super) level: Option<(u64, &'a str)>,
}

/// A line of a chart.
pub(super) struct Line<'a> {
    /// Decides its colour and dashes.
    pub(super) style: usize,
    /// What it stands for.
    pub(super) name: &'a str,
    /// Across and upwards.
    pub(super) points: Vec<(u64, u64)>,
}

/// An axis from nothing to its largest value.
pub(super) struct Axis {
    /// The end.
    pub(super) end: u64,
    /// Values that are written beside it.
    pub(super) ticks: Vec<(u64, String)>,
}

/// Colours that there are; a style beyond them takes the same with dashes.
pub(super) const COLOURS: usize = 8;
/// Ticks on an axis: as many as have room on a narrow window.
const TICKS_MAX: u64 = 5;

impl Axis {
    /// With ticks at round multiples of a unit of ten.
    pub(super) fn decimal(end: u64, show: impl Fn(u64) -> String) -> Self {
        let steps = (0..19).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
        Self::with_steps(end, steps, show)
    }

    /// With ticks at round times.
    pub(super) fn time(end: u64, show: impl Fn(u64) -> String) -> Self {
        const SECOND: u64 = 1_000_000_000;
        const STEPS: [u64; 18] = [
            1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800,
            604_800, 2_419_200,
        ];
        let parts = [SECOND / 10, SECOND / 5, SECOND / 2];
        let whole = STEPS.map(|seconds| seconds * SECOND);
        Self::with_steps(end, parts.into_iter().chain(whole), show)
    }

    fn with_steps(
        end: u64,
        steps: impl Iterator<Item = u64>,
        show: impl Fn(u64) -> String,
    ) -> Self {
        let end = end.max(1);
        let step = steps.into_iter().find(|step| end / step <= TICKS_MAX).unwrap_or(end);
        let ticks = (0..=end / step).map(|tick| (tick * step, show(tick * step)));
        Self { end, ticks: ticks.collect() }
    }

    /// In thousandths of the axis, at most its end.
    fn place(&self, value: u64) -> u64 {
        let place = u128::from(value.min(self.end)) * 1000 / u128::from(self.end.max(1));
        u64::try_from(place).unwrap_or(1000)
    }
}

impl Chart<'_> {
    /// As a figure.
    pub(super) fn render(&self, page: &mut String) {
        let Self { title, caption, .. } = self;
        let _ = write!(
            page,
            "<figure><h2>{}</h2>\n<div class=\"chart\">\
             <div class=\"upwards\" aria-hidden=\"true\">",
            escaped(title)
        );
        for (value, text) in &self.upwards.ticks {
            let place = decimal(self.upwards.place(*value));
            let _ = write!(page, "<span style=\"bottom:{place}%\">{}</span>", escaped(text));
        }
        let _ = write!(
            page,
            "</div><div class=\"plot\"><svg role=\"img\" viewBox=\"0 0 1000 1000\" \
             preserveAspectRatio=\"none\"><title>{}</title><desc>{}</desc>",
            escaped(title),
            escaped(caption)
        );
        self.render_grid(page);
        for line in self.lines {
            self.render_line(page, line);
        }
        page.push_str("</svg></div><div class=\"across\" aria-hidden=\"true\">");
        for (value, text) in &self.across.ticks {
            let place = decimal(self.across.place(*value));
            let _ = write!(page, "<span style=\"left:{place}%\">{}</span>", escaped(text));
        }
        page.push_str("</div></div>\n");
        render_legend(page, self.lines, self.level.map(|(_, name)| name));
        let _ = writeln!(page, "<figcaption>{}</figcaption></figure>", escaped(caption));
    }

    fn render_grid(&self, page: &mut String) {
        for (value, _) in &self.upwards.ticks {
            let height = 1000 - self.upwards.place(*value);
            let _ = write!(page, "<path class=\"grid\" d=\"M0 {height}H1000\"/>");
        }
        if let Some((value, _)) = self.level {
            let height = 1000 - self.upwards.place(value);
            let _ = write!(page, "<path class=\"level\" d=\"M0 {height}H1000\"/>");
        }
    }

    fn render_line(&self, page: &mut String, line: &Line<'_>) {
        let _ = write!(page, "<path class=\"{}\" d=\"", style(line.style));
        for (number, (across, upwards)) in line.points.iter().enumerate() {
            let command = if number == 0 { 'M' } else { 'L' };
            let (left, top) = (self.across.place(*across), 1000 - self.upwards.place(*upwards));
            let _ = write!(page, "{command}{left} {top}");
        }
        let _ = write!(page, "\"><title>{}</title></path>", escaped(line.name));
    }
}

/// The names of lines, each with a piece of it.
fn render_legend(page: &mut String, lines: &[Line<'_>], level: Option<&str>) {
    page.push_str("<ul class=\"legend\">");
    let entries = lines.iter().map(|line| (style(line.style), line.name));
    for (class, name) in entries.chain(level.map(|name| ("level".to_owned(), name))) {
        let _ = write!(
            page,
            "<li><svg aria-hidden=\"true\" viewBox=\"0 0 30 10\"><path class=\"{class}\" \
             d=\"M0 5H30\"/></svg>{}</li>",
            escaped(name)
        );
    }
    page.push_str("</ul>\n");
}

/// The classes of a policy's line.
fn style(number: usize) -> String {
    let dashes = number / COLOURS % 3;
    format!("line c{} d{dashes}", number % COLOURS)
}

/// Thousandths as a percentage.
pub(super) fn decimal(per_mille: u64) -> String {
    format!("{}.{}", per_mille / 10, per_mille % 10)
}
