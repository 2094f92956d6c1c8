//! Request bodies: how much memory they may take together.
//!
//! Room is taken by the bytes that have come, not by the request. A client that begins a body and falls
//! silent holds what it sent, until the deadline, and nobody waits for it: to keep a scheduler that names
//! nodes waiting, a flood has to fill the room anew within every deadline, 32 MiB in 50 ms or 670 MB/s.
//! Only a body that has outgrown the small ones takes one of a few turns. Who sends that much and then
//! stops can hold up other large ones, whole nodes that is, for a deadline; that is the price of a bound.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A small body: 15,000 nodes by name take about 1 MB.
const SMALL_BYTES_MAX: usize = 2 << 20;
/// Room for the small, and for the beginnings of the large. A scheduler sends one body at a time.
const ROOM_BYTES: usize = 16 * SMALL_BYTES_MAX;
/// Large bodies that are held at once, whatever their size: with the body limit this bounds memory.
const LARGE_MAX: usize = 4;

/// Room for bodies.
#[derive(Debug)]
pub(super) struct Bodies {
    /// The largest body that is read.
    bytes_max: usize,
    /// One permit a byte.
    room: Arc<Semaphore>,
    /// One permit a large body.
    turns: Arc<Semaphore>,
}

/// A whole body, and the room or turn that it takes for as long as it is kept.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _permit: OwnedSemaphorePermit,
}

/// What has come of a body. Most come in one piece, which is not copied; the pieces of others are put
/// together as they come, because each keeps alive the whole buffer that it was read into.
#[derive(Default)]
struct Begun {
    first: Bytes,
    all: Vec<u8>,
}

/// Reserved for a body in pieces on the word of its head; one that is larger grows as it comes.
const RESERVED_BYTES_MAX: usize = 1 << 20;

impl Bodies {
    pub(super) fn new(bytes_max: usize) -> Self {
        let [room, turns] = [ROOM_BYTES, LARGE_MAX].map(|count| Arc::new(Semaphore::new(count)));
        Self { bytes_max, room, turns }
    }

    /// The body, if it comes whole and within bounds; else why not. Waits for what is still to come, and for
    /// room while there is none.
    pub(super) async fn read(&self, body: Body) -> Result<Held, &'static str> {
        // What says that it is too large is not waited for.
        if body.size_hint().lower() > self.bytes_max as u64 {
            return Err("body-too-large");
        }
        let reserved = usize::try_from(body.size_hint().lower()).unwrap_or(RESERVED_BYTES_MAX);
        let mut permit = self.room_for(0).await?;
        let mut begun = Begun::default();
        let mut stream = body.into_data_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(|_| "body-cut-off")?;
            let (before, after) = (begun.len(), begun.len() + piece.len());
            if after > self.bytes_max {
                return Err("body-too-large");
            }
            if after <= SMALL_BYTES_MAX {
                permit.merge(self.room_for(piece.len()).await?);
            } else if before <= SMALL_BYTES_MAX {
                // The turn stands for the whole body: its room is for others.
                permit = self.turn().await?;
            }
            begun.add(piece, reserved.min(RESERVED_BYTES_MAX));
        }
        Ok(Held { bytes: begun.whole(), _permit: permit })
    }

    async fn room_for(&self, bytes: usize) -> Result<OwnedSemaphorePermit, &'static str> {
        let bytes = u32::try_from(bytes).map_err(|_| "body-too-large")?;
        self.room.clone().acquire_many_owned(bytes).await.map_err(|_| "internal-error")
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, &'static str> {
        self.turns.clone().acquire_owned().await.map_err(|_| "internal-error")
    }
}

impl Begun {
    fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    fn add(&mut self, piece: Bytes, reserved: usize) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve(reserved);
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&piece);
    }

    fn whole(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.into() }
    }
}

#[cfg(test)]
impl Bodies {
    /// Bytes of room and turns that are taken.
    pub(super) fn taken(&self) -> (usize, usize) {
        let free = (self.room.available_permits(), self.turns.available_permits());
        (ROOM_BYTES - free.0, LARGE_MAX - free.1)
    }

    /// Waits until all turns are free.
    pub(super) async fn no_turn_is_taken(&self) {
        let all = u32::try_from(LARGE_MAX).expect("a few");
        drop(self.turns.acquire_many(all).await.expect("never closed"));
    }
}
