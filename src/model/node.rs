//! What a node tells of itself, as far as placement needs it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::image::Platform;
use crate::model::unit::Bytes;

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
    /// `topology.kubernetes.io/zone`; empty if untold.
    pub zone: String,
    /// Minor version of the kubelet, 0 if untold.
    pub kubelet_minor: u16,
    /// Thousandths of processors that it has for pods; zero if untold.
    pub cpu_millis: u64,
    /// Memory that it has for pods.
    pub memory: Bytes,
    /// Pods at a time.
    pub pods_max: u32,
    /// Its kubelet says that it takes pods.
    pub is_ready: bool,
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

/// A zone by a dense id. Nodes that tell none are in one of their own, the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZoneId(pub u8);

/// Zones told apart: regions have a handful. Nodes of further ones count as untold.
pub(crate) const ZONES_MAX: usize = u8::MAX as usize - 1;

impl ZoneId {
    /// A zone in which no node is.
    pub const ELSEWHERE: Self = Self(u8::MAX);

    /// The id of a zone, given the names of all but the untold one.
    pub(crate) fn of(zones: &[Arc<str>], name: &str) -> Option<Self> {
        let at = zones.iter().position(|known| **known == *name)?;
        u8::try_from(at + 1).ok().map(Self)
    }

    /// The id as an index into a table of zones.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
