//! A bound pod in the cluster, and how far each of its images has come.

use std::sync::Arc;

use crate::model::cluster::volume::PodVolumes;
use crate::model::cluster::{NodeId, RecordId, ReferenceId};
use crate::model::pod::{PodPhase, PullPolicy};
use crate::model::unit::Time;

/// A bound pod.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// Uid of the object.
    pub uid: Arc<str>,
    /// `namespace/name`.
    pub full_name: String,
    /// The node it is bound to.
    pub node: Option<NodeId>,
    /// Whether we care for it.
    pub is_step: bool,
    /// How far it has come.
    pub phase: PodPhase,
    /// When it was bound.
    pub bound_at: Time,
    /// In the order of pulling.
    pub images: Vec<PodImageState>,
    /// Its run and named volumes.
    pub volumes: PodVolumes,
    /// `namespace/secret`.
    pub(crate) secrets: Vec<Arc<str>>,
    pub(crate) resync_mark: u64,
}

/// One image of a bound pod.
#[derive(Clone, Debug)]
pub struct PodImageState {
    /// Canonical reference.
    pub reference: ReferenceId,
    /// When the kubelet asks the registry.
    pub pull_policy: PullPolicy,
    /// The container has it.
    pub pulled: bool,
    /// The kubelet cannot get it.
    pub pull_fails: bool,
    /// See [`crate::model::pod::PodImage::is_init`].
    pub is_init: bool,
    /// What its status says is on the node.
    pub(crate) evidence: Option<RecordId>,
}
