//! Manifest files for tests: images by named layers, so that equal names share a layer.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

/// An image and its layers, base first: name and megabytes of each.
pub struct Manifest {
    image: String,
    layers: Vec<(String, u64)>,
    published: String,
}

impl Manifest {
    /// An image published at a fixed time.
    pub fn new(image: &str, layers: &[(&str, u64)]) -> Self {
        let layers = layers.iter().map(|(name, megabytes)| ((*name).to_owned(), *megabytes));
        let published = "2026-01-01T00:00:00Z".to_owned();
        Self { image: image.to_owned(), layers: layers.collect(), published }
    }

    /// The same, published later than others.
    pub fn later(mut self) -> Self {
        self.published = "2026-02-01T00:00:00Z".to_owned();
        self
    }

    /// Digest of the manifest: a function of its layers.
    pub fn digest(&self) -> String {
        let names: Vec<_> = self.layers.iter().map(|(name, _)| name.as_str()).collect();
        digest(&names.join("+"))
    }

    /// Compressed bytes of all layers.
    pub fn bytes(&self) -> i64 {
        self.layers.iter().map(|(_, megabytes)| *megabytes as i64 * 1_000_000).sum()
    }

    /// The name by digest under which a node reports it.
    pub fn name_by_digest(&self) -> String {
        let repository = self.image.rsplit_once(':').map_or(&*self.image, |(name, _)| name);
        format!("{repository}@{}", self.digest())
    }
}

/// Writes a manifest file.
pub fn write(file: &Path, manifests: &[Manifest]) -> Result<()> {
    let line = |manifest: &Manifest| {
        let layers = manifest.layers.iter();
        let layers =
            layers.map(|(name, mb)| json!({ "digest": digest(name), "size": mb * 1_000_000 }));
        let line = json!({
            "image": manifest.image,
            "platform": "linux/amd64",
            "manifest": manifest.digest(),
            "first_seen": manifest.published,
            "layers": layers.collect::<Vec<_>>(),
        });
        format!("{line}\n")
    };
    Ok(std::fs::write(file, manifests.iter().map(line).collect::<String>())?)
}

/// A digest that is a function of the name; not its SHA-256, which nobody here checks.
fn digest(name: &str) -> String {
    format!("sha256:{:0>64x}", dunnage::model::cluster::stable_hash(name))
}
