//! How far the runs are, on standard error: one line that changes on a terminal, a line now and then for
//! anything else, and nothing at all of what is over at once.

use std::convert::Infallible;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// On a terminal: often enough to look alive.
const TERMINAL_PAUSE: Duration = Duration::from_millis(500);
/// Elsewhere: rare enough for a log.
const LOG_PAUSE: Duration = Duration::from_secs(10);
/// Back to the beginning of the line, and the rest of it erased.
const CLEAR: &str = "\r\x1b[K";

/// Counts of what is done.
#[derive(Debug, Default)]
pub(super) struct Progress {
    runs: AtomicUsize,
    runs_done: AtomicUsize,
    /// Of one run.
    jobs: AtomicUsize,
    pods_placed: AtomicU64,
    is_shown: AtomicBool,
}

impl Progress {
    /// There will be so many runs of so many jobs.
    pub(super) fn expect(&self, runs: usize, jobs: usize) {
        self.runs.store(runs, Ordering::Relaxed);
        self.jobs.store(jobs, Ordering::Relaxed);
    }

    /// A run is over.
    pub(super) fn run_done(&self) {
        self.runs_done.fetch_add(1, Ordering::Relaxed);
    }

    /// A pod was placed.
    pub(super) fn pod_placed(&self) {
        self.pods_placed.fetch_add(1, Ordering::Relaxed);
    }

    /// Shows it until dropped.
    pub(super) async fn show(&self) -> Infallible {
        let is_terminal = std::io::stderr().is_terminal();
        loop {
            tokio::time::sleep(if is_terminal { TERMINAL_PAUSE } else { LOG_PAUSE }).await;
            let line = self.line();
            if is_terminal {
                self.is_shown.store(true, Ordering::Relaxed);
                say(&format!("{CLEAR}{line}"));
            } else {
                say(&format!("{line}\n"));
            }
        }
    }

    /// Takes the line away again.
    pub(super) fn clear(&self) {
        if self.is_shown.swap(false, Ordering::Relaxed) {
            say(CLEAR);
        }
    }

    fn line(&self) -> String {
        let runs = self.runs.load(Ordering::Relaxed);
        if runs == 0 {
            return "reading the scenario".to_owned();
        }
        let (done, placed) =
            (self.runs_done.load(Ordering::Relaxed), self.pods_placed.load(Ordering::Relaxed));
        let pods = runs * self.jobs.load(Ordering::Relaxed);
        // Seeds differ in their pods, and some pods are tried again.
        format!("{done} of {runs} runs done, {placed} of about {pods} pods placed")
    }
}

/// Who closed standard error does not want to know.
fn say(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
