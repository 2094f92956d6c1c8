//! Images as a content store has them: documents with digests that are true.

use dunnage::model::chain_id::{chain_ids, sha256};
use serde_json::{Value, json};

/// An image: its documents, and what its layers are called.
#[derive(Clone, Debug)]
pub struct Image {
    pub name: String,
    pub manifest: Vec<u8>,
    pub config: Vec<u8>,
    /// Digests of compressed layers, base first.
    pub layers: Vec<String>,
    /// Chain ids in the same order.
    pub chains: Vec<String>,
}

/// The bytes that each layer's manifest entry tells.
pub const LAYER_BYTES: u64 = 1_000_000;

impl Image {
    /// An image of this platform with layers of these names.
    pub fn new(name: &str, layers: &[&str]) -> Self {
        let diff_ids: Vec<_> =
            layers.iter().map(|layer| sha256(format!("tar {layer}").as_bytes())).collect();
        let config = json!({
            "os": "linux", "architecture": architecture(), "config": {"Env": [name]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = config.to_string().into_bytes();
        let layers: Vec<_> = layers.iter().map(|layer| sha256(layer.as_bytes())).collect();
        let entry = |digest: &String| json!({"digest": digest, "size": LAYER_BYTES});
        let entries: Vec<Value> = layers.iter().map(entry).collect();
        let manifest = json!({
            "schemaVersion": 2, "config": {"digest": sha256(&config)}, "layers": entries,
        });
        Self {
            name: name.to_owned(),
            manifest: manifest.to_string().into_bytes(),
            config,
            layers,
            chains: chain_ids(diff_ids.iter().map(String::as_str)),
        }
    }

    /// The manifest's digest.
    pub fn digest(&self) -> String {
        sha256(&self.manifest)
    }
}

/// This machine's, as images tell it.
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
