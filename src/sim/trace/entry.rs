//! One line of a trace, as it is written.

use serde::{Deserialize, Serialize};

use crate::model::pod::PullPolicy;
use crate::model::volume::VolumeKind;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Header {
    /// `dunnage.dev/v1alpha1`.
    pub api_version: String,
    /// `Trace`.
    pub kind: String,
    /// What time zero is called, RFC 3339.
    pub epoch: String,
}

/// Any other line. `at_nanos` is when it happened, in nanoseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields of a line are named as what they tell, units last")]
pub enum Entry {
    /// A node became ready.
    Node {
        at_nanos: u64,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
        cpu_millis: u64,
        memory_bytes: u64,
        pods_max: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disk_bytes: Option<u64>,
        /// Digests of the images that lie there already.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<String>,
    },
    /// A node went.
    NodeGone { at_nanos: u64, name: String },
    /// An image was first seen: its manifest's digest, and its layers, base first.
    Image {
        at_nanos: u64,
        digest: String,
        platform: String,
        layers: Vec<LayerEntry>,
        /// Its layers are not known: it has one of the size that nodes report, or none.
        #[serde(default, skip_serializing_if = "is_false")]
        estimate: bool,
    },
    /// A name came to mean an image.
    Tag { at_nanos: u64, name: String, digest: String },
    /// A volume was first seen, or is about to be made.
    Volume {
        at_nanos: u64,
        key: String,
        kind: KindEntry,
        bytes: u64,
        /// Nodes where it lies already.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        holders: Vec<String>,
        /// The registry has it, or will as soon as it is made.
        #[serde(default, skip_serializing_if = "is_false")]
        pushed: bool,
        /// Its size is not known, and this one assumed for its kind.
        #[serde(default, skip_serializing_if = "is_false")]
        estimate: bool,
    },
    /// A pod was created.
    Pod(PodEntry),
    /// A pod was bound.
    Bound { at_nanos: u64, pod: String, node: String },
    /// All of a pod's containers ran.
    Started { at_nanos: u64, pod: String },
    /// A pod had ended.
    Ended {
        at_nanos: u64,
        pod: String,
        /// Not well: it failed, was deleted, or went with its node.
        #[serde(default, skip_serializing_if = "is_false")]
        failed: bool,
    },
    /// A kubelet told that it had pulled an image, and how long that took, without waiting for other pulls.
    Pulled { at_nanos: u64, node: String, image: String, took_nanos: u64 },
    /// The last line: so many lines are before it, the header among them.
    End { at_nanos: u64, lines: u64 },
}

/// A pod as it was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(missing_docs, reason = "as above")]
pub struct PodEntry {
    pub at_nanos: u64,
    /// Names it in later lines; unique for ever.
    pub uid: String,
    pub name: String,
    /// The run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// In the order of pulling.
    pub containers: Vec<ContainerEntry>,
    pub cpu_millis: u64,
    pub memory_bytes: u64,
    /// Keys of volumes that it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Keys of volumes that it leaves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub produces: Vec<String>,
    /// Images of later steps of its run that it names, by names of `tag` lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(missing_docs, reason = "as above")]
pub struct ContainerEntry {
    /// Its image, by a name of a `tag` line.
    pub image: String,
    #[serde(default)]
    pub pull_policy: PullPolicyEntry,
    #[serde(default, skip_serializing_if = "is_false")]
    pub init: bool,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(missing_docs, reason = "as above")]
pub struct LayerEntry {
    pub digest: String,
    /// Compressed.
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<String>,
}

/// As pods write it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as what they stand for")]
pub enum PullPolicyEntry {
    #[default]
    IfNotPresent,
    Always,
    Never,
}

/// As annotations write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "named as what they stand for")]
pub enum KindEntry {
    ResourceCache,
    TaskCache,
    Output,
    Other,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Entry {
    /// When it happened.
    #[must_use]
    pub const fn at_nanos(&self) -> u64 {
        match self {
            Self::Node { at_nanos, .. }
            | Self::NodeGone { at_nanos, .. }
            | Self::Image { at_nanos, .. }
            | Self::Tag { at_nanos, .. }
            | Self::Volume { at_nanos, .. }
            | Self::Pod(PodEntry { at_nanos, .. })
            | Self::Bound { at_nanos, .. }
            | Self::Started { at_nanos, .. }
            | Self::Ended { at_nanos, .. }
            | Self::Pulled { at_nanos, .. }
            | Self::End { at_nanos, .. } => *at_nanos,
        }
    }
}

impl From<PullPolicyEntry> for PullPolicy {
    fn from(entry: PullPolicyEntry) -> Self {
        match entry {
            PullPolicyEntry::IfNotPresent => Self::IfNotPresent,
            PullPolicyEntry::Always => Self::Always,
            PullPolicyEntry::Never => Self::Never,
        }
    }
}

impl From<KindEntry> for VolumeKind {
    fn from(entry: KindEntry) -> Self {
        match entry {
            KindEntry::ResourceCache => Self::ResourceCache,
            KindEntry::TaskCache => Self::TaskCache,
            KindEntry::Output => Self::Output,
            KindEntry::Other => Self::Other,
        }
    }
}

impl From<PullPolicy> for PullPolicyEntry {
    fn from(policy: PullPolicy) -> Self {
        match policy {
            PullPolicy::IfNotPresent => Self::IfNotPresent,
            PullPolicy::Always => Self::Always,
            PullPolicy::Never => Self::Never,
        }
    }
}

impl From<VolumeKind> for KindEntry {
    fn from(kind: VolumeKind) -> Self {
        match kind {
            VolumeKind::ResourceCache => Self::ResourceCache,
            VolumeKind::TaskCache => Self::TaskCache,
            VolumeKind::Output => Self::Output,
            VolumeKind::Other => Self::Other,
        }
    }
}
