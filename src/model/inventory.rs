//! What a node's agent tells of the images on it, as far as placement needs it.
//!
//! Nothing of it is proven: whoever reads it lets it do no more than shift a preference.

use crate::model::image::Platform;
use crate::model::unit::{Bytes, Nanos, Time};
use crate::model::volume::HeldVolume;

/// One report of a node's agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryFacts {
    /// When the store was read, by the node's clock.
    pub observed_at: Time,
    /// How long after that it asks to be believed.
    pub valid_for: Nanos,
    /// What the node runs.
    pub platform: Platform,
    /// Images on the node, whole and in part.
    pub images: Vec<InventoryImage>,
    /// Compressed bytes of the largest image that was left out; `None` if none was.
    pub hidden_bytes_max: Option<Bytes>,
    /// OCI chain ids that are unpacked beside those of `images`.
    pub chains: Vec<String>,
    /// Digests of compressed blobs that are there beside those of `images`.
    pub loose_blobs: Vec<String>,
    /// Named volumes on the node, sealed.
    pub volumes: Vec<HeldVolume>,
    /// Whether those are all that are there.
    pub lists_all_volumes: bool,
    /// Blobs that are being downloaded, whoever asked for them.
    pub pulls: Vec<InventoryPull>,
    /// Size of the file system that images are on, where the agent can see it. No decision looks at it:
    /// traces tell it.
    pub disk_bytes: Option<Bytes>,
}

/// A blob on its way to the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryPull {
    /// Its digest.
    pub digest: String,
    /// Bytes that are still to come; `None` where the registry did not say how many it will have.
    pub left: Option<Bytes>,
}

/// An image on the node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryImage {
    /// References that name it, and the digests of its manifest and indexes.
    pub names: Vec<String>,
    /// Compressed bytes of its layers.
    pub bytes: u64,
    /// How many of its layers are unpacked, base first; `None` if all are, so that a pod finds it ready.
    pub unpacked: Option<u32>,
    /// Which of its layers are there compressed, and so need no download.
    pub kept: Kept,
}

/// Layers of an image whose compressed blobs are on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kept {
    /// None.
    #[default]
    Nothing,
    /// All.
    All,
    /// Those at these places, the base at 0.
    Places(Vec<u32>),
}

impl Kept {
    /// Whether the layer at a place is there compressed.
    #[must_use]
    pub fn has(&self, place: usize) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Places(places) => places.iter().any(|&kept| kept as usize == place),
        }
    }
}
