//! Finds the servers, and has them built where they are not. Leaves alone how
//! they are built: `tests/testbed/build` decides that.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// The directories of the built programs, found once in a test run.
static PLANE: OnceCell<PathBuf> = OnceCell::const_new();
static CLUSTER: OnceCell<PathBuf> = OnceCell::const_new();

/// The root of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The path of one built program, say `kube-apiserver` or
/// `extender-reference`. The first call may build for minutes; it reports its
/// progress on standard error.
pub async fn binary(name: &str) -> Result<PathBuf> {
    let directory = PLANE.get_or_try_init(|| build("plane")).await?;
    built(directory, name)
}

/// The same for what nodes need: `kubelet`, `containerd`, `registry`, `ctr`.
pub async fn node_binary(name: &str) -> Result<PathBuf> {
    let directory = CLUSTER.get_or_try_init(|| build("cluster")).await?;
    built(directory, name)
}

fn built(directory: &Path, name: &str) -> Result<PathBuf> {
    let path = directory.join(name);
    ensure!(path.is_file(), "{} was not built", path.display());
    Ok(path)
}

async fn build(programs: &str) -> Result<PathBuf> {
    let script = repository().join("tests/testbed/build");
    let output = Command::new(&script)
        .arg(programs)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .with_context(|| format!("cannot run {}", script.display()))?;
    ensure!(output.status.success(), "{} failed: {}", script.display(), output.status);
    let printed = String::from_utf8(output.stdout).context("the build printed no text")?;
    Ok(PathBuf::from(printed.trim_end()))
}
