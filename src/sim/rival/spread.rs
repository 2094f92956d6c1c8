//! As even as can be: the node that is least taken after the pod came.
//!
//! What kube-scheduler's `LeastAllocated` wants, alone and by the scarcer kind: the yardstick that shares of
//! avoided bytes are measured from.

use std::cmp::Reverse;

use crate::sim::random::Random;
use crate::sim::rival::{View, best, dominant_share};

/// The node whose larger share is smallest, equal ones by fewest pods, then by chance.
pub fn choose<V: View>(view: &V, random: &mut Random) -> Option<usize> {
    best(view.nodes(), random, |node| Reverse((dominant_share(view, node), view.pods(node))))
}
