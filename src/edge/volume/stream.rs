//! Archives between blocking files and sockets: out of a tree as a stream, and out of a stream into one.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use axum::body::Bytes;
use cap_std::fs::Dir;
use futures::Stream;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};

use super::staging::Staging;
use super::unpack::Content;
use super::{Error, failed, pack};

/// Between the disk and the socket: a few reads ahead.
const BUFFER_BYTES: usize = 512 << 10;
/// Handed on at once.
const CHUNK_BYTES: usize = 128 << 10;
/// Who takes nothing for so long is gone, and must not hold one of few streams.
const STALL_MAX: Duration = Duration::from_secs(60);

/// The archive of a tree from a byte on. `kept` lives as long as it is read: a lock, a permit. Where the
/// tree cannot be read the stream ends early.
pub fn archive<K: Send + 'static>(
    data: Dir,
    offset: u64,
    kept: K,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<K> {
    let (inner, reader) = tokio::io::duplex(BUFFER_BYTES);
    let handle = Handle::current();
    tokio::task::spawn_blocking(move || {
        let patient = BufWriter::with_capacity(CHUNK_BYTES, Patient { inner, handle });
        if let Err(error) = pack(&data, offset, patient) {
            tracing::debug!(%error, "an archive was not read to its end");
        }
        drop(kept);
    });
    ReaderStream::with_capacity(reader, CHUNK_BYTES)
}

/// Writes for as long as somebody reads.
struct Patient {
    inner: DuplexStream,
    handle: Handle,
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let writing = timeout(STALL_MAX, self.inner.write(bytes));
        self.handle.block_on(writing).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Unpacks a stream into a volume that is being written.
///
/// # Errors
/// As [`Staging::unpack`].
pub async fn unpack(
    staging: Staging,
    from: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Result<(Staging, Content), Error> {
    let reader = SyncIoBridge::new(StreamReader::new(Box::pin(from)));
    let unpacking = tokio::task::spawn_blocking(move || {
        let content = staging.unpack(reader)?;
        Ok((staging, content))
    });
    let ended = |_| {
        Err(failed("unpack into", std::path::Path::new("the store"))(io::Error::other(
            "a thread ended",
        )))
    };
    unpacking.await.unwrap_or_else(ended)
}
