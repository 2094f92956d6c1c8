//! Run times of PyTorch's test units (`job,config,unit,seconds`) and times of merges (`repo,merged_at_utc`),
//! as CSV.

use super::csv::Row;
use crate::edge::manifests;
use crate::model::unit::Nanos;
use crate::sim::data::Merge;

/// The time of one unit.
pub fn test(row: &Row<'_>) -> Result<Nanos, String> {
    row.seconds("seconds")
}

/// One merge.
pub fn merge(row: &Row<'_>) -> Result<Merge, String> {
    let at = manifests::time(row.text("merged_at_utc")?)?;
    Ok(Merge { repository: row.text("repo")?.to_owned(), at })
}
