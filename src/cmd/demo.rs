//! `dunnage demo`: the extender on an embedded cluster, against the stock scheduler, without Kubernetes.
//!
//! Nodes, pulls and time are [`crate::sim`]'s; the ports, the tracker and the decisions are those of
//! `serve`. Every pod is asked about over HTTP, as kube-scheduler does it ([`scheduler`]). Sockets first,
//! so that a taken port is found at once.

mod scene;
mod scheduler;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use tokio::time::{Instant, sleep_until};

use crate::cli::Demo;
use crate::cmd::EXTENDER_WEIGHT;
use crate::cmd::demo::scheduler::Scheduler;
use crate::cmd::{files, ports};
use crate::edge::clock::Clock;
use crate::edge::report::number::ByteUnit;
use crate::edge::report::text;
use crate::edge::shared::Shared;
use crate::edge::{admin, extender};
use crate::model::unit::Nanos;
use crate::policy::interest::Interest;
use crate::sim::engine::Engine;
use crate::sim::observe::Observer;
use crate::sim::placement::Change;
use crate::sim::scheduler::{Nobody, Scheduler as Twin};
use crate::sim::setup::Setup;
use crate::sim::summary::Summary;
use crate::sim::summary::comparison::Comparison;
use crate::state::event::Event;

/// How long the arrivals last on a terminal: long enough to look at the page, short enough to stay.
const SHOWN_FOR: Duration = Duration::from_secs(15);
/// Lines of progress in a run.
const PROGRESS_LINES: usize = 20;
/// Ten times that of `serve`: nothing waits here, and an answer must not depend on a busy machine.
const DEADLINE: Duration = Duration::from_secs(5);
/// A request names at most 1,000 nodes: under 100 kB.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Runs until the table is printed, and then, unless told to exit, until a signal ends it.
///
/// # Errors
/// If a flag, a file or an address cannot be used, or standard output is closed.
pub async fn run(flags: Demo) -> anyhow::Result<()> {
    let extender_port = ports::Port::bind("--listen", flags.listen)?;
    let admin_port = ports::Port::bind("--admin-listen", flags.admin_listen)?;
    let policy = files::policy(&flags.policy)?;
    let setup = scene::setup(&flags)?;
    let shared = Arc::new(Shared::new(policy, Interest::default(), Clock::manual(setup.epoch)));
    let page = format!("http://{}/", admin_port.address);
    let extender_url = format!("http://{}", extender_port.address);
    let settings =
        extender::Settings { deadline: DEADLINE, body_bytes_max: BODY_BYTES_MAX, shadow: false };
    let extender = extender::router(shared.clone(), settings);
    let extender = extender_port.serve(extender, None, Handle::new());
    let admin = admin_port.serve(admin::router(shared.clone()), None, Handle::new());
    let show = async {
        introduce(&setup, &extender_url, &page)?;
        let scheduler = Scheduler::new(&extender_url)?;
        let with_us = play(&setup, &shared, &scheduler, flags.exit).await?;
        conclude(&setup, with_us)?;
        if flags.exit {
            return Ok(());
        }
        say(&format!("The page stays open: {page}  Ctrl-C ends.\n"))?;
        std::future::pending().await
    };
    tokio::select! {
        // The signal first, so that it is heard before the first line is printed.
        biased;
        ended = ports::end_signal() => ended,
        served = async { tokio::try_join!(extender, admin) } => served.map(drop),
        shown = show => shown,
    }
}

fn introduce(setup: &Setup, extender_url: &str, page: &str) -> anyhow::Result<()> {
    say(&format!(
        "dunnage demo: {} step pods on {} nodes, the {} images of .NET's CI, seed {}.\n\
         Nodes, pulls and time are simulated. Each pod is asked about over HTTP at {extender_url}\n\
         Page: {page}\n\n",
        setup.jobs.len(),
        setup.nodes.len(),
        setup.catalogue.len(),
        setup.seed,
    ))
}

/// Places every pod with the points of the extender port.
async fn play(
    setup: &Setup,
    shared: &Shared,
    scheduler: &Scheduler,
    at_once: bool,
) -> anyhow::Result<Summary> {
    let mut watch = Watch { shared, observer: Observer::new(setup), changes: Vec::new() };
    for event in watch.observer.first_list() {
        shared.apply(event);
    }
    let mut twin = Twin::with_points(setup, EXTENDER_WEIGHT);
    let mut engine = Engine::new(setup);
    let start = Instant::now();
    let mut placed = 0;
    while let Some(asked) = engine.next_pod() {
        if !at_once {
            sleep_until(start + scene::shown_after(setup, engine.world().now(), SHOWN_FOR)).await;
        }
        watch.see(&mut engine, &mut twin);
        shared.apply(Event::TimePassed);
        let candidates = twin.candidates(asked.job);
        if candidates.is_empty() {
            engine.place(asked.pod, None);
            continue;
        }
        let points = scheduler.ask(setup, asked, candidates).await?;
        engine.place(asked.pod, twin.choose(asked.job, &points));
        let twentieth = |placed: usize| placed * PROGRESS_LINES / setup.jobs.len();
        placed += 1;
        if twentieth(placed) > twentieth(placed - 1) {
            progress(&Summary::of(setup, engine.record()), engine.world().now(), placed)?;
        }
    }
    watch.see(&mut engine, &mut twin);
    Ok(Summary::of(setup, &engine.into_record()))
}

/// The eyes of the server on the simulated cluster.
struct Watch<'a> {
    shared: &'a Shared,
    observer: Observer<'a>,
    changes: Vec<(Nanos, Change)>,
}

impl<'a> Watch<'a> {
    /// Tells the tracker and the scheduler what has happened, each thing at its own time.
    fn see(&mut self, engine: &mut Engine<'a>, twin: &mut Twin<'a, Nobody>) {
        engine.take_changes(&mut self.changes);
        for (at, change) in self.changes.drain(..) {
            twin.watch(&change);
            self.shared.clock.set(self.observer.time(at));
            self.shared.apply(self.observer.event(at, &change));
        }
        self.shared.clock.set(self.observer.time(engine.world().now()));
    }
}

fn progress(summary: &Summary, now: Nanos, placed: usize) -> anyhow::Result<()> {
    let (time, count) = (clock_face(now), summary.outcomes.jobs);
    let moved = ByteUnit::of(summary.moved().0).with_name(summary.moved().0);
    let hits = summary.hit_share().0 / 10;
    say(&format!(
        "{time}  {placed:>5} of {count} pods placed  {moved:>9} moved  hit rate {hits:>3} %\n"
    ))
}

/// The tables: the same pods without us, then with.
fn conclude(setup: &Setup, with_us: Summary) -> anyhow::Result<()> {
    let without = tokio::task::block_in_place(|| {
        Summary::of(setup, &Engine::new(setup).run(&mut Twin::alone(setup)))
    });
    let names = ["kube-scheduler", "with dunnage"].map(str::to_owned).to_vec();
    let runs = vec![vec![without, with_us]];
    let tables = text::tables(&Comparison::new(names, vec![setup.seed], runs, None));
    say(&format!(
        "\nThe same pods, arriving at the same times, placed by:\n\n{tables}\n\
         Nodes, pulls and time are simulated (1 Gbit/s a node, one pull at a time);\n\
         the decisions are the real server's, one HTTP request a pod. kube-scheduler:\n\
         its default plugins alone, ImageLocality too. Least possible: no placement of\n\
         these pods at these times moves less. Hit rate: share of the pods' image bytes\n\
         that lay on the node when the pod was bound to it.\n"
    ))
}

fn clock_face(time: Nanos) -> String {
    let seconds = time.0 / crate::model::unit::NANOS_PER_SECOND;
    format!("{:>3}:{:02}", seconds / 60, seconds % 60)
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
