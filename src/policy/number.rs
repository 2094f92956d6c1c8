//! Single numbers of a policy file: within their bounds, or refused by their key.

use crate::model::unit::{Nanos, PerMille, TransferRate};
use crate::policy::Error;

/// An hour: a longer time for one pull or one pod is a mistyped number.
pub(super) const SECONDS_MAX: f64 = 3600.0;
/// Seconds that count for more than ten times what they are leave nothing else to decide by.
const TIMES_MAX: f64 = 10.0;

pub(super) fn rate(key: &'static str, found: u64) -> Result<TransferRate, Error> {
    let expected = "expected bytes a second from 1 to 1000000000000";
    TransferRate::from_bytes_per_second(found).ok_or(Error::Value {
        key,
        expected,
        found: found.to_string(),
    })
}

pub(super) fn share(key: &'static str, found: f64) -> Result<PerMille, Error> {
    part(key, found, 1.0, "expected a share from 0 to 1")
}

pub(super) fn times(key: &'static str, found: f64) -> Result<PerMille, Error> {
    part(key, found, TIMES_MAX, "expected a number from 0 to 10")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 10000")]
fn part(
    key: &'static str,
    found: f64,
    most: f64,
    expected: &'static str,
) -> Result<PerMille, Error> {
    if !(0.0..=most).contains(&found) {
        return Err(Error::Value { key, expected, found: found.to_string() });
    }
    Ok(PerMille((found * 1000.0).round() as u64))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within an hour")]
pub(super) fn seconds(key: &'static str, found: f64) -> Result<Nanos, Error> {
    if !(0.0..=SECONDS_MAX).contains(&found) {
        let expected = "expected seconds from 0 to 3600";
        return Err(Error::Value { key, expected, found: found.to_string() });
    }
    Ok(Nanos((found * 1e9).round() as u64))
}
