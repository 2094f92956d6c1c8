//! A tree as one archive: the same bytes for the same tree, whoever makes it, from any byte on.
//!
//! A tar of what a volume keeps, in the order of [`walk`]. Its digest is the volume's, and it is what peers
//! and registries send: a broken connection goes on at the byte where it broke. Not compressed: what is
//! large in volumes mostly is already, and then bytes on the wire are the volume's.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::unpack::{Content, digest_of};
use crate::edge::tree::{placed, walk};

/// What a tar entry has before its bytes, at most: its header, and headers and blocks of two long names.
/// A path has up to 4096 bytes (PATH_MAX), a link as many.
const HEAD_BYTES_MAX: u64 = 512 + 2 * (512 + 4096 + 512);

/// Writes the archive of a tree from the byte `offset` on. Files before it are not read.
///
/// # Errors
/// If something of the tree cannot be read or is nothing that a volume keeps, with its path; or if it
/// cannot be written.
pub fn pack(root: &Dir, offset: u64, to: impl Write) -> io::Result<()> {
    let skipping = Skipping { inner: to, position: 0, offset };
    let mut packing = Packing { root, tar: Builder::new(skipping), linked: HashMap::new() };
    packing.tar.sparse(false);
    walk(root, &mut |path, metadata| packing.entry(path, metadata))?;
    packing.tar.into_inner()?.inner.flush()
}

/// The length of a tree's archive; reads no file.
///
/// # Errors
/// As [`pack`].
pub fn archive_bytes(root: &Dir) -> io::Result<u64> {
    let mut counter = Counter::default();
    let skipping = Skipping { inner: &mut counter, position: 0, offset: u64::MAX };
    let mut packing = Packing { root, tar: Builder::new(skipping), linked: HashMap::new() };
    walk(root, &mut |path, metadata| packing.entry(path, metadata))?;
    Ok(packing.tar.into_inner()?.position)
}

/// The digest and length of a tree's archive; reads every file.
///
/// # Errors
/// As [`pack`].
pub fn digest(root: &Dir) -> io::Result<Content> {
    let mut counter = Counter::default();
    pack(root, 0, &mut counter)?;
    Ok(Content { digest: digest_of(counter.hash), bytes: counter.bytes })
}

struct Packing<'a, W: Write> {
    root: &'a Dir,
    tar: Builder<Skipping<W>>,
    /// The first path of a file that has several.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl<W: Write> Packing<'_, W> {
    fn entry(&mut self, path: &Path, metadata: &Metadata) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_mode(metadata.mode() & 0o777);
        header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0));
        header.set_size(0);
        let kind = metadata.file_type();
        if kind.is_dir() {
            header.set_entry_type(EntryType::Directory);
            self.tar.append_data(&mut header, path, io::empty())
        } else if kind.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            header.set_mtime(0);
            let target = self.root.read_link_contents(path).map_err(placed(path))?;
            self.tar.append_link(&mut header, path, target)
        } else if kind.is_file() {
            self.file(header, path, metadata)
        } else {
            let why = "a socket, pipe or device: volumes hold files, folders and links only";
            Err(placed(path)(io::Error::new(io::ErrorKind::InvalidInput, why)))
        }
    }

    fn file(&mut self, mut header: Header, path: &Path, metadata: &Metadata) -> io::Result<()> {
        if metadata.nlink() > 1 {
            let file = (metadata.dev(), metadata.ino());
            if let Some(first) = self.linked.get(&file) {
                header.set_entry_type(EntryType::Link);
                return self.tar.append_link(&mut header, path, first);
            }
            self.linked.insert(file, path.to_owned());
        }
        let bytes = metadata.size();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes);
        let skipping = self.tar.get_ref();
        let end = skipping.position.saturating_add(HEAD_BYTES_MAX).saturating_add(bytes);
        if end <= skipping.offset {
            return self.tar.append_data(&mut header, path, io::repeat(0).take(bytes));
        }
        // Should it have become a pipe meanwhile, opening it must not wait for a writer.
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let file = self.root.open_with(path, &options).map_err(placed(path))?;
        let exactly = Exactly { inner: file, left: bytes };
        self.tar.append_data(&mut header, path, exactly).map_err(placed(path))
    }
}

/// Reads so many bytes; fewer are an error, more are left.
struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "changed while it was read"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Writes what lies beyond an offset.
struct Skipping<W> {
    inner: W,
    position: u64,
    offset: u64,
}

impl<W: Write> Write for Skipping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let before = self.offset.saturating_sub(self.position);
        let before = usize::try_from(before).unwrap_or(usize::MAX).min(bytes.len());
        let mut count = before;
        if before < bytes.len() {
            count += self.inner.write(&bytes[before..])?;
        }
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[derive(Default)]
struct Counter {
    hash: Sha256,
    bytes: u64,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
