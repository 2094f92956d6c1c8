//! What registries keep beside layers: indexes, manifests and configs, decoded into what is used.
//!
//! Docker's schema 2 and OCI's types are read alike. Layers may be packed in any way, or not at all:
//! only their digests and sizes count here. What is no container image is refused in words.

use oci_distribution::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, OciDescriptor, OciImageIndex,
    OciImageManifest, OciManifest,
};
use serde::Deserialize;

use crate::edge::registry::failure::{Failure, Kind};
use crate::model::image::{Layer, Platform};
use crate::model::reference::is_digest;
use crate::model::unit::Bytes;

/// More layers than any runtime can mount (overlayfs takes 500, Docker 127).
const LAYERS_MAX: usize = 512;
/// What all layers of container images have in common in their media type.
const LAYER_TYPES: [&str; 2] =
    ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];

/// A decoded document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// One image for several platforms.
    Index(Vec<Entry>),
    /// An image for one platform.
    Manifest(Manifest),
    /// What an image's config tells.
    Config(Config),
}

/// One entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of a manifest, or of a further index.
    pub digest: String,
    /// `None` where not told.
    pub platform: Option<Platform>,
}

/// An image for one platform, without its diff ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Digest of its config.
    pub config: String,
    /// Base first, never empty.
    pub layers: Vec<Layer>,
}

/// What an image's config tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What it runs on.
    pub platform: Platform,
    /// Of each layer, base first.
    pub diff_ids: Vec<String>,
}

impl Document {
    /// About how much memory it takes: two digests of 71 bytes a layer, with what goes around them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Index(entries) => 100 + 250 * entries.len(),
            Self::Manifest(manifest) => 200 + 150 * manifest.layers.len(),
            Self::Config(config) => 200 + 100 * config.diff_ids.len(),
        }
    }
}

/// Reads an index or a manifest.
///
/// # Errors
/// If it is neither, or no container image.
pub fn manifest(body: &[u8]) -> Result<Document, Failure> {
    let version: Version = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
    if version.schema_version != 2 {
        let version = version.schema_version;
        return Err(invalid(format!("manifest of schema version {version}; only 2 is read")));
    }
    match serde_json::from_slice(body) {
        Ok(OciManifest::ImageIndex(index)) => Ok(Document::Index(entries(index))),
        Ok(OciManifest::Image(image)) => Ok(Document::Manifest(image_manifest(image)?)),
        Err(_) => Err(invalid("neither an image manifest nor an index".to_owned())),
    }
}

/// Reads an image's config.
///
/// # Errors
/// If it is none.
pub fn config(body: &[u8]) -> Result<Document, Failure> {
    let file: ConfigFile = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
    if let Some(odd) = file.rootfs.diff_ids.iter().find(|id| !is_digest(id)) {
        return Err(invalid(format!("diff id {odd:?} in the config")));
    }
    let platform = Platform::new(&file.os, &file.architecture, &file.variant);
    Ok(Document::Config(Config { platform, diff_ids: file.rootfs.diff_ids }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    #[serde(default)]
    schema_version: i64,
}

/// The library's own type refuses a config for one odd field that nobody here reads.
#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

fn entries(index: OciImageIndex) -> Vec<Entry> {
    let entry = |entry: oci_distribution::manifest::ImageIndexEntry| Entry {
        digest: entry.digest,
        platform: entry.platform.map(|platform| {
            let variant = platform.variant.unwrap_or_default();
            Platform::new(&platform.os.to_string(), &platform.architecture.to_string(), &variant)
        }),
    };
    index.manifests.into_iter().map(entry).collect()
}

fn image_manifest(image: OciImageManifest) -> Result<Manifest, Failure> {
    let config_type = image.config.media_type.as_str();
    let is_image = [IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, ""];
    let odd_layer = |layer: &&OciDescriptor| {
        !LAYER_TYPES.iter().any(|start| layer.media_type.starts_with(start))
    };
    if !is_image.contains(&config_type) {
        return Err(artifact(image.artifact_type.as_deref().unwrap_or(config_type)));
    }
    if let Some(layer) = image.layers.iter().find(odd_layer) {
        return Err(artifact(&layer.media_type));
    }
    if image.layers.is_empty() {
        return Err(Failure::new(Kind::NotRunnable, "an image without layers"));
    }
    if image.layers.len() > LAYERS_MAX {
        let count = image.layers.len();
        return Err(invalid(format!("{count} layers; no runtime mounts over {LAYERS_MAX}")));
    }
    let layers = image.layers.into_iter().map(layer).collect::<Result<_, _>>()?;
    Ok(Manifest { config: image.config.digest, layers })
}

fn layer(layer: OciDescriptor) -> Result<Layer, Failure> {
    let size = u64::try_from(layer.size);
    match (size, is_digest(&layer.digest)) {
        (Ok(size), true) => {
            Ok(Layer { digest: layer.digest, diff_id: None, compressed_bytes: Bytes(size) })
        }
        _ => Err(invalid(format!("layer {:?} of {} bytes", layer.digest, layer.size))),
    }
}

fn artifact(media_type: &str) -> Failure {
    let reason = format!("an artifact ({media_type}), not a container image");
    Failure::new(Kind::NotRunnable, reason)
}

fn not_json(error: &serde_json::Error) -> Failure {
    invalid(format!("not the JSON that was expected: {error}"))
}

fn invalid(reason: String) -> Failure {
    Failure::new(Kind::Invalid, reason)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Document, config, manifest};

    const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    const GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

    fn image(config_type: &str, layer_types: &[&str]) -> Value {
        let digest = format!("sha256:{}", "a".repeat(64));
        let layer = |kind: &&str| json!({"mediaType": kind, "digest": digest, "size": 7});
        json!({
            "schemaVersion": 2,
            "config": {"mediaType": config_type, "digest": digest, "size": 2},
            "layers": layer_types.iter().map(layer).collect::<Vec<_>>(),
        })
    }

    fn check(value: &Value, expected: &str) {
        match manifest(value.to_string().as_bytes()) {
            Ok(Document::Manifest(read)) => {
                assert_eq!(format!("{} layers", read.layers.len()), expected)
            }
            Ok(other) => panic!("{other:?}"),
            Err(failure) => assert!(failure.reason.contains(expected), "{failure}: {expected}"),
        }
    }

    #[test]
    fn images_are_read_and_everything_else_is_refused_in_words() {
        let oci = "application/vnd.oci.image.config.v1+json";
        let docker = "application/vnd.docker.container.image.v1+json";
        check(&image(oci, &[ZSTD, GZIP]), "2 layers");
        check(&image(docker, &[GZIP]), "1 layers");
        check(&image(oci, &[]), "without layers");
        check(
            &image("application/vnd.cncf.helm.config.v1+json", &[GZIP]),
            "artifact (application/vnd.cncf.helm",
        );
        check(&image(oci, &["application/vnd.in-toto+json"]), "artifact (application/vnd.in-toto");
        check(&image(oci, &[GZIP; 600]), "600 layers");
        check(&json!({"schemaVersion": 1}), "schema version 1");
        check(&json!({"schemaVersion": 2}), "neither");
        check(&json!("x"), "not the JSON");
        let mut negative = image(oci, &[GZIP]);
        negative["layers"][0]["size"] = json!(-1);
        check(&negative, "-1 bytes");
    }

    #[test]
    fn an_index_keeps_platforms_with_variants() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let entry = |platform: Value| {
            let mut entry = json!({"mediaType": "x", "digest": digest, "size": 1});
            entry["platform"] = platform;
            entry
        };
        let index = json!({"schemaVersion": 2, "manifests": [
            entry(json!({"os": "linux", "architecture": "arm", "variant": "v7"})),
            entry(json!({"os": "unknown", "architecture": "unknown"})),
            {"mediaType": "x", "digest": digest, "size": 1},
        ]});
        let Ok(Document::Index(entries)) = manifest(index.to_string().as_bytes()) else {
            panic!("no index")
        };
        let platform = |at: usize| entries[at].platform.as_ref().map(ToString::to_string);
        assert_eq!(platform(0).as_deref(), Some("linux/arm/v7"));
        assert_eq!(platform(1).as_deref(), Some("unknown/unknown"));
        assert_eq!(platform(2), None);
    }

    #[test]
    fn a_config_tells_platform_and_diff_ids() {
        let id = format!("sha256:{}", "b".repeat(64));
        let text = json!({"os": "linux", "architecture": "amd64", "config": {"ExposedPorts": 7},
            "rootfs": {"type": "layers", "diff_ids": [id]}});
        let Ok(Document::Config(read)) = config(text.to_string().as_bytes()) else {
            panic!("no config")
        };
        assert_eq!(
            (read.platform.to_string(), read.diff_ids),
            ("linux/amd64".to_owned(), vec![id])
        );
        assert!(config(b"{\"rootfs\": {\"diff_ids\": [\"x\"]}}").is_err());
    }
}
