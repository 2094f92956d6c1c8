//! How long missing layers take: fetched over the network, then unpacked.

use crate::model::unit::{Bytes, Nanos, TransferRate};

/// What moving a compressed byte costs on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PullRates {
    /// From the registry to the node.
    pub fetch: TransferRate,
    /// From compressed blob to snapshot, counted in compressed bytes.
    pub unpack: TransferRate,
}

impl PullRates {
    /// `fetch + unpack` of so many compressed bytes.
    ///
    /// At 100 MB/s each, 500 MB take 10 s. The two are added although a runtime overlaps them in
    /// part: on containerd 2.4 at 50 MB/s, 265 MB took 5.8 s against 5.3 s of fetching alone, so
    /// `unpack` stands for what does not overlap, and is the policy's to set.
    #[must_use]
    pub const fn duration_of(self, bytes: Bytes) -> Nanos {
        self.duration_of_rest(bytes, bytes)
    }

    /// The same of a pull that has begun: all of it is still to be unpacked, and only `left` to be fetched.
    #[must_use]
    pub const fn duration_of_rest(self, left: Bytes, bytes: Bytes) -> Nanos {
        Nanos(self.fetch.duration_of(left).0.saturating_add(self.unpack.duration_of(bytes).0))
    }
}
