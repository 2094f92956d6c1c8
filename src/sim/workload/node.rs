//! Nodes out of the groups of a scenario, each with what lies on it when it joins.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;

use crate::model::image::Platform;
use crate::model::unit::{Bytes, Nanos, TransferRate};
use crate::sim::catalogue::ImageNumber;
use crate::sim::data::{Data, NodeImages};
use crate::sim::resource::Resources;
use crate::sim::scenario::node::{DiskKeys, NodeGroup, PreloadKeys, ScalingKeys};
use crate::sim::scenario::{Error, refuse};
use crate::sim::setup::{DiskSetup, NodeHardware, NodeNumber, NodeSetup, Scaling, ZoneNumber};
use crate::sim::workload::Scale;
use crate::sim::workload::image::Images;

/// A CI node as clouds rent them.
const CAPACITY: Resources = Resources { cpu_millis: 16_000, memory: Bytes(64 << 30) };
/// What a link of 1 Gbit/s carries beside its headers.
const LINK_BYTES_PER_SECOND: u64 = 117_000_000;
/// Gunzip and untar on one core, in compressed bytes: 206 MB of /usr took 4.2 s.
const UNPACK_BYTES_PER_SECOND: u64 = 50_000_000;
/// Kubelet's `maxPods`.
const PODS_MAX: u32 = 110;
/// What gzip makes of layers: two and a half times as much on the disk.
const UNPACKED_PER_MILLE: u64 = 2500;
/// From asking a cloud for a machine until the scheduler may use it.
const BOOT: Nanos = Nanos::from_seconds(90);
/// The cluster-autoscaler's `scale-down-unneeded-time`.
const IDLE: Nanos = Nanos::from_seconds(600);

/// What nodes are made of.
#[derive(Debug)]
pub struct Sources<'a> {
    /// Names of the zones.
    pub zones: &'a [String],
    /// Of all nodes.
    pub platform: &'a Platform,
    /// Rows.
    pub data: &'a Data,
}

impl Sources<'_> {
    /// The nodes of all groups, in their order.
    ///
    /// # Errors
    /// If a group names a zone, an image or a release that is not there.
    pub fn nodes(
        &self,
        groups: &[Spanned<NodeGroup>],
        scale: Scale,
        images: &mut Images<'_>,
    ) -> Result<Vec<NodeSetup>, Error> {
        let mut nodes = Vec::new();
        for group in groups {
            let keys = &group.value;
            let equal = self.node(keys, images).map_err(|reason| refuse(group, reason))?;
            let zones = self.zones(&keys.zones).map_err(|reason| refuse(group, reason))?;
            let capacities =
                keys.capacities.as_ref().and_then(|file| self.data.openb_nodes.get(file));
            for number in 0..scale.of(keys.count.0) as usize {
                let mut node = equal.clone();
                node.name = format!("{}{}", keys.prefix, number + 1);
                node.zone = zones[number % zones.len()];
                if let Some(capacities) = capacities {
                    node.capacity = capacities[number % capacities.len()];
                }
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    /// Nodes that come and go.
    ///
    /// # Errors
    /// As [`Self::nodes`].
    pub fn scaling(
        &self,
        scaling: &Spanned<ScalingKeys>,
        scale: Scale,
        images: &mut Images<'_>,
    ) -> Result<Scaling, Error> {
        let keys = &scaling.value;
        let template =
            self.node(&keys.template.value, images).map_err(|reason| refuse(scaling, reason))?;
        let zones =
            self.zones(&keys.template.value.zones).map_err(|reason| refuse(scaling, reason))?;
        Ok(Scaling {
            template: NodeSetup { zone: zones[0], ..template },
            zones,
            nodes_max: scale.of(keys.nodes_max.0),
            boot: keys.boot.map_or(BOOT, |span| span.0),
            idle: keys.idle.map_or(IDLE, |span| span.0),
        })
    }

    /// A zone by name.
    ///
    /// # Errors
    /// If there is none of that name.
    pub fn zone(&self, name: &str) -> Result<ZoneNumber, String> {
        let at = self.zones.iter().position(|zone| zone == name);
        let number = at.and_then(|at| u16::try_from(at).ok()).map(ZoneNumber);
        number.ok_or_else(|| format!("zone {name:?}: expected one of zones: {:?}", self.zones))
    }

    /// At least one.
    fn zones(&self, names: &[String]) -> Result<Vec<ZoneNumber>, String> {
        if names.is_empty() {
            return Ok(vec![ZoneNumber(0)]);
        }
        names.iter().map(|name| self.zone(name)).collect()
    }

    fn node(&self, keys: &NodeGroup, images: &mut Images<'_>) -> Result<NodeSetup, String> {
        let memory = keys.memory.map_or(CAPACITY.memory, |size| size.0);
        let cpu_millis = keys.cpu.map_or(CAPACITY.cpu_millis, |cpu| cpu.0);
        let preload = keys.preload.as_ref();
        Ok(NodeSetup {
            name: keys.prefix.clone(),
            zone: ZoneNumber(0),
            capacity: Resources { cpu_millis, memory },
            pods_max: keys.pods_max.map_or(PODS_MAX, |count| count.0),
            hardware: hardware(keys),
            preloaded: preload.map_or(Ok(Vec::new()), |keys| self.preloaded(keys, images))?,
            joins_at: keys.joins_at.0,
            leaves_at: keys.leaves_at.map(|span| span.0),
        })
    }

    fn preloaded(
        &self,
        keys: &PreloadKeys,
        images: &mut Images<'_>,
    ) -> Result<Vec<ImageNumber>, String> {
        let mut preloaded = Vec::new();
        if let (Some(file), Some(sku)) = (&keys.node_images, &keys.sku) {
            let rows = self.data.node_images.get(file).map_or(&[][..], Vec::as_slice);
            let release = release(rows, sku, keys.version.as_deref())?;
            let own = release.images.iter().map(|image| images.of_node(image, self.platform));
            preloaded.extend(own);
        }
        for name in &keys.images {
            let number = images.by_name(name);
            let number = number.ok_or_else(|| format!("preload: no image is called {name:?}"))?;
            preloaded.push(images.reference(number).at(Nanos(0)));
        }
        preloaded.sort_unstable();
        preloaded.dedup();
        Ok(preloaded)
    }
}

/// The last one listed, if no version is asked for.
fn release<'a>(
    rows: &'a [NodeImages],
    sku: &str,
    version: Option<&str>,
) -> Result<&'a NodeImages, String> {
    let mut releases = rows.iter().filter(|row| row.sku == sku);
    let found = match version {
        Some(version) => releases.find(|row| row.version == version),
        None => releases.next_back(),
    };
    found.ok_or_else(|| {
        let known: BTreeSet<_> = rows.iter().map(|row| row.sku.as_str()).collect();
        let version = version.map(|version| format!(", version {version}")).unwrap_or_default();
        format!("preload: no sku {sku}{version}; there are {known:?}")
    })
}

fn hardware(keys: &NodeGroup) -> NodeHardware {
    let usual = usual_hardware(None);
    let link_down = keys.link_down_bytes_per_second.map_or(usual.link_down, |rate| rate.0);
    NodeHardware {
        link_down,
        link_up: keys.link_up_bytes_per_second.map_or(link_down, |rate| rate.0),
        unpack: keys.unpack_bytes_per_second.map_or(usual.unpack, |rate| rate.0),
        keeps_blobs: keys.keeps_blobs,
        pulls_max: keys.pulls_max.map_or(usual.pulls_max, |count| count.0),
        layers_max: keys.layers_max.map_or(usual.layers_max, |count| count.0),
        disk: keys.disk.as_ref().map(disk),
    }
}

/// That of a node of which only the size of the disk is known.
#[must_use]
pub fn usual_hardware(disk_bytes: Option<Bytes>) -> NodeHardware {
    let rate = |bytes| TransferRate::from_bytes_per_second(bytes).unwrap_or_default();
    let link = rate(LINK_BYTES_PER_SECOND);
    NodeHardware {
        link_down: link,
        link_up: link,
        unpack: rate(UNPACK_BYTES_PER_SECOND),
        keeps_blobs: false,
        pulls_max: 1,
        layers_max: 1,
        disk: disk_bytes.map(usual_disk),
    }
}

/// With kubelet's defaults.
fn usual_disk(bytes: Bytes) -> DiskSetup {
    DiskSetup {
        bytes,
        unpacked_per_mille: UNPACKED_PER_MILLE,
        high_percent: 85,
        low_percent: 80,
        age_min: Nanos::from_seconds(120),
        interval: Nanos::from_seconds(300),
    }
}

fn disk(keys: &DiskKeys) -> DiskSetup {
    let usual = usual_disk(keys.bytes.0);
    let unpacked = keys.unpacked_per_mille.map(|count| u64::from(count.0));
    DiskSetup {
        unpacked_per_mille: unpacked.unwrap_or(usual.unpacked_per_mille),
        high_percent: keys.high_percent.unwrap_or(usual.high_percent),
        low_percent: keys.low_percent.unwrap_or(usual.low_percent),
        age_min: keys.age_min.map_or(usual.age_min, |span| span.0),
        interval: keys.interval.map_or(usual.interval, |span| span.0),
        ..usual
    }
}

/// Nodes by name.
#[must_use]
pub fn by_name(nodes: &[NodeSetup]) -> BTreeMap<&str, NodeNumber> {
    let numbers = (0..).map(NodeNumber);
    nodes.iter().map(|node| node.name.as_str()).zip(numbers).collect()
}
