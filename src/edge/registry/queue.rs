//! What is to be looked up, in which order, and which registries are left in peace for now.
//!
//! Images that a scheduler asked about come first; what the cluster was found to hold fills the rest.
//! Everything is bounded: of too many the oldest are dropped. No I/O, no clock: time is an argument.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::edge::registry::failure::{Failure, Kind};
use crate::edge::unresolved::Target;

/// Targets that wait, of either kind: minutes of work at a registry's usual pace.
const WAITING_MAX: usize = 1_024;
/// Of the cluster's own, so many at a time: the next look finds the others.
const FOUND_MAX: usize = 256;
/// One registry gets at most half of the workers, so that a slow one does not hold up the others.
const PER_REGISTRY_MAX: usize = 4;
/// Registries whose state is kept: far more than a cluster uses.
const REGISTRIES_MAX: usize = 1_000;

/// How a registry is doing.
#[derive(Debug, Default)]
struct Registry {
    running: usize,
    failures: u32,
    /// Its last failure, while it fails.
    failure: Option<Failure>,
    paused_until: Option<Instant>,
    /// It was said once that it wants credentials.
    denial_told: bool,
}

/// Waiting targets and the state of their registries.
#[derive(Debug, Default)]
pub struct Queue {
    asked: VecDeque<Target>,
    found: VecDeque<Target>,
    /// Waiting or being looked up.
    present: HashSet<Target>,
    registries: HashMap<String, Registry>,
}

/// What to do next.
#[derive(Debug)]
pub enum Next {
    /// Look this up.
    Start(Target),
    /// Its registry is left in peace until then, for this reason.
    Paused(Target, String, Instant),
}

impl Queue {
    /// Puts what a scheduler asked about at the end; gives what had to go for it.
    pub fn push_asked(&mut self, target: Target) -> Option<Target> {
        if !self.present.insert(target.clone()) {
            return None;
        }
        self.asked.push_back(target);
        let dropped = (self.asked.len() > WAITING_MAX).then(|| self.asked.pop_front()).flatten();
        if let Some(dropped) = &dropped {
            self.present.remove(dropped);
        }
        dropped
    }

    /// Puts what the cluster holds at the end; false if there is no room.
    pub fn push_found(&mut self, target: Target) -> bool {
        if self.present.contains(&target) {
            return true;
        }
        let has_room = self.found.len() < FOUND_MAX;
        if has_room {
            self.present.insert(target.clone());
            self.found.push_back(target);
        }
        has_room
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.asked.len() + self.found.len()
    }

    /// The next target, if there is one whose registry has a place free.
    pub fn next(&mut self, now: Instant) -> Option<Next> {
        for queue in [&mut self.asked, &mut self.found] {
            let registries = &self.registries;
            let is_free = |target: &Target| {
                let registry = registries.get(registry_of(target));
                registry.is_none_or(|registry| registry.running < PER_REGISTRY_MAX)
            };
            let Some(at) = queue.iter().position(is_free) else { continue };
            let target = queue.remove(at)?;
            let registry = self.registries.entry(registry_of(&target).to_owned()).or_default();
            let until = registry.paused_until.filter(|until| *until > now);
            if let (Some(until), Some(failure)) = (until, &registry.failure) {
                let reason = failure.reason.clone();
                self.present.remove(&target);
                return Some(Next::Paused(target, reason, until));
            }
            registry.running += 1;
            return Some(Next::Start(target));
        }
        None
    }

    /// Notes how a look-up ended; gives the words for the log if the registry's state has changed.
    pub fn end(
        &mut self,
        target: &Target,
        result: Result<(), &Failure>,
        now: Instant,
    ) -> Option<Change> {
        self.present.remove(target);
        let registry = self.registries.entry(registry_of(target).to_owned()).or_default();
        registry.running = registry.running.saturating_sub(1);
        let change = registry.note(result, now);
        self.forget_idle(now);
        change
    }

    /// How long a registry is still left in peace.
    #[must_use]
    pub fn pause_of(&self, target: &Target, now: Instant) -> Duration {
        let registry = self.registries.get(registry_of(target));
        let until = registry.and_then(|registry| registry.paused_until);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    fn forget_idle(&mut self, now: Instant) {
        if self.registries.len() > REGISTRIES_MAX {
            self.registries.retain(|_, registry| {
                registry.running > 0 || registry.paused_until.is_some_and(|until| until > now)
            });
        }
    }
}

/// A registry's state has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It fails, or fails otherwise than before.
    Fails(String),
    /// It answers again.
    Recovered,
    /// It wants credentials, which is said once.
    Denies(String),
}

impl Registry {
    fn note(&mut self, result: Result<(), &Failure>, now: Instant) -> Option<Change> {
        match result {
            Err(failure) if failure.kind.is_of_registry() => self.note_failure(failure, now),
            Err(failure) if failure.kind == Kind::NotAsked => None,
            // Any other answer shows that it works.
            result => {
                self.failures = 0;
                self.paused_until = None;
                let recovered = self.failure.take().map(|_| Change::Recovered);
                let denial = result.err().filter(|failure| failure.kind == Kind::Denied);
                recovered.or_else(|| {
                    let denial = denial.filter(|_| !std::mem::replace(&mut self.denial_told, true));
                    denial.map(|failure| Change::Denies(failure.reason.clone()))
                })
            }
        }
    }

    fn note_failure(&mut self, failure: &Failure, now: Instant) -> Option<Change> {
        // Those that were under way when it failed tell nothing new.
        if self.paused_until.is_none_or(|until| until <= now) {
            self.failures = self.failures.saturating_add(1);
        }
        let until = now + failure.pause(self.failures);
        self.paused_until = Some(self.paused_until.map_or(until, |before| before.max(until)));
        let before = self.failure.replace(failure.clone());
        let is_new = before.is_none_or(|before| before.kind != failure.kind);
        is_new.then(|| Change::Fails(failure.reason.clone()))
    }
}

/// The registry in a canonical reference.
#[must_use]
pub fn registry_of(target: &Target) -> &str {
    target.reference.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
