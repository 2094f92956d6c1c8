//! Lines of a trace taken in one after the other: what they tell is numbered, and what is wrong with them is
//! noted by code and line.
//!
//! Nothing is repaired: a line with a finding is left out, and a trace with findings is not replayed.

mod finding;
mod life;
mod thing;

use std::collections::BTreeMap;

use crate::model::unit::{Nanos, Time};
use crate::sim::scenario::value::time;
use crate::sim::trace::Recording;
use crate::sim::trace::entry::{Entry, Header};

pub use finding::{Code, Finding};

/// A trace while it is read.
#[derive(Debug, Default)]
pub struct Reader {
    recording: Recording,
    findings: Vec<Finding>,
    /// Findings beyond those that are kept.
    unkept: usize,
    now: u64,
    /// Lines so far, blank ones left out.
    lines: u64,
    ended_at_line: Option<usize>,
    nodes: BTreeMap<String, usize>,
    images: BTreeMap<String, usize>,
    names: BTreeMap<String, usize>,
    volumes: BTreeMap<String, usize>,
    runs: BTreeMap<String, u32>,
    run_count: u32,
    pods: BTreeMap<String, usize>,
}

/// More findings are of one cause: nobody reads them.
const FINDINGS_MAX: usize = 1000;

impl Reader {
    /// The reader behind the first line.
    ///
    /// # Errors
    /// If it is not the header of a trace: what was found and what was expected.
    pub fn new(header: &[u8]) -> Result<Self, String> {
        let header: Header = serde_json::from_slice(header).map_err(|error| {
            format!("expected the header of a trace, as {EXAMPLE}: {}", without_line(&error))
        })?;
        let (version, kind) = (header.api_version.as_str(), header.kind.as_str());
        if (version, kind) != ("dunnage.dev/v1alpha1", "Trace") {
            let expected = "expected apiVersion dunnage.dev/v1alpha1 and kind Trace";
            return Err(format!("{expected}, not {version} and {kind}"));
        }
        let epoch = time(&header.epoch).map_err(|reason| format!("epoch {reason}"))?;
        Ok(Self::at(epoch))
    }

    fn at(epoch: Time) -> Self {
        Self { recording: Recording { epoch, ..Recording::default() }, lines: 1, ..Self::default() }
    }

    /// Takes in a line.
    pub fn take(&mut self, line_number: usize, line: &[u8]) {
        let taken = match serde_json::from_slice::<Entry>(line) {
            Ok(entry) => self.entry(line_number, entry),
            Err(error) => Err((Code::Malformed, without_line(&error))),
        };
        self.lines += 1;
        if let Err((code, reason)) = taken {
            self.note(Finding { line: line_number, code, reason });
        }
    }

    /// What came of it: the recording, and the findings by line, with how many more there were.
    #[must_use]
    pub fn finish(mut self, lines_read: usize) -> (Recording, Vec<Finding>, usize) {
        if self.ended_at_line.is_none() {
            self.cut_off(lines_read, "the file ends");
        }
        (self.recording, self.findings, self.unkept)
    }

    /// Notes that the file cannot be read on.
    pub fn cut_off(&mut self, line_number: usize, how: &str) {
        let reason = format!("{how} without the line that tells the end");
        self.ended_at_line = Some(line_number);
        self.note(Finding { line: line_number, code: Code::CutOff, reason });
    }

    /// Notes that the file ends in the middle of the line that was taken, if that could not be read: it is
    /// cut off, and nothing worse.
    pub fn cut_within(&mut self, line_number: usize) {
        let is_part =
            |finding: &mut Finding| finding.line == line_number && finding.code == Code::Malformed;
        if self.findings.pop_if(is_part).is_some() {
            self.cut_off(line_number, "the file ends within a line, and");
        }
    }

    fn note(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding)
        } else {
            self.unkept += 1
        }
    }

    fn entry(&mut self, line_number: usize, entry: Entry) -> Result<(), Offence> {
        let at = entry.at_nanos();
        if let Some(line) = self.ended_at_line {
            return Err((Code::CutOff, format!("comes after the end, line {line}")));
        }
        if at < self.now {
            let reason = format!("atNanos {at} is before the {} of a line above", self.now);
            return Err((Code::OutOfOrder, reason));
        }
        self.now = at;
        let at = Nanos(at);
        match entry {
            Entry::Node { .. } => self.node(at, entry),
            Entry::NodeGone { name, .. } => self.node_gone(at, &name),
            Entry::Image { digest, platform, layers, estimate, .. } => {
                self.image(digest, &platform, layers, estimate)
            }
            Entry::Tag { name, digest, .. } => self.tag(at, &name, &digest),
            Entry::Volume { .. } => self.volume(entry),
            Entry::Pod(pod) => self.pod(at, pod),
            Entry::Bound { pod, node, .. } => self.bound(at, &pod, &node),
            Entry::Started { pod, .. } => self.started(at, &pod),
            Entry::Ended { pod, failed, .. } => self.ended(at, &pod, failed),
            Entry::Pulled { node, image, took_nanos, .. } => {
                self.pulled(&node, &image, Nanos(took_nanos))
            }
            Entry::End { lines, .. } => self.end(at, line_number, lines),
        }
    }

    fn end(&mut self, at: Nanos, line_number: usize, lines: u64) -> Result<(), Offence> {
        self.recording.ends_at = at;
        self.ended_at_line = Some(line_number);
        if lines == self.lines {
            return Ok(());
        }
        let found = self.lines;
        Err((Code::CutOff, format!("the end tells of {lines} lines before it, there are {found}")))
    }
}

/// What is wrong with a line.
type Offence = (Code, String);

const EXAMPLE: &str =
    r#"{"apiVersion": "dunnage.dev/v1alpha1", "kind": "Trace", "epoch": "2026-05-20T00:00:00Z"}"#;

/// The reader counts lines, too, and each line is its first.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    format!("{reason} at column {}", error.column())
}

#[cfg(test)]
mod tests;
