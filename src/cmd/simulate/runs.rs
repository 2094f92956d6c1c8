//! Runs of policies over seeds on several threads, with results in an order that no thread decides.
//!
//! Policies of one seed share its setup, which goes when the last of them has ended: of a thousand seeds no
//! more setups are in memory than there are threads, and one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;

use crate::cmd::scenario::Loaded;
use crate::cmd::simulate::policy::Placer;
use crate::cmd::simulate::progress::Progress;
use crate::sim::setup::Setup;
use crate::sim::summary::Summary;
use crate::sim::workload::Scale;

/// What is to be run.
pub(super) struct Plan<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) placers: &'a [Placer],
    pub(super) seeds: &'a [u64],
    pub(super) scale: Scale,
    pub(super) progress: &'a Progress,
}

/// The setup of a seed while it is needed, and runs that still need it.
struct Shared {
    setup: Option<Arc<Setup>>,
    runs_left: usize,
}

/// What the threads share.
struct State {
    /// The next run to take: by seed, then by policy.
    next: AtomicUsize,
    /// Something failed: no more runs.
    stops: AtomicBool,
    /// By seed.
    setups: Vec<Mutex<Shared>>,
    /// By run.
    results: Vec<Mutex<Option<anyhow::Result<Summary>>>>,
}

impl Plan<'_> {
    /// The setup of the first seed, and the sums of all runs by seed and then by policy.
    ///
    /// # Errors
    /// If the setup of a seed cannot be made, or is none for one of the policies.
    pub(super) fn run(&self, threads: usize) -> anyhow::Result<(Arc<Setup>, Vec<Vec<Summary>>)> {
        let first = self.seeds.first().context("no seed")?;
        let first = Arc::new(self.loaded.setup(Some(*first), self.scale)?);
        self.placers.iter().try_for_each(|placer| placer.check(&first))?;
        let count = self.seeds.len() * self.placers.len();
        self.progress.expect(count, first.jobs.len());
        tracing::debug!(runs = count, threads, "runs begin");
        let mut setups: Vec<Mutex<Shared>> = Vec::new();
        setups.resize_with(self.seeds.len(), || self.unshared(None));
        setups[0] = self.unshared(Some(first.clone()));
        let mut results = Vec::new();
        results.resize_with(count, Mutex::default);
        let (next, stops) = (AtomicUsize::new(0), AtomicBool::new(false));
        let state = State { next, stops, setups, results };
        std::thread::scope(|scope| {
            for _ in 0..threads.min(count) {
                scope.spawn(|| self.take_runs(&state));
            }
        });
        Ok((first, self.collected(state.results)?))
    }

    fn unshared(&self, setup: Option<Arc<Setup>>) -> Mutex<Shared> {
        Mutex::new(Shared { setup, runs_left: self.placers.len() })
    }

    fn take_runs(&self, state: &State) {
        while !state.stops.load(Ordering::Relaxed) {
            let run = state.next.fetch_add(1, Ordering::Relaxed);
            let Some(result) = state.results.get(run) else {
                return;
            };
            let summary = self.one(state, run);
            if summary.is_err() {
                state.stops.store(true, Ordering::Relaxed);
            }
            *lock(result) = Some(summary);
            self.progress.run_done();
        }
    }

    fn one(&self, state: &State, run: usize) -> anyhow::Result<Summary> {
        let (seed, policy) = (run / self.placers.len(), run % self.placers.len());
        let setup = self.shared(&mut lock(&state.setups[seed]), seed)?;
        let record = self.placers[policy].run(&setup, || self.progress.pod_placed());
        let mut shared = lock(&state.setups[seed]);
        shared.runs_left -= 1;
        if shared.runs_left == 0 {
            shared.setup = None;
        }
        drop(shared);
        Ok(Summary::of(&setup, &record))
    }

    fn shared(&self, shared: &mut Shared, seed: usize) -> anyhow::Result<Arc<Setup>> {
        if let Some(setup) = &shared.setup {
            return Ok(setup.clone());
        }
        let setup = Arc::new(self.loaded.setup(Some(self.seeds[seed]), self.scale)?);
        shared.setup = Some(setup.clone());
        Ok(setup)
    }

    fn collected(
        &self,
        results: Vec<Mutex<Option<anyhow::Result<Summary>>>>,
    ) -> anyhow::Result<Vec<Vec<Summary>>> {
        // Runs after a failed one may be missing; the first failure is the one to tell.
        let results = results
            .into_iter()
            .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner));
        let mut results = results.collect::<anyhow::Result<Vec<Summary>>>()?.into_iter();
        let by_seed =
            self.seeds.iter().map(|_| results.by_ref().take(self.placers.len()).collect());
        Ok(by_seed.collect())
    }
}

/// What a thread left that panicked is whole: it is only replaced, never changed in part.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
