//! The part of a policy that says what garbage collection on full disks costs.

use serde::Deserialize;

use super::{Error, share};
use crate::model::unit::PerMille;

/// When a kubelet removes images, and what of them will be pulled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    /// Usage of the image file system at which it begins, in percent.
    pub high_percent: u64,
    /// Usage at which it ends, in percent.
    pub low_percent: u64,
    /// Bytes on the disk for each compressed byte.
    pub disk_bytes_per_byte: PerMille,
    /// Share of the bytes removed that will be pulled again; zero switches it off.
    pub refetch_share: PerMille,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PressureKeys {
    high_threshold_percent: u64,
    low_threshold_percent: u64,
    disk_bytes_per_byte: f64,
    refetch_share: f64,
}

/// Nothing that is stored is compressed so well that more would be no mistake.
const DISK_BYTES_PER_BYTE_MAX: f64 = 100.0;

impl PressureKeys {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
    pub(super) fn validate(self) -> Result<Pressure, Error> {
        let (high, low) = (self.high_threshold_percent, self.low_threshold_percent);
        if low >= high || high > 100 {
            let expected = "expected lowThresholdPercent < highThresholdPercent <= 100";
            let found = format!("{low} and {high}");
            return Err(Error::Value { key: "pressure", expected, found });
        }
        let growth = self.disk_bytes_per_byte;
        if !(0.1..=DISK_BYTES_PER_BYTE_MAX).contains(&growth) {
            let (key, found) = ("pressure.diskBytesPerByte", growth.to_string());
            return Err(Error::Value { key, expected: "expected 0.1 to 100", found });
        }
        Ok(Pressure {
            high_percent: high,
            low_percent: low,
            disk_bytes_per_byte: PerMille((growth * 1000.0).round() as u64),
            refetch_share: share("pressure.refetchShare", self.refetch_share)?,
        })
    }
}
