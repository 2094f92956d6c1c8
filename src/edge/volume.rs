//! The volume store of a node: named directory trees that steps leave behind for later steps.
//!
//! Decides what is in the store, whole, and what leaves it. Not where steps run, nor what a key means:
//! equal keys stand for equal bytes, and whoever may write the folder is trusted to keep to that.
//!
//! # Layout
//!
//! ```text
//! STORE/<sha256 of the key>/volume.json   key, kind, bytes, created, last used, sealed, digest
//! STORE/<sha256 of the key>/data/         the tree
//! STORE/.staging/<any name>/              a volume that is being written, of the same shape
//! STORE/.trash/<any name>/                one that is being removed
//! ```
//!
//! # For producers
//!
//! `dunnage volume put`, or [`Store::stage`] and [`staging::Staging::seal`], or any program that does as
//! they do:
//!
//! 1. Make a folder in `.staging` and hold an exclusive `flock(2)` on it until the end. A folder there that
//!    nobody holds is what a dead producer left, and is removed.
//! 2. Write `data/` and `volume.json` in it: at least `key` and `"sealed": true`; the rest is optional.
//! 3. Flush both to the disk. With an exclusive `flock(2)` on `STORE` itself, rename the folder to its name;
//!    where that is taken, exchange the two (`renameat2` with `RENAME_EXCHANGE`).
//!
//! A crash at any point leaves the old volume or the new one. What is sealed never changes but for
//! `lastUsed`, `bytes` and `digest` in `volume.json`, which is replaced by rename.
//!
//! # For readers
//!
//! A shared `flock(2)` on `STORE/<sha256 of the key>` marks it as in use ([`Store::find`], or `flock -s`):
//! it is neither evicted nor removed while anybody holds one.
//!
//! # Contents
//!
//! Files, folders, symbolic and hard links, modes without set-id bits, times to the second. Owners are not
//! kept: files belong to whoever put or got them. Sockets, pipes and devices are refused. Links are kept as
//! written, and never followed out of the tree: all access goes by folder handle ([`cap_std`]).

pub mod access;
mod copy;
pub mod evict;
pub mod fetch;
mod lock;
mod pack;
pub mod peer;
pub mod rate;
pub mod record;
pub mod serve;
pub mod staging;
pub mod stream;
mod unpack;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, MetadataExt};

use crate::edge::tree;
use crate::model::chain_id::sha256;
use crate::model::unit::Time;
use record::Record;

pub use copy::copy;
pub use pack::{archive_bytes, pack};
pub use unpack::{Content, unpack};

/// Where volumes are written before they are sealed.
const STAGING: &str = ".staging";
/// Where they go before they are deleted.
const TRASH: &str = ".trash";
/// The tree, and what is known of it.
const DATA: &str = "data";
const RECORD: &str = "volume.json";

/// Why the store could not do something.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system said no.
    #[error("cannot {action} {}: {source}{}", path.display(), advice(source))]
    Files {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A key that cannot be one.
    #[error("key {0:?}: {1}")]
    Key(String, &'static str),
    /// Somebody uses it.
    #[error("volume {0:?} is in use: try again when its readers have ended")]
    InUse(String),
    /// Its content is not what was sealed, or not what was asked for.
    #[error("volume {key:?} is damaged: {reason}")]
    Damaged {
        /// Its key.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// Whether somebody held a lock for too long: others of the same store would be waited for as long.
    fn is_timeout(&self) -> bool {
        matches!(self, Self::Files { source, .. } if source.kind() == io::ErrorKind::TimedOut)
    }
}

/// What to do about an error that there is something to do about.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => {
            ": make room there, or lower the agent's --store-budget-bytes; nothing was sealed"
        }
        io::ErrorKind::QuotaExceeded => ": raise the quota; nothing was sealed",
        _ => "",
    }
}

/// A function that says of an error what was tried on which path.
fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Files { action, path, source }
}

/// A store.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// What is in a store.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Sealed volumes, by key.
    pub volumes: Vec<Record>,
    /// Folders that should be volumes and are not, each with the reason, sorted.
    pub unreadable: Vec<(String, String)>,
}

/// What a tree takes on the disk, and which tree that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Blocks of all that is in it.
    pub bytes: u64,
    /// Device, inode and last change of its folder, by seconds and nanoseconds: no two trees share them, as
    /// an inode that is used again was changed since.
    tree: (u64, u64, i64, i64),
}

/// A sealed volume that stays for as long as this is held.
#[derive(Debug)]
pub struct Held {
    /// What is known of it.
    pub record: Record,
    /// Its tree.
    pub data: Dir,
    path: PathBuf,
    staging: PathBuf,
    /// Its folder, with the lock on it.
    folder: File,
}

impl Store {
    /// The store in a folder that exists.
    ///
    /// # Errors
    /// If there is no such folder, or its own folders cannot be made.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let store = Self { root: root.to_owned() };
        for own in [store.staging(), store.trash()] {
            match std::fs::create_dir(&own) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                // Readable though nothing can be put into it.
                Err(error) if is_read_only(&error) && root.is_dir() => {}
                made => made.map_err(failed("make", &own))?,
            }
        }
        Ok(store)
    }

    /// The same, made where it is missing.
    ///
    /// # Errors
    /// If it cannot be made or opened.
    pub fn make(root: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(root).map_err(failed("make", root))?;
        Self::open(root)
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The volume of a key, in use from now on; `None` if there is none.
    ///
    /// # Errors
    /// If the key cannot be one, or what is there cannot be read.
    pub fn find(&self, key: &str) -> Result<Option<Held>, Error> {
        record::check_key(key).map_err(|why| Error::Key(key.to_owned(), why))?;
        let held = self.find_id(&id(key))?;
        Ok(held.filter(|held| held.record.key == key))
    }

    /// The same by the hash of the key.
    ///
    /// # Errors
    /// If what is there cannot be read.
    pub fn find_id(&self, id: &str) -> Result<Option<Held>, Error> {
        let path = self.root.join(id);
        let Some(lock) = lock::share(&path).map_err(failed("lock", &path))? else {
            return Ok(None);
        };
        let folder = lock.try_clone().map(Dir::from_std_file).map_err(failed("open", &path))?;
        let damaged = |reason| Error::Damaged { key: id.to_owned(), reason };
        let Some(record) = record::read(&folder, id).map_err(damaged)? else {
            return Ok(None);
        };
        let data = match folder.open_dir(DATA) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(format!("{DATA}/: {error}")));
            }
            opened => opened.map_err(failed("open", &path.join(DATA)))?,
        };
        Ok(Some(Held { record, data, path, staging: self.staging(), folder: lock }))
    }

    /// All sealed volumes, and what is not one though it should be. Reads `volume.json`s only.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn list(&self) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let entries = std::fs::read_dir(&self.root).map_err(failed("read", &self.root))?;
        for entry in entries {
            let name = entry.map_err(failed("read", &self.root))?.file_name();
            let Some(id) = name.to_str().filter(|name| record::is_id(name)) else {
                continue;
            };
            match self.record(id) {
                Ok(record) => listing.volumes.extend(record),
                Err(reason) => listing.unreadable.push((id.to_owned(), reason)),
            }
        }
        listing.volumes.sort_by(|a, b| a.key.cmp(&b.key));
        listing.unreadable.sort();
        Ok(listing)
    }

    /// What the volume of a listed key takes on the disk; `None` if it is gone. Read anew only if it is not
    /// the tree of `before`. Takes no lock: what is measured may be removed.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn measure(&self, key: &str, before: Option<Measured>) -> Result<Option<Measured>, Error> {
        let path = self.root.join(id(key));
        let measured = lock::open(&path).and_then(|folder| {
            let folder = folder.ok_or(io::ErrorKind::NotFound)?;
            let data = Dir::from_std_file(folder).open_dir(DATA)?;
            let found = data.dir_metadata()?;
            let tree = (found.dev(), found.ino(), found.ctime(), found.ctime_nsec());
            match before.filter(|before| before.tree == tree) {
                Some(known) => Ok(known),
                None => Ok(Measured { bytes: tree::disk_bytes(&data, &mut 0)?, tree }),
            }
        });
        match measured {
            Ok(measured) => Ok(Some(measured)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("measure", &path)(error)),
        }
    }

    /// `None` for one that is gone or not sealed.
    fn record(&self, id: &str) -> Result<Option<Record>, String> {
        let folder = lock::open(&self.root.join(id)).map_err(|error| error.to_string())?;
        folder.map_or(Ok(None), |folder| record::read(&Dir::from_std_file(folder), id))
    }

    /// Nobody else renames anything in the store while this is held.
    fn change(&self) -> Result<File, Error> {
        lock::wait(&self.root).map_err(failed("lock", &self.root))
    }

    fn staging(&self) -> PathBuf {
        self.root.join(STAGING)
    }

    fn trash(&self) -> PathBuf {
        self.root.join(TRASH)
    }
}

impl Held {
    /// Notes that it was used. That it could not be noted, as in a store mounted read-only, costs its place
    /// in the order of eviction and no more.
    pub fn note_use(&mut self, now: Time) {
        self.record.last_used = record::timestamp(now);
        self.write_record();
    }

    /// The digest and length of its archive, read through once where its producer did not tell them.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn content(&mut self) -> Result<Content, Error> {
        if let Some(sealed) = self.sealed() {
            return Ok(sealed);
        }
        let content = pack::digest(&self.data).map_err(failed("read", &self.path))?;
        self.note_content(&content);
        Ok(content)
    }

    /// Compares what its archive turned out to be with what was sealed; where the producer did not tell that,
    /// it is this from now on.
    ///
    /// # Errors
    /// If it is something else.
    pub fn check(&mut self, content: &Content) -> Result<(), Error> {
        match self.sealed() {
            Some(sealed) if sealed == *content => Ok(()),
            Some(_) => {
                let reason = "its digest is not the sealed one".to_owned();
                Err(Error::Damaged { key: self.record.key.clone(), reason })
            }
            None => {
                self.note_content(content);
                Ok(())
            }
        }
    }

    fn sealed(&self) -> Option<Content> {
        let digest = self.record.digest.clone()?;
        Some(Content { digest, bytes: self.record.archive_bytes? })
    }

    fn note_content(&mut self, content: &Content) {
        self.record.digest = Some(content.digest.clone());
        self.record.archive_bytes = Some(content.bytes);
        self.write_record();
    }

    fn write_record(&self) {
        if let Err(error) = record::replace(&self.folder, &self.staging, &self.record) {
            tracing::debug!(key = self.record.key, %error, "cannot write volume.json");
        }
    }
}

/// The name of a key's folder.
#[must_use]
pub fn id(key: &str) -> String {
    sha256(key.as_bytes()).trim_start_matches("sha256:").to_owned()
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}
