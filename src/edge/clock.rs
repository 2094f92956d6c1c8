//! The only reader of real time. Everything below the edges gets the time as an argument.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::unit::Time;

/// Where `now` comes from.
#[derive(Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    Real,
    /// Set by hand: an embedded cluster runs in a time of its own.
    Manual(AtomicU64),
}

impl Clock {
    /// A clock that stands at `time` until it is set.
    #[must_use]
    pub fn manual(time: Time) -> Self {
        Self::Manual(AtomicU64::new(time.0))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Time {
        match self {
            Self::Real => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                // Nanoseconds since 1970 fit 64 bits until 2554.
                Time(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
            }
            Self::Manual(nanos) => Time(nanos.load(Ordering::Acquire)),
        }
    }

    /// Sets a manual clock; a real one cannot be set and stays as it is.
    pub fn set(&self, time: Time) {
        if let Self::Manual(nanos) = self {
            nanos.store(time.0, Ordering::Release);
        }
    }
}
