//! Somebody who hears every event once the tracker has applied it, in the order of applying. Nobody, in most
//! processes, and then nothing is copied.

use std::fmt;

use crate::model::cluster::Cluster;
use crate::model::unit::Time;
use crate::state::event::Event;

type Hear = dyn Fn(&Event, &Cluster, Time) + Send + Sync;

/// Nobody, or somebody. Called behind the tracker's lock: who listens must not ask for it.
#[derive(Default)]
pub struct Listener(Option<Box<Hear>>);

impl Listener {
    /// Somebody.
    pub fn new(hear: impl Fn(&Event, &Cluster, Time) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(hear)))
    }

    /// The event for whoever listens.
    pub(super) fn copy(&self, event: &Event) -> Option<Event> {
        self.0.as_ref().map(|_| event.clone())
    }

    pub(super) fn hear(&self, event: &Event, cluster: &Cluster, now: Time) {
        if let Some(hear) = &self.0 {
            hear(event, cluster, now);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}
