//! As full as can be: the node that is most taken after the pod came, as with `MostAllocated`.
//!
//! It moves few bytes without knowing any, since few nodes ever see a pod; what it costs is seen in waits
//! and in the work per node.

use crate::sim::random::Random;
use crate::sim::rival::{View, best, dominant_share};

/// The node whose larger share is largest, equal ones by most pods, then by chance.
pub fn choose<V: View>(view: &V, random: &mut Random) -> Option<usize> {
    best(view.nodes(), random, |node| (dominant_share(view, node), view.pods(node)))
}
