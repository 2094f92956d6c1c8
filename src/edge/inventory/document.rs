//! The JSON documents of an image: index, manifest and config, of OCI and of Docker alike.
//!
//! Reads the few fields that say which layers there are. What a document is, its content says: media
//! types are often missing and sometimes wrong.

use serde::Deserialize;

use crate::model::image::Platform;

/// A larger one is no document: registries and containerd refuse manifests of more than 4 MiB, and
/// configs stay far below.
pub const DOCUMENT_BYTES_MAX: u64 = 4 << 20;

/// What a blob says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// Manifests for several platforms.
    Index(Vec<Child>),
    /// One image.
    Manifest(Manifest),
    /// What an image runs on, and its layers unpacked.
    Config(Config),
}

/// An entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Digest of a manifest.
    pub digest: String,
    /// Where it runs, if the index tells.
    pub platform: Option<Platform>,
}

/// An image's layers as they are downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Digest of the config.
    pub config: String,
    /// Digest and compressed bytes of each layer, base first.
    pub layers: Vec<(String, u64)>,
}

/// An image's layers as they are unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What it runs on.
    pub platform: Platform,
    /// Digests of the unpacked layers, base first.
    pub diff_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Wire {
    manifests: Option<Vec<WireEntry>>,
    config: Option<serde_json::Value>,
    layers: Option<Vec<WireEntry>>,
    rootfs: Option<WireRootfs>,
    /// Of a config.
    #[serde(flatten)]
    platform: WirePlatform,
}

#[derive(Deserialize)]
struct WireEntry {
    digest: String,
    #[serde(default)]
    size: u64,
    platform: Option<WirePlatform>,
}

#[derive(Deserialize)]
struct WirePlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

#[derive(Deserialize)]
struct WireRootfs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

impl WirePlatform {
    fn read(&self) -> Platform {
        Platform::new(&self.os, &self.architecture, &self.variant)
    }
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// What was found and what was expected, if it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let wire: Wire = serde_json::from_slice(bytes)
            .map_err(|error| format!("not JSON of an image: {error}"))?;
        if let Some(manifests) = wire.manifests {
            return Ok(Self::Index(manifests.into_iter().map(child).collect()));
        }
        if let Some(layers) = wire.layers {
            // The same key holds an object with a digest in a manifest, and settings in a config.
            let config = wire.config.as_ref().and_then(|config| config["digest"].as_str());
            let config = config.ok_or("expected a manifest with a config")?.to_owned();
            let layers = layers.into_iter().map(|layer| (layer.digest, layer.size)).collect();
            return Ok(Self::Manifest(Manifest { config, layers }));
        }
        let rootfs = wire.rootfs.ok_or("expected an index, a manifest or an image's config")?;
        let platform = wire.platform.read();
        Ok(Self::Config(Config { platform, diff_ids: rootfs.diff_ids }))
    }
}

fn child(entry: WireEntry) -> Child {
    Child { digest: entry.digest, platform: entry.platform.map(|platform| platform.read()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Config, Document, Manifest};
    use crate::model::image::Platform;

    #[test]
    fn documents_are_told_apart_by_what_is_in_them() {
        let index = json!({"manifests": [{"digest": "d", "platform":
            {"os": "linux", "architecture": "arm64", "variant": "v8"}}, {"digest": "e"}]});
        let Ok(Document::Index(children)) = Document::parse(index.to_string().as_bytes()) else {
            panic!("no index");
        };
        assert_eq!(children[0].platform, Platform::parse("linux/arm64"));
        assert_eq!(children[1].platform, None);
        let manifest = json!({"config": {"digest": "c"}, "layers": [{"digest": "l", "size": 7}]});
        assert_eq!(
            Document::parse(manifest.to_string().as_bytes()),
            Ok(Document::Manifest(Manifest {
                config: "c".to_owned(),
                layers: vec![("l".to_owned(), 7)]
            }))
        );
        let config = json!({"os": "linux", "architecture": "amd64", "config": {"Cmd": ["x"]},
            "rootfs": {"type": "layers", "diff_ids": ["a"]}});
        let platform = Platform::new("linux", "amd64", "");
        assert_eq!(
            Document::parse(config.to_string().as_bytes()),
            Ok(Document::Config(Config { platform, diff_ids: vec!["a".to_owned()] }))
        );
    }

    #[test]
    fn what_is_no_document_is_refused_in_words() {
        for (text, expected) in [
            ("", "not JSON"),
            ("[]", "not JSON"),
            ("{}", "expected an index"),
            (r#"{"layers": []}"#, "with a config"),
            (r#"{"layers": [{"digest": "l", "size": -1}]}"#, "not JSON"),
            (r#"{"manifests": [{"#, "not JSON"),
        ] {
            let refusal = Document::parse(text.as_bytes()).expect_err(text);
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
    }
}
