//! `volume.json`: what is known of a volume, and which of it is believed.
//!
//! Whoever may write the store wrote it: bounded, checked, and a bad one is told with its reason.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use cap_std::fs::Dir;
use jiff::Timestamp;
use rustix::fs::CWD;
use serde::{Deserialize, Serialize};

use super::{RECORD, id};
use crate::model::unit::Time;
use crate::model::volume::{VolumeKind, key_fault};

/// Ten times what the longest key takes with everything else.
const RECORD_BYTES_MAX: u64 = 16 << 10;

/// What is known of a sealed volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Names it.
    pub key: String,
    /// What it is to a step, by [`VolumeKind::name`].
    #[serde(default)]
    pub kind: String,
    /// Bytes it takes on the disk: hard links once, holes not at all.
    #[serde(default)]
    pub bytes: u64,
    /// When it was sealed.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// When it was last put or got.
    #[serde(default)]
    pub last_used: Option<Timestamp>,
    /// Whether it is whole. Anything else is as good as absent.
    #[serde(default)]
    pub sealed: bool,
    /// Digest of its archive ([`super::pack`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Length of its archive: what moving it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_bytes: Option<u64>,
}

impl Record {
    /// What it is; one without a kind, or of an unknown one, is [`VolumeKind::Other`].
    #[must_use]
    pub fn kind(&self) -> VolumeKind {
        VolumeKind::named(&self.kind)
    }

    /// When it was last used, as far as anybody told.
    #[must_use]
    pub fn used_at(&self) -> Timestamp {
        self.last_used.or(self.created).unwrap_or_default()
    }
}

/// A time as files tell it.
#[must_use]
pub fn timestamp(now: Time) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(now.0)).ok()
}

/// Whether a key can be one.
///
/// # Errors
/// Why not.
pub fn check_key(key: &str) -> Result<(), &'static str> {
    key_fault(key).map_or(Ok(()), Err)
}

/// Whether a folder's name is a hash of a key.
#[must_use]
pub fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The record of the volume in a folder of that name; `None` for one that is not sealed.
///
/// # Errors
/// What is wrong with it.
pub fn read(folder: &Dir, name: &str) -> Result<Option<Record>, String> {
    let placed = |error: std::io::Error| format!("{RECORD}: {error}");
    let mut text = Vec::new();
    let file = folder.open(RECORD).map_err(placed)?;
    if !file.metadata().map_err(placed)?.is_file() {
        return Err(format!("{RECORD}: not a file"));
    }
    file.take(RECORD_BYTES_MAX).read_to_end(&mut text).map_err(placed)?;
    let record: Record =
        serde_json::from_slice(&text).map_err(|error| format!("{RECORD}: {error}"))?;
    check_key(&record.key).map_err(|why| format!("{RECORD}: key {why}"))?;
    if id(&record.key) != name {
        return Err(format!("{RECORD}: its key's hash is not the folder's name"));
    }
    Ok(record.sealed.then_some(record))
}

/// Replaces the record in a folder, whatever its path is by now: a reader sees the old one or the new one.
///
/// # Errors
/// If it cannot be written.
pub fn replace(folder: &File, staging: &Path, record: &Record) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(staging)?;
    write(&mut file, record)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode)?;
    file.as_file().sync_all()?;
    let path = file.into_temp_path();
    rustix::fs::renameat(CWD, &*path, folder, RECORD)?;
    Ok(())
}

/// Writes a record as JSON in one line.
///
/// # Errors
/// If it cannot be written.
pub fn write(mut to: impl Write, record: &Record) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(record)?;
    text.push(b'\n');
    to.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::is_id;
    use crate::edge::volume::id;

    #[test]
    fn the_name_of_a_folder_is_the_hash_of_a_key() {
        assert_eq!(id(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(is_id(&id("a")) && !is_id(".staging") && !is_id(&"A".repeat(64)));
    }
}
