//! Size and free space of the file system that images are on.
//!
//! An agent on the host looks at the snapshotter's directory. One in a container does not see that
//! directory, and need not: its own root is an overlay on a layer of that same file system, and `statvfs`
//! of an overlay tells of the file system below.

use std::path::Path;

use rustix::fs::{StatVfs, statfs, statvfs};

use crate::edge::inventory::node::Disk;

/// What Linux calls the file system of an overlay (`linux/magic.h`).
const OVERLAYFS: u64 = 0x794c_7630;

/// The file system of the snapshotter's directory; nothing where it cannot be seen.
#[must_use]
pub fn disk(root: Option<&Path>) -> Option<Disk> {
    if let Some(found) = root.and_then(|root| statvfs(root).ok()) {
        return Some(measured(&found));
    }
    let own = Path::new("/");
    let kind = statfs(own).ok().and_then(|found| u64::try_from(found.f_type).ok());
    if kind != Some(OVERLAYFS) {
        return None;
    }
    statvfs(own).ok().map(|found| measured(&found))
}

/// Free is what a process without privileges may still write, as kubelet counts it.
fn measured(found: &StatVfs) -> Disk {
    Disk {
        size_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::disk;

    #[test]
    fn a_directory_that_is_there_is_measured() {
        let found = disk(Some(&std::env::temp_dir())).expect("a disk");
        assert!(found.size_bytes > 0 && found.free_bytes <= found.size_bytes, "{found:?}");
    }

    #[test]
    fn a_directory_that_is_not_there_is_looked_for_at_the_root() {
        assert_eq!(disk(Some(Path::new("/nowhere/at/all"))), disk(None));
    }
}
