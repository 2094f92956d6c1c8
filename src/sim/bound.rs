//! Lower bounds on the bytes that images move: what no placement can beat, and how near a policy came.
//!
//! A bound is of a [`demand::Demand`]: the pods of one run, with their times. Each says what another run
//! must share with that one to be bound by it, too ([`Premise`]); the run itself always is, and so is every
//! other placement of the same pods at the same times. Layers are told apart by digest and may be reused in
//! any order, which is never more than what runtimes move. Named volumes have one bound only,
//! [`compulsory::volumes`]: a step can run on the node where its inputs were made, which moves nothing
//! unless there is no room, so no other part of what they move is certain.

pub mod compulsory;
pub mod demand;
pub mod pooled;
pub mod replica;

use crate::model::unit::{Bytes, PerMille};
use crate::sim::bound::demand::Demand;

/// No placement moves less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// How it was found.
    pub kind: Kind,
    /// The bytes.
    pub bytes: Bytes,
}

/// How a bound was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Each layer comes once ([`compulsory::bytes`]).
    Compulsory,
    /// All disks are one, pods start in this order ([`pooled::bytes_in_order`]).
    PooledInOrder,
    /// All disks are one, pods start and end in this order ([`pooled::bytes`]).
    Pooled,
    /// Each layer comes to as many nodes as its users need at a time ([`replica::bytes`]).
    Replica,
}

/// What a run must share with the one that the demand was made from, to be bound by the same bytes.
/// Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Premise {
    /// The same pods run, whenever.
    SamePods,
    /// They start in the same order: a queue may make them wait, but not overtake each other.
    SameOrder,
    /// The same ones run at a time: starts are not postponed. A backlog, or a policy that lets pods wait
    /// for a warm node, flattens the peak.
    SameTimes,
}

impl Kind {
    /// What another run must share.
    #[must_use]
    pub const fn premise(self) -> Premise {
        match self {
            Self::Compulsory => Premise::SamePods,
            Self::PooledInOrder => Premise::SameOrder,
            Self::Pooled | Self::Replica => Premise::SameTimes,
        }
    }
}

/// Every bound of a demand, in the order of [`Kind`].
#[must_use]
pub fn all(demand: &Demand) -> [Bound; 4] {
    [
        Bound { kind: Kind::Compulsory, bytes: compulsory::bytes(demand) },
        Bound { kind: Kind::PooledInOrder, bytes: pooled::bytes_in_order(demand) },
        Bound { kind: Kind::Pooled, bytes: pooled::bytes(demand) },
        Bound { kind: Kind::Replica, bytes: replica::bytes(demand) },
    ]
}

/// The largest bound that holds for a run of which so much is known; the first of equal ones.
#[must_use]
pub fn largest_valid(bounds: &[Bound], shared: Premise) -> Option<Bound> {
    let valid = bounds.iter().filter(|bound| bound.kind.premise() <= shared);
    valid.copied().reduce(|best, bound| if bound.bytes > best.bytes { bound } else { best })
}

/// The share of the avoidable bytes that a policy avoided: `(spread - policy) / (spread - bound)`, in
/// thousandths, rounded down so that it never flatters.
///
/// At 1,000 bytes moved by spread, 400 by the policy and a bound of 200: 750. Negative if the policy moved
/// more than spread did. `None` if nothing was avoidable: spread reached the bound.
#[must_use]
pub fn captured_share(spread: Bytes, policy: Bytes, bound: Bytes) -> Option<i64> {
    let avoidable = i128::from(spread.0) - i128::from(bound.0);
    if avoidable <= 0 {
        return None;
    }
    let avoided = i128::from(spread.0) - i128::from(policy.0);
    let share = (avoided * 1000).div_euclid(avoidable);
    Some(i64::try_from(share).unwrap_or(if share < 0 { i64::MIN } else { i64::MAX }))
}

/// How many times the bound a policy moved: `policy / bound`, in thousandths, rounded up so that it never
/// flatters.
///
/// At 500 bytes against a bound of 200: 2,500. Nothing moved against a bound of nothing is 1,000, as good
/// as can be; something moved against nothing has no ratio: `None`.
#[must_use]
pub fn regret(policy: Bytes, bound: Bytes) -> Option<PerMille> {
    if bound.0 == 0 {
        return (policy.0 == 0).then_some(PerMille(1000));
    }
    let ratio = (u128::from(policy.0) * 1000).div_ceil(u128::from(bound.0));
    Some(PerMille(u64::try_from(ratio).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests;
