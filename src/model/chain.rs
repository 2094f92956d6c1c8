//! Chains: a layer together with everything below it, the unit in which runtimes reuse layers.
//!
//! A runtime can use an unpacked layer again only on top of the same parents, so nodes hold chains,
//! not layers. Where diff ids are known the chain is OCI's (image-spec, `config.md`, Layer ChainID);
//! where only compressed digests are known it runs over those, in a key space of its own that is
//! never compared with the first.

use std::sync::Arc;

use crate::model::cluster::ChainId;
use crate::model::image::Layer;
use crate::model::node_set::NodeSet;

/// What makes two chains the same: the same parent, the same key space, the same layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChainKey {
    /// The chain below; `None` for a base layer.
    pub parent: Option<ChainId>,
    /// Which digests the chain runs over.
    pub space: KeySpace,
    /// Diff id or compressed digest, as `space` says.
    pub digest: Arc<str>,
}

/// The two kinds of digests a chain can run over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySpace {
    /// Diff ids of unpacked layers: OCI chain ids.
    DiffIds,
    /// Digests of compressed blobs, until the image's config is known.
    CompressedDigests,
}

/// A chain and the nodes it lies on.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Number of layers below this one.
    pub depth: usize,
    /// Nodes that have it unpacked.
    pub holders: NodeSet,
    /// Hash of its OCI chain id; 0 where it runs over compressed digests.
    pub(crate) name: u64,
}

impl KeySpace {
    /// The space an image's chain runs in: diff ids only if every layer tells one.
    #[must_use]
    pub fn of(layers: &[Layer]) -> Self {
        if layers.iter().all(|layer| layer.diff_id.is_some()) {
            Self::DiffIds
        } else {
            Self::CompressedDigests
        }
    }

    /// The digest of `layer` in this space.
    #[must_use]
    pub fn digest_of(self, layer: &Layer) -> &str {
        match self {
            Self::DiffIds => layer.diff_id.as_deref().unwrap_or(&layer.digest),
            Self::CompressedDigests => &layer.digest,
        }
    }
}
