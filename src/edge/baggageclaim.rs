//! Volumes that a baggageclaim of this node holds, by its HTTP API.
//!
//! Decides which of them are cargo: those whose properties make a key. Baggageclaim tells neither sizes nor
//! when a volume is whole: whoever makes one sets the key's properties when it is (`PUT
//! /volumes/:handle/properties/:property` after the last `stream-in`), and bytes are measured at its path,
//! once. Concourse itself sets no properties: its volumes are known by its database only, and do not count.
//!
//! Nothing is ever written, and no byte of a volume read. The API has no authentication; who can reach it
//! can claim volumes, which can shift a preference and no more.

pub mod key;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use reqwest::{Client, Url};
use serde::Deserialize;

use crate::edge::baggageclaim::key::KeyTemplate;
use crate::edge::{body, tree};
use crate::model::unit::Bytes;
use crate::model::volume::{HeldVolume, VolumeKind, key_fault};

/// Of a list: a worker is full at some thousand volumes of some 300 bytes each.
const BODY_BYTES_MAX: usize = 16 << 20;
/// Listing reads a folder per volume: thousands take a second.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Files and folders looked at in one reading: some seconds of a slow disk. What is left is for the next.
const ENTRIES_MAX: u64 = 200_000;

/// Where it listens, and what its volumes' properties mean.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address, as `http://127.0.0.1:7788`.
    pub url: Url,
    /// How properties make a key.
    pub key: KeyTemplate,
    /// The property that tells a volume's kind.
    pub kind_property: String,
}

/// Why it could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer, or a broken one.
    #[error("baggageclaim at {0} does not answer: {1}")]
    Connection(String, #[source] reqwest::Error),
    /// An answer that is none.
    #[error("baggageclaim at {0} answered {1}")]
    Answer(String, String),
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Volumes with a key whose bytes are known, by key, each once.
    pub volumes: Vec<HeldVolume>,
    /// Volumes with a key that could not be measured or whose key cannot be one: handle and reason.
    pub unreadable: Vec<(String, String)>,
    /// Volumes with a key that are measured in one of the next readings.
    pub unmeasured: usize,
}

/// A baggageclaim, and what has been measured of it.
#[derive(Debug)]
pub struct Baggageclaim {
    settings: Settings,
    client: Client,
    /// By handle.
    measured: BTreeMap<String, Measured>,
}

#[derive(Clone, Debug)]
struct Measured {
    path: PathBuf,
    bytes: Result<u64, String>,
}

/// A volume as the API tells it; the rest is not read. Properties are null where none were given.
#[derive(Clone, Debug, Deserialize)]
struct Volume {
    handle: String,
    path: PathBuf,
    #[serde(default)]
    properties: Option<BTreeMap<String, String>>,
}

impl Baggageclaim {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(settings: Settings) -> reqwest::Result<Self> {
        // It is on this node: no proxy knows the way, and it sends nobody elsewhere.
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.timeout(TIMEOUT).build()?;
        Ok(Self { settings, client, measured: BTreeMap::new() })
    }

    /// Lists its volumes and measures those that are new.
    ///
    /// # Errors
    /// If it does not answer, or with something else.
    pub async fn read(&mut self) -> Result<Reading, Error> {
        let volumes = self.list().await?;
        let mut keyed = Vec::new();
        let mut reading = Reading::default();
        for volume in volumes {
            match self.key(&volume) {
                None => {}
                Some(Ok(key)) => keyed.push((key, volume)),
                Some(Err(fault)) => reading.unreadable.push((volume.handle, fault)),
            }
        }
        self.measure(&keyed).await;
        for (key, volume) in keyed {
            match self.measured.get(&volume.handle).map(|measured| &measured.bytes) {
                None => reading.unmeasured += 1,
                Some(Err(reason)) => reading.unreadable.push((volume.handle, reason.clone())),
                Some(Ok(bytes)) => reading.volumes.push(self.held(key, &volume, *bytes)),
            }
        }
        // Copies of one volume are one: whoever needs it takes any, and the largest is the whole one.
        reading.volumes.sort_by(|a, b| a.key.cmp(&b.key).then(b.bytes.cmp(&a.bytes)));
        reading.volumes.dedup_by(|a, b| a.key == b.key);
        Ok(reading)
    }

    /// The key that its properties make, if they make one.
    fn key(&self, volume: &Volume) -> Option<Result<String, String>> {
        let key = self.settings.key.fill(volume.properties.as_ref()?)?;
        Some(match key_fault(&key) {
            None => Ok(key),
            Some(fault) => Err(format!("its key {fault}")),
        })
    }

    fn held(&self, key: String, volume: &Volume, bytes: u64) -> HeldVolume {
        let kind = volume.properties.as_ref().and_then(|all| all.get(&self.settings.kind_property));
        let kind = kind.map(|kind| VolumeKind::named(kind)).unwrap_or_default();
        HeldVolume { key, kind, bytes: Bytes(bytes), last_used: None }
    }

    /// Measures what has not been, as far as one reading goes, and forgets what is gone. What could not be
    /// measured is tried again.
    async fn measure(&mut self, keyed: &[(String, Volume)]) {
        let listed: BTreeMap<&String, &PathBuf> =
            keyed.iter().map(|(_, volume)| (&volume.handle, &volume.path)).collect();
        self.measured.retain(|handle, measured| {
            measured.bytes.is_ok() && listed.get(handle) == Some(&&measured.path)
        });
        let new = listed.into_iter().filter(|(handle, _)| !self.measured.contains_key(*handle));
        let new: Vec<(String, PathBuf)> =
            new.map(|(handle, path)| (handle.clone(), path.clone())).collect();
        if new.is_empty() {
            return;
        }
        let work = move || measure_all(new, ENTRIES_MAX);
        self.measured.extend(tokio::task::spawn_blocking(work).await.unwrap_or_default());
    }

    async fn list(&self) -> Result<Vec<Volume>, Error> {
        let url = &self.settings.url;
        let lost = |error: reqwest::Error| Error::Connection(url.to_string(), error.without_url());
        let odd = |what: String| Error::Answer(url.to_string(), what);
        let path = format!("{}/volumes", url.as_str().trim_end_matches('/'));
        let response = self.client.get(path).send().await.map_err(lost)?;
        let status = response.status();
        let body = body::read(response, BODY_BYTES_MAX).await.map_err(lost)?;
        let body = body.ok_or_else(|| odd(format!("more than {BODY_BYTES_MAX} bytes")))?;
        if !status.is_success() {
            return Err(odd(format!("{status}: {}", said(&body))));
        }
        serde_json::from_slice(&body).map_err(|error| odd(format!("no list of volumes: {error}")))
    }
}

/// The reason in an error's body, or the start of what is there instead.
fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.error);
    let text = refusal.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// In the order given, until so many entries have been looked at; one at least.
fn measure_all(new: Vec<(String, PathBuf)>, entries_max: u64) -> Vec<(String, Measured)> {
    let mut all = Vec::new();
    let mut entries = 0;
    for (handle, path) in new {
        if entries >= entries_max {
            break;
        }
        let bytes = measure(&path, &mut entries);
        let bytes = bytes.map_err(|error| format!("{}: {error}", path.display()));
        all.push((handle, Measured { path, bytes }));
    }
    all
}

/// Bytes that a tree takes on the disk. Adds what it looked at to `entries`.
fn measure(path: &Path, entries: &mut u64) -> io::Result<u64> {
    // Not through a link: what a link names is not the volume.
    if !fs::symlink_metadata(path)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    tree::disk_bytes(&Dir::open_ambient_dir(path, ambient_authority())?, entries)
}
