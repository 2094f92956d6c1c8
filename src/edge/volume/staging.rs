//! How a volume gets into the store: written beside, flushed, renamed. A crash at any point leaves the old
//! one or the new one.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use rustix::fs::{CWD, RenameFlags};

use super::evict::delete_tree;
use super::record::{self, Record, check_key};
use super::unpack::{Content, unpack};
use super::{DATA, Error, RECORD, Store, copy, failed, id, lock};
use crate::edge::tree;
use crate::model::unit::Time;
use crate::model::volume::VolumeKind;

/// Attempts to make a folder that a recovery does not take for a leftover before it is locked. One loses
/// by a few microseconds, two in a row have not been seen.
const ATTEMPTS_MAX: usize = 100;

/// A volume that is being written. Dropping it removes what was written.
#[derive(Debug)]
pub struct Staging {
    /// Where to write the tree.
    pub data: Dir,
    store: Store,
    path: PathBuf,
    lock: File,
}

/// What a volume is to be known by.
#[derive(Clone, Debug)]
pub struct Label {
    /// Its key.
    pub key: String,
    /// What it is.
    pub kind: VolumeKind,
}

impl Store {
    /// Room for a new volume.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn stage(&self) -> Result<Staging, Error> {
        let parent = self.staging();
        for _ in 0..ATTEMPTS_MAX {
            let made = tempfile::Builder::new().prefix("").rand_bytes(16).tempdir_in(&parent);
            let path = made.map_err(failed("write in", &parent))?.keep();
            let Some(lock) = lock::take(&path).map_err(failed("lock", &path))? else {
                continue;
            };
            let data = make_data(&path).map_err(failed("write in", &path))?;
            return Ok(Staging { data, store: self.clone(), path, lock });
        }
        let error = io::Error::other("its folders are removed as soon as they are made");
        Err(failed("write in", &parent)(error))
    }
}

/// Readable by all, as what is sealed is: what is in it has modes of its own.
fn make_data(path: &Path) -> io::Result<Dir> {
    let mode: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let data = path.join(DATA);
    fs::create_dir(&data)?;
    fs::set_permissions(&data, mode.clone())?;
    fs::set_permissions(path, mode)?;
    Dir::open_ambient_dir(data, ambient_authority())
}

impl Staging {
    /// Copies a folder's tree.
    ///
    /// # Errors
    /// If it cannot be read, holds what a volume does not, or cannot be written.
    pub fn copy(&self, from: &Path) -> Result<Content, Error> {
        let folder = Dir::open_ambient_dir(from, ambient_authority());
        let folder = folder.map_err(failed("open", from))?;
        copy(&folder, &self.data).map_err(failed("put", from))
    }

    /// Unpacks an archive.
    ///
    /// # Errors
    /// If it cannot be read, holds what a volume does not, or cannot be written.
    pub fn unpack(&self, archive: impl Read) -> Result<Content, Error> {
        unpack(archive, &self.data).map_err(failed("unpack into", self.store.root()))
    }

    /// Makes it the volume of its key, in place of one that is there. Once this returns it outlives a
    /// loss of power.
    ///
    /// # Errors
    /// If it cannot be flushed or renamed: then the old one stays.
    pub fn seal(self, label: &Label, content: Content, now: Time) -> Result<Record, Error> {
        check_key(&label.key).map_err(|why| Error::Key(label.key.clone(), why))?;
        // Before it is measured: file systems give out blocks when they flush.
        self.flush()?;
        let record = Record {
            key: label.key.clone(),
            kind: label.kind.name().to_owned(),
            bytes: tree::disk_bytes(&self.data, &mut 0).map_err(failed("measure", &self.path))?,
            created: record::timestamp(now),
            last_used: record::timestamp(now),
            sealed: true,
            digest: Some(content.digest),
            archive_bytes: Some(content.bytes),
        };
        self.write(&record).map_err(failed("write in", &self.path))?;
        self.flush()?;
        let place = self.store.root().join(id(&label.key));
        let changing = self.store.change()?;
        rename(&self.path, &place).map_err(failed("rename a volume to", &place))?;
        drop(changing);
        // Readers may come: what is left to do here may take long where an old volume is deleted.
        self.lock.unlock().map_err(failed("unlock", &place))?;
        let root = File::open(self.store.root()).and_then(|root| root.sync_all());
        root.map_err(failed("flush", self.store.root()))?;
        Ok(record)
    }

    fn write(&self, record: &Record) -> io::Result<()> {
        let file = File::create_new(self.path.join(RECORD))?;
        record::write(&file, record)?;
        file.sync_all()
    }

    /// All files in one call: a volume may have a hundred thousand. Others' that are on the same file
    /// system are waited for, too.
    fn flush(&self) -> Result<(), Error> {
        rustix::fs::syncfs(&self.lock).map_err(|error| failed("flush", &self.path)(error.into()))
    }
}

/// Renames, or exchanges with what is there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::EXIST) => {
            Ok(rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE)?)
        }
        done => Ok(done?),
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After an exchange it is the old volume: where somebody reads that, it is left for a recovery.
        let removed = match lock::is_at(&self.lock, &self.path) {
            Ok(true) => delete_tree(&self.path).map_err(failed("delete", &self.path)),
            _ => self.store.discard_unused(&self.path).map(drop),
        };
        if let Err(error) = removed {
            tracing::debug!(%error, "left for the next recovery");
        }
    }
}
