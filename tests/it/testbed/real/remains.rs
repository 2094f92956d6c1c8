//! Has `tests/testbed/sweep` remove what is left: before a cluster starts, after
//! it has ended, and by a watcher when this process dies in between.
//!
//! Leaves alone how things are removed, and all that goes with a node's death.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::super::binaries::repository;

/// What this process leaves when it ends.
pub struct Remains {
    /// Waits for the end of its standard input, which is ours.
    watcher: Child,
}

impl Remains {
    /// Removes what others have left, and watches over this process.
    pub fn watch() -> Result<Self> {
        let status = Command::new(sweep()).status().context("cannot run tests/testbed/sweep")?;
        ensure!(status.success(), "tests/testbed/sweep failed: {status}");
        let watcher = Command::new(sweep())
            .args(["--after", &process::id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: what is typed at the terminal does not reach it.
            .process_group(0)
            .spawn()
            .context("cannot start the watcher")?;
        Ok(Self { watcher })
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        let swept = Command::new(sweep()).arg(process::id().to_string()).status();
        if !swept.is_ok_and(|status| status.success()) {
            eprintln!("testbed: something is left: run tests/testbed/cluster down");
        }
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }
}

fn sweep() -> PathBuf {
    repository().join("tests/testbed/sweep")
}
