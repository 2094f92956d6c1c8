//! Why an image could not be looked up: the kind, which decides when to try again, and the words.

use std::time::Duration;

/// A look-up that came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// What went wrong, coarsely.
    pub kind: Kind,
    /// What went wrong, in words, without secrets.
    pub reason: String,
    /// When the registry says it may be asked again.
    pub retry_after: Option<Duration>,
}

/// What went wrong, coarsely: the values of the metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// No connection, no answer in time, or one that was cut off.
    Unreachable,
    /// The registry asks us to slow down (429).
    TooManyRequests,
    /// The registry says that it is broken (5xx).
    ServerError,
    /// It wants credentials that we do not have.
    Denied,
    /// It does not have the image.
    NotFound,
    /// What came is not what was asked for: wrong digest, too large, no manifest.
    Invalid,
    /// An artifact, or an image for other platforms only: nothing that could run.
    NotRunnable,
    /// We do not ask such a registry.
    NotAsked,
}

/// The first pause after the registry itself failed; it doubles.
const REGISTRY_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause for a whole registry: an outage is over at some time, and pods wait.
const REGISTRY_PAUSE_MAX: Duration = Duration::from_secs(600);
/// The first pause after one image failed: time to push it, or to create the secret.
const IMAGE_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause for one image.
const IMAGE_PAUSE_MAX: Duration = Duration::from_secs(3600);
/// A registry that asks for more is asked earlier all the same: its clock may be wrong.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

impl Failure {
    /// A failure of a kind, in words.
    pub fn new(kind: Kind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), retry_after: None }
    }

    /// How long to wait after so many failures in a row, this one included.
    #[must_use]
    pub fn pause(&self, attempts: u32) -> Duration {
        if let Some(asked) = self.retry_after {
            return asked.clamp(Duration::from_secs(1), RETRY_AFTER_MAX);
        }
        let (first, most) = if self.kind.is_of_registry() {
            (REGISTRY_PAUSE, REGISTRY_PAUSE_MAX)
        } else {
            (IMAGE_PAUSE, IMAGE_PAUSE_MAX)
        };
        // Twelve doublings pass every bound, and more would overflow.
        (first * (1 << attempts.saturating_sub(1).min(12))).min(most)
    }
}

impl Kind {
    /// Whether other images of the registry would fare the same.
    #[must_use]
    pub const fn is_of_registry(self) -> bool {
        matches!(self, Self::Unreachable | Self::TooManyRequests | Self::ServerError)
    }

    /// The value of the metric's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TooManyRequests => "too-many-requests",
            Self::ServerError => "server-error",
            Self::Denied => "denied",
            Self::NotFound => "not-found",
            Self::Invalid => "invalid",
            Self::NotRunnable => "not-runnable",
            Self::NotAsked => "not-asked",
        }
    }
}

/// Seconds, or a date as HTTP writes it (RFC 9110, 10.2.3); `None` for anything else.
#[must_use]
pub fn retry_after(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Some(Duration::try_from(date.timestamp().duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Failure, Kind, retry_after};

    #[test]
    fn pauses_double_to_a_bound_and_obey_the_registry() {
        let pause = |kind, attempts| Failure::new(kind, "x").pause(attempts).as_secs();
        assert_eq!([1, 2, 3, 99].map(|n| pause(Kind::ServerError, n)), [5, 10, 20, 600]);
        assert_eq!([1, 2, 99].map(|n| pause(Kind::NotFound, n)), [60, 120, 3600]);
        let asked = Failure {
            retry_after: Some(Duration::from_secs(77)),
            ..Failure::new(Kind::TooManyRequests, "x")
        };
        assert_eq!(asked.pause(5), Duration::from_secs(77));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-11-24T13:00:00Z".parse().expect("a time");
        let after = |text| retry_after(text, now).map(|after| after.as_secs());
        assert_eq!(after("120"), Some(120));
        assert_eq!(after("Tue, 24 Nov 2026 13:01:30 GMT"), Some(90));
        assert_eq!(after("Tue, 24 Nov 2026 12:00:00 GMT"), Some(0));
        assert_eq!(after("soon"), None);
    }
}
