//! Everything that can happen to the cluster, as the tracker sees it.
//!
//! Events come from watch streams, from image sources and from the demo's embedded cluster; whoever
//! makes one has already translated it into the model's types.

use crate::model::claim::StorageObject;
use crate::model::cluster::NodeId;
use crate::model::image::{ImageFacts, Platform};
use crate::model::inventory::InventoryFacts;
use crate::model::node::NodeFacts;
use crate::model::pod::PodFacts;
use crate::model::unit::Nanos;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A full list of one kind begins: its objects follow as `Applied`, in any order.
    ResyncStarted(Kind),
    /// That list is complete: objects it did not name are gone. After the first one of nodes and of pods
    /// the cluster counts as synced.
    ResyncEnded(Kind),
    /// A node was added or changed; carries the whole of it.
    NodeApplied(NodeFacts),
    /// A node was deleted. What lay on it is forgotten.
    NodeRemoved {
        /// Its name.
        name: String,
    },
    /// A pod was added or changed; carries the whole of it. Pods without a node change nothing.
    PodApplied(PodFacts),
    /// A pod was deleted. Unknown uids are no error.
    PodRemoved {
        /// Its uid.
        uid: String,
    },
    /// A pod that is not bound was added or changed; carries the whole of it. It counts while it is a step of
    /// a run and [`Event::PodApplied`] does not show it bound, whichever of the two comes first.
    PendingPodApplied(PodFacts),
    /// Such a pod is bound now, or was deleted. Unknown uids are no error.
    PendingPodRemoved {
        /// Its uid.
        uid: String,
    },
    /// A decision about a pod went out: it will most likely be bound to one of these nodes, the best.
    PodExpected {
        /// Its uid.
        uid: String,
        /// Ids of the cluster that decided.
        nodes: Vec<NodeId>,
    },
    /// A kubelet reported that an image has come.
    PullObserved {
        /// The name of its node.
        node: String,
        /// Canonical reference.
        reference: String,
        /// How long it was pulled, without waiting for other pulls; `None` if it was there already.
        took: Option<Nanos>,
    },
    /// The layers of an image became known, or known better.
    ImageKnown(ImageFacts),
    /// The source of an image's layers no longer cares. While a node holds or pulls it, it stays known.
    ImageForgotten {
        /// Digest of its manifest.
        manifest: String,
        /// What it runs on.
        platform: Platform,
    },
    /// A node's agent told what is on it; carries the whole of it. An old report is as good as none.
    InventoryReported {
        /// The node's name.
        node: String,
        /// What it told.
        facts: InventoryFacts,
    },
    /// A node's report was deleted: its kubelet's list counts again.
    InventoryRemoved {
        /// The node's name.
        node: String,
    },
    /// A claim, or an object that says what is behind one, was added or changed; carries the whole of it.
    StorageApplied(StorageObject),
    /// Such an object was deleted; only its names count.
    StorageRemoved(StorageObject),
    /// Nothing but time: what was inferred may end. Sent about once a second.
    TimePassed,
}

/// What a resync lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nodes.
    Nodes,
    /// Bound pods.
    Pods,
    /// Pods that are not bound yet.
    PendingPods,
    /// Reports of nodes' agents.
    Inventories,
    /// Layers of images, as agents publish them.
    Manifests,
    /// Claims.
    Claims,
    /// Volumes behind claims.
    PersistentVolumes,
    /// Storage classes.
    Classes,
    /// Where volumes are attached.
    Attachments,
    /// Storage drivers.
    Drivers,
    /// Storage drivers on nodes.
    NodeDrivers,
}

impl Kind {
    /// Those that say what is behind claims.
    pub const STORAGE: [Self; 6] = [
        Self::Claims,
        Self::PersistentVolumes,
        Self::Classes,
        Self::Attachments,
        Self::Drivers,
        Self::NodeDrivers,
    ];

    /// Whether a cluster can be without it: nothing waits for its first list.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        !matches!(self, Self::Nodes | Self::Pods)
    }

    /// The resource's plural name, as in the API and in metrics; for pods that are not bound one of its own.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::PendingPods => "pending-pods",
            Self::Inventories => "inventories",
            Self::Manifests => "manifests",
            Self::Claims => "persistentvolumeclaims",
            Self::PersistentVolumes => "persistentvolumes",
            Self::Classes => "storageclasses",
            Self::Attachments => "volumeattachments",
            Self::Drivers => "csidrivers",
            Self::NodeDrivers => "csinodes",
        }
    }
}
