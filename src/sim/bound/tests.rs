//! Bounds on demands whose answer is known, and against the true least of tiny ones.

mod exact;
mod greedy;
mod known;
mod property;
mod run;

use crate::model::unit::PerMille;
use crate::model::unit::{Bytes, Nanos};
use crate::sim::bound::demand::{Layer, Parts, Pod, Room};
use crate::sim::bound::{Bound, Kind, Premise, captured_share, largest_valid, regret};
use crate::sim::resource::Resources;

/// A pod that takes one slot, is bound when it starts, and needs the layers of a cargo.
fn pod(cargo: usize, from: u64, to: u64) -> Pod {
    let requests = Resources { cpu_millis: 1000, memory: Bytes(0) };
    let (started_at, ended_at) = (Nanos(from), Nanos(to));
    Pod { bound_at: started_at, started_at, ended_at, requests, cargo }
}

/// A node with so many slots and a disk of so many bytes.
fn room(slots: u64, disk: Option<u64>) -> Room {
    Room {
        capacity: Resources { cpu_millis: 1000 * slots, memory: Bytes(0) },
        pods_max: 110,
        disk: disk.map(Bytes),
        joins_at: Nanos(0),
        leaves_at: None,
    }
}

/// Layers of these sizes that no node brings along, and cargos of them.
fn parts(layers: &[u64], cargos: &[&[usize]], pods: Vec<Pod>, rooms: Vec<Room>) -> Parts {
    let layer = |bytes: &u64| Layer { bytes: Bytes(*bytes), brought_at: Vec::new() };
    Parts {
        layers: layers.iter().map(layer).collect(),
        cargos: cargos.iter().map(|cargo| cargo.to_vec()).collect(),
        pods,
        rooms,
    }
}

#[test]
fn a_run_that_shares_less_is_bound_by_less() {
    let bound = |kind, bytes| Bound { kind, bytes: Bytes(bytes) };
    let bounds = [
        bound(Kind::Compulsory, 1),
        bound(Kind::PooledInOrder, 2),
        bound(Kind::Pooled, 3),
        bound(Kind::Replica, 3),
    ];
    let valid = |shared| largest_valid(&bounds, shared).map(|bound| bound.kind);
    assert_eq!(valid(Premise::SamePods), Some(Kind::Compulsory));
    assert_eq!(valid(Premise::SameOrder), Some(Kind::PooledInOrder));
    assert_eq!(valid(Premise::SameTimes), Some(Kind::Pooled));
    assert_eq!(largest_valid(&[], Premise::SameTimes), None);
}

#[test]
fn a_captured_share_is_rounded_down_and_can_be_negative() {
    let share = |spread, policy, bound| captured_share(Bytes(spread), Bytes(policy), Bytes(bound));
    assert_eq!(share(1000, 400, 200), Some(750));
    assert_eq!(share(1000, 200, 200), Some(1000));
    assert_eq!(share(3, 2, 0), Some(333));
    assert_eq!(share(3, 4, 0), Some(-334));
    assert_eq!(share(200, 200, 200), None);
    assert_eq!(share(0, 0, 0), None);
    assert_eq!(share(u64::MAX, 0, 0), Some(1000));
    assert_eq!(share(1, u64::MAX, 0), Some(i64::MIN));
}

#[test]
fn regret_is_rounded_up_and_unknown_against_nothing() {
    let ratio = |policy, bound| regret(Bytes(policy), Bytes(bound));
    assert_eq!(ratio(500, 200), Some(PerMille(2500)));
    assert_eq!(ratio(4, 3), Some(PerMille(1334)));
    assert_eq!(ratio(0, 0), Some(PerMille(1000)));
    assert_eq!(ratio(1, 0), None);
    assert_eq!(ratio(u64::MAX, 1), Some(PerMille(u64::MAX)));
}
