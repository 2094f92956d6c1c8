//! `dunnage agent`: what this node's containerd holds, told to the API server.
//!
//! Whatever goes wrong, containerd away or the API server away, is said on the port and in the log and tried
//! again: the agent ends by a signal only, or at the start for a wrong flag.

mod baggageclaim;
mod pace;
mod round;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum_server::Handle;
use tokio::sync::Notify;

use crate::cli::Agent;
use crate::cmd::{ports, serve};
use crate::edge::clock::Clock;
use crate::edge::containerd::Containerd;
use crate::edge::containerd::read::Scope;
use crate::edge::inventory::publish::Publisher;
use crate::edge::probe::{self, AgentHealth};
use crate::model::image::Platform;
use pace::{BACKOFF_MAX, Backoff, Pace};
use round::{Node, Round};

/// A pull makes a handful of events within a second; they are one change.
const SETTLE: Duration = Duration::from_millis(500);

/// Runs until a signal ends it.
///
/// # Errors
/// If a flag or an address cannot be used.
pub async fn run(flags: Agent) -> anyhow::Result<()> {
    let containerd = Containerd::new(&flags.containerd_socket, &flags.containerd_namespace);
    let containerd = containerd.map_err(|error| {
        anyhow::anyhow!("--containerd-socket or --containerd-namespace: {error}")
    })?;
    let baggageclaim = baggageclaim::Source::new(&flags.baggageclaim)?;
    let port = ports::Port::bind("--admin-listen", flags.admin_listen)?;
    let client = serve::client(flags.kubeconfig.as_deref()).await?;
    tracing::info!(
        node = flags.node_name,
        containerd = %flags.containerd_socket.display(),
        admin = %port.address,
        "reporting"
    );
    let health = Arc::new(AgentHealth::default());
    let changed = Arc::new(Notify::new());
    let listening = tokio::spawn(listen(containerd.clone(), health.clone(), changed.clone()));
    let node = Node {
        scope: Scope { platform: own_platform(), snapshotter: flags.snapshotter },
        pace: Pace::new(&flags.node_name, flags.interval),
        publisher: Publisher::new(client, &flags.node_name),
        containerd,
        baggageclaim,
        health: health.clone(),
        clock: Clock::Real,
    };
    let reporting = tokio::spawn(report(node, changed));
    let handle = Handle::new();
    let serving = port.serve(probe::router(health), None, handle.clone());
    let ending = async {
        ports::end_signal().await?;
        tracing::info!("ending");
        ports::end(&[&handle]);
        anyhow::Ok(())
    };
    tokio::try_join!(serving, ending)?;
    listening.abort();
    reporting.abort();
    Ok(())
}

/// Notifies of each change, and opens the stream again whenever it breaks.
async fn listen(containerd: Containerd, health: Arc<AgentHealth>, changed: Arc<Notify>) {
    let mut backoff = Backoff::default();
    let mut said = None;
    loop {
        let opened = Instant::now();
        let error = containerd
            .watch_changes(|| {
                health.checks().events = Ok(());
                health.metrics.events.inc();
                changed.notify_one();
            })
            .await;
        // A stream that could be asked for and was refused is no success: it would be asked for ever again.
        if opened.elapsed() > BACKOFF_MAX {
            (backoff, said) = (Backoff::default(), None);
        }
        let reason = error.to_string();
        if said.as_ref() != Some(&reason) {
            tracing::warn!("events of containerd: {reason}; trying again");
            said = Some(reason.clone());
        }
        health.checks().events = Err(reason);
        tokio::time::sleep(backoff.next_pause()).await;
    }
}

/// Reads and writes in turn, for ever.
async fn report(node: Node, changed: Arc<Notify>) {
    let mut round = Round::new(node);
    // Agents start together, in a rollout or after a power cut, and should not write together.
    let first = round.node.pace.first_pause();
    tokio::time::sleep(first).await;
    loop {
        let pause = round.run().await;
        tokio::time::sleep(pause.least).await;
        tokio::select! {
            // A change is seen even if there is nothing more to wait for.
            biased;
            () = changed.notified() => {
                round.read_again();
                tokio::time::sleep(SETTLE).await;
            }
            () = tokio::time::sleep(pause.more) => {}
        }
    }
}

/// What images must be made for to run here, in the words of image indexes.
fn own_platform() -> Platform {
    let (architecture, variant) = match std::env::consts::ARCH {
        "x86_64" => ("amd64", ""),
        "aarch64" => ("arm64", ""),
        // The only 32-bit variant that Kubernetes runs on.
        "arm" => ("arm", "v7"),
        "powerpc64" => ("ppc64le", ""),
        other => (other, ""),
    };
    Platform::new(std::env::consts::OS, architecture, variant)
}
