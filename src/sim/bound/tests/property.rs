//! No bound exceeds the true least, and no simple placement goes below that.

use proptest::bool::weighted;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::TestCaseError;
use proptest::{collection, prop_assert, proptest};

use super::exact;
use super::greedy::{Rule, moved};
use super::{parts, pod, room};
use crate::model::unit::{Bytes, Nanos};
use crate::sim::bound::all;
use crate::sim::bound::demand::{Demand, Parts};

/// At most eight pods of up to four layers, on three nodes or fewer, whose disks are small or have no limit.
fn crowded() -> impl Strategy<Value = Parts> {
    let rooms = collection::vec((1..4_u64, proptest::option::of(8..20_u64)), 1..4);
    tiny(rooms, 12, 8)
}

/// The same with short pods on one node whose disk holds little more than the largest of them.
fn scarce() -> impl Strategy<Value = Parts> {
    let rooms = collection::vec((1..3_u64, (0..4_u64).prop_map(Some)), 1);
    tiny(rooms, 24, 3).prop_map(|mut parts| {
        let bytes =
            |cargo: &Vec<usize>| cargo.iter().map(|layer| parts.layers[*layer].bytes.0).sum();
        let largest: u64 = parts.cargos.iter().map(bytes).max().unwrap_or(0);
        let more = parts.rooms[0].disk.unwrap_or_default();
        parts.rooms[0].disk = Some(more + Bytes(largest));
        parts.layers.iter_mut().for_each(|layer| layer.brought_at.clear());
        parts
    })
}

fn tiny(
    rooms: impl Strategy<Value = Vec<(u64, Option<u64>)>>,
    starts: u64,
    lengths: u64,
) -> impl Strategy<Value = Parts> {
    let sizes = collection::vec(1..10_u64, 1..5);
    let cargos = collection::vec(1..16_u32, 1..4);
    let pods = collection::vec((0..4_usize, 0..starts, 1..lengths), 1..9);
    let brought = collection::vec(weighted(0.2), 4);
    (sizes, cargos, pods, rooms, brought).prop_map(|(sizes, cargos, pods, rooms, brought)| {
        let cargo = |bits: u32| (0..sizes.len()).filter(move |layer| bits >> layer & 1 == 1);
        let cargos: Vec<Vec<usize>> =
            cargos.into_iter().map(|bits| cargo(bits).collect()).collect();
        let count = cargos.len();
        let pod =
            |(cargo, from, length): (usize, u64, u64)| pod(cargo % count, from, from + length);
        let pods = pods.into_iter().map(pod).collect();
        let rooms: Vec<_> = rooms.into_iter().map(|(slots, disk)| room(slots, disk)).collect();
        let cargos: Vec<&[usize]> = cargos.iter().map(Vec::as_slice).collect();
        let mut parts = parts(&sizes, &cargos, pods, rooms);
        // Some layers are brought along by the first node, as far as they fit.
        let mut left = parts.rooms[0].disk.map_or(u64::MAX, |disk| disk.0);
        for (layer, is_brought) in parts.layers.iter_mut().zip(brought) {
            if is_brought && layer.bytes.0 <= left {
                left -= layer.bytes.0;
                layer.brought_at = vec![Nanos(0)];
            }
        }
        parts
    })
}

fn check(parts: &Parts, seed: u64) -> Result<(), TestCaseError> {
    let Some(least) = exact::least_bytes(parts) else {
        return Ok(());
    };
    for bound in all(&Demand::new(parts.clone())) {
        prop_assert!(bound.bytes.0 <= least, "{bound:?} exceeds {least}");
    }
    for rule in [Rule::FewestMissingBytes, Rule::First, Rule::Chance] {
        if let Some(moved) = moved(parts, rule, seed) {
            prop_assert!(least <= moved, "{rule:?} moved {moved}, less than {least}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_bound_exceeds_the_least_of_crowded_nodes(parts in crowded(), seed in any::<u64>()) {
        check(&parts, seed)?;
    }

    #[test]
    fn no_bound_exceeds_the_least_on_scarce_disks(parts in scarce(), seed in any::<u64>()) {
        check(&parts, seed)?;
    }
}
