//! The directory of one run: data, credentials and logs of its servers, under
//! `target/testbed/run`.
//!
//! It goes with the run, except where the test panicked or `TESTBED_KEEP` is
//! set: then it stays, with its logs, until the next run starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::{env, process, thread};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::binaries::repository;

/// A directory named after the process that made it.
pub struct RunDir {
    dir: TempDir,
}

impl RunDir {
    /// Makes one, and removes those of processes that are gone.
    pub fn make() -> Result<Self> {
        let all = repository().join("target/testbed/run");
        fs::create_dir_all(&all)?;
        sweep(&all)?;
        let dir = TempDir::with_prefix_in(format!("{}-", process::id()), &all)
            .with_context(|| format!("cannot make a directory in {}", all.display()))?;
        Ok(Self { dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The path of a file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if thread::panicking() || env::var_os("TESTBED_KEEP").is_some() {
            self.dir.disable_cleanup(true);
            eprintln!("testbed: logs are kept in {}", self.path().display());
        }
    }
}

/// Removes what a killed or panicked run left: etcd alone reserves 64 MB. What
/// a cluster of real nodes left is for `tests/testbed/sweep`, which needs the
/// files to know what else there is.
fn sweep(all: &Path) -> Result<()> {
    for entry in fs::read_dir(all)? {
        let path = entry?.path();
        if maker_is_gone(&path) && !path.join("hosts").exists() {
            // Another run may be sweeping, too.
            let _ = fs::remove_dir_all(&path);
        }
    }
    Ok(())
}

fn maker_is_gone(dir: &Path) -> bool {
    let name = dir.file_name().and_then(|name| name.to_str());
    let pid = name.and_then(|name| name.split_once('-')).map(|(pid, _)| pid);
    pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists())
}
