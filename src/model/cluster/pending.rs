//! Pods of runs that are not bound yet: which images their runs will still ask for.

use std::sync::Arc;

use crate::model::cluster::{Cluster, ReferenceId, RunId};
use crate::model::pod::PullPolicy;

/// A pod of a run that waits to be bound, as far as the watch of unbound pods tells.
#[derive(Clone, Debug)]
pub(crate) struct PendingPod {
    pub(crate) run: RunId,
    /// Each once.
    pub(crate) images: Vec<(ReferenceId, PullPolicy)>,
    /// Whether it is counted in its run: it is until the watch of bound pods knows it.
    pub(crate) counts: bool,
    pub(crate) resync_mark: u64,
}

/// An image that pods of a run will ask for. By name, so that no order of ids can reach an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ComingImage {
    /// Canonical reference.
    pub name: Arc<str>,
    /// When the kubelet will ask the registry.
    pub pull_policy: PullPolicy,
}

impl Cluster {
    /// Whether a pod is known to wait for being bound.
    #[must_use]
    pub fn is_pending(&self, uid: &str) -> bool {
        self.pending.contains_key(uid)
    }

    /// Whether no pod of any run is known to wait for being bound.
    #[must_use]
    pub fn has_no_pending_pod(&self) -> bool {
        self.pending.is_empty()
    }
}
