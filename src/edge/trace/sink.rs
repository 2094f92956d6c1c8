//! A trace file while a live cluster is recorded into it.
//!
//! Hears what the tracker hears, has the lines made of it, and writes them at once. What cannot be written
//! ends the recording. A process that is killed leaves whole lines, of a compressed file all but those of the
//! last second.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::Notify;

use crate::edge::trace::Writer;
use crate::model::cluster::Cluster;
use crate::model::unit::Time;
use crate::policy::Policy;
use crate::sim::trace::entry::Entry;
use crate::sim::trace::names::Names;
use crate::sim::trace::write::{Counts, Recorder};
use crate::state::event::Event;

/// Where lines go.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    names: Names,
    state: Mutex<State>,
    failed: Notify,
}

#[derive(Debug)]
struct State {
    recorder: Recorder,
    /// Until recording begins.
    file: Option<Output>,
    /// From then on, until writing fails.
    writer: Option<Writer<Output>>,
    failure: Option<io::Error>,
}

#[derive(Debug)]
enum Output {
    Plain(File),
    Gzip(GzEncoder<File>),
}

impl Sink {
    /// One into a new file, compressed if it ends in `.gz`. With `replaces` it may be there; devices and
    /// pipes always may.
    ///
    /// # Errors
    /// If the file cannot be made: [`ErrorKind::AlreadyExists`] if it is there.
    pub fn create(path: &Path, replaces: bool, names: Names, policy: Policy) -> io::Result<Self> {
        let is_other = path.metadata().is_ok_and(|found| !found.is_file());
        let mut options = OpenOptions::new();
        options.write(true);
        if replaces || is_other {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let file = options.open(path)?;
        let file = if path.extension().is_some_and(|extension| extension == "gz") {
            Output::Gzip(GzEncoder::new(file, Compression::default()))
        } else {
            Output::Plain(file)
        };
        let recorder = Recorder::new(policy);
        let state = State { recorder, file: Some(file), writer: None, failure: None };
        let (path, failed) = (path.to_owned(), Notify::new());
        Ok(Self { path, names, state: Mutex::new(state), failed })
    }

    /// Takes note of an event, as a listener does.
    pub fn observe(&self, event: &Event, cluster: &Cluster, now: Time) {
        let mut state = self.lock();
        let mut entries = Vec::new();
        state.recorder.observe(event, cluster, now, &mut entries);
        let is_tick = matches!(event, Event::TimePassed);
        self.write(&mut state, entries, is_tick);
    }

    /// Begins the trace with what is there now.
    ///
    /// # Errors
    /// If the clock is none.
    pub fn begin(&self, cluster: &Cluster, now: Time) -> Result<(), String> {
        let epoch = jiff::Timestamp::from_nanosecond(now.0.into());
        let epoch = epoch.map_err(|error| format!("the clock: {error}"))?.to_string();
        let mut state = self.lock();
        let Some(file) = state.file.take() else { return Ok(()) };
        match Writer::new(file, &epoch) {
            Ok(writer) => state.writer = Some(writer),
            Err(error) => self.fail(&mut state, error),
        }
        let mut entries = Vec::new();
        state.recorder.begin(cluster, now, &mut entries);
        self.write(&mut state, entries, true);
        Ok(())
    }

    /// Waits until writing has failed.
    pub async fn failed(&self) {
        self.failed.notified().await;
    }

    /// Ends the trace as of `now`; how much is in it, and for how long. `None` if it had not begun: then the
    /// file is taken away.
    ///
    /// # Errors
    /// If something could not be written, now or before.
    pub fn end(&self, now: Time) -> io::Result<Option<(Counts, u64)>> {
        let mut state = self.lock();
        if let Some(error) = state.failure.take() {
            return Err(error);
        }
        let Some(writer) = state.writer.take() else {
            let is_ours = self.path.metadata().is_ok_and(|found| found.is_file());
            return if is_ours {
                std::fs::remove_file(&self.path).map(|()| None)
            } else {
                Ok(None)
            };
        };
        let at_nanos = state.recorder.end(now);
        writer.end(at_nanos)?.finish()?;
        Ok(Some((state.recorder.counts(), at_nanos)))
    }

    fn write(&self, state: &mut State, entries: Vec<Entry>, flushes: bool) {
        let Some(writer) = &mut state.writer else { return };
        let mut entries = entries.into_iter().map(|entry| self.names.write(entry));
        let written = entries.try_for_each(|entry| writer.append(&entry));
        let written = written.and_then(|()| if flushes { writer.flush() } else { Ok(()) });
        if let Err(error) = written {
            self.fail(state, error);
        }
    }

    fn fail(&self, state: &mut State, error: io::Error) {
        state.writer = None;
        state.failure = Some(error);
        self.failed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    /// On the disk, where there is one.
    fn finish(self) -> io::Result<()> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Gzip(gzip) => gzip.finish()?,
        };
        match file.sync_all() {
            // A pipe or a device has nothing to keep.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
            done => done,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip(gzip) => gzip.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(gzip) => gzip.flush(),
        }
    }
}
