//! The node's baggageclaim, where it has one: asked once in an interval, and what it said last.
//!
//! Whatever is wrong with it costs its volumes and nothing else of the report.

use std::time::{Duration, Instant};

use reqwest::Url;

use crate::cli::BaggageclaimFlags;
use crate::cmd::Usage;
use crate::edge::baggageclaim::{Baggageclaim, Reading, Settings};
use crate::edge::inventory::node::StoredVolume;
use crate::edge::probe::AgentHealth;
use crate::model::volume::HeldVolume;

/// Its volumes survive its restart, which takes seconds; a node that has had none for longer than an upgrade
/// takes can use none of them.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// A baggageclaim, and its volumes as of the last time it answered.
pub struct Source {
    reader: Baggageclaim,
    last: Reading,
    answered_at: Option<Instant>,
    is_answering: bool,
    asked_at: Option<Instant>,
}

impl Source {
    /// The one that flags name, if they do.
    ///
    /// # Errors
    /// If its address or the template of keys cannot be one.
    pub fn new(flags: &BaggageclaimFlags) -> anyhow::Result<Option<Self>> {
        let Some(address) = &flags.baggageclaim else { return Ok(None) };
        let url = Url::parse(address).ok().filter(|url| url.scheme() == "http" && url.has_host());
        let expected =
            || Usage(format!("--baggageclaim {address}: expected http://HOST:PORT of this node"));
        let key = flags.baggageclaim_key.parse();
        let settings = Settings {
            url: url.ok_or_else(expected)?,
            key: key.map_err(|error| Usage(format!("--baggageclaim-key {error}")))?,
            kind_property: flags.baggageclaim_kind.clone(),
        };
        let reader = Baggageclaim::new(settings)?;
        let last = Reading::default();
        Ok(Some(Self { reader, last, answered_at: None, is_answering: false, asked_at: None }))
    }

    /// Asks it, unless that was done within the interval; says what is wrong.
    pub async fn read(&mut self, interval: Duration, health: &AgentHealth) {
        if self.asked_at.is_some_and(|asked| asked.elapsed() < interval) {
            return;
        }
        self.asked_at = Some(Instant::now());
        let outcome = self.reader.read().await.map_err(|error| error.to_string());
        let result = if outcome.is_ok() { "ok" } else { "error" };
        health.metrics.baggageclaim_readings.with_label_values(&[result]).inc();
        let check = outcome.as_ref().map(said).unwrap_or_else(|reason| Err(reason.clone()));
        self.is_answering = outcome.is_ok();
        match outcome {
            Ok(reading) => {
                self.last = reading;
                self.answered_at = Some(Instant::now());
            }
            Err(_) if self.answered_at.is_none_or(|at| at.elapsed() > FORGOTTEN_AFTER) => {
                self.last = Reading::default();
            }
            Err(_) => {}
        }
        self.measure(health);
        note(check, health);
    }

    /// Whether it holds nothing else under a key, as far as it answered and all of that could be measured.
    pub fn is_complete(&self) -> bool {
        let Reading { unreadable, unmeasured, .. } = &self.last;
        self.is_answering && unreadable.is_empty() && *unmeasured == 0
    }

    /// Adds what it holds to what the store holds; all by key, and of one key the store's.
    pub fn add_to(&self, volumes: &mut Vec<StoredVolume>) {
        volumes.extend(self.last.volumes.iter().map(stored));
        // Stable: the store's stay before ours.
        volumes.sort_by(|a, b| a.key.cmp(&b.key));
        volumes.dedup_by(|a, b| a.key == b.key);
    }

    fn measure(&self, health: &AgentHealth) {
        let Reading { volumes, unreadable, unmeasured } = &self.last;
        for (state, count) in
            [("held", volumes.len()), ("unreadable", unreadable.len()), ("unmeasured", *unmeasured)]
        {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            health.metrics.baggageclaim_volumes.with_label_values(&[state]).set(count);
        }
    }
}

/// When it was last used nobody tells.
fn stored(volume: &HeldVolume) -> StoredVolume {
    StoredVolume {
        key: volume.key.clone(),
        kind: volume.kind.name().to_owned(),
        bytes: volume.bytes.0,
        last_used: None,
    }
}

/// What of a reading cannot be used.
fn said(reading: &Reading) -> Result<(), String> {
    match reading.unreadable.as_slice() {
        [] => Ok(()),
        [(handle, reason), rest @ ..] => Err(match rest.len() {
            0 => format!("volume {handle}: {reason}"),
            others => format!("volume {handle}: {reason}; and {others} others"),
        }),
    }
}

/// Says once what is wrong, and again when it is something else.
fn note(check: Result<(), String>, health: &AgentHealth) {
    let mut checks = health.checks();
    if let Err(reason) = &check
        && checks.baggageclaim.as_ref() != Some(&check)
    {
        tracing::warn!("{reason}; trying again");
    }
    checks.baggageclaim = Some(check);
}
