//! A greedy placement that has read the whole workload: not a bound, but the best number that looks
//! attainable.
//!
//! A pod goes where the bytes that are missing, together with what the removal of others to make room will
//! cost later, are least. What will cost is told by the future: an image that is used again is worth its
//! bytes, shared by the nodes that hold it, since only the last copy is sure to be missed. What the
//! simulator cannot give it: kubelets remove the least recently used image, not the one that is used last
//! in the future, and at their own time; so it knows what goes but cannot choose it. It sees nodes as late
//! as any other policy, and it never makes a pod wait for a warm node.

use crate::model::unit::{Bytes, Nanos};

/// An image that a kubelet would remove to make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Victim {
    /// Bytes of it that no other image on the node uses.
    pub bytes: Bytes,
    /// When it is used next, if ever.
    pub next_use: Option<Nanos>,
    /// Nodes that hold it, this one included.
    pub copies: u64,
}

/// Bytes that a pod costs on a node: now, and later for what must go.
///
/// 100 MB missing; 80 MB that are never used again and 60 MB that are, of which another node has a copy,
/// must go: 130 MB.
#[must_use]
pub fn cost(missing: Bytes, victims: impl IntoIterator<Item = Victim>) -> Bytes {
    let used_again = victims.into_iter().filter(|victim| victim.next_use.is_some());
    let lost = used_again.map(|victim| Bytes(victim.bytes.0 / victim.copies.max(1)));
    lost.fold(missing, |sum, bytes| sum + bytes)
}

/// The place of least cost in a list, equal ones by fewest pods, then the first.
pub fn choose(costs: &[Bytes], pods: impl Fn(usize) -> u64) -> Option<usize> {
    (0..costs.len()).min_by_key(|node| (costs[*node], pods(*node)))
}
