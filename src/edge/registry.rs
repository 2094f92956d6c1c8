//! The resolver: layers of images that no other source knows, from the registries themselves.
//!
//! In the background only; nothing that a scheduler waits for comes here. Images are offered by the
//! extender ([`crate::edge::unresolved`]) or found by a slow pass ([`seek`]), wait in a bounded
//! [`queue`], and are looked up by a few workers ([`lookup`]). What cannot be had leaves the image at
//! what nodes report of it, with the reason shown.
//!
//! Of the library oci-client: names, manifest and error types. Not its client: it reads every answer
//! whole, which lets whoever may create a pod fill our memory, keeps `Retry-After` to itself, and knows
//! neither `override_path` nor two credentials for one registry.

mod api;
pub mod artifact;
mod connection;
mod credential;
mod document;
pub mod failure;
mod hosts;
mod keys;
mod lookup;
mod platform;
mod queue;
mod seek;
mod token;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::edge::registry::failure::{Failure, Kind};
use crate::edge::registry::lookup::Lookup;
use crate::edge::registry::queue::{Change, Next, Queue, registry_of};
use crate::edge::shared::Shared;
use crate::edge::unresolved::{self, Target};
use crate::state::event::Event;

/// Look-ups at once: each is a chain of a few small requests, and no registry shall feel us.
const WORKERS_MAX: usize = 8;
/// Between a first offer and its taking: one waking for a burst of pods.
const GATHERING: Duration = Duration::from_millis(50);
/// Between two looks at the whole cluster, if the last one found no more than there was room for; else
/// the next one comes after one fifth of it.
const PASS_INTERVAL: Duration = Duration::from_secs(5);
/// How often it is asked whether it is time for a look.
const TICK: Duration = Duration::from_secs(1);
/// For one image with all that it takes, over every mirror.
const LOOKUP_MAX: Duration = Duration::from_secs(60);

/// What the resolver may use.
pub struct Settings {
    /// A docker config with credentials.
    pub docker_config: Option<PathBuf>,
    /// A folder of `hosts.toml` files, as containerd's.
    pub hosts_dir: Option<PathBuf>,
    /// Reads the pull secrets of pods, where that is allowed.
    pub secrets: Option<kube::Client>,
    /// How long a tag is taken to mean what it meant.
    pub tag_lifetime: Duration,
}

/// Resolves until cancelled. Offers are kept from this call on, before the future is first polled.
///
/// # Errors
/// If TLS cannot be set up.
pub fn run(
    settings: Settings,
    shared: Arc<Shared>,
) -> reqwest::Result<impl Future<Output = ()> + use<>> {
    let with_secrets = settings.secrets.is_some();
    let lookup = Arc::new(Lookup::new(settings, shared.clone())?);
    shared.unresolved.turn_on(with_secrets);
    Ok(resolve(lookup, with_secrets, shared))
}

async fn resolve(lookup: Arc<Lookup>, with_secrets: bool, shared: Arc<Shared>) {
    let (queue, workers) = (Queue::default(), JoinSet::new());
    let mut resolver = Resolver { shared, lookup, queue, workers, with_secrets, all_seen_at: None };
    let mut passes = interval(TICK);
    passes.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let shared = resolver.shared.clone();
    loop {
        tokio::select! {
            () = shared.unresolved.offered() => {
                sleep(GATHERING).await;
                resolver.take_offers();
            }
            _ = passes.tick() => resolver.look_around().await,
            Some(Ok(ended)) = resolver.workers.join_next() => resolver.end(ended),
        }
        resolver.start();
        resolver.show();
    }
}

type Ended = (Target, Result<bool, Failure>);

struct Resolver {
    shared: Arc<Shared>,
    lookup: Arc<Lookup>,
    queue: Queue,
    workers: JoinSet<Ended>,
    with_secrets: bool,
    /// When the last look ended, if nothing was left over then.
    all_seen_at: Option<Instant>,
}

impl Resolver {
    fn take_offers(&mut self) {
        let (wishes, mut dropped) = self.shared.unresolved.take();
        let platforms = seek::platforms(&self.shared);
        for (name, holder) in wishes {
            for platform in &platforms {
                let (reference, platform) = (name.to_string(), platform.clone());
                let target = Target { reference, platform, holder: holder.clone() };
                if is_due(&self.shared, &self.lookup, &target) {
                    dropped += u64::from(self.queue.push_asked(target).is_some());
                }
            }
        }
        self.shared.metrics.resolver.dropped.inc_by(dropped);
    }

    async fn look_around(&mut self) {
        let is_early = self.all_seen_at.is_some_and(|at| at.elapsed() < PASS_INTERVAL);
        if is_early || self.shared.blind().is_some() {
            return;
        }
        let (shared, lookup, queue) = (&self.shared, &self.lookup, &mut self.queue);
        let mut all = true;
        let each = |target: Target| {
            if is_due(shared, lookup, &target) {
                all &= queue.push_found(target);
            }
        };
        seek::pass(shared, self.with_secrets, each).await;
        self.take_back();
        self.all_seen_at = all.then(Instant::now);
    }

    /// Lets the tracker forget images that nobody needs, where it has too many from here.
    fn take_back(&self) {
        for (manifest, platform) in self.lookup.surplus() {
            let (digest, of) = (manifest.clone(), platform.clone());
            self.shared.apply(Event::ImageForgotten { manifest: digest, platform: of });
            let is_known = {
                let tracker = self.shared.read();
                let cluster = tracker.cluster();
                let platform = cluster.known_platform(&platform);
                platform.is_some_and(|id| cluster.image_of(&manifest, id).is_some())
            };
            if is_known {
                self.lookup.keep((manifest, platform));
            }
        }
    }

    /// Starts as many look-ups as there are workers free.
    fn start(&mut self) {
        let now = Instant::now();
        while self.workers.len() < WORKERS_MAX {
            match self.queue.next(now) {
                None => return,
                Some(Next::Start(target)) => {
                    let (shared, lookup) = (self.shared.clone(), self.lookup.clone());
                    self.workers.spawn(look_up(shared, lookup, target));
                }
                Some(Next::Paused(target, reason, retry_at)) => {
                    let attempts = self.attempts(&target);
                    let failure = unresolved::Failure { reason, attempts, retry_at };
                    self.shared.unresolved.note_failure(target, failure);
                }
            }
        }
    }

    /// Notes how a look-up ended.
    fn end(&mut self, (target, result): Ended) {
        let now = Instant::now();
        let outcome = result.as_ref().map(|_| ());
        if let Some(change) = self.queue.end(&target, outcome, now) {
            log(registry_of(&target), &change);
        }
        let metrics = &self.shared.metrics.resolver;
        let label = match &result {
            Ok(true) => "found",
            Ok(false) => "unchanged",
            Err(failure) => failure.kind.name(),
        };
        metrics.lookups.with_label_values(&[label]).inc();
        match result {
            Ok(_) => self.shared.unresolved.note_success(&target),
            Err(failure) => self.note_failure(target, failure, now),
        }
    }

    fn note_failure(&self, target: Target, failure: Failure, now: Instant) {
        tracing::debug!(image = target.reference, reason = failure.reason, "not resolved");
        let of_registry = failure.kind.is_of_registry();
        let attempts = self.attempts(&target) + u32::from(!of_registry);
        let pause =
            if of_registry { self.queue.pause_of(&target, now) } else { failure.pause(attempts) };
        let failure =
            unresolved::Failure { reason: failure.reason, attempts, retry_at: now + pause };
        self.shared.unresolved.note_failure(target, failure);
    }

    fn attempts(&self, target: &Target) -> u32 {
        self.shared.unresolved.failure(target).map_or(0, |failure| failure.attempts)
    }

    fn show(&self) {
        let metrics = &self.shared.metrics.resolver;
        metrics.waiting.set(i64::try_from(self.queue.len()).unwrap_or(i64::MAX));
        metrics.cache_bytes.set(i64::try_from(self.lookup.kept_bytes()).unwrap_or(i64::MAX));
    }
}

/// Whether it is time to look a target up: it is not known well enough, and did not just fail.
fn is_due(shared: &Shared, lookup: &Lookup, target: &Target) -> bool {
    let failure = shared.unresolved.failure(target);
    failure.is_none_or(|failure| failure.retry_at <= Instant::now()) && !lookup.is_fresh(target)
}

/// Looks a target up and tells the tracker; whether there was anything new.
async fn look_up(shared: Arc<Shared>, lookup: Arc<Lookup>, target: Target) -> Ended {
    let find = AssertUnwindSafe(timeout(LOOKUP_MAX, lookup.find(&target))).catch_unwind();
    let found = match find.await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Err(Failure::new(Kind::Unreachable, "no answer in time, over all hosts")),
        Err(_) => {
            tracing::error!(image = target.reference, "panic while looking an image up");
            Err(Failure::new(Kind::Invalid, "looking it up failed inside of dunnage"))
        }
    };
    let result = found.map(|facts| {
        let is_new = facts.is_some();
        facts.into_iter().for_each(|facts| shared.apply(Event::ImageKnown(facts)));
        is_new
    });
    (target, result)
}

/// One line for a registry and a change of its state, never one for an image.
fn log(registry: &str, change: &Change) {
    match change {
        Change::Fails(reason) => {
            tracing::warn!(
                registry,
                reason,
                "cannot be asked for layers; trying again from time to time"
            );
        }
        Change::Recovered => tracing::info!(registry, "answers again"),
        Change::Denies(reason) => {
            tracing::info!(registry, reason, "has images that need credentials we do not have");
        }
    }
}

#[cfg(test)]
mod tests;
