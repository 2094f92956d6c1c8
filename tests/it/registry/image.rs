//! Images made for a test: small, different by seed, with true digests of everything.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const OCI_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub const OCI_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
pub const DOCKER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Bytes with their media type.
#[derive(Clone, Debug)]
pub struct Blob {
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

/// An image for one platform.
#[derive(Clone, Debug)]
pub struct Image {
    pub manifest: Blob,
    /// Config and layers.
    pub blobs: Vec<Blob>,
    pub layer_bytes: u64,
}

impl Blob {
    pub fn json(media_type: &'static str, value: &Value) -> Self {
        Self { media_type, bytes: value.to_string().into_bytes() }
    }

    pub fn digest(&self) -> String {
        digest(&self.bytes)
    }

    pub fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest(), "size": self.bytes.len()})
    }
}

impl Image {
    /// OCI, for a platform; each layer is a text, and layers of one text are one layer.
    pub fn oci(platform: &str, layers: &[&str]) -> Self {
        Self::new([OCI_MANIFEST, OCI_CONFIG, OCI_GZIP], platform, layers)
    }

    /// Docker's schema 2.
    pub fn docker(platform: &str, layers: &[&str]) -> Self {
        Self::new([DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_GZIP], platform, layers)
    }

    /// Of these media types of manifest, config and layers.
    pub fn new(types: [&'static str; 3], platform: &str, layers: &[&str]) -> Self {
        let mut parts = platform.split('/');
        let mut part = || parts.next().unwrap_or_default();
        let ids: Vec<_> = layers.iter().map(|layer| digest(layer.as_bytes())).collect();
        let config = json!({"os": part(), "architecture": part(), "variant": part(),
            "rootfs": {"type": "layers", "diff_ids": ids}});
        let config = Blob::json(types[1], &config);
        let packed = |layer: &&str| Blob {
            media_type: types[2],
            bytes: format!("packed {layer} ").repeat(1000).into_bytes(),
        };
        let layers: Vec<_> = layers.iter().map(packed).collect();
        let descriptors: Vec<_> = layers.iter().map(Blob::descriptor).collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": types[0],
            "config": config.descriptor(), "layers": descriptors});
        let layer_bytes = layers.iter().map(|layer| layer.bytes.len() as u64).sum();
        let manifest = Blob::json(types[0], &manifest);
        Self { manifest, blobs: [vec![config], layers].concat(), layer_bytes }
    }

    /// Its entry in an index.
    pub fn entry(&self, platform: &str) -> Value {
        let mut parts = platform.split('/');
        let mut part = || parts.next().unwrap_or_default();
        let mut entry = self.manifest.descriptor();
        entry["platform"] = json!({"os": part(), "architecture": part()});
        if let Some(variant) = parts.next() {
            entry["platform"]["variant"] = json!(variant);
        }
        entry
    }
}

/// An index of entries.
pub fn index(media_type: &'static str, entries: &[Value]) -> Blob {
    let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries});
    Blob::json(media_type, &index)
}

pub fn digest(bytes: &[u8]) -> String {
    let hex =
        Sha256::digest(bytes).iter().fold(String::new(), |text, b| text + &format!("{b:02x}"));
    format!("sha256:{hex}")
}
