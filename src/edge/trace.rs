//! Traces as files: read a line at a time, plain or gzip, and written by appending.
//!
//! The format and its checks are [`crate::sim::trace`]'s; here are only the file and its errors. What is
//! recorded of a live cluster goes through [`sink`].

pub mod sink;

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::edge::lines::Lines;
use crate::sim::trace::Recording;
use crate::sim::trace::entry::{Entry, Header};
use crate::sim::trace::read::{Finding, Reader};

/// Four lines of 250 bytes a pod make this a trace of four million pods; as much would not fit in memory.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// A file that is a trace, whole or not.
#[derive(Debug)]
pub struct Checked {
    /// What it tells, without the lines that have findings.
    pub recording: Recording,
    /// What is wrong with it, by line.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more: usize,
    /// Lines read.
    pub lines: usize,
}

/// The trace in a file, whole and without findings.
///
/// # Errors
/// If it is none, or the first finding.
pub fn read(path: &Path) -> Result<Recording, String> {
    let checked = check(path)?;
    let count = checked.findings.len() + checked.more;
    match checked.findings.into_iter().next() {
        None => Ok(checked.recording),
        Some(finding) if count == 1 => Err(finding.to_string()),
        Some(finding) => {
            Err(format!("{finding}; and {} more, see `dunnage trace validate`", count - 1))
        }
    }
}

/// The trace in a file with everything that is wrong with it.
///
/// # Errors
/// If it cannot be read, or is no trace at all.
pub fn check(path: &Path) -> Result<Checked, String> {
    let mut lines = Lines::open(path, FILE_BYTES_MAX).map_err(|error| error.to_string())?;
    let header = lines.next_line().map_err(|error| error.to_string())?;
    let (number, header) = header.ok_or("expected a trace, found an empty file")?;
    let mut reader = Reader::new(header).map_err(|reason| format!("line {number}: {reason}"))?;
    let mut last = number;
    loop {
        match lines.next_line() {
            Ok(Some((number, line))) => {
                last = number;
                reader.take(number, line);
                if !lines.is_whole() {
                    reader.cut_within(number);
                }
            }
            Ok(None) => break,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                reader.cut_off(last, "the compressed file ends");
                break;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    let (recording, findings, more) = reader.finish(last);
    Ok(Checked { recording, findings, more, lines: last })
}

/// Appends the lines of a trace, each whole and at once: who is killed leaves no part of one.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    line: Vec<u8>,
    lines: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a trace whose time zero is called `epoch`, RFC 3339.
    ///
    /// # Errors
    /// If writing fails.
    pub fn new(out: W, epoch: &str) -> io::Result<Self> {
        let mut writer = Self { out, line: Vec::new(), lines: 0 };
        let (api_version, kind) = ("dunnage.dev/v1alpha1".to_owned(), "Trace".to_owned());
        writer.line(&Header { api_version, kind, epoch: epoch.to_owned() })?;
        Ok(writer)
    }

    /// Appends what happened; never earlier than what was appended before.
    ///
    /// # Errors
    /// If writing fails.
    pub fn append(&mut self, entry: &Entry) -> io::Result<()> {
        self.line(entry)
    }

    /// Passes on what is held back to be compressed with what follows.
    ///
    /// # Errors
    /// If writing fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the trace and gives back what it was written to, flushed.
    ///
    /// # Errors
    /// If writing fails.
    pub fn end(mut self, at_nanos: u64) -> io::Result<W> {
        let lines = self.lines;
        self.line(&Entry::End { at_nanos, lines })?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn line(&mut self, line: &impl serde::Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.lines += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
