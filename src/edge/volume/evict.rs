//! How volumes leave the store: by name, for the budget, or as leftovers of whoever died.
//!
//! Renamed into the trash first, so that a crash in the middle leaves no half of one. What is in use
//! stays.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::record::Record;
use super::{Error, Store, failed, id, lock, record, tree};

/// Many times what a record of a few hundred bytes takes to be written.
const RECORD_WRITTEN_IN: Duration = Duration::from_secs(600);

/// What eviction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Keys that are gone, in the order in which they went.
    pub keys: Vec<String>,
    /// Bytes that this made free.
    pub bytes: u64,
    /// Bytes over the budget that are in use.
    pub excess_bytes: u64,
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

    /// Removes those of `volumes` that were used least lately until they take no more than the budget.
    ///
    /// # Errors
    /// If one cannot be removed; those before it are gone.
    pub fn evict(&self, volumes: &[Record], budget_bytes: u64) -> Result<Evicted, Error> {
        let mut total: u64 = volumes.iter().map(|volume| volume.bytes).sum();
        let mut oldest: Vec<&Record> = volumes.iter().collect();
        oldest.sort_by(|a, b| a.used_at().cmp(&b.used_at()).then_with(|| a.key.cmp(&b.key)));
        let mut evicted = Evicted::default();
        for volume in oldest {
            if total <= budget_bytes {
                break;
            }
            if self.discard_unused(&self.root().join(id(&volume.key)))? {
                total -= volume.bytes;
                evicted.bytes += volume.bytes;
                evicted.keys.push(volume.key.clone());
            }
        }
        evicted.excess_bytes = total.saturating_sub(budget_bytes);
        Ok(evicted)
    }

    /// Removes what dead producers and removers left, and says how many there were.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn recover(&self) -> Result<usize, Error> {
        let mut count = 0;
        for folder in [self.staging(), self.trash()] {
            for entry in fs::read_dir(&folder).map_err(failed("read", &folder))? {
                let path = entry.map_err(failed("read", &folder))?.path();
                count += usize::from(self.discard_leftover(&path)?);
            }
        }
        Ok(count)
    }

    /// A file there is a record whose writer died: it has no lock, and lives for milliseconds.
    fn discard_leftover(&self, path: &Path) -> Result<bool, Error> {
        if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
            return self.discard_unused(path);
        }
        let is_old = fs::symlink_metadata(path).and_then(|found| found.modified());
        let is_old = is_old.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > RECORD_WRITTEN_IN));
        if is_old {
            fs::remove_file(path).map_err(failed("remove", path))?;
        }
        Ok(is_old)
    }

    /// Removes a folder that nobody holds; whether it did.
    pub(super) fn discard_unused(&self, path: &Path) -> Result<bool, Error> {
        // Before the store's lock is waited for: what is in use needs none.
        if lock::take(path).map_err(failed("lock", path))?.is_none() {
            return Ok(false);
        }
        let changing = self.change()?;
        let Some(_lock) = lock::take(path).map_err(failed("lock", path))? else {
            return Ok(false);
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
        delete_tree(&place).map_err(failed("delete", &place))?;
        Ok(true)
    }
}

/// Deletes a tree, folders that may not be written included.
pub(super) fn delete_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn make_writable(path: &Path) -> io::Result<()> {
    let root = Dir::open_ambient_dir(path, ambient_authority())?;
    let mode = || cap_std::fs::PermissionsExt::from_mode(0o700);
    tree::walk(&root, &mut |path, metadata| {
        if metadata.is_dir() { root.set_permissions(path, mode()) } else { Ok(()) }
    })
}
