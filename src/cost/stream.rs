//! How long a missing volume takes from where it can be had, and what its bytes cost in money.

use crate::model::unit::{Bytes, Nanos, Price, Time, TransferRate};

/// Where a volume can come from, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Another node in the zone.
    Peer,
    /// A node in another zone.
    Zone,
    /// A registry.
    Registry,
    /// A blob store.
    BlobStore,
}

/// One way for a volume to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where it comes from.
    pub source: Source,
    /// Of the whole link.
    pub rate: TransferRate,
    /// Streams that share the source's link already.
    pub sharing: u32,
    /// Its bytes cross a zone.
    pub crosses_zone: bool,
    /// Of a gigabyte that crosses a zone.
    pub gigabyte_price: Price,
}

impl Way {
    /// How long so many bytes take: the link is shared evenly.
    ///
    /// At 100 MB/s, 500 MB take 5 s alone and 15 s beside two other streams. Those may end before: then it
    /// is less, as nobody can know when the next ones begin.
    #[must_use]
    pub fn duration_of(&self, bytes: Bytes) -> Nanos {
        let alone = self.rate.duration_of(bytes);
        Nanos(alone.0.saturating_mul(u64::from(self.sharing) + 1))
    }

    /// What is left of a stream that began at a time, the others as they are now.
    #[must_use]
    pub fn left_of(&self, bytes: Bytes, begun_at: Time, now: Time) -> Nanos {
        begun_at.after(self.duration_of(bytes)).since(now)
    }

    /// Of so many bytes, those that cross a zone.
    #[must_use]
    pub fn zone_bytes(&self, bytes: Bytes) -> Bytes {
        if self.crosses_zone { bytes } else { Bytes(0) }
    }

    /// The price of so many bytes: nothing where they cross no zone.
    #[must_use]
    pub fn price_of(&self, bytes: Bytes) -> Price {
        self.gigabyte_price.of_gigabytes(self.zone_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, Way};
    use crate::model::unit::{Bytes, Nanos, Price, Time, TransferRate};

    fn way(sharing: u32) -> Way {
        let rate = TransferRate::from_bytes_per_second(100_000_000).expect("in range");
        let gigabyte_price = Price(20_000);
        Way { source: Source::Zone, rate, sharing, crosses_zone: true, gigabyte_price }
    }

    #[test]
    fn streams_share_a_link_evenly() {
        assert_eq!(way(0).duration_of(Bytes(500_000_000)), Nanos::from_seconds(5));
        assert_eq!(way(2).duration_of(Bytes(500_000_000)), Nanos::from_seconds(15));
    }

    #[test]
    fn only_what_is_left_of_a_stream_is_waited_for() {
        let began = Time(0).after(Nanos::from_seconds(100));
        let left = |seconds| {
            way(1).left_of(Bytes(500_000_000), began, Time(0).after(Nanos::from_seconds(seconds)))
        };
        assert_eq!([left(100), left(104), left(111)], [10, 6, 0].map(Nanos::from_seconds));
    }

    #[test]
    fn only_bytes_that_cross_a_zone_have_a_price() {
        assert_eq!(way(0).price_of(Bytes(2_500_000_000)), Price(50_000));
        let near = Way { crosses_zone: false, ..way(0) };
        assert_eq!(near.price_of(Bytes(2_500_000_000)), Price(0));
        assert_eq!(near.zone_bytes(Bytes(9)), Bytes(0));
    }
}
