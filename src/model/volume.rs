//! Named volumes: directory trees that steps leave on nodes, and later steps read.

use crate::model::unit::{Bytes, Time};

/// A key is a name with a version, not a document: objects of the API server hold hundreds of them.
pub const KEY_BYTES_MAX: usize = 512;

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

/// What a volume is. Decides the size to assume while nobody tells it, and where it can be had if no node
/// holds it.
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

/// Why a text cannot be a key; `None` if it can.
#[must_use]
pub fn key_fault(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("must not be empty");
    }
    if key.len() > KEY_BYTES_MAX {
        return Some("may have 512 bytes");
    }
    key.chars().any(char::is_control).then_some("must not have control characters, as line breaks")
}

#[cfg(test)]
mod tests {
    use super::{KEY_BYTES_MAX, VolumeKind, key_fault};

    #[test]
    fn a_key_is_a_line_of_bounded_length() {
        assert_eq!(key_fault("git:app@4f2a/with spaces"), None);
        assert_eq!(key_fault(&"k".repeat(KEY_BYTES_MAX)), None);
        for bad in ["", "a\nb", "a\0b", &"k".repeat(KEY_BYTES_MAX + 1)] {
            assert!(key_fault(bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn a_kind_is_known_by_its_name() {
        assert!(VolumeKind::ALL.iter().all(|kind| VolumeKind::named(kind.name()) == *kind));
        assert_eq!(VolumeKind::named("Output"), VolumeKind::Other);
    }
}
