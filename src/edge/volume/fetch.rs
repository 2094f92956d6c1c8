//! An archive over a connection that may break: it goes on at the byte where it broke.
//!
//! Whose archive it is, is [`super::peer`]'s and the registry's; whether it is the right one, its digest's.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use futures::{Stream, stream};
use reqwest::Response;
use tokio::time::{sleep, timeout};

/// Failures in a row, without a byte between them: with the pauses, half a minute for a holder that is
/// busy or starts again.
const FAILURES_MAX: u32 = 6;
/// The first pause; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// A connection without a byte for so long is broken.
pub(super) const STALL_MAX: Duration = Duration::from_secs(30);

/// Why a source does not go on.
#[derive(Debug)]
pub struct Refusal {
    /// In words.
    pub reason: String,
    /// Whether it makes sense to ask again.
    pub is_final: bool,
    /// Whether it has it, and serves others now.
    pub is_busy: bool,
}

impl Refusal {
    /// One that may pass.
    pub fn passing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_final: false, is_busy: false }
    }

    /// One that stays.
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self { is_final: true, ..Self::passing(reason) }
    }
}

/// Where an archive comes from, and how far it is.
struct Fetching<O> {
    open: O,
    response: Option<Response>,
    position: u64,
    bytes: u64,
    failures: u32,
    received: Arc<AtomicU64>,
}

/// The bytes of an archive of known length. `open` gives it from a byte on; `first` is its start, where that
/// was asked for already. `received` counts what came, repeated bytes included.
pub fn fetch<O, F>(
    bytes: u64,
    received: Arc<AtomicU64>,
    first: Option<Response>,
    open: O,
) -> impl Stream<Item = io::Result<Bytes>> + Send
where
    O: Fn(u64) -> F + Send + Sync,
    F: Future<Output = Result<Response, Refusal>> + Send,
{
    let start = Fetching { open, response: first, position: 0, bytes, failures: 0, received };
    stream::try_unfold(start, |mut fetching| async move {
        while fetching.position < fetching.bytes {
            match fetching.next().await {
                Ok(chunk) => return Ok(Some((chunk, fetching))),
                Err(refusal) => fetching.pause(refusal).await?,
            }
        }
        Ok(None)
    })
}

impl<O, F> Fetching<O>
where
    O: Fn(u64) -> F + Send + Sync,
    F: Future<Output = Result<Response, Refusal>> + Send,
{
    async fn next(&mut self) -> Result<Bytes, Refusal> {
        let response = match &mut self.response {
            Some(response) => response,
            none => {
                let opened = timeout(STALL_MAX, (self.open)(self.position)).await;
                none.insert(opened.map_err(|_| Refusal::passing("no answer for half a minute"))??)
            }
        };
        let chunk = match timeout(STALL_MAX, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return Err(Refusal::passing("it ended early")),
            Ok(Err(_)) => return Err(Refusal::passing("the connection broke")),
            Err(_) => return Err(Refusal::passing("nothing came for half a minute")),
        };
        self.received.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        self.position += chunk.len() as u64;
        if self.position > self.bytes {
            return Err(Refusal::lasting("it is longer than was told"));
        }
        self.failures = 0;
        Ok(chunk)
    }

    async fn pause(&mut self, refusal: Refusal) -> io::Result<()> {
        self.response = None;
        self.failures += 1;
        if refusal.is_final || self.failures > FAILURES_MAX {
            return Err(io::Error::other(refusal.reason));
        }
        tracing::debug!(reason = refusal.reason, at = self.position, "asking again");
        sleep(PAUSE * (1 << (self.failures - 1))).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use futures::TryStreamExt;
    use tokio::time::Instant;

    use super::{FAILURES_MAX, STALL_MAX, fetch};

    #[tokio::test(start_paused = true)]
    async fn a_source_that_takes_a_question_and_never_answers_is_given_up() {
        let start = Instant::now();
        let archive = Box::pin(fetch(10, Arc::default(), None, |_| pending()));
        let error = archive.try_collect::<Vec<_>>().await.expect_err("nothing came");
        assert_eq!(error.to_string(), "no answer for half a minute");
        assert!(start.elapsed() < STALL_MAX * (FAILURES_MAX + 3), "{:?}", start.elapsed());
    }
}
