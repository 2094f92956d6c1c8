//! `dunnage record`: what a live cluster does, written down as a trace.
//!
//! Watches as `serve` does and answers nobody. Recording begins when everything is listed, ends by a signal
//! or after the time asked for, and both ways leaves a whole trace; only what cannot be written breaks it
//! off.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::cli::record::{NamesFlag, Record};
use crate::cmd::{Usage, files, ports, serve};
use crate::edge::clock::Clock;
use crate::edge::shared::{Health, Listener, Shared, WatchHealth};
use crate::edge::trace::sink::Sink;
use crate::edge::{registry, watch};
use crate::model::unit::NANOS_PER_SECOND;
use crate::policy::Policy;
use crate::sim::trace::names::{Names, SALT_BYTES};

/// Between two looks at whether everything is listed: nobody notices so much.
const LOOK: Duration = Duration::from_millis(50);
/// What agents publish is waited for as long: it is listed in a second, if it can be listed at all.
const OPTIONAL_PATIENCE: Duration = Duration::from_secs(10);

/// Records until a signal comes or time is up.
///
/// # Errors
/// If a flag, a file or the cluster cannot be used, or the trace cannot be written.
pub async fn run(flags: Record) -> anyhow::Result<()> {
    let interest = serve::interest(&flags.steps)?;
    let client = serve::client(flags.kubeconfig.as_deref()).await?;
    let registries = serve::registries(&flags.registries, &client)?;
    let mut shared = Shared::new(Policy::default(), interest, Clock::Real);
    let sink = Arc::new(sink(&flags)?);
    let hears = sink.clone();
    shared.listener = Listener::new(move |event, cluster, now| hears.observe(event, cluster, now));
    let shared = Arc::new(shared);
    let recorded = record(&flags, client, registries, &shared, &sink).await;
    let ended = sink.end(shared.clock.now());
    recorded?;
    let name = flags.output.display();
    let ended = ended.with_context(|| format!("--output {name}: the trace is cut off"))?;
    let (counts, nanos) = ended.context("ended before the cluster was listed: nothing recorded")?;
    // Not to standard output, which can be where the trace goes.
    eprintln!(
        "{name}: {} s, {} nodes, {} pods, {} started, {} pulls",
        nanos / NANOS_PER_SECOND,
        counts.nodes,
        counts.pods,
        counts.started,
        counts.pulls
    );
    Ok(())
}

async fn record(
    flags: &Record,
    client: kube::Client,
    registries: Option<registry::Settings>,
    shared: &Arc<Shared>,
    sink: &Sink,
) -> anyhow::Result<()> {
    files::manifests(&flags.manifests, shared)?;
    let resolver = registries.map(|settings| registry::run(settings, shared.clone())).transpose();
    let resolver = resolver.context("cannot set up TLS for registries")?;
    let resolving = async {
        match resolver {
            Some(resolver) => resolver.await,
            None => std::future::pending().await,
        }
    };
    let recording = async {
        await_listed(shared).await?;
        let now = shared.clock.now();
        sink.begin(shared.read().cluster(), now).map_err(anyhow::Error::msg)?;
        tracing::info!(output = %flags.output.display(), "recording");
        match flags.lasts {
            Some(lasts) => tokio::time::sleep(lasts).await,
            None => std::future::pending().await,
        }
        anyhow::Ok(())
    };
    // Ended with this future; the watches are a task of their own, as in `serve`.
    let mut watching = tokio::task::JoinSet::new();
    watching.spawn(watch::run_for_recorder(client, shared.clone()));
    tokio::select! {
        // A signal that comes at once is heard at once.
        biased;
        ended = ports::end_signal() => ended,
        () = sink.failed() => Ok(()),
        recorded = recording => recorded,
        () = resolving => Ok(()),
    }
}

fn sink(flags: &Record) -> anyhow::Result<Sink> {
    let name = flags.output.display();
    let names = match flags.names {
        NamesFlag::Plain => Names::Plain,
        NamesFlag::Hashed => Names::Hidden(salt()?),
    };
    let made = Sink::create(&flags.output, flags.force, names, Policy::default());
    made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Usage(format!(
            "--output {name}: exists already: give another file, or --force to write over it"
        ))
        .into(),
        _ => anyhow::Error::new(error).context(format!("--output {name}")),
    })
}

/// Chance of which nothing is kept.
fn salt() -> anyhow::Result<[u8; SALT_BYTES]> {
    let mut salt = [0; SALT_BYTES];
    let chance = rustls::crypto::ring::default_provider().secure_random;
    chance.fill(&mut salt).map_err(|error| anyhow::anyhow!("no random numbers: {error:?}"))?;
    Ok(salt)
}

/// Waits until nodes and pods are listed, what agents publish, where there is such a thing, and pulls are
/// heard of.
async fn await_listed(shared: &Shared) -> anyhow::Result<()> {
    let mut looks = tokio::time::interval(LOOK);
    let begun = tokio::time::Instant::now();
    loop {
        looks.tick().await;
        let health = shared.health();
        if let Some(error) = refusal(&health) {
            anyhow::bail!(
                "the cluster cannot be watched: {error}: --kubeconfig says which it is and who asks"
            );
        }
        let is_listed = health.nodes.synced && health.pods.synced;
        let is_known = |watch: &WatchHealth| watch.synced || watch.is_absent;
        // A refusal is no hindrance: it costs the pulls.
        let is_heard = health.events.synced || health.events.error.is_some();
        let are_optional = is_known(&health.inventories) && is_known(&health.manifests) && is_heard;
        if is_listed && (are_optional || begun.elapsed() > OPTIONAL_PATIENCE) {
            return Ok(());
        }
    }
}

/// Why nodes or pods cannot be listed, if so. Who waits at a terminal is told at once; later, what breaks is
/// tried again.
fn refusal(health: &Health) -> Option<&str> {
    health.nodes.error.as_deref().or(health.pods.error.as_deref())
}
