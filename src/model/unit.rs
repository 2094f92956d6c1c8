//! Bytes, durations, instants and transfer rates, and the only conversions between them.
//!
//! All are integers, so that equal inputs give equal bytes on every machine. No clock is read here.

use std::ops::{Add, AddAssign, Sub};

/// An amount of data in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

/// A point in time: nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// How long one byte takes: the reciprocal of a bandwidth.
///
/// Kept as a reciprocal, and in a binary fraction of nanoseconds, because a decision multiplies by it
/// several times per candidate, and dividing there would cost more than all else. The error is under one
/// part in a thousand up to 100 GB/s. By default, moving takes no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferRate {
    fractions_per_byte: u64,
}

/// So many bits of a rate are behind the point: fewer would be coarse for fast links, and with more a
/// terabyte on a slow one would overflow.
const FRACTION_BITS: u32 = 14;

/// No registry or disk reaches it.
const BYTES_PER_SECOND_MAX: u64 = 1_000_000_000_000;

/// A share, or a sum of shares, in parts of a thousand: exact where a float would not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerMille(pub u64);

/// An amount of money in millionths of a unit that whoever writes the policy thinks in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(pub u64);

/// Nanoseconds in one second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

impl Nanos {
    /// The duration of so many whole seconds.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// The duration in seconds, for display and metrics only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown with milliseconds, never compared")]
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }
}

impl Time {
    /// How long ago `earlier` was; zero if it has not come yet.
    #[must_use]
    pub const fn since(self, earlier: Time) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant `wait` later, at most the end of time.
    #[must_use]
    pub const fn after(self, wait: Nanos) -> Time {
        Time(self.0.saturating_add(wait.0))
    }
}

impl TransferRate {
    /// The rate of `bytes_per_second`, which must be from 1 to 10^12; `None` otherwise.
    ///
    /// The upper bound keeps at least one picosecond a byte.
    #[must_use]
    pub const fn from_bytes_per_second(bytes_per_second: u64) -> Option<Self> {
        if bytes_per_second == 0 || bytes_per_second > BYTES_PER_SECOND_MAX {
            return None;
        }
        Some(Self { fractions_per_byte: (NANOS_PER_SECOND << FRACTION_BITS) / bytes_per_second })
    }

    /// The rate at which so many bytes took so long, no matter how absurd. No bytes count as one.
    #[must_use]
    pub fn of(bytes: Bytes, took: Nanos) -> Self {
        let fractions = (u128::from(took.0) << FRACTION_BITS) / u128::from(bytes.0.max(1));
        Self { fractions_per_byte: u64::try_from(fractions).unwrap_or(u64::MAX) }
    }

    /// What rates are ordered by: how long a byte takes, in no promised unit.
    #[must_use]
    pub const fn slowness(self) -> u64 {
        self.fractions_per_byte
    }

    /// Bytes a second, from 1 to 10^12: as exact as the rate, one part in 100,000 at 1 Gbit/s.
    #[must_use]
    pub const fn bytes_per_second(self) -> u64 {
        match (NANOS_PER_SECOND << FRACTION_BITS).checked_div(self.fractions_per_byte) {
            None | Some(BYTES_PER_SECOND_MAX..) => BYTES_PER_SECOND_MAX,
            Some(0) => 1,
            Some(bytes) => bytes,
        }
    }

    /// A rate at which a byte takes `factor >> bits` times as long.
    #[must_use]
    pub fn scaled(self, factor: u64, bits: u32) -> Self {
        let fractions = (u128::from(self.fractions_per_byte) * u128::from(factor)) >> bits;
        Self { fractions_per_byte: u64::try_from(fractions).unwrap_or(u64::MAX) }
    }

    /// How long `bytes` take: 100 MB at 100 MB/s is one second.
    #[must_use]
    pub const fn duration_of(self, bytes: Bytes) -> Nanos {
        Nanos(bytes.0.saturating_mul(self.fractions_per_byte) >> FRACTION_BITS)
    }
}

impl PerMille {
    /// This share of `time`.
    #[must_use]
    pub const fn of(self, time: Nanos) -> Nanos {
        // Divided first: a share of a duration near the end of the range must not overflow.
        let whole = (time.0 / 1000).saturating_mul(self.0);
        Nanos(whole.saturating_add(time.0 % 1000 * self.0 / 1000))
    }
}

impl Price {
    /// The price of so many bytes, if this is that of a gigabyte (10^9).
    #[must_use]
    pub fn of_gigabytes(self, bytes: Bytes) -> Self {
        let micros = u128::from(self.0) * u128::from(bytes.0) / 1_000_000_000;
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// What it is worth in time, if one unit of money is worth so much.
    #[must_use]
    pub fn in_time(self, unit: Nanos) -> Nanos {
        let nanos = u128::from(self.0) * u128::from(unit.0) / 1_000_000;
        Nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// In units of money, for display and metrics only.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown with a few digits, never compared")]
    pub fn as_money(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Add for Price {
    type Output = Price;
    fn add(self, other: Price) -> Price {
        Price(self.0.saturating_add(other.0))
    }
}

impl Add for Nanos {
    type Output = Nanos;
    fn add(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_add(other.0))
    }
}

impl Sub for Nanos {
    type Output = Nanos;
    fn sub(self, other: Nanos) -> Nanos {
        Nanos(self.0.saturating_sub(other.0))
    }
}

impl Add for Bytes {
    type Output = Bytes;
    fn add(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Bytes) {
        *self = *self + other;
    }
}

impl Sub for Bytes {
    type Output = Bytes;
    fn sub(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Nanos, TransferRate};

    #[test]
    fn a_hundred_megabytes_at_a_hundred_a_second_take_one_second() {
        let rate = TransferRate::from_bytes_per_second(100_000_000).expect("in range");
        assert_eq!(rate.duration_of(Bytes(100_000_000)), Nanos::from_seconds(1));
    }

    #[test]
    fn a_rate_reads_as_it_was_written() {
        let read = |rate| TransferRate::from_bytes_per_second(rate).map(|r| r.bytes_per_second());
        assert_eq!(read(100_000_000), Some(100_000_000));
        assert_eq!(read(117_000_000), Some(117_000_157));
        assert_eq!(read(1), Some(1));
        assert_eq!(TransferRate::default().bytes_per_second(), 1_000_000_000_000);
        assert_eq!(TransferRate::of(Bytes(1), Nanos(u64::MAX)).bytes_per_second(), 1);
    }

    #[test]
    fn a_rate_of_nothing_and_an_absurd_one_are_refused() {
        assert_eq!(TransferRate::from_bytes_per_second(0), None);
        assert_eq!(TransferRate::from_bytes_per_second(u64::MAX), None);
    }

    #[test]
    fn absurd_sizes_saturate() {
        let rate = TransferRate::from_bytes_per_second(1).expect("in range");
        assert!(rate.duration_of(Bytes(u64::MAX)).0 > Nanos::from_seconds(1_000_000).0);
    }
}
