//! The openb traces (Alibaba, cluster-trace-gpu-v2023): pods and nodes as CSV. Of their many columns those
//! that placement of steps needs; GPUs are left out.

use super::csv::Row;
use crate::sim::data::OpenbPod;
use crate::sim::resource::Resources;

/// `name,cpu_milli,memory_mib,…,creation_time,deletion_time,scheduled_time`, times in seconds.
pub fn pod(row: &Row<'_>) -> Result<OpenbPod, String> {
    let created_at = row.seconds("creation_time")?;
    let scheduled = row.text("scheduled_time")?;
    let ran_for = match scheduled.is_empty() || row.text("deletion_time")?.is_empty() {
        true => None,
        false => Some(row.seconds("deletion_time")? - row.seconds("scheduled_time")?),
    };
    Ok(OpenbPod { requests: row.resources()?, created_at, ran_for })
}

/// `sn,cpu_milli,memory_mib,…`.
pub fn node(row: &Row<'_>) -> Result<Resources, String> {
    let capacity = row.resources()?;
    if capacity.cpu_millis == 0 || capacity.memory.0 == 0 {
        return Err("expected cpu_milli and memory_mib above 0".to_owned());
    }
    Ok(capacity)
}
