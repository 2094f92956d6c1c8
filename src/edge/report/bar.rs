//! Bars, one a policy, with a mark that they are held against. Plain HTML: they take the width that there is.

use std::fmt::Write;

use crate::edge::report::chart::decimal;
use crate::edge::report::page::escaped;

/// Bars under one heading.
pub(super) struct Bars<'a> {
    /// What they show.
    pub(super) title: &'a str,
    /// The same in a sentence, with what the parts and the mark are.
    pub(super) caption: &'a str,
    /// Parts of each bar: their class and what they are; one part needs no legend.
    pub(super) parts: &'a [(&'a str, &'a str)],
    /// One a policy.
    pub(super) bars: Vec<Bar<'a>>,
    /// A value across all bars, and what it is.
    pub(super) mark: Option<(u64, &'a str)>,
}

/// One bar.
pub(super) struct Bar<'a> {
    /// Of the policy.
    pub(super) name: &'a str,
    /// As many as there are parts.
    pub(super) values: Vec<u64>,
    /// The sum, as text.
    pub(super) text: String,
}

impl Bars<'_> {
    /// As a figure.
    pub(super) fn render(&self, page: &mut String) {
        let sums = self.bars.iter().map(|bar| sum(&bar.values));
        let end = sums.chain(self.mark.map(|(value, _)| u128::from(value))).max().unwrap_or(0);
        let share = |value: u128| {
            let share = value * 1000 / end.max(1);
            decimal(u64::try_from(share).unwrap_or(1000))
        };
        let _ = write!(page, "<figure><h2>{}</h2>\n<dl class=\"bars\">", escaped(self.title));
        for bar in &self.bars {
            let _ = write!(
                page,
                "<dt>{}</dt><dd class=\"track\" aria-hidden=\"true\">",
                escaped(bar.name)
            );
            for ((class, _), value) in self.parts.iter().zip(&bar.values) {
                let width = share(u128::from(*value));
                let _ = write!(page, "<i class=\"{class}\" style=\"width:{width}%\"></i>");
            }
            if let Some((value, _)) = self.mark {
                let left = share(u128::from(value));
                let _ = write!(page, "<b style=\"left:{left}%\"></b>");
            }
            let _ = writeln!(page, "</dd><dd class=\"value\">{}</dd>", escaped(&bar.text));
        }
        page.push_str("</dl>\n");
        self.render_legend(page);
        let _ = writeln!(page, "<figcaption>{}</figcaption></figure>", escaped(self.caption));
    }

    fn render_legend(&self, page: &mut String) {
        let is_there = |place: usize| self.bars.iter().any(|bar| bar.values[place] > 0);
        let parts = self.parts.iter().enumerate().filter(|(place, _)| is_there(*place));
        let parts = parts.map(|(_, part)| *part).filter(|_| self.parts.len() > 1);
        page.push_str("<ul class=\"legend\">");
        for (class, name) in parts.chain(self.mark.map(|(_, name)| ("mark", name))) {
            let _ = write!(page, "<li><i class=\"{class}\"></i>{}</li>", escaped(name));
        }
        page.push_str("</ul>\n");
    }
}

fn sum(values: &[u64]) -> u128 {
    values.iter().map(|value| u128::from(*value)).sum()
}
