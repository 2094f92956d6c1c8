//! What a node whose disk runs full will pull again: garbage collection makes room for a pod's images by
//! removing others.
//!
//! A kubelet collects when its image file system is used to the high threshold, down to the low one, the
//! images first that were not used for longest (`image_gc_manager.go`, 1.37). Which those are and whether
//! anybody wants them again cannot be known: a share of their bytes counts.

use crate::model::inventory::DiskSpace;
use crate::model::unit::{Bytes, PerMille};

/// When and how far a kubelet collects, and what that costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PressureRules {
    /// Usage in percent at which a kubelet collects.
    pub high_percent: u64,
    /// Usage in percent down to which it does; below the high one.
    pub low_percent: u64,
    /// Bytes on the disk for each compressed byte.
    pub disk_bytes_per_byte: PerMille,
    /// Share of the bytes removed that will be pulled again; zero for no cost.
    pub refetch_share: PerMille,
}

impl PressureRules {
    /// Compressed bytes that will be pulled again if so many are brought to a disk now: none where they fit
    /// under the high threshold, and none for a pod that brings nothing.
    #[must_use]
    pub fn refetched(&self, disk: DiskSpace, brought: Bytes) -> Bytes {
        let size = u128::from(disk.size.0);
        if brought.0 == 0 || size == 0 {
            return Bytes(0);
        }
        let growth = u128::from(self.disk_bytes_per_byte.0.max(1));
        let added = u128::from(brought.0) * growth / 1000;
        let free = u128::from(disk.free.0);
        let free_percent = free.saturating_sub(added) * 100 / size;
        if free_percent > u128::from(100_u64.saturating_sub(self.high_percent)) {
            return Bytes(0);
        }
        let wanted_free = size * u128::from(100_u64.saturating_sub(self.low_percent)) / 100;
        let removed = (wanted_free + added).saturating_sub(free);
        let refetched = removed * 1000 / growth * u128::from(self.refetch_share.0) / 1000;
        Bytes(u64::try_from(refetched).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, proptest};

    use super::PressureRules;
    use crate::model::inventory::DiskSpace;
    use crate::model::unit::{Bytes, PerMille};
    use crate::state::fixtures::cases;

    const RULES: PressureRules = PressureRules {
        high_percent: 85,
        low_percent: 80,
        disk_bytes_per_byte: PerMille(2_000),
        refetch_share: PerMille(500),
    };

    fn refetched(free: u64, brought: u64) -> u64 {
        RULES.refetched(DiskSpace { size: Bytes(1_000), free: Bytes(free) }, Bytes(brought)).0
    }

    #[test]
    fn what_fits_under_the_high_threshold_costs_nothing() {
        // 1,000 bytes: collected at 150 free and fewer, to a kubelet's whole percents, until 200 are.
        assert_eq!([refetched(260, 50), refetched(400, 100), refetched(0, 0)], [0; 3]);
    }

    #[test]
    fn half_of_what_is_removed_is_pulled_again() {
        // 150 are left, so 50 are removed: 25 compressed.
        assert_eq!(refetched(250, 50), 12);
        // Full as it is, 200 and what comes are removed.
        assert_eq!(refetched(0, 10), (220 / 2) / 2);
        // What is larger than the disk makes no sense and no overflow.
        assert!(refetched(100, u64::MAX) > u64::MAX / 3);
    }

    proptest! {
        #![proptest_config(cases(500))]

        #[test]
        fn more_free_bytes_and_fewer_to_bring_never_cost_more(
            size in any::<u64>(),
            free in (any::<u64>(), any::<u64>()),
            brought in (any::<u64>(), any::<u64>()),
        ) {
            let free = [free.0.min(free.1), free.0.max(free.1)].map(|free| Bytes(free.min(size)));
            let brought = [brought.0.min(brought.1), brought.0.max(brought.1)].map(Bytes);
            let [less, more] = free.map(|free| DiskSpace { size: Bytes(size), free });
            for bytes in brought {
                prop_assert!(RULES.refetched(more, bytes) <= RULES.refetched(less, bytes));
            }
            for disk in [less, more] {
                let [fewer, all] = brought.map(|bytes| RULES.refetched(disk, bytes));
                prop_assert!(fewer <= all);
            }
        }
    }
}
