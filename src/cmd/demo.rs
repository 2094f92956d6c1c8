//! `dunnage demo`.

use crate::cli::Demo;

/// Runs.
///
/// # Errors
/// x
pub async fn run(_flags: Demo) -> anyhow::Result<()> {
    anyhow::bail!("x")
}
