//! Prow's jobs as JSON lines (`{"source", "name", "containers": [{"image", "requests"}]}` and more), and
//! the starts of periodic ones as CSV (`t_seconds,source,job`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::csv::Row;
use super::json;
use crate::sim::data::{ProwJob, ProwStart};

#[derive(Deserialize)]
struct JobLine {
    source: String,
    name: String,
    containers: Vec<ContainerEntry>,
}

#[derive(Deserialize)]
struct ContainerEntry {
    image: String,
    #[serde(default)]
    requests: BTreeMap<String, json::Amount>,
}

/// One job. It has one container of its own; of more, which none has, the first would count.
pub fn job(line: &[u8]) -> Result<ProwJob, String> {
    let line: JobLine = json::parse("a job of Prow", line)?;
    let container = line.containers.into_iter().next();
    let container = container.ok_or_else(|| format!("job {}: expected a container", line.name))?;
    let requests = json::requests(&container.requests)?;
    Ok(ProwJob { name: (line.source, line.name), image: container.image, requests })
}

/// One start.
pub fn start(row: &Row<'_>) -> Result<ProwStart, String> {
    let job = (row.text("source")?.to_owned(), row.text("job")?.to_owned());
    Ok(ProwStart { at: row.seconds("t_seconds")?, job })
}
