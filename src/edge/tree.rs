//! A walk over a tree in one order, and what the tree takes on the disk.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Metadata, MetadataExt};

/// What `st_blocks` counts in, whatever the file system's own blocks are (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// Calls for each entry below a folder, itself left out: folders before what is in them, names in the
/// order of their bytes. Links are entries, never followed.
///
/// # Errors
/// The first that is met, with its path.
pub fn walk(
    root: &Dir,
    each: &mut dyn FnMut(&Path, &Metadata) -> io::Result<()>,
) -> io::Result<()> {
    visit(root, false, each)
}

/// Passes over what vanishes meanwhile, if it may.
fn visit(
    root: &Dir,
    may_vanish: bool,
    each: &mut dyn FnMut(&Path, &Metadata) -> io::Result<()>,
) -> io::Result<()> {
    let is_gone = |error: &io::Error| may_vanish && error.kind() == io::ErrorKind::NotFound;
    let mut open = names(root, Path::new(""))?;
    while let Some(path) = open.pop() {
        let metadata = match root.symlink_metadata(&path) {
            Err(error) if is_gone(&error) => continue,
            found => found.map_err(placed(&path))?,
        };
        each(&path, &metadata)?;
        if metadata.is_dir() {
            match names(root, &path) {
                Err(error) if is_gone(&error) => {}
                names => open.extend(names?),
            }
        }
    }
    Ok(())
}

/// The entries of a folder, the last first.
fn names(root: &Dir, path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match path.as_os_str().is_empty() {
        true => root.entries(),
        false => root.read_dir(path),
    };
    let entries = entries.map_err(placed(path))?;
    let name = |entry: io::Result<cap_std::fs::DirEntry>| Ok(path.join(entry?.file_name()));
    let mut names: Vec<_> = entries.map(name).collect::<io::Result<_>>().map_err(placed(path))?;
    names.sort_unstable_by(|a, b| b.as_os_str().cmp(a.as_os_str()));
    Ok(names)
}

/// Bytes that a tree takes on the disk, as `du` counts: blocks, so that holes are free, and hard links
/// once. What vanishes meanwhile takes nothing. Adds what it looked at to `entries`.
///
/// # Errors
/// If it cannot be read.
pub fn disk_bytes(root: &Dir, entries: &mut u64) -> io::Result<u64> {
    let mut bytes = root.dir_metadata()?.blocks() * BLOCK_BYTES;
    let mut linked = HashSet::new();
    visit(root, true, &mut |_, metadata| {
        *entries += 1;
        let is_first = metadata.is_dir()
            || metadata.nlink() < 2
            || linked.insert((metadata.dev(), metadata.ino()));
        bytes += if is_first { metadata.blocks() * BLOCK_BYTES } else { 0 };
        Ok(())
    })?;
    Ok(bytes)
}

/// An error with the path that it is about.
pub fn placed(path: &Path) -> impl Fn(io::Error) -> io::Error + use<> {
    let path = path.to_owned();
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
