//! Agents without containerd: what they would report of a node that changes a little each time, written by
//! the agent's own publisher, each over a connection of its own.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use dunnage::edge::inventory::bound::{INVENTORY_BYTES_MAX, fit};
use dunnage::edge::inventory::change::own_share;
use dunnage::edge::inventory::image::{ImageLayer, ImageSpec};
use dunnage::edge::inventory::node::{BlobRule, Disk, HeldImage, InventorySpec, Pull};
use dunnage::edge::inventory::publish::Publisher;
use dunnage::model::unit::Time;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as ApiTime;
use k8s_openapi::jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::digest;
use crate::testbed::client_of;

const MB: u64 = 1_000_000;
/// Images that every node has: the system's own.
const COMMON_IMAGES: usize = 30;
/// Images of a node at its first report.
pub const IMAGES_PER_NODE: usize = 100;
/// Layers of an image, half of them of one of few bases.
const LAYERS: usize = 10;
const BASES: usize = 20;
/// An own image of a node is so many further in the catalogue than the one before: prime, so that a node
/// holds none twice.
const STRIDE: usize = 61;
/// So many write at once while the catalogue is published.
const PUBLISHERS: usize = 8;

/// The name of a node.
pub fn node_name(number: usize) -> String {
    format!("node-{number:05}")
}

/// Images that not every node has, the one that came last at the end: each time the oldest has gone and,
/// but for every fifth time, another has come.
fn own_images(node: usize, report: usize, catalogue: usize) -> impl Iterator<Item = usize> {
    let count = IMAGES_PER_NODE - COMMON_IMAGES - report / 5;
    let rare = catalogue - COMMON_IMAGES;
    (report..report + count).map(move |slot| COMMON_IMAGES + (node * 37 + slot * STRIDE) % rare)
}

/// What a node has at a report, the first being 0: other images than before, more room or less on the disk,
/// and a pull somewhere else.
pub fn inventory(node: usize, report: usize, catalogue: usize) -> InventorySpec {
    let own = own_images(node, report, catalogue);
    let mut images: Vec<_> = (0..COMMON_IMAGES).chain(own).map(held).collect();
    images.sort_by(|a, b| a.manifest.cmp(&b.manifest));
    let loose = |kind: &str| digest(kind, node * 1_000 + report);
    let pull = Pull {
        digest: loose("pull"),
        offset_bytes: (report as u64 * 7 % 80) * MB,
        total_bytes: 80 * MB,
    };
    let inventory = InventorySpec {
        observed_at: ApiTime(Timestamp::now()),
        valid_seconds: 660,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        containerd_version: "v2.4.2".to_owned(),
        platform: "linux/amd64".to_owned(),
        snapshotter: "overlayfs".to_owned(),
        lazy: false,
        blobs: BlobRule::Discarded,
        disk: Some(Disk {
            size_bytes: 500_000 * MB,
            free_bytes: (200_000 + (report as u64 * 11 + node as u64) % 40 * 5_000) * MB,
        }),
        image_count: images.len() as u64,
        images,
        chains: vec![loose("chain")],
        loose_blobs: vec![loose("blob")],
        pulls: vec![pull],
        unreadable: Vec::new(),
        volumes: Vec::new(),
        lists_volumes: false,
        volume_server: None,
        dropped: None,
    };
    fit(inventory, INVENTORY_BYTES_MAX)
}

/// As containerd names an image that a kubelet pulled by tag.
fn held(image: usize) -> HeldImage {
    let spec = image_spec(image);
    let index = digest("index", image);
    let mut names = spec.references;
    names.push(format!("registry.example.com/team-{}/service-{image}@{index}", image % 20));
    HeldImage {
        manifest: spec.digest,
        names,
        indexes: vec![index],
        layers: LAYERS as u64,
        unpacked: LAYERS as u64,
        bytes: spec.bytes,
        blobs: None,
    }
}

/// An image of the catalogue: half its layers are those of its base.
fn image_spec(image: usize) -> ImageSpec {
    let layer = |depth: usize| {
        let of = if depth < LAYERS / 2 { image % BASES } else { BASES + image };
        let number = of * LAYERS + depth;
        ImageLayer {
            digest: digest("layer", number),
            bytes: 30 * MB + number as u64,
            diff_id: digest("diff", number),
        }
    };
    let layers: Vec<_> = (0..LAYERS).map(layer).collect();
    ImageSpec {
        digest: digest("manifest", image),
        config: digest("config", image),
        platform: "linux/amd64".to_owned(),
        bytes: layers.iter().map(|layer| layer.bytes).sum(),
        layer_count: LAYERS as u64,
        layers,
        references: vec![format!(
            "registry.example.com/team-{}/service-{image}:v1.{image}",
            image % 20
        )],
    }
}

/// Publishes every image of the catalogue.
pub async fn publish_catalogue(kubeconfig: &Path, catalogue: usize) -> Result<()> {
    let mut publishing = JoinSet::new();
    for part in 0..PUBLISHERS {
        let mut publisher = Publisher::new(client_of(kubeconfig).await?, &node_name(part));
        let specs: Vec<_> = (part..catalogue).step_by(PUBLISHERS).map(image_spec).collect();
        publishing.spawn(async move { publisher.manifests(&specs, usize::MAX, Time(0)).await });
    }
    while let Some(published) = publishing.join_next().await {
        published??;
    }
    Ok(())
}

/// How agents report.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub agents: usize,
    /// Images that there are in all.
    pub catalogue: usize,
    pub interval: Duration,
    /// Reports of each agent after its first.
    pub reports: usize,
}

/// Has every agent report once an interval, each at its own share of it, the first time within one interval
/// of now. Gives how long each write of an inventory took but for the first, ascending.
pub async fn run(plan: Plan, kubeconfig: &Path) -> Result<Vec<Duration>> {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for node in 0..plan.agents {
        let publisher = Publisher::new(client_of(kubeconfig).await?, &node_name(node));
        running.spawn(report_on(plan, node, publisher, start));
    }
    let mut took = Vec::new();
    while let Some(done) = running.join_next().await {
        took.extend(done??);
    }
    took.sort();
    Ok(took)
}

async fn report_on(
    plan: Plan,
    node: usize,
    mut publisher: Publisher,
    start: Instant,
) -> Result<Vec<Duration>> {
    let mut next = start + own_share(&node_name(node), plan.interval);
    let mut took = Vec::new();
    for report in 0..=plan.reports {
        sleep_until(next).await;
        next += plan.interval;
        let begun = Instant::now();
        publisher.inventory(inventory(node, report, plan.catalogue)).await?;
        took.push(begun.elapsed());
        // Others had it before: the agent asks for it to be made all the same.
        let newest = own_images(node, report, plan.catalogue).last().map(image_spec);
        publisher.manifests(newest.as_slice(), 1, Time(0)).await?;
    }
    Ok(took.split_off(1))
}
