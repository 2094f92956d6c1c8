//! Whether a new inventory is worth a write, and how writes are spread over time.

use std::time::Duration;

use super::node::{Disk, InventorySpec};
use crate::model::chain_id::sha256;

/// Whether what nodes hold differs between two inventories. The time of observation and those of volumes'
/// last use do not count, and of free bytes only a change of more than a hundredth of the disk.
#[must_use]
pub fn differs(published: &InventorySpec, new: &InventorySpec) -> bool {
    let mut comparable = new.clone();
    comparable.observed_at = published.observed_at.clone();
    if is_near(published.disk, new.disk) {
        comparable.disk = published.disk;
    }
    for (volume, before) in comparable.volumes.iter_mut().zip(&published.volumes) {
        volume.last_used.clone_from(&before.last_used);
    }
    comparable != *published
}

fn is_near(published: Option<Disk>, new: Option<Disk>) -> bool {
    let (Some(published), Some(new)) = (published, new) else {
        return false;
    };
    let moved = published.free_bytes.abs_diff(new.free_bytes);
    published.size_bytes == new.size_bytes && moved <= new.size_bytes / 100
}

/// A share of `span` that is a node's own: the same at each call, evenly spread over nodes. Agents that
/// start together, as a DaemonSet's do, thus write one after the other.
#[must_use]
pub fn own_share(node: &str, span: Duration) -> Duration {
    let digits = sha256(node.as_bytes());
    let thousandths = u32::from_str_radix(&digits[7..15], 16).unwrap_or(0) % 1_000;
    span / 1_000 * thousandths
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{differs, own_share};
    use crate::edge::inventory::node::{Disk, InventorySpec, Pull, StoredVolume};
    use crate::edge::inventory::report::tests::{at, empty_inventory};

    fn with_free(free_bytes: u64) -> InventorySpec {
        let disk = Some(Disk { size_bytes: 1_000, free_bytes });
        InventorySpec { disk, ..empty_inventory() }
    }

    #[test]
    fn time_alone_and_a_little_space_are_no_change() {
        let published = with_free(500);
        let later = InventorySpec { observed_at: at(99), ..with_free(510) };
        assert!(!differs(&published, &later));
        assert!(differs(&published, &with_free(511)));
        assert!(differs(&published, &with_free(489)));
        assert!(differs(&published, &empty_inventory()));
    }

    #[test]
    fn a_volume_more_is_a_change_and_its_use_is_none() {
        let volume = |key: &str, used| StoredVolume {
            key: key.to_owned(),
            last_used: Some(at(used)),
            ..StoredVolume::default()
        };
        let of = |volumes| InventorySpec { volumes, ..empty_inventory() };
        let published = of(vec![volume("a", 1)]);
        assert!(!differs(&published, &of(vec![volume("a", 2)])));
        assert!(differs(&published, &of(vec![volume("b", 1)])));
        assert!(differs(&published, &of(vec![volume("a", 1), volume("b", 1)])));
    }

    #[test]
    fn progress_of_a_pull_is_a_change() {
        let pull = |offset_bytes| Pull { offset_bytes, ..Pull::default() };
        let of = |pull| InventorySpec { pulls: vec![pull], ..empty_inventory() };
        assert!(differs(&of(pull(1)), &of(pull(2))));
        assert!(!differs(&of(pull(1)), &of(pull(1))));
    }

    #[test]
    fn a_thousand_nodes_share_a_span_evenly() {
        let span = Duration::from_secs(30);
        let mut tenths = [0; 10];
        for node in 0..1_000 {
            let share = own_share(&format!("node-{node}"), span);
            assert!(share < span);
            tenths[(share.as_millis() / 3_000) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (60..=140).contains(count)), "{tenths:?}");
        assert_eq!(own_share("a", span), own_share("a", span));
    }
}
