//! Locks on folders by `flock(2)`: the kernel lets go of them with their holder, however it dies.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};

/// Whoever removes a volume locks it for the time of one rename; this is for a loaded machine.
const REMOVAL_MAX: Duration = Duration::from_secs(10);
/// Between two looks whether that is over.
const PAUSE: Duration = Duration::from_millis(1);

/// A shared lock on the folder that has this path now; `None` if there is none.
///
/// # Errors
/// If it cannot be opened, or is locked by somebody for long ([`io::ErrorKind::TimedOut`]).
pub fn share(path: &Path) -> io::Result<Option<File>> {
    let deadline = Instant::now() + REMOVAL_MAX;
    loop {
        let Some(folder) = open(path)? else {
            return Ok(None);
        };
        match folder.try_lock_shared() {
            Ok(()) if is_at(&folder, path)? => return Ok(Some(folder)),
            // Removed or exchanged between the two calls.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(held_for_long()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// An exclusive lock on the folder that has this path now; `None` if there is none, or it is in use.
///
/// # Errors
/// If it cannot be opened.
pub fn take(path: &Path) -> io::Result<Option<File>> {
    let Some(folder) = open(path)? else {
        return Ok(None);
    };
    match folder.try_lock() {
        Ok(()) => Ok(is_at(&folder, path)?.then_some(folder)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// An exclusive lock on a folder that exists, waited for, but not for ever: whoever may open the folder
/// can hold one.
///
/// # Errors
/// If it cannot be opened, or is locked by somebody for long ([`io::ErrorKind::TimedOut`]).
pub fn wait(path: &Path) -> io::Result<File> {
    let folder = open(path)?.ok_or(io::ErrorKind::NotFound)?;
    let deadline = Instant::now() + REMOVAL_MAX;
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(held_for_long()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

fn held_for_long() -> io::Error {
    let seconds = REMOVAL_MAX.as_secs();
    let why = format!("somebody has locked it for over {seconds} s: lslocks(8) tells who");
    io::Error::new(io::ErrorKind::TimedOut, why)
}

/// The folder at a path; `None` if there is none. Not through a link: what a link names is not the store's.
///
/// # Errors
/// If it cannot be opened, or is no folder.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(folder) => Ok(Some(folder.into())),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a folder still has the path that it was opened by.
///
/// # Errors
/// If that cannot be told.
pub fn is_at(folder: &File, path: &Path) -> io::Result<bool> {
    let own = folder.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
