//! Named volumes: directory trees that steps leave on nodes, and later steps read.

use crate::model::unit::{Bytes, Time};

/// A volume as a pod names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeFacts {
    /// Names it and its version: equal keys, equal bytes. Never empty.
    pub key: String,
    /// What it is to the step.
    pub kind: VolumeKind,
    /// Its size, where the pod tells.
    pub bytes: Option<Bytes>,
}

/// A volume that a node's agent found on the node, sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldVolume {
    /// Its key.
    pub key: String,
    /// What it is.
    pub kind: VolumeKind,
    /// Bytes it takes on the disk.
    pub bytes: Bytes,
    /// When a step last used it.
    pub last_used: Option<Time>,
}

/// What a volume is. Decides the size to assume while nobody tells it, and no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VolumeKind {
    /// What a resource's version fetches: a checkout, a download, an image as files.
    ResourceCache,
    /// What a task keeps between its runs: packages, compiler caches.
    TaskCache,
    /// What a step hands on to later steps of its run.
    Output,
    /// Anything else.
    #[default]
    Other,
}

impl VolumeKind {
    /// All of them, in the order of this enum.
    pub const ALL: [Self; 4] = [Self::ResourceCache, Self::TaskCache, Self::Output, Self::Other];

    /// As in annotations, objects, policies and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResourceCache => "resource-cache",
            Self::TaskCache => "task-cache",
            Self::Output => "output",
            Self::Other => "other",
        }
    }

    /// The kind of a name; a name that is none of them is [`Self::Other`].
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
    }
}
