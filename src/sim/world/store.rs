//! What lies on a node's image disk: images by name, their layers by chain, and how full that makes it.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::{Catalogue, ChainNumber, Entry, ImageNumber, ReferenceNumber};
use crate::sim::placement::ImageList;
use crate::sim::setup::{DiskSetup, NodeHardware};
use crate::sim::world::bits::Bits;

/// The image disk of a node.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) disk: Option<DiskSetup>,
    /// Bytes taken on it, those of pulls in progress among them.
    pub(super) used: Bytes,
    /// By number.
    pub(super) images: Vec<HeldImage>,
    /// What each name means here, by number of the name.
    references: Vec<(ReferenceNumber, ImageNumber)>,
    chains: Bits,
    /// Compressed blobs, where they are kept.
    blobs: Option<Bits>,
}

/// A whole image, and what the kubelet's garbage collection knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldImage {
    pub(super) image: ImageNumber,
    /// Pods of which containers are there, ended ones too.
    pub(super) users: u32,
    /// When it was first seen.
    pub(super) detected_at: Option<Nanos>,
    /// When it was last seen in use.
    pub(super) used_at: Option<Nanos>,
}

impl Store {
    pub(super) fn new(hardware: &NodeHardware) -> Self {
        let blobs = hardware.keeps_blobs.then(Bits::default);
        Self { disk: hardware.disk, blobs, ..Self::default() }
    }

    /// What a name means here.
    pub(super) fn meaning(&self, reference: ReferenceNumber) -> Option<ImageNumber> {
        let at = self.references.binary_search_by_key(&reference, |entry| entry.0).ok()?;
        Some(self.references[at].1)
    }

    /// Whether the whole of an image is here.
    pub(super) fn has_image(&self, image: ImageNumber) -> bool {
        self.images.binary_search_by_key(&image, |held| held.image).is_ok()
    }

    pub(super) fn image_mut(&mut self, image: ImageNumber) -> Option<&mut HeldImage> {
        let at = self.images.binary_search_by_key(&image, |held| held.image).ok()?;
        Some(&mut self.images[at])
    }

    pub(super) fn has_chain(&self, chain: ChainNumber) -> bool {
        self.chains.has(chain.0)
    }

    /// How many of an image's layers are unpacked here, base first.
    pub(super) fn depth_of(&self, entry: &Entry) -> usize {
        entry.layers.iter().take_while(|layer| self.has_chain(layer.chain)).count()
    }

    /// Bytes that a pull of those from `depth` up fetches for the layer at `place`.
    pub(super) fn bytes_fetched(&self, entry: &Entry, depth: usize, place: usize) -> Bytes {
        let is_kept = self.blobs.as_ref().is_some_and(|kept| kept.has(entry.layers[place].blob.0));
        if is_kept { Bytes(0) } else { entry.bytes_fetched(depth, place) }
    }

    /// Bytes of an image that a pull would not fetch.
    pub(super) fn present(&self, entry: &Entry) -> Bytes {
        let depth = self.depth_of(entry);
        let missing = (depth..entry.layers.len()).map(|at| self.bytes_fetched(entry, depth, at));
        entry.bytes - missing.fold(Bytes(0), |sum, bytes| sum + bytes)
    }

    /// Bytes that a layer takes on the disk.
    pub(super) fn room_of(&self, compressed: Bytes) -> Bytes {
        let per_mille = self.disk.map_or(0, |disk| disk.unpacked_per_mille);
        let bytes = u128::from(compressed.0) * u128::from(per_mille) / 1000;
        Bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// Bytes that are free.
    pub(super) fn free(&self) -> Bytes {
        self.disk.map_or(Bytes(u64::MAX), |disk| disk.bytes - self.used)
    }

    /// Marks layers of an image as unpacked, and as kept where blobs are; their room was taken before.
    /// Each chain that is new goes to `new`.
    pub(super) fn unpack(&mut self, entry: &Entry, mut new: impl FnMut(ChainNumber)) {
        for layer in &entry.layers {
            if !self.chains.has(layer.chain.0) {
                self.chains.set(layer.chain.0);
                new(layer.chain);
            }
            if let Some(blobs) = &mut self.blobs {
                blobs.set(layer.blob.0);
            }
        }
    }

    /// The image is here, whole.
    pub(super) fn insert(&mut self, image: ImageNumber) {
        if let Err(at) = self.images.binary_search_by_key(&image, |held| held.image) {
            let held = HeldImage { image, users: 0, detected_at: None, used_at: None };
            self.images.insert(at, held);
        }
    }

    /// The name means this image from now on.
    pub(super) fn name(&mut self, reference: ReferenceNumber, image: ImageNumber) {
        match self.references.binary_search_by_key(&reference, |entry| entry.0) {
            Ok(at) => self.references[at].1 = image,
            Err(at) => self.references.insert(at, (reference, image)),
        }
    }

    /// Drops the images for which `goes` says so, with their names; then every layer that belongs to no
    /// image that is left, nor to those in `pulled`. Gives each chain that went.
    pub(super) fn drop_images(
        &mut self,
        catalogue: &Catalogue,
        gone: &[ImageNumber],
        pulled: &[ImageNumber],
        mut went: impl FnMut(ChainNumber),
    ) {
        self.images.retain(|held| !gone.contains(&held.image));
        self.references.retain(|(_, image)| !gone.contains(image));
        let (mut chains, mut blobs) = (Bits::default(), Bits::default());
        for image in self.images.iter().map(|held| held.image).chain(pulled.iter().copied()) {
            for layer in &catalogue.image(image).layers {
                chains.set(layer.chain.0);
                blobs.set(layer.blob.0);
            }
        }
        for &image in gone {
            for layer in &catalogue.image(image).layers {
                if self.chains.has(layer.chain.0) && !chains.has(layer.chain.0) {
                    self.chains.clear(layer.chain.0);
                    self.used = self.used - self.room_of(layer.bytes);
                    went(layer.chain);
                }
                match &mut self.blobs {
                    Some(kept) if !blobs.has(layer.blob.0) => kept.clear(layer.blob.0),
                    _ => {}
                }
            }
        }
    }

    /// The images with their names, the largest first, at most so many.
    pub(super) fn list(&self, catalogue: &Catalogue, images_max: usize) -> ImageList {
        let mut images: Vec<_> = self.images.iter().map(|held| held.image).collect();
        images.sort_unstable_by_key(|&image| catalogue.image(image).rank);
        images.truncate(images_max);
        let mut list = ImageList::default();
        for image in images {
            let names = self.references.iter().filter(|(_, meaning)| *meaning == image);
            list.push(image, names.map(|(reference, _)| *reference));
        }
        list
    }

    /// Chains here.
    pub(super) fn chains(&self) -> impl Iterator<Item = ChainNumber> {
        self.chains.iter().map(ChainNumber)
    }
}
