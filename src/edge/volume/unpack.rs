//! An archive as a tree, in an empty folder: what [`super::pack`] writes, and nothing else.
//!
//! An archive comes from another node or a registry, and may be anybody's. Every path is resolved below
//! the folder, names must not climb, nothing is written over, and kinds that a volume does not keep are
//! refused. Runs of zeros become holes.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use sha2::{Digest, Sha256};
use tar::{Archive, Entry, EntryType};

use crate::edge::tree::placed;

/// Read at once; a block of zeros of this size becomes a hole.
const CHUNK_BYTES: usize = 64 << 10;

/// What an archive was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// How many.
    pub bytes: u64,
}

/// Unpacks an archive, reads it to its end, and says what it was. After an error the folder holds a part.
///
/// # Errors
/// If it cannot be read, holds what a volume does not, or cannot be written; with the path.
pub fn unpack(from: impl Read, to: &Dir) -> io::Result<Content> {
    let mut hashing = Hashing { inner: from, hash: Sha256::new(), bytes: 0 };
    let mut folders = Vec::new();
    let mut archive = Archive::new(&mut hashing);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = safe(&entry.path()?)?;
        one(&mut entry, &path, to, &mut folders).map_err(placed(&path))?;
    }
    // What a folder gets changes its time, and may need a right that it is not to have: last, and the
    // innermost first.
    for (path, mode, modified) in folders.into_iter().rev() {
        // As a file: a folder handle of cap-std is for finding what is in it.
        let folder = to.open(&path).map_err(placed(&path))?.into_std();
        finish(&folder, mode, modified).map_err(placed(&path))?;
    }
    io::copy(&mut hashing, &mut io::sink())?;
    Ok(Content { digest: digest_of(hashing.hash), bytes: hashing.bytes })
}

/// `sha256:` and the digits.
pub(super) fn digest_of(hash: Sha256) -> String {
    let digits = hash.finalize();
    digits.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// The path, if all of it goes down.
fn safe(path: &Path) -> io::Result<PathBuf> {
    let is_down = path.components().all(|part| matches!(part, Component::Normal(_)));
    if is_down && path.components().next().is_some() {
        return Ok(path.to_owned());
    }
    Err(refused(&format!("{}: a path that leads out of the volume", path.display())))
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

type Folder = (PathBuf, u32, u64);

fn one<R: Read>(
    entry: &mut Entry<'_, R>,
    path: &Path,
    to: &Dir,
    folders: &mut Vec<Folder>,
) -> io::Result<()> {
    let (mode, modified) = (entry.header().mode()? & 0o777, entry.header().mtime()?);
    let target = entry.link_name()?.map(std::borrow::Cow::into_owned);
    let target = || target.ok_or_else(|| refused("a link to nothing"));
    match entry.header().entry_type() {
        EntryType::Directory => {
            to.create_dir(path)?;
            folders.push((path.to_owned(), mode, modified));
            Ok(())
        }
        EntryType::Symlink => to.symlink_contents(target()?, path),
        EntryType::Link => to.hard_link(safe(&target()?)?, to, path),
        EntryType::Regular => {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            let mut file = to.open_with(path, &options)?;
            let bytes = entry.size();
            fill(&mut file, entry)?;
            file.set_len(bytes)?;
            finish(&file.into_std(), mode, modified)
        }
        other => Err(refused(&format!("{other:?}: volumes hold files, folders and links only"))),
    }
}

/// Copies, with holes where there is nothing but zeros.
fn fill(file: &mut File, from: &mut impl Read) -> io::Result<()> {
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    loop {
        chunk.clear();
        from.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            return Ok(());
        }
        if chunk.len() == CHUNK_BYTES && chunk.iter().all(|byte| *byte == 0) {
            file.seek(SeekFrom::Current(CHUNK_BYTES as i64))?;
        } else {
            file.write_all(&chunk)?;
        }
    }
}

fn finish(file: &std::fs::File, mode: u32, modified: u64) -> io::Result<()> {
    let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(modified));
    let modified = modified.ok_or_else(|| refused("a time that cannot be"))?;
    file.set_times(std::fs::FileTimes::new().set_modified(modified))?;
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}
