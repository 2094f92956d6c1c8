//! What a node tells of itself, as far as placement needs it.

use std::collections::BTreeMap;

use crate::model::image::Platform;

/// A node as its API object describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFacts {
    /// The object's name.
    pub name: String,
    /// From `status.nodeInfo`, else from the `kubernetes.io/os` and `/arch` labels; empty if untold.
    pub platform: Platform,
    /// The labels a policy may ask for; others are dropped at the border.
    pub labels: BTreeMap<String, String>,
    /// The name of the nodes that pull as fast, by the policy's label; empty for those without it.
    pub group: String,
    /// Minor version of the kubelet, 0 if untold.
    pub kubelet_minor: u16,
    /// `status.images`, in the kubelet's order: largest first, at most 50 by default.
    pub images: Vec<ReportedImage>,
}

/// One entry of a node's `status.images`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportedImage {
    /// Digest names first, then tags, at most five: one image's aliases.
    pub names: Vec<String>,
    /// As the runtime counts: compressed under containerd, unpacked under others. Zero if untold.
    pub size_bytes: u64,
}

/// Whether a node pulls one image at a time (`serializeImagePulls`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullOrder {
    /// One at a time: the kubelet's default.
    Serial,
    /// Side by side.
    Parallel,
}
