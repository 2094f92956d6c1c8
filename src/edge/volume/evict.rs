//! How volumes leave the store: by name, for the budget, or as leftovers of whoever died.
//!
//! Renamed into the trash first, so that a crash in the middle leaves no half of one. What is in use
//! stays.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::record::Record;
use super::{Error, Store, failed, id, lock, record};
use crate::edge::tree;

/// Many times what a record of a few hundred bytes takes to be written.
const RECORD_WRITTEN_IN: Duration = Duration::from_secs(600);

/// What eviction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Keys that are gone, in the order in which they went.
    pub keys: Vec<String>,
    /// Bytes that this made free.
    pub bytes: u64,
    /// Bytes over the budget that stay: in use, or for the faults.
    pub excess_bytes: u64,
    /// Why volumes that nobody uses stay.
    pub faults: Vec<String>,
}

/// What a recovery did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Leftovers that are gone.
    pub count: usize,
    /// Why others are not.
    pub faults: Vec<String>,
}

/// A folder in the trash, still locked: no recovery comes across its deletion.
struct Trashed {
    path: PathBuf,
    _lock: File,
}

impl Store {
    /// Removes the volume of a key; whether there was one.
    ///
    /// # Errors
    /// If it is in use, or cannot be removed.
    pub fn remove(&self, key: &str) -> Result<bool, Error> {
        record::check_key(key).map_err(|why| Error::Key(key.to_owned(), why))?;
        let path = self.root().join(id(key));
        if self.discard_unused(&path)? {
            return Ok(true);
        }
        if path.is_dir() { Err(Error::InUse(key.to_owned())) } else { Ok(false) }
    }

    /// Removes those of `volumes` that were used least lately until they take no more than the budget. One
    /// that was sealed or used since it was listed stays.
    pub fn evict(&self, volumes: &[Record], budget_bytes: u64) -> Evicted {
        let mut total: u64 = volumes.iter().map(|volume| volume.bytes).sum();
        let mut oldest: Vec<&Record> = volumes.iter().collect();
        oldest.sort_by(|a, b| a.used_at().cmp(&b.used_at()).then_with(|| a.key.cmp(&b.key)));
        let mut evicted = Evicted::default();
        for volume in oldest {
            if total <= budget_bytes {
                break;
            }
            match self.evict_one(volume) {
                Ok(true) => {
                    total -= volume.bytes;
                    evicted.bytes += volume.bytes;
                    evicted.keys.push(volume.key.clone());
                }
                Ok(false) => {}
                Err(error) => {
                    evicted.faults.push(error.to_string());
                    if error.is_timeout() {
                        break;
                    }
                }
            }
        }
        evicted.excess_bytes = total.saturating_sub(budget_bytes);
        evicted
    }

    /// Whether it is gone: also where not all of its files could be deleted, which is a recovery's then.
    fn evict_one(&self, volume: &Record) -> Result<bool, Error> {
        let id = id(&volume.key);
        let is_as_listed = |folder: &File| {
            let folder = folder.try_clone().map(Dir::from_std_file).ok();
            let now = folder.and_then(|folder| record::read(&folder, &id).ok().flatten());
            now.is_some_and(|now| {
                now.created == volume.created && now.used_at() == volume.used_at()
            })
        };
        let Some(trashed) = self.trash_unused(&self.root().join(&id), is_as_listed)? else {
            return Ok(false);
        };
        if let Err(error) = trashed.delete() {
            tracing::warn!(key = volume.key, "{error}; left for the next recovery");
        }
        Ok(true)
    }

    /// Removes what dead producers and removers left, as far as it can be removed.
    pub fn recover(&self) -> Recovered {
        let mut recovered = Recovered::default();
        for path in [self.staging(), self.trash()].iter().flat_map(|folder| entries(folder)) {
            match path.and_then(|path| self.discard_leftover(&path)) {
                Ok(is_gone) => recovered.count += usize::from(is_gone),
                Err(error) => {
                    recovered.faults.push(error.to_string());
                    if error.is_timeout() {
                        break;
                    }
                }
            }
        }
        recovered
    }

    /// A file there is a record whose writer died: it has no lock, and lives for milliseconds.
    fn discard_leftover(&self, path: &Path) -> Result<bool, Error> {
        if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
            return self.discard_unused(path);
        }
        let is_old = fs::symlink_metadata(path).and_then(|found| found.modified());
        let is_old = is_old.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > RECORD_WRITTEN_IN));
        if is_old {
            unless_gone(fs::remove_file(path)).map_err(failed("remove", path))?;
        }
        Ok(is_old)
    }

    /// Removes a folder that nobody holds; whether it did.
    pub(super) fn discard_unused(&self, path: &Path) -> Result<bool, Error> {
        let trashed = self.trash_unused(path, |_| true)?;
        let Some(trashed) = trashed else { return Ok(false) };
        trashed.delete()?;
        Ok(true)
    }

    /// Moves a folder that nobody holds, and that is wanted gone still, to where it is deleted.
    fn trash_unused(
        &self,
        path: &Path,
        is_wanted: impl FnOnce(&File) -> bool,
    ) -> Result<Option<Trashed>, Error> {
        // Before the store's lock is waited for: what is in use needs none.
        if lock::take(path).map_err(failed("lock", path))?.is_none() {
            return Ok(None);
        }
        let changing = self.change()?;
        let lock = lock::take(path).map_err(failed("lock", path))?;
        let Some(lock) = lock.filter(is_wanted) else {
            return Ok(None);
        };
        let trash = self.trash();
        let mut place = path.to_owned();
        if path.parent() != Some(trash.as_path()) {
            let made = tempfile::Builder::new().prefix("").rand_bytes(16).tempdir_in(&trash);
            // A rename replaces an empty folder in one step.
            place = made.map_err(failed("write in", &trash))?.keep();
            fs::rename(path, &place).map_err(failed("remove", path))?;
        }
        drop(changing);
        Ok(Some(Trashed { path: place, _lock: lock }))
    }
}

impl Trashed {
    fn delete(&self) -> Result<(), Error> {
        delete_tree(&self.path).map_err(failed("delete", &self.path))
    }
}

/// What is in a folder, which may be missing.
fn entries(folder: &Path) -> Vec<Result<PathBuf, Error>> {
    let error = failed("read", folder);
    match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()).map_err(failed("read", folder)))
            .collect(),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(other) => vec![Err(error(other))],
    }
}

fn unless_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Deletes a tree, folders that may not be written included.
pub(super) fn delete_tree(path: &Path) -> io::Result<()> {
    unless_gone(match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path).and_then(|()| fs::remove_dir_all(path))
        }
        deleted => deleted,
    })
}

/// Lets its owner write all folders below one.
///
/// # Errors
/// If something of it cannot be read or changed.
pub fn make_writable(path: &Path) -> io::Result<()> {
    let root = Dir::open_ambient_dir(path, ambient_authority())?;
    let mode = || cap_std::fs::PermissionsExt::from_mode(0o700);
    tree::walk(&root, &mut |path, metadata| {
        if metadata.is_dir() { root.set_permissions(path, mode()) } else { Ok(()) }
    })
}
