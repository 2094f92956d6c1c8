//! A tree copied by way of its archive: what arrives is what any other node would get.

use std::io::{self, BufReader, BufWriter, ErrorKind};

use cap_std::fs::Dir;

use super::pack::pack;
use super::unpack::{Content, unpack};

/// Handed on at once: fewer changes between the two sides.
const BUFFER_BYTES: usize = 256 << 10;

/// Copies one tree into an empty folder, and says what its archive is.
///
/// # Errors
/// If one cannot be read or the other not written.
pub fn copy(from: &Dir, to: &Dir) -> io::Result<Content> {
    let (reader, writer) = io::pipe()?;
    std::thread::scope(|scope| {
        let packing =
            scope.spawn(move || pack(from, 0, BufWriter::with_capacity(BUFFER_BYTES, writer)));
        let mut unpacked = unpack(BufReader::with_capacity(BUFFER_BYTES, reader), to);
        let packed = packing.join().unwrap_or_else(|_| Err(io::Error::other("packing failed")));
        match packed {
            // The other side went away first, and says why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) => unpacked = Err(error),
            Ok(()) => {}
        }
        unpacked
    })
}
