//! Which images a store holds for a platform: names and manifests, resolved to layers.

use std::collections::{BTreeMap, BTreeSet};

use crate::edge::inventory::document::{Child, Config, Document, Manifest};
use crate::edge::inventory::image::{ImageLayer, ImageSpec, NAME_BYTES_MAX, NAMES_MAX};
use crate::edge::inventory::node::Unreadable;
use crate::edge::inventory::store::Store;
use crate::model::chain_id::chain_ids;
use crate::model::image::Platform;
use crate::model::reference::is_digest;

/// One image, understood.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) digest: String,
    config: String,
    platform: Platform,
    pub(super) layers: Vec<ImageLayer>,
    pub(super) chains: Vec<String>,
    pub(super) names: BTreeSet<String>,
    pub(super) indexes: BTreeSet<String>,
}

impl Image {
    /// Compressed bytes of all layers.
    pub(super) fn bytes(&self) -> u64 {
        self.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.bytes))
    }

    /// What is published of it for the whole cluster.
    pub(super) fn spec(&self) -> ImageSpec {
        let fits = |name: &&String| name.len() <= NAME_BYTES_MAX;
        ImageSpec {
            digest: self.digest.clone(),
            config: self.config.clone(),
            platform: self.platform.to_string(),
            bytes: self.bytes(),
            layer_count: self.layers.len() as u64,
            layers: self.layers.clone(),
            references: self.names.iter().filter(fits).take(NAMES_MAX).cloned().collect(),
        }
    }
}

/// The images of a store by manifest digest, and what could not be understood.
pub(super) fn images(store: &Store, platform: &Platform) -> (Vec<Image>, Vec<Unreadable>) {
    let mut images = BTreeMap::new();
    let mut unreadable = Vec::new();
    for (name, target) in &store.names {
        match resolve(store, target, platform) {
            Ok((digest, image)) => {
                let image = images.entry(digest.to_owned()).or_insert(image);
                // The runtime's own name of an image by its config's digest.
                if !is_digest(name) {
                    image.names.insert(name.clone());
                }
                if digest != target {
                    image.indexes.insert(target.clone());
                }
            }
            Err(reason) => unreadable.push(Unreadable { name: name.clone(), reason }),
        }
    }
    add_nameless(store, platform, &mut images);
    (images.into_values().collect(), unreadable)
}

/// Manifests that no name points at: those of pulls in progress, whose configs may yet be missing.
fn add_nameless(store: &Store, platform: &Platform, images: &mut BTreeMap<String, Image>) {
    for (digest, document) in &store.documents {
        let Ok(Document::Manifest(manifest)) = document else {
            continue;
        };
        if images.contains_key(digest) {
            continue;
        }
        if let Ok(image) = image(store, digest, manifest)
            && image.platform.runs_on(platform)
        {
            images.insert(digest.clone(), image);
        }
    }
}

/// The image that a name's target is on this platform.
fn resolve<'a>(
    store: &'a Store,
    target: &'a str,
    platform: &Platform,
) -> Result<(&'a str, Image), String> {
    match document(store, target)? {
        Document::Manifest(manifest) => Ok((target, image(store, target, manifest)?)),
        Document::Index(children) => {
            let child = choose(store, children, platform)?;
            match document(store, child)? {
                Document::Manifest(manifest) => Ok((child, image(store, child, manifest)?)),
                _ => Err(format!("{child}: expected a manifest")),
            }
        }
        Document::Config(_) => Err(format!("{target}: expected an index or a manifest")),
    }
}

fn document<'a>(store: &'a Store, digest: &str) -> Result<&'a Document, String> {
    match store.documents.get(digest) {
        Some(Ok(document)) => Ok(document),
        Some(Err(reason)) => Err(format!("{digest}: {reason}")),
        None => Err(format!("{digest}: not in the content store")),
    }
}

/// The entry of an index for a platform: one of the same variant before one of none.
fn choose<'a>(
    store: &Store,
    children: &'a [Child],
    platform: &Platform,
) -> Result<&'a str, String> {
    let rank = |child: &Child| {
        let told = child.platform.clone().or_else(|| platform_of(store, &child.digest))?;
        told.runs_on(platform).then_some(u8::from(told.variant != platform.variant))
    };
    let ranked = children.iter().filter_map(|child| Some((rank(child)?, child)));
    // The first of equals, as containerd.
    let best = ranked.min_by_key(|(rank, _)| *rank);
    best.map(|(_, child)| child.digest.as_str()).ok_or_else(|| format!("no image for {platform}"))
}

fn platform_of(store: &Store, manifest: &str) -> Option<Platform> {
    let Document::Manifest(manifest) = document(store, manifest).ok()? else {
        return None;
    };
    config(store, manifest).ok().map(|config| config.platform.clone())
}

fn config<'a>(store: &'a Store, manifest: &Manifest) -> Result<&'a Config, String> {
    match document(store, &manifest.config)? {
        Document::Config(config) => Ok(config),
        _ => Err(format!("{}: expected an image's config", manifest.config)),
    }
}

fn image(store: &Store, digest: &str, manifest: &Manifest) -> Result<Image, String> {
    let config = config(store, manifest)?;
    let (layers, diff_ids) = (&manifest.layers, &config.diff_ids);
    if layers.len() != diff_ids.len() {
        let (layers, diffs) = (layers.len(), diff_ids.len());
        return Err(format!("{digest}: {layers} layers, but {diffs} diff ids in its config"));
    }
    let all = layers.iter().map(|(digest, _)| digest).chain(diff_ids).chain([&manifest.config]);
    if let Some(odd) = all.into_iter().find(|digest| !is_digest(digest)) {
        return Err(format!("{digest}: {odd:?} is no digest"));
    }
    let layer = |((digest, bytes), diff_id): (&(String, u64), &String)| ImageLayer {
        digest: digest.clone(),
        bytes: *bytes,
        diff_id: diff_id.clone(),
    };
    Ok(Image {
        digest: digest.to_owned(),
        config: manifest.config.clone(),
        platform: config.platform.clone(),
        layers: layers.iter().zip(diff_ids).map(layer).collect(),
        chains: chain_ids(diff_ids.iter().map(String::as_str)),
        names: BTreeSet::new(),
        indexes: BTreeSet::new(),
    })
}
