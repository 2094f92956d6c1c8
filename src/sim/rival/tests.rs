//! Formulas on examples worked by hand, then on anything, then as the simulator asks them.

mod asked;
mod property;
mod worked;

use crate::model::unit::{Bytes, TransferRate};
use crate::sim::resource::Resources;
use crate::sim::rival::{Distance, View};

/// A view told in full.
#[derive(Clone, Debug, Default)]
struct Told {
    requests: Resources,
    image_bytes: Vec<u64>,
    layer_bytes: u64,
    volume_bytes: Vec<u64>,
    nodes: Vec<ToldNode>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ToldNode {
    capacity: Resources,
    free: Resources,
    pods: u64,
    /// By image.
    listed: Vec<bool>,
    bound: Vec<bool>,
    layer_bytes_present: u64,
    /// By volume: the nearest copy, and bytes a second of the slowest.
    copies: Vec<Option<(Distance, u64)>>,
    registry_bytes_per_second: u64,
}

impl View for Told {
    fn nodes(&self) -> usize {
        self.nodes.len()
    }
    fn capacity(&self, node: usize) -> Resources {
        self.nodes[node].capacity
    }
    fn free(&self, node: usize) -> Resources {
        self.nodes[node].free
    }
    fn pods(&self, node: usize) -> u64 {
        self.nodes[node].pods
    }
    fn requests(&self) -> Resources {
        self.requests
    }
    fn images(&self) -> usize {
        self.image_bytes.len()
    }
    fn image_bytes(&self, image: usize) -> Bytes {
        Bytes(self.image_bytes[image])
    }
    fn lists_image(&self, node: usize, image: usize) -> bool {
        self.nodes[node].listed.get(image).copied().unwrap_or(false)
    }
    fn had_image_bound(&self, node: usize, image: usize) -> bool {
        self.nodes[node].bound.get(image).copied().unwrap_or(false)
    }
    fn registry_rate(&self, node: usize) -> TransferRate {
        rate(self.nodes[node].registry_bytes_per_second)
    }
    fn layer_bytes(&self) -> Bytes {
        Bytes(self.layer_bytes)
    }
    fn layer_bytes_present(&self, node: usize) -> Bytes {
        Bytes(self.nodes[node].layer_bytes_present)
    }
    fn volumes(&self) -> usize {
        self.volume_bytes.len()
    }
    fn volume_bytes(&self, volume: usize) -> Bytes {
        Bytes(self.volume_bytes[volume])
    }
    fn nearest_copy(&self, node: usize, volume: usize) -> Option<Distance> {
        self.nodes[node].copies[volume].map(|(distance, _)| distance)
    }
    fn slowest_copy_rate(&self, node: usize, volume: usize) -> Option<TransferRate> {
        self.nodes[node].copies[volume].map(|(_, bytes_per_second)| rate(bytes_per_second))
    }
}

fn rate(bytes_per_second: u64) -> TransferRate {
    TransferRate::from_bytes_per_second(bytes_per_second).unwrap_or_default()
}

fn resources(cpu_millis: u64, megabytes: u64) -> Resources {
    Resources { cpu_millis, memory: Bytes(megabytes * 1_000_000) }
}

/// A node with so much, and so much of it free.
fn node(capacity: Resources, free: Resources) -> ToldNode {
    ToldNode { capacity, free, ..ToldNode::default() }
}
