//! Files of data that a scenario names: one reader a shape, plain or gzip, a line at a time.
//!
//! The shapes are those in which the data is published, so that anyone's own drops in. The first line that
//! is not of the shape is the error, with file, line and what was expected: a scenario with half its data
//! would give a report of something else.

mod csv;
mod image;
mod json;
mod node_image;
mod openb;
mod prow;
mod seconds;
mod step;

use std::collections::BTreeMap;
use std::path::Path;

use crate::edge::lines::Lines;
use crate::edge::trace;
use crate::sim::data::{Data, Shape};

/// Fifty times the largest real set (10 MB): more would not be kept in memory anyway.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Why a file was refused.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct Refusal {
    /// As the scenario names it.
    pub file: String,
    /// With the line, where one is to blame, and what was expected.
    pub reason: String,
}

/// Reads the file at `path` into `data` under `name`.
///
/// # Errors
/// If it cannot be read to its end, a line is not of the shape, or it has no rows at all.
pub fn read(shape: Shape, name: &str, path: &Path, data: &mut Data) -> Result<(), Refusal> {
    let read = match shape {
        Shape::Manifests => {
            rows(path, image::manifest).map(|rows| keep(&mut data.manifests, name, rows))
        }
        Shape::TagMoves => {
            rows(path, image::tag_move).map(|rows| keep(&mut data.tag_moves, name, rows))
        }
        Shape::NodeImages => {
            rows(path, node_image::parse).map(|rows| keep(&mut data.node_images, name, rows))
        }
        Shape::Steps => rows(path, step::parse).map(|rows| keep(&mut data.steps, name, rows)),
        Shape::ProwJobs => rows(path, prow::job).map(|rows| keep(&mut data.prow_jobs, name, rows)),
        Shape::ProwStarts => {
            table(path, prow::start).map(|rows| keep(&mut data.prow_starts, name, rows))
        }
        Shape::OpenbPods => {
            table(path, openb::pod).map(|rows| keep(&mut data.openb_pods, name, rows))
        }
        Shape::OpenbNodes => {
            table(path, openb::node).map(|rows| keep(&mut data.openb_nodes, name, rows))
        }
        Shape::TestSeconds => {
            table(path, seconds::test).map(|rows| keep(&mut data.test_seconds, name, rows))
        }
        Shape::Merges => table(path, seconds::merge).map(|rows| keep(&mut data.merges, name, rows)),
        Shape::Trace => trace::read(path).map(|trace| keep(&mut data.traces, name, trace)),
    };
    read.map_err(|reason| Refusal { file: path.display().to_string(), reason })
}

fn keep<T>(of_shape: &mut BTreeMap<String, T>, name: &str, rows: T) {
    of_shape.insert(name.to_owned(), rows);
}

/// Every line by `parse`.
fn rows<T>(path: &Path, parse: fn(&[u8]) -> Result<T, String>) -> Result<Vec<T>, String> {
    let mut lines = Lines::open(path, FILE_BYTES_MAX).map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    while let Some((number, line)) = lines.next_line().map_err(|error| error.to_string())? {
        rows.push(parse(line).map_err(|reason| format!("line {number}: {reason}"))?);
    }
    if rows.is_empty() {
        Err("expected at least one line, found none".to_owned())
    } else {
        Ok(rows)
    }
}

/// Every line after the first, which names the columns, by `parse`.
fn table<T>(path: &Path, parse: fn(&csv::Row<'_>) -> Result<T, String>) -> Result<Vec<T>, String> {
    let mut lines = Lines::open(path, FILE_BYTES_MAX).map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    let mut header = None;
    while let Some((number, line)) = lines.next_line().map_err(|error| error.to_string())? {
        let at_line = |reason| format!("line {number}: {reason}");
        let fields = csv::fields(line).map_err(at_line)?;
        let Some(header) = &header else {
            header = Some(csv::Header::new(fields));
            continue;
        };
        let row = csv::Row::new(header, fields).map_err(at_line)?;
        rows.push(parse(&row).map_err(at_line)?);
    }
    if rows.is_empty() {
        return Err("expected a line of column names and at least one row".to_owned());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests;
