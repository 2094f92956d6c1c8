//! What a process has used: processor seconds and memory, as the kernel counts them.

use std::fs;

use anyhow::{Context, Result};

/// The kernel tells times in hundredths of a second, on every architecture that containers run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time that a process has used so far, all threads, user and system.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces; after it come the state and, as 12th and 13th, the two times.
    let (_, rest) = stat.rsplit_once(')').context("no name in stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks =
        |at: usize| fields.get(at).context("too few fields")?.parse::<f64>().context("ticks");
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// Resident memory of a process in kB, now.
pub fn resident_kb(pid: u32) -> Result<u64> {
    status_kb(pid, "VmRSS:")
}

/// The most that it ever was.
pub fn peak_resident_kb(pid: u32) -> Result<u64> {
    status_kb(pid, "VmHWM:")
}

fn status_kb(pid: u32, key: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let value = line.and_then(|line| line.split_whitespace().next()).context("no such line")?;
    Ok(value.parse()?)
}
