//! Waits for a server to be ready. The only place that polls: a process of
//! another project sends no event to wait for.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use super::process::Process;

/// The pause between two looks: short against the 2 to 5 s that the servers
/// take to start, and long enough to leave them the processor.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest start that is waited for: ten times what a control plane takes
/// on an idle machine of two cores, as test machines also compile meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `look` is content. Ends early, with the end of the log, if the
/// server ends first.
pub async fn await_ready(
    server: &mut Process,
    mut look: impl AsyncFnMut() -> Result<()>,
) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        server.ensure_running()?;
        let Err(unready) = look().await else {
            return Ok(());
        };
        if Instant::now() > deadline {
            bail!("not ready after {PATIENCE:?}: {unready:#}\n{}", server.log_tail());
        }
        sleep(PAUSE).await;
    }
}
