//! That something in the store changed, by containerd's events.
//!
//! Events are hints: they say when to read again, never what is there. One that is missed, while
//! containerd restarts, is made up for by the next full reading.

use super::client::{Containerd, Error};

/// Topics of names, blobs and layers. `content` events exist since containerd 2.0.
const TOPICS: [&str; 3] = ["images", "content", "snapshot"];

impl Containerd {
    /// Calls `each` at every change in this namespace, until the connection breaks.
    ///
    /// # Errors
    /// Always, at the end: why it broke.
    pub async fn watch_changes(&self, mut each: impl FnMut()) -> Error {
        let filters =
            TOPICS.map(|topic| format!("namespace=={},topic~=\"^/{topic}/\"", self.name()));
        // A subscription that succeeded is silent until something happens: whether anybody is there has
        // to be asked first.
        if let Err(error) = self.version().await {
            return error;
        }
        // For what happened before. Whoever reads now does so after the request below is on its way.
        each();
        let mut events = match self.subscribe(filters.to_vec()).await {
            Ok(events) => events,
            Err(error) => return error,
        };
        each();
        loop {
            match events.message().await {
                Ok(Some(_)) => each(),
                Ok(None) => return Error::Refused { call: "events", reason: "ended".to_owned() },
                Err(status) => return self.broken_stream(&status),
            }
        }
    }
}
