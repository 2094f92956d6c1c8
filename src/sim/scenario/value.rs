//! The values of a scenario's keys: amounts, lengths of time, rates and moments, each with its own check,
//! so that what is wrong is told with the line of the value.

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::model::quantity;
use crate::model::unit::{Bytes, NANOS_PER_SECOND, Nanos, Time, TransferRate};

/// Processors, in thousandths: `16`, `500m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu(pub u64);

/// Bytes above zero: `64Gi`, `800M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub Bytes);

/// A length of time: `90s`, `5m`, `250ms`, `1h 30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span(pub Nanos);

/// Time between two of many: `10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval(pub Nanos);

/// Bytes a second: `117M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub TransferRate);

/// A point in time: RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment(pub Time);

/// A number from 1 up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u32);

/// By how much time is pressed together: 1 leaves it as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor(pub u64);

impl Default for Factor {
    fn default() -> Self {
        Self(1)
    }
}

/// A year: a longer simulation is a mistyped number.
const SPAN_MAX: Nanos = Nanos::from_seconds(366 * 86_400);
/// Nothing in a cluster is written more often, and a simulation that did nothing else would not end.
const INTERVAL_MIN: Nanos = Nanos(NANOS_PER_SECOND / 10);
/// A million nodes, runs or pods at a time: what one run of the simulator is meant for.
const COUNT_MAX: u32 = 1_000_000;

impl Cpu {
    fn parse(text: &str) -> Result<Self, String> {
        match quantity::millis(text)? {
            0 => Err("expected processors above 0, as 16 or 500m".to_owned()),
            millis => Ok(Self(millis)),
        }
    }
}

impl Size {
    fn parse(text: &str) -> Result<Self, String> {
        match quantity::bytes(text)? {
            Bytes(0) => Err("expected bytes above 0, as 64Gi or 800M".to_owned()),
            bytes => Ok(Self(bytes)),
        }
    }
}

impl Span {
    fn parse(text: &str) -> Result<Self, String> {
        let duration = humantime::parse_duration(text)
            .map_err(|_| format!("{text:?}: expected a duration, as 90s, 250ms or 1h 30m"))?;
        let nanos = u64::try_from(duration.as_nanos()).map_or(Nanos(u64::MAX), Nanos);
        if nanos > SPAN_MAX {
            Err(format!("{text:?}: expected at most a year"))
        } else {
            Ok(Self(nanos))
        }
    }
}

impl Interval {
    fn parse(text: &str) -> Result<Self, String> {
        match Span::parse(text)?.0 {
            span if span < INTERVAL_MIN => Err(format!("{text:?}: expected at least 100ms")),
            span => Ok(Self(span)),
        }
    }
}

impl Rate {
    fn parse(text: &str) -> Result<Self, String> {
        let rate = TransferRate::from_bytes_per_second(quantity::bytes(text)?.0);
        rate.map(Self).ok_or_else(|| format!("{text:?}: expected bytes a second from 1 to 1T"))
    }
}

impl Moment {
    fn parse(text: &str) -> Result<Self, String> {
        time(text).map(Self)
    }
}

/// A point in time, 1970 or later.
///
/// # Errors
/// If it is not RFC 3339.
pub fn time(text: &str) -> Result<Time, String> {
    let expected = || format!("{text:?}: expected RFC 3339, as 2026-05-11T20:34:15Z");
    let time: jiff::Timestamp = text.parse().map_err(|_| expected())?;
    u64::try_from(time.as_nanosecond()).map(Time).map_err(|_| expected())
}

impl Count {
    fn parse(text: &str) -> Result<Self, String> {
        let count = text.parse().ok().filter(|count| (1..=COUNT_MAX).contains(count));
        count.map(Self).ok_or_else(|| format!("{text:?}: expected a number from 1 to {COUNT_MAX}"))
    }
}

impl Factor {
    fn parse(text: &str) -> Result<Self, String> {
        let factor = text.parse().ok().filter(|factor| (1..=1_000_000).contains(factor));
        factor.map(Self).ok_or_else(|| format!("{text:?}: expected a factor from 1 to 1000000"))
    }
}

/// A scalar as it is written, quoted or not.
struct Scalar;

impl Visitor<'_> for Scalar {
    type Value = String;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number or a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

macro_rules! read_as_scalar {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::parse(&from.deserialize_any(Scalar)?).map_err(D::Error::custom)
            }
        }
    )*};
}

read_as_scalar!(Cpu, Size, Span, Interval, Rate, Moment, Count, Factor);
