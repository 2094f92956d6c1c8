//! The part of a policy about named volumes and runs: where missing ones come from, how fast and at what
//! price, and what the company of a run is worth.

use serde::Deserialize;

use crate::model::unit::{Bytes, Nanos, PerMille, Price, TransferRate};
use crate::model::volume::VolumeKind;
use crate::policy::Error;
use crate::policy::lookahead::{LookaheadKeys, LookaheadPolicy};
use crate::policy::number::{rate, seconds, share, times};

/// Where volumes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPolicy {
    /// From a node in the zone.
    pub peer: TransferRate,
    /// From a node in another zone.
    pub zone: Tier,
    /// From the registry.
    pub registry: Tier,
    /// The zone of the registry; empty for one that is in all.
    pub registry_zone: String,
    /// From the blob store.
    pub blob_store: Tier,
    /// The zone of the blob store; empty for one that is in all.
    pub blob_store_zone: String,
    /// What one unit of money is worth in time.
    pub time_per_money: Nanos,
    /// By how many times its own seconds bringing a volume to a second node counts as avoidable.
    pub avoidable_times: PerMille,
    /// By kind of volume, in the order of [`VolumeKind::ALL`].
    pub kinds: [KindPolicy; 4],
}

/// A source of which bytes can cross a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Of its link.
    pub rate: TransferRate,
    /// Of a gigabyte that crosses a zone.
    pub gigabyte_price: Price,
}

/// What is assumed of a kind of volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindPolicy {
    /// Its size where nobody tells it.
    pub bytes: Bytes,
    /// Where it can be had if no node holds it.
    pub fallback: Fallback,
}

/// Where a volume can be had if no node holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// Nowhere: the step does without, or makes it anew.
    None,
    /// From the registry.
    Registry,
    /// From the blob store.
    BlobStore,
}

/// What the company of a run is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunPolicy {
    /// How likely a later step of the run needs what this pod leaves together with what is there already.
    pub later_step_share: PerMille,
    /// Waiting step pods at which a node has no room for more of a run.
    pub waiting_pods_max: u32,
    /// What layers of its later steps are worth.
    pub lookahead: LookaheadPolicy,
}

impl StreamPolicy {
    /// What is assumed of a kind.
    #[must_use]
    pub const fn kind(&self, kind: VolumeKind) -> KindPolicy {
        self.kinds[kind as usize]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct StreamKeys {
    zone_bytes_per_second: u64,
    cross_zone_bytes_per_second: u64,
    registry_bytes_per_second: u64,
    blob_store_bytes_per_second: u64,
    registry_zone: String,
    blob_store_zone: String,
    price_per_gigabyte: PriceKeys,
    seconds_per_money: f64,
    avoidable_times: f64,
    kinds: KindsKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PriceKeys {
    cross_zone: f64,
    registry: f64,
    blob_store: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KindsKeys {
    resource_cache: KindKeys,
    task_cache: KindKeys,
    output: KindKeys,
    other: KindKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct KindKeys {
    unsized_bytes: u64,
    fallback: Fallback,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RunKeys {
    later_step_share: f64,
    waiting_pods_max: u32,
    lookahead: LookaheadKeys,
}

impl StreamKeys {
    pub(super) fn validate(self) -> Result<StreamPolicy, Error> {
        let tier = |(rate_key, bytes_per_second), (price_key, found)| {
            let (rate, gigabyte_price) =
                (rate(rate_key, bytes_per_second)?, price(price_key, found)?);
            Ok::<_, Error>(Tier { rate, gigabyte_price })
        };
        let prices = self.price_per_gigabyte;
        Ok(StreamPolicy {
            peer: rate("stream.zoneBytesPerSecond", self.zone_bytes_per_second)?,
            zone: tier(
                ("stream.crossZoneBytesPerSecond", self.cross_zone_bytes_per_second),
                ("stream.pricePerGigabyte.crossZone", prices.cross_zone),
            )?,
            registry: tier(
                ("stream.registryBytesPerSecond", self.registry_bytes_per_second),
                ("stream.pricePerGigabyte.registry", prices.registry),
            )?,
            registry_zone: self.registry_zone,
            blob_store: tier(
                ("stream.blobStoreBytesPerSecond", self.blob_store_bytes_per_second),
                ("stream.pricePerGigabyte.blobStore", prices.blob_store),
            )?,
            blob_store_zone: self.blob_store_zone,
            time_per_money: seconds("stream.secondsPerMoney", self.seconds_per_money)?,
            avoidable_times: times("stream.avoidableTimes", self.avoidable_times)?,
            kinds: self.kinds.in_order(),
        })
    }
}

impl KindsKeys {
    fn in_order(self) -> [KindPolicy; 4] {
        let Self { resource_cache, task_cache, output, other } = self;
        [resource_cache, task_cache, output, other]
            .map(|keys| KindPolicy { bytes: Bytes(keys.unsized_bytes), fallback: keys.fallback })
    }
}

impl RunKeys {
    pub(super) fn validate(self) -> Result<RunPolicy, Error> {
        Ok(RunPolicy {
            later_step_share: share("run.laterStepShare", self.later_step_share)?,
            waiting_pods_max: self.waiting_pods_max,
            lookahead: self.lookahead.validate()?,
        })
    }
}

/// Clouds ask cents for a gigabyte; whoever counts in a currency of thousands to the euro has room too.
const PRICE_MAX: f64 = 100_000.0;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within PRICE_MAX")]
fn price(key: &'static str, found: f64) -> Result<Price, Error> {
    if !(0.0..=PRICE_MAX).contains(&found) {
        let expected = "expected a price of a gigabyte from 0 to 100000";
        return Err(Error::Value { key, expected, found: found.to_string() });
    }
    Ok(Price((found * 1e6).round() as u64))
}
