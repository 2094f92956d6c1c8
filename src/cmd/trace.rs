//! `dunnage trace validate`: every finding on a line of its own, with code, line and what to do.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::cli::trace::{Action, Trace, Validate};
use crate::cmd::Findings;
use crate::edge::trace::{self, Checked};
use crate::model::unit::NANOS_PER_SECOND;

/// Findings that are printed: more are of one cause.
const PRINTED_MAX: usize = 100;

/// Does what was asked for.
///
/// # Errors
/// If the file is no trace, or has findings: then [`Findings`].
pub fn run(flags: Trace) -> anyhow::Result<()> {
    match flags.action {
        Action::Validate(flags) => validate(&flags),
    }
}

fn validate(flags: &Validate) -> anyhow::Result<()> {
    let name = flags.file.display();
    let checked =
        trace::check(&flags.file).map_err(|reason| anyhow::anyhow!("trace {name}: {reason}"))?;
    let count = checked.findings.len() + checked.more;
    let mut text = String::new();
    for finding in checked.findings.iter().take(PRINTED_MAX) {
        writeln!(text, "{name}: {finding}")?;
    }
    if count > PRINTED_MAX {
        writeln!(text, "{name}: and {} more", count - PRINTED_MAX)?;
    }
    if count == 0 {
        writeln!(text, "{name}: {}", summary(&checked))?;
    }
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    match count {
        0 => Ok(()),
        1 => Err(Findings(format!("trace {name}: 1 finding")).into()),
        count => Err(Findings(format!("trace {name}: {count} findings")).into()),
    }
}

fn summary(checked: &Checked) -> String {
    let recording = &checked.recording;
    let started = recording.pods.iter().filter(|pod| pod.started_at.is_some()).count();
    format!(
        "a whole trace of {} s: {} nodes, {} images, {} names, {} volumes, {} pods, \
         {started} started",
        recording.ends_at.0 / NANOS_PER_SECOND,
        recording.nodes.len(),
        recording.images.len(),
        recording.names.len(),
        recording.volumes.len(),
        recording.pods.len(),
    )
}
