//! Nodes and pods as plain API objects, made fast; and where pods were bound.
//!
//! Decides what a node or pod looks like where a test does not say. Leaves
//! alone where pods go: that is the scheduler's.

mod nodes;
mod pods;

pub use nodes::{Image, NodeSpec, make_nodes, report_images};
pub use pods::{PodSpec, await_bound, delete_pods, make_namespace, make_pods};

/// Requests in flight at once: enough to keep a small API server busy, few
/// enough to leave it time for the scheduler.
const WRITERS: usize = 32;
