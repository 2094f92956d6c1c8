//! `NodeInventory`: what one node holds of images, as its agent read it from containerd's store.
//!
//! Cluster-scoped, named after its node and owned by it, so that it goes when the node goes. Lists are
//! sorted, so that equal stores give equal objects. [`crate::edge::inventory`] says how to read it.

#![allow(clippy::duplicated_attributes, reason = "columns may be alike in parts")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// The report of a node's agent.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "dunnage.dev",
    version = "v1alpha1",
    kind = "NodeInventory",
    plural = "nodeinventories",
    shortname = "ninv",
    category = "dunnage",
    derive = "PartialEq",
    doc = "What one node holds of images, written by its dunnage agent and named after the node.",
    printcolumn(
        name = "Images",
        type_ = "integer",
        description = "Images on the node",
        json_path = ".spec.imageCount"
    ),
    printcolumn(
        name = "Snapshotter",
        type_ = "string",
        description = "What unpacks layers",
        json_path = ".spec.snapshotter"
    ),
    printcolumn(
        name = "Blobs",
        type_ = "string",
        description = "What happens to compressed layers once they are unpacked",
        json_path = ".spec.blobs"
    ),
    printcolumn(
        name = "Free",
        type_ = "integer",
        description = "Free bytes of the file system that images are on",
        json_path = ".spec.disk.freeBytes"
    ),
    printcolumn(
        name = "Observed",
        type_ = "date",
        description = "When the store was read",
        json_path = ".spec.observedAt"
    ),
    printcolumn(
        name = "Agent",
        type_ = "string",
        description = "Version of the agent",
        json_path = ".spec.agentVersion",
        priority = 1
    ),
    printcolumn(
        name = "Containerd",
        type_ = "string",
        description = "Version of containerd",
        json_path = ".spec.containerdVersion",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct InventorySpec {
    /// When the store was read, by the node's clock. The number of reports is `metadata.generation`.
    #[schemars(schema_with = "schema::time")]
    pub observed_at: Time,
    /// How long after `observedAt` this may be believed, in seconds. The agent writes again before, even
    /// if nothing has changed.
    #[schemars(schema_with = "schema::amount")]
    pub valid_seconds: u64,
    /// Version of the agent.
    pub agent_version: String,
    /// Version of containerd as it tells it.
    pub containerd_version: String,
    /// What the node runs: os/architecture[/variant].
    pub platform: String,
    /// Which snapshotter unpacks layers, as `overlayfs`. Empty while the node has no image.
    pub snapshotter: String,
    /// Whether that snapshotter fetches files when they are first read. Its layers are then listed as
    /// not unpacked: what of them is on the node cannot be told.
    pub lazy: bool,
    /// What happens to compressed layers once they are unpacked, as most images show it.
    pub blobs: BlobRule,
    /// The file system that images are on; missing where the agent cannot see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Disk>,
    /// Images on the node, with those that were dropped from the list.
    #[schemars(schema_with = "schema::amount")]
    pub image_count: u64,
    /// Images of the node's platform, by manifest digest.
    pub images: Vec<HeldImage>,
    /// Unpacked chain ids that are not the first layers of a listed image, sorted: what pulls in
    /// progress and removed images leave behind. A later pull reuses them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::digests")]
    pub chains: Vec<String>,
    /// Digests of blobs that no listed image names, sorted: mostly layers of pulls in progress.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::digests")]
    pub loose_blobs: Vec<String>,
    /// Blobs that are being downloaded, by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pulls: Vec<Pull>,
    /// Images whose content could not be understood, by name. They count as absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// Named volumes in the node's store, sealed, by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<StoredVolume>,
    /// Whether everything on the node that keeps volumes was read, to the last of them: only then is a volume
    /// that is not listed not there.
    #[serde(default)]
    pub lists_volumes: bool,
    /// Where the agent serves them to other nodes, as `http://10.0.0.7:9293`; missing if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_server: Option<String>,
    /// What was left out so that the object stays small; missing if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
}

/// An image on the node.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct HeldImage {
    /// Digest of its manifest for the node's platform, and the key of its `ImageManifest`.
    #[schemars(schema_with = "schema::digest")]
    pub manifest: String,
    /// Names that containerd knows it by, sorted, in full: `docker.io/library/golang:1` and
    /// `docker.io/library/golang@sha256:…`. None for content without a name, as in a pull in progress.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Digests of the indexes through which names point at it, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::digests")]
    pub indexes: Vec<String>,
    /// Number of its layers.
    #[schemars(schema_with = "schema::amount")]
    pub layers: u64,
    /// How many of them are unpacked, from the base without a gap. Equal to `layers`: a pod finds it
    /// ready. A pull downloads from there on.
    #[schemars(schema_with = "schema::amount")]
    pub unpacked: u64,
    /// Compressed bytes of its layers.
    #[schemars(schema_with = "schema::amount")]
    pub bytes: u64,
    /// Places of the layers whose compressed blob is kept, the base at 0, ascending; missing where that
    /// is as the node's `blobs` says: all of them, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::places")]
    pub blobs: Option<Vec<u32>>,
}

/// What happens to compressed layers once they are unpacked.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlobRule {
    /// They stay: a layer that must be unpacked anew need not be downloaded.
    Kept,
    /// They go, as on EKS, GKE and Talos. Also said of a node without images: the safe guess.
    #[default]
    Discarded,
}

/// A file system.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// Its size in bytes.
    #[schemars(schema_with = "schema::amount")]
    pub size_bytes: u64,
    /// Bytes that can still be written, to within a hundredth of the size.
    #[schemars(schema_with = "schema::amount")]
    pub free_bytes: u64,
}

/// A blob that is being downloaded.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Pull {
    /// Digest of the blob: a layer, rarely a manifest or config.
    #[schemars(schema_with = "schema::digest")]
    pub digest: String,
    /// Bytes that are there.
    #[schemars(schema_with = "schema::amount")]
    pub offset_bytes: u64,
    /// Bytes it will have; 0 where the registry did not say.
    #[schemars(schema_with = "schema::amount")]
    pub total_bytes: u64,
}

/// An image that could not be understood.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// Its name in containerd.
    pub name: String,
    /// What is wrong, as `manifest sha256:…: not in the content store`.
    pub reason: String,
}

/// A sealed volume.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct StoredVolume {
    /// Names it and its version: equal keys, equal bytes.
    pub key: String,
    /// What it is to a step: resource-cache, task-cache, output, other.
    pub kind: String,
    /// Bytes it takes on the disk.
    #[schemars(schema_with = "schema::amount")]
    pub bytes: u64,
    /// When it was last put or got, as of the last write that had another reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::optional_time")]
    pub last_used: Option<Time>,
}

/// What was left out, in the order in which things are dropped.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Dropped {
    /// Names of images that have many.
    #[schemars(schema_with = "schema::amount")]
    pub names: u64,
    /// Entries of `pulls`, those with the fewest bytes to come first.
    #[schemars(schema_with = "schema::amount")]
    pub pulls: u64,
    /// Entries of `unreadable`.
    #[schemars(schema_with = "schema::amount")]
    pub unreadable: u64,
    /// Entries of `looseBlobs`.
    #[schemars(schema_with = "schema::amount")]
    pub loose_blobs: u64,
    /// Entries of `chains`.
    #[schemars(schema_with = "schema::amount")]
    pub chains: u64,
    /// Entries of `volumes`, those with the fewest bytes first.
    #[serde(default)]
    #[schemars(schema_with = "schema::amount")]
    pub volumes: u64,
    /// Entries of `images`, those with the fewest compressed bytes first.
    #[schemars(schema_with = "schema::amount")]
    pub images: u64,
    /// Compressed bytes of the largest image dropped: a larger one that is not listed is not there.
    #[schemars(schema_with = "schema::amount")]
    pub image_bytes_max: u64,
}
