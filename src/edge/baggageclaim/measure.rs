//! What a tree takes on the disk.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What `st_blocks` counts in, whatever the file system's own blocks are (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// Bytes that a tree takes, as `du` counts: blocks, so that holes are free, hard links once, links not
/// followed. Adds what it looked at to `entries`.
///
/// # Errors
/// If it is no folder, or something of it cannot be read. What vanishes meanwhile takes nothing.
pub(super) fn measure(root: &Path, entries: &mut u64) -> io::Result<u64> {
    let root_metadata = fs::symlink_metadata(root)?;
    if !root_metadata.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mut bytes = root_metadata.blocks() * BLOCK_BYTES;
    let mut linked = HashSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let Some(listed) = unless_gone(fs::read_dir(&folder))? else { continue };
        for entry in listed {
            let entry = entry?;
            *entries += 1;
            let Some(metadata) = unless_gone(entry.metadata())? else { continue };
            if metadata.is_dir() {
                open.push(entry.path());
            } else if metadata.nlink() > 1 && !linked.insert((metadata.dev(), metadata.ino())) {
                continue;
            }
            bytes += metadata.blocks() * BLOCK_BYTES;
        }
    }
    Ok(bytes)
}

fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
