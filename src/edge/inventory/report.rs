//! From a reading of the store to what is published: the inventory, and the manifests of its images.
//!
//! Pure. Size is [`super::bound`]'s, whether it is worth a write [`super::change`]'s.

mod images;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::image::ImageSpec;
use super::node::{BlobRule, Disk, HeldImage, InventorySpec};
use super::store::{Store, is_lazy};
use crate::model::image::Platform;
use crate::model::reference::is_digest;
use images::Image;

/// What is known beside the store.
#[derive(Clone, Debug)]
pub struct About {
    /// When the store was read.
    pub observed_at: Time,
    /// How long after that the inventory may be believed, in seconds.
    pub valid_seconds: u64,
    /// What the node runs.
    pub platform: Platform,
    /// The file system of the images.
    pub disk: Option<Disk>,
}

/// What is published.
#[derive(Clone, Debug)]
pub struct Report {
    /// The whole inventory, however large.
    pub inventory: InventorySpec,
    /// The manifests of its images, in its order.
    pub manifests: Vec<ImageSpec>,
}

/// What to publish of a runtime's store; volumes are added by who reads those.
#[must_use]
pub fn report(store: &Store, about: About) -> Report {
    let (images, unreadable) = images::images(store, &about.platform);
    let lazy = is_lazy(&store.snapshotter);
    let rule = blob_rule(store, &images);
    let inventory = InventorySpec {
        observed_at: about.observed_at,
        valid_seconds: about.valid_seconds,
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        containerd_version: store.version.clone(),
        platform: about.platform.to_string(),
        snapshotter: store.snapshotter.clone(),
        lazy,
        blobs: rule,
        disk: about.disk,
        image_count: images.len() as u64,
        images: images.iter().map(|image| held(store, image, lazy, rule)).collect(),
        chains: if lazy { Vec::new() } else { other_chains(store, &images) },
        loose_blobs: loose_blobs(store, &images),
        pulls: store.pulls.clone(),
        unreadable,
        volumes: Vec::new(),
        lists_volumes: false,
        volume_server: None,
        dropped: None,
    };
    let manifests = images.iter().map(Image::spec).collect();
    Report { inventory, manifests }
}

fn held(store: &Store, image: &Image, lazy: bool, rule: BlobRule) -> HeldImage {
    let kept = kept_blobs(store, image);
    let as_ruled = match rule {
        BlobRule::Kept => kept.len() == image.layers.len(),
        BlobRule::Discarded => kept.is_empty(),
    };
    HeldImage {
        manifest: image.digest.clone(),
        names: image.names.iter().cloned().collect(),
        indexes: image.indexes.iter().cloned().collect(),
        layers: image.layers.len() as u64,
        unpacked: if lazy { 0 } else { unpacked(store, image) as u64 },
        bytes: image.bytes(),
        blobs: (!as_ruled).then_some(kept),
    }
}

/// Layers from the base on that are unpacked, up to the first that is not.
fn unpacked(store: &Store, image: &Image) -> usize {
    image.chains.iter().take_while(|chain| store.chains.contains(*chain)).count()
}

/// Places of the layers whose blob is in the store.
fn kept_blobs(store: &Store, image: &Image) -> Vec<u32> {
    let places = (0..).zip(&image.layers);
    let kept = places.filter(|(_, layer)| store.blobs.contains_key(&layer.digest));
    kept.map(|(place, _)| place).collect()
}

/// What the layers of unpacked images show: the blobs of most are there, or not.
fn blob_rule(store: &Store, images: &[Image]) -> BlobRule {
    let (mut kept, mut all) = (0, 0);
    for image in images.iter().filter(|image| unpacked(store, image) == image.layers.len()) {
        kept += kept_blobs(store, image).len();
        all += image.layers.len();
    }
    if kept * 2 > all { BlobRule::Kept } else { BlobRule::Discarded }
}

/// Unpacked chains beside those that [`HeldImage::unpacked`] counts. Committed snapshots of other names
/// are somebody's own.
fn other_chains(store: &Store, images: &[Image]) -> Vec<String> {
    let counted: BTreeSet<&String> =
        images.iter().flat_map(|image| &image.chains[..unpacked(store, image)]).collect();
    let others = store.chains.iter().filter(|chain| is_digest(chain) && !counted.contains(chain));
    others.cloned().collect()
}

/// Blobs that are neither a document nor a listed image's layer.
fn loose_blobs(store: &Store, images: &[Image]) -> Vec<String> {
    let layers: BTreeSet<&String> =
        images.iter().flat_map(|image| &image.layers).map(|layer| &layer.digest).collect();
    let is_loose = |digest: &&String| {
        let blob = &store.blobs[*digest];
        let is_document = store.documents.contains_key(*digest);
        !(blob.is_parent || blob.snapshotter.is_some() || is_document || layers.contains(digest))
    };
    store.blobs.keys().filter(is_loose).cloned().collect()
}
