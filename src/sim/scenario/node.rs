//! The part of a scenario about nodes: groups of equal ones, and those that come and go.

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::sim::data::Shape;
use crate::sim::scenario::value::{Count, Cpu, Interval, Rate, Size, Span};
use crate::sim::scenario::{Error, refuse};

/// Nodes of one kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NodeGroup {
    /// How many.
    #[serde(default = "one")]
    pub count: Count,
    /// Their names are this and a number.
    pub prefix: String,
    /// Zones by name, in turn; without any, the scenario's first.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Processors for pods; 16.
    pub cpu: Option<Cpu>,
    /// Memory for pods; 64Gi.
    pub memory: Option<Size>,
    /// Or both from a list of nodes (openb), in turn.
    pub capacities: Option<String>,
    /// Pods at a time; 110.
    pub pods_max: Option<Count>,
    /// Link towards them; 117M, what 1 Gbit/s carries beside its headers.
    pub link_down_bytes_per_second: Option<Rate>,
    /// Link from them; as the one towards them.
    pub link_up_bytes_per_second: Option<Rate>,
    /// Of compressed bytes; 50M.
    pub unpack_bytes_per_second: Option<Rate>,
    /// Compressed blobs stay after unpacking.
    #[serde(default)]
    pub keeps_blobs: bool,
    /// Images pulled at once; 1.
    pub pulls_max: Option<Count>,
    /// Layers of a pull fetched at once; 1, as of a registry that gives one connection all it has.
    /// containerd asks for 3.
    pub layers_max: Option<Count>,
    /// Image disk; without it, it never fills.
    pub disk: Option<DiskKeys>,
    /// What lies there when they join.
    pub preload: Option<PreloadKeys>,
    /// When they join; at the start.
    #[serde(default)]
    pub joins_at: Span,
    /// When they are drained; never.
    pub leaves_at: Option<Span>,
}

/// Keys of [`crate::sim::setup::DiskSetup`]; those not given are kubelet's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DiskKeys {
    /// Its size.
    pub bytes: Size,
    /// Bytes on it for each thousand compressed ones; 2500.
    pub unpacked_per_mille: Option<Count>,
    /// Collection begins above; 85.
    pub high_percent: Option<u8>,
    /// And ends below; 80.
    pub low_percent: Option<u8>,
    /// Younger images are left; 2m.
    pub age_min: Option<Span>,
    /// Between two looks; 5m.
    pub interval: Option<Interval>,
}

/// What lies on a new node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PreloadKeys {
    /// A list of node images, with `sku` and `version`.
    pub node_images: Option<String>,
    /// Its kind.
    pub sku: Option<String>,
    /// Its release; the last one listed where it is not given.
    pub version: Option<String>,
    /// Images of the workload, by name.
    #[serde(default)]
    pub images: Vec<String>,
}

/// Keys of [`crate::sim::setup::Scaling`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScalingKeys {
    /// What each is like; `count`, `joinsAt` and `leavesAt` are not used.
    pub template: Spanned<NodeGroup>,
    /// At most so many at a time.
    pub nodes_max: Count,
    /// From the first pod without room until its node is ready; 90s.
    pub boot: Option<Span>,
    /// A node without pods goes after so long; 10m.
    pub idle: Option<Span>,
}

const fn one() -> Count {
    Count(1)
}

impl NodeGroup {
    pub(super) fn files(&self) -> impl Iterator<Item = (Shape, &str)> {
        let capacities = self.capacities.as_deref().map(|file| (Shape::OpenbNodes, file));
        let images = self.preload.as_ref().and_then(|preload| preload.node_images.as_deref());
        capacities.into_iter().chain(images.map(|file| (Shape::NodeImages, file)))
    }

    pub(super) fn check(group: &Spanned<Self>) -> Result<(), Error> {
        let keys = &group.value;
        if keys.capacities.is_some() && (keys.cpu.is_some() || keys.memory.is_some()) {
            return Err(refuse(group, "capacities: tells cpu and memory; leave those out"));
        }
        let leaves_first = keys.leaves_at.is_some_and(|leaves| leaves.0 <= keys.joins_at.0);
        if leaves_first {
            return Err(refuse(group, "leavesAt: expected a time after joinsAt"));
        }
        let preload = keys.preload.as_ref();
        if preload.is_some_and(|preload| preload.node_images.is_some() != preload.sku.is_some()) {
            return Err(refuse(group, "preload: expected nodeImages and sku together"));
        }
        keys.disk.as_ref().map_or(Ok(()), |disk| disk.check(group))
    }
}

impl DiskKeys {
    fn check<T>(&self, group: &Spanned<T>) -> Result<(), Error> {
        let (low, high) = (self.low_percent.unwrap_or(80), self.high_percent.unwrap_or(85));
        if low < high && high <= 100 {
            return Ok(());
        }
        let reason =
            format!("disk: expected lowPercent < highPercent <= 100, not {low} and {high}");
        Err(refuse(group, reason))
    }
}
