//! `ImageManifest`: the layers of one image for one platform, published once by whichever agent first
//! has it, so that a reader needs no registry for anything that some node holds.
//!
//! Cluster-scoped, named after its digest, and immutable: a digest has one content. Nothing deletes it
//! by itself; deleting any of them by hand is safe, as agents publish anew what their node holds.

#![allow(clippy::duplicated_attributes, reason = "columns may be alike in parts")]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// One image for one platform.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "dunnage.dev",
    version = "v1alpha1",
    kind = "ImageManifest",
    plural = "imagemanifests",
    shortname = "imf",
    category = "dunnage",
    derive = "PartialEq",
    doc = "The layers of one image for one platform, named after its digest with - for :.",
    printcolumn(
        name = "Platform",
        type_ = "string",
        description = "What it runs on",
        json_path = ".spec.platform"
    ),
    printcolumn(
        name = "Layers",
        type_ = "integer",
        description = "Number of layers",
        json_path = ".spec.layerCount"
    ),
    printcolumn(
        name = "Bytes",
        type_ = "integer",
        description = "Compressed bytes of all layers",
        json_path = ".spec.bytes"
    ),
    printcolumn(
        name = "Reference",
        type_ = "string",
        description = "A name under which the publishing node had it",
        json_path = ".spec.references[0]"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        description = "When it was published",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(validation = Rule::new("self == oldSelf").message("an image manifest never changes"))]
#[serde(rename_all = "camelCase")]
pub struct ImageSpec {
    /// Digest of the manifest; the object's name is this with `-` instead of `:`.
    #[schemars(schema_with = "schema::digest")]
    pub digest: String,
    /// Digest of the config, which is the image id that the kubelet reports.
    #[schemars(schema_with = "schema::digest")]
    pub config: String,
    /// What it runs on: os/architecture[/variant].
    #[schemars(length(max = 100))]
    pub platform: String,
    /// Compressed bytes of all layers.
    #[schemars(schema_with = "schema::amount")]
    pub bytes: u64,
    /// Number of layers.
    #[schemars(schema_with = "schema::amount")]
    pub layer_count: u64,
    /// The layers, base first.
    #[schemars(length(max = 1000))]
    pub layers: Vec<ImageLayer>,
    /// Names under which the publishing node had it, sorted. A hint for people and for resolving names:
    /// tags move, and other nodes may have it under other names (their inventories say so).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 512)))]
    pub references: Vec<String>,
}

/// One layer.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ImageLayer {
    /// Digest of the compressed blob.
    #[schemars(schema_with = "schema::digest")]
    pub digest: String,
    /// Compressed bytes, as the manifest tells them.
    #[schemars(schema_with = "schema::amount")]
    pub bytes: u64,
    /// Digest of the unpacked tar. Chain ids are computed from these (OCI image-spec, `config.md`).
    #[schemars(schema_with = "schema::digest")]
    pub diff_id: String,
}

/// Layers of one image: Docker stops at 127, OCI nowhere, and nothing seen in registries has more than
/// a few hundred. An image beyond is listed by inventories, but its layers are not published.
pub const LAYERS_MAX: usize = 1_000;
/// Names of one image, here and in inventories: a registry mirror and a few tags give ten; thousands are a
/// mistake. The schema says the same.
pub const NAMES_MAX: usize = 16;
/// A name that is longer is left out: enough for people, small in etcd. The schema says the same.
pub const NAME_BYTES_MAX: usize = 512;

/// The name of the object for a digest: `sha256:ab…` is `sha256-ab…`.
///
/// `None` for a digest in an algorithm or spelling that is no object name.
#[must_use]
pub fn object_name(digest: &str) -> Option<String> {
    let (algorithm, hex) = digest.split_once(':')?;
    let is_plain = |text: &str| {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        !text.is_empty() && text.bytes().all(plain)
    };
    // The longest name of an object; sha512 makes 135.
    let fits = digest.len() <= 253;
    (is_plain(algorithm) && is_plain(hex) && fits).then(|| format!("{algorithm}-{hex}"))
}

#[cfg(test)]
mod tests {
    use super::object_name;

    #[test]
    fn objects_are_named_after_digests_that_can_be_names() {
        let hex = "a1".repeat(32);
        assert_eq!(object_name(&format!("sha256:{hex}")), Some(format!("sha256-{hex}")));
        for digest in ["sha256", "sha256:", ":abc", "sha256:ABC", "sha256:a/b", "a+b:ab"] {
            assert_eq!(object_name(digest), None, "{digest}");
        }
    }
}
