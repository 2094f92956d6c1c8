//! What a runtime's store holds, as plain facts: what [`crate::edge::containerd`] reads, and
//! [`super::report`] makes an inventory of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::document::Document;
use super::node::Pull;

/// One reading of a store.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// Version of the runtime.
    pub version: String,
    /// Names, each with the digest of the index or manifest it points at.
    pub names: Vec<(String, String)>,
    /// Every complete blob by digest.
    pub blobs: BTreeMap<String, Blob>,
    /// The documents that were reachable from names and manifests; why not, where one is broken.
    pub documents: BTreeMap<String, Result<Document, String>>,
    /// Which snapshotter unpacks layers; empty if no image tells.
    pub snapshotter: String,
    /// Chain ids that it has unpacked.
    pub chains: BTreeSet<String>,
    /// Blobs that are being downloaded right now, by digest.
    pub pulls: Vec<Pull>,
    /// Where the snapshotter keeps its layers, by the runtime's own file system.
    pub root: Option<PathBuf>,
}

/// A complete blob.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blob {
    /// Its size.
    pub bytes: u64,
    /// Whether it refers to others: an index or a manifest, named or not.
    pub is_parent: bool,
    /// The snapshotter that an image of this config was unpacked by.
    pub snapshotter: Option<String>,
}

/// Snapshotters that fetch files when they are first read. Their layers look unpacked and are not on
/// the node: stargz, nydus, soci, overlaybd, the CernVM file system and GKE's image streaming, by the
/// names that they go by.
const LAZY: [&str; 6] = ["stargz", "nydus", "soci", "overlaybd", "cvmfs-snapshotter", "gcfs"];

/// Whether a snapshotter of that name is lazy.
#[must_use]
pub fn is_lazy(snapshotter: &str) -> bool {
    LAZY.contains(&snapshotter)
}

impl Store {
    /// The snapshotter that most images were unpacked by; of equals, the first by name.
    #[must_use]
    pub fn most_used_snapshotter(&self) -> Option<&str> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for blob in self.blobs.values() {
            if let Some(snapshotter) = &blob.snapshotter {
                *counts.entry(snapshotter).or_default() += 1;
            }
        }
        // `max_by_key` gives the last of equals.
        counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(name, _)| name)
    }
}
