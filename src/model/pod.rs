//! What a pod wants and how far it has come, as far as placement needs it.

use crate::model::run::RunFacts;
use crate::model::unit::{Bytes, Time};

/// A pod as its API object, or the scheduler's request, describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFacts {
    /// The object's uid; `namespace/name` where a request leaves it out.
    pub uid: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Whether we care for it: see [`crate::policy::interest`].
    pub is_step: bool,
    /// Every image the kubelet will pull for it, in the order of pulling: image volumes, init
    /// containers (sidecars among them), then containers. Empty for a pod without containers.
    pub images: Vec<PodImage>,
    /// `imagePullSecrets` by name; they live in the pod's namespace.
    pub pull_secrets: Vec<String>,
    /// The run it belongs to, and the named volumes it reads and leaves.
    pub run: RunFacts,
    /// The claims it mounts, by name, each once: those it names, and those made for its ephemeral volumes.
    pub claims: Vec<String>,
    /// Thousandths of a processor that it asks for, as the scheduler counts them.
    pub cpu_millis: u64,
    /// Memory that it asks for.
    pub memory: Bytes,
    /// The node it is bound to.
    pub node: Option<String>,
    /// When it was bound, if the object tells.
    pub bound_at: Option<Time>,
    /// How far it has come.
    pub phase: PodPhase,
    /// When its last container ended, for an ended pod that tells.
    pub ended_at: Option<Time>,
}

/// One image of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodImage {
    /// As written in the spec.
    pub reference: String,
    /// When the kubelet asks the registry.
    pub pull_policy: PullPolicy,
    /// `imageID` from the container's status: set once the image is on the node.
    pub image_id: Option<String>,
    /// The kubelet reports that pulling fails (`ErrImagePull` and its kin).
    pub pull_fails: bool,
    /// It is an init container's, sidecars among them: until that has started, and ended if it is none,
    /// the kubelet asks for none of the images after it.
    pub is_init: bool,
}

/// `imagePullPolicy` of a container or an image volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PullPolicy {
    /// Pull unless the node holds the reference.
    #[default]
    IfNotPresent,
    /// Resolve the reference at every start; layers already there are not pulled again.
    Always,
    /// Never pull: without the image the container fails.
    Never,
}

/// How far a pod has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PodPhase {
    /// Not all of its containers have started: it still waits for images.
    #[default]
    Waiting,
    /// Its containers have started.
    Running,
    /// Succeeded: it pulls nothing more, and has made what it was to make.
    Ended,
    /// Failed: it pulls nothing more, and nobody knows what it made.
    Failed,
}

impl PodPhase {
    /// Whether it is over, well or not.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Failed)
    }
}
