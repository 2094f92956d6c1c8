//! Images whose layers are known: chains, names, and which records on nodes are which image.
//!
//! Decides when a record that a node lists is taken for a known image: by digest, else by name where
//! nothing contradicts it. Does not decide which image a tag means for a pod: that is
//! [`crate::score`]'s.

use std::sync::Arc;

use crate::model::chain::{Chain, ChainKey, KeySpace};
use crate::model::chain_id::chain_ids;
use crate::model::cluster::image::{Image, Record};
use crate::model::cluster::{ChainId, Cluster, ImageId, PlatformId, RecordId, stable_hash};
use crate::model::image::{ImageFacts, Layer, Platform};
use crate::model::unit::{Bytes, Time};
use crate::state::Tracker;
use crate::state::holding::put;

/// A record's size may exceed its layers by this and still be that image: containerd counts manifest
/// and config too, some 10 to 100 kB.
const CONFIG_BYTES_MAX: Bytes = Bytes(512 << 10);

/// Free slots that rest: a remembered decision names images by slot, and is itself forgotten by the time
/// that so many later ones were freed.
const RESTING_MAX: usize = 4096;

impl Tracker {
    /// Adds an image, or replaces what was known of the one with the same manifest digest.
    pub(super) fn add_image(&mut self, mut facts: ImageFacts, now: Time) {
        // One that tells no platform is taken for what nearly all such images are.
        let platform = self
            .platform_id(&facts.platform)
            .or_else(|| self.platform_id(&Platform::new("linux", "amd64", "")));
        let Some(platform) = platform else { return };
        let twin = facts.digests.first().and_then(|digest| self.cluster.image_of(digest, platform));
        let slot = twin.unwrap_or_else(|| self.vacant_slot());
        if let Some(twin) = twin {
            facts = self.merge(twin, facts);
            self.remove_image(twin);
        }
        let image = self.cluster.build_image(&facts, platform);
        self.cluster.place_image(slot, image);
        self.resolve_records_of(slot);
        self.refresh_all_pulls(now);
    }

    /// Takes a record for the image it is, if that is known, and sets its holders' chains.
    pub(super) fn resolve_record(&mut self, id: RecordId) {
        let image = self.cluster.image_of_record(self.cluster.record(id));
        let before = self.cluster.record(id).image;
        if image == before {
            return;
        }
        self.cluster.records[id.index()].image = None;
        let holders: Vec<_> = self.cluster.record(id).holders.iter().collect();
        if let Some(before) = before {
            holders.iter().for_each(|&node| self.cluster.clear_layers(node, before));
        }
        self.cluster.records[id.index()].image = image;
        if image.is_some() {
            holders.iter().for_each(|&node| self.cluster.set_layers(node, id));
        }
    }

    /// Removes an image that no node holds and none pulls; unknown ones are no error.
    pub(super) fn forget_image(&mut self, manifest: &str, platform: &Platform, now: Time) {
        let platform = self.platform_id(platform);
        let id = platform.and_then(|platform| self.cluster.image_of(manifest, platform));
        let Some(id) = id.filter(|&id| !self.cluster.is_needed(id)) else {
            return;
        };
        self.remove_image(id);
        self.free_images.push_back(id);
        self.refresh_all_pulls(now);
    }

    /// A slot for a new image.
    fn vacant_slot(&mut self) -> ImageId {
        let rested = self.free_images.len() > RESTING_MAX;
        rested.then(|| self.free_images.pop_front()).flatten().unwrap_or_else(|| {
            ImageId(u32::try_from(self.cluster.images.len()).expect("fewer than 2^32 images"))
        })
    }

    /// The new facts with the old names; sizes and diff ids once known are not forgotten.
    fn merge(&self, twin: ImageId, mut facts: ImageFacts) -> ImageFacts {
        let image = self.cluster.image(twin);
        let texts = image.references.iter().map(|&id| self.cluster.reference_text(id));
        add_missing(&mut facts.references, texts);
        let texts = image.digests.iter().map(|&id| self.cluster.digest_text(id));
        add_missing(&mut facts.digests, texts);
        facts.published_at = facts.published_at.max(image.published_at);
        if image.chains.len() != facts.layers.len() {
            return facts;
        }
        for (at, layer) in facts.layers.iter_mut().enumerate() {
            if layer.compressed_bytes == Bytes(0) {
                layer.compressed_bytes = image.bytes_beyond[at] - image.bytes_beyond[at + 1];
            }
            if image.space == KeySpace::DiffIds && layer.diff_id.is_none() {
                let key = self.cluster.chain_ids.key(image.chains[at].0);
                layer.diff_id = key.map(|key| key.digest.to_string());
            }
        }
        facts
    }

    fn remove_image(&mut self, id: ImageId) {
        for digest in self.cluster.image(id).digests.clone() {
            self.cluster.digests[digest.index()].images.retain(|image| *image != id);
        }
        for reference in self.cluster.image(id).references.clone() {
            self.cluster.references[reference.index()].images.retain(|image| *image != id);
        }
        self.resolve_records_of(id);
        let Some(image) = self.cluster.images[id.index()].take() else {
            return;
        };
        image.references.into_iter().for_each(|r| self.cluster.release_reference(r));
        image.digests.into_iter().for_each(|d| self.cluster.release_digest(d));
        for chain in image.chains {
            if self.cluster.chain_ids.release(chain.0) {
                let gone = std::mem::take(&mut self.cluster.chains[chain.index()]);
                self.cluster.chain_names.remove(&gone.name);
            }
        }
    }

    /// Looks again at every record that shares a name with the image.
    fn resolve_records_of(&mut self, id: ImageId) {
        let image = self.cluster.image(id);
        let by_digest = image.digests.iter().flat_map(|&d| &self.cluster.digest(d).records);
        let by_name = image.references.iter().flat_map(|&r| &self.cluster.reference(r).records);
        let mut records: Vec<_> = by_digest.chain(by_name).copied().collect();
        records.sort_unstable();
        records.dedup();
        records.into_iter().for_each(|record| self.resolve_record(record));
    }
}

fn add_missing<'a>(texts: &mut Vec<String>, more: impl Iterator<Item = &'a str>) {
    for text in more {
        if !texts.iter().any(|known| known == text) {
            texts.push(text.to_owned());
        }
    }
}

impl Cluster {
    /// Whether a node holds or pulls an image.
    fn is_needed(&self, id: ImageId) -> bool {
        let image = self.image(id);
        let by_digest = image.digests.iter().flat_map(|&d| &self.digest(d).records);
        let by_name = image.references.iter().flat_map(|&r| &self.reference(r).records);
        let is_held = by_digest.chain(by_name).any(|&r| self.record(r).image == Some(id));
        let mut pulls = self.pulling.iter().flat_map(|node| &self.node(node).pulls);
        is_held || pulls.any(|pull| pull.image == Some(id))
    }

    fn build_image(&mut self, facts: &ImageFacts, platform: PlatformId) -> Image {
        let space = KeySpace::of(&facts.layers);
        let chains = self.acquire_chains(space, &facts.layers);
        let heaviest = facts.layers.iter().rev().max_by_key(|layer| layer.compressed_bytes);
        Image {
            digests: facts.digests.iter().map(|text| self.acquire_digest(text)).collect(),
            references: facts.references.iter().map(|text| self.acquire_reference(text)).collect(),
            platform,
            space,
            chains,
            blobs: facts.layers.iter().map(|layer| stable_hash(&layer.digest)).collect(),
            bytes_beyond: bytes_beyond(&facts.layers),
            home_key: heaviest.map_or(0, |layer| stable_hash(&layer.digest)),
            published_at: facts.published_at,
        }
    }

    fn acquire_chains(&mut self, space: KeySpace, layers: &[Layer]) -> Vec<ChainId> {
        let mut parent = None;
        let mut chains = Vec::with_capacity(layers.len());
        let names = chain_names(space, layers);
        for (depth, layer) in layers.iter().enumerate() {
            let digest = Arc::from(space.digest_of(layer));
            let key = ChainKey { parent, space, digest };
            let fresh = self.chain_ids.get(&key).is_none();
            let id = ChainId(self.chain_ids.acquire(key));
            if fresh {
                let name = names.get(depth).copied().unwrap_or(0);
                let holders = self.claims.get(&name).cloned().unwrap_or_default();
                put(&mut self.chains, id.index(), Chain { depth, holders, name });
                if name != 0 {
                    self.chain_names.insert(name, id);
                }
            }
            chains.push(id);
            parent = Some(id);
        }
        chains
    }

    fn place_image(&mut self, id: ImageId, image: Image) {
        for digest in &image.digests {
            self.digests[digest.index()].images.push(id);
        }
        for reference in &image.references {
            self.references[reference.index()].images.push(id);
        }
        put(&mut self.images, id.index(), Some(image));
    }

    /// The image a record stands for: the one with its digest; else, among those that go by its
    /// name, the one whose size fits, or, where a record has neither digest nor size, the newest.
    fn image_of_record(&self, record: &Record) -> Option<ImageId> {
        let by_digest = record.digests.iter().flat_map(|&d| &self.digest(d).images).copied();
        let by_digest = self.newest_on(record.platform, by_digest);
        if by_digest.is_some() {
            return by_digest;
        }
        let by_name = record.references.iter().flat_map(|&r| &self.reference(r).images).copied();
        if record.digests.is_empty() {
            // A tag alone: of several images that had it, the size tells which; else the newest.
            let fitting = by_name.clone().filter(|&id| size_fits(record.size, self.image(id)));
            return self
                .newest_on(record.platform, fitting)
                .or_else(|| self.newest_on(record.platform, by_name));
        }
        self.newest_on(
            record.platform,
            by_name.filter(|&id| size_fits(record.size, self.image(id))),
        )
    }
}

/// Hashes of the layers' OCI chain ids, base first; none where their diff ids are not known.
fn chain_names(space: KeySpace, layers: &[Layer]) -> Vec<u64> {
    match space {
        KeySpace::DiffIds => {
            let diff_ids = layers.iter().map(|layer| space.digest_of(layer));
            chain_ids(diff_ids).iter().map(|id| stable_hash(id)).collect()
        }
        KeySpace::CompressedDigests => Vec::new(),
    }
}

fn size_fits(size: Bytes, image: &Image) -> bool {
    let layers = image.total_bytes();
    size >= layers && size <= layers + CONFIG_BYTES_MAX
}

/// See [`Image::bytes_beyond`].
fn bytes_beyond(layers: &[Layer]) -> Vec<Bytes> {
    let mut beyond = vec![Bytes(0); layers.len() + 1];
    for (at, layer) in layers.iter().enumerate().rev() {
        let again = layers[at + 1..].iter().any(|later| later.digest == layer.digest);
        let own = if again { Bytes(0) } else { layer.compressed_bytes };
        beyond[at] = beyond[at + 1] + own;
    }
    beyond
}
