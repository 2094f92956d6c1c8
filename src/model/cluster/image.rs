//! Images in the cluster: those whose layers are known, the entries of nodes' image lists, and who goes by
//! which name.

use crate::model::chain::KeySpace;
use crate::model::cluster::{ChainId, DigestId, ImageId, PlatformId, RecordId, ReferenceId};
use crate::model::inventory::Kept;
use crate::model::node::ReportedImage;
use crate::model::node_set::NodeSet;
use crate::model::unit::{Bytes, Time};

/// Who and what goes by a reference or a digest.
#[derive(Clone, Debug, Default)]
pub struct NameFacts {
    /// Nodes that hold an image by this name.
    pub holders: NodeSet,
    /// Records that list this name.
    pub records: Vec<RecordId>,
    /// Images known to have this name.
    pub images: Vec<ImageId>,
}

/// An image whose layers are known.
#[derive(Clone, Debug)]
pub struct Image {
    /// Names by digest, the manifest's first.
    pub digests: Vec<DigestId>,
    /// Names by tag or digest.
    pub references: Vec<ReferenceId>,
    /// What it runs on.
    pub platform: PlatformId,
    /// Which digests its chain runs over.
    pub space: KeySpace,
    /// Base first, one per layer.
    pub chains: Vec<ChainId>,
    /// Stable hash of each layer's compressed digest, base first.
    pub blobs: Vec<u64>,
    /// Entry `d`: compressed bytes still to move where the first `d` layers are there. One entry more
    /// than layers; the last is zero. A digest that occurs twice is moved once.
    pub bytes_beyond: Vec<Bytes>,
    /// Stable hash of the heaviest layer's digest: images that share it share a home.
    pub home_key: u64,
    /// When its references came to point at it.
    pub published_at: Time,
}

/// What makes two records the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordKey {
    /// Of the node that reports it.
    pub platform: Option<PlatformId>,
    /// The names together, as reported.
    pub names: Vec<String>,
    /// Zero if untold.
    pub size_bytes: u64,
    /// How many of its layers are there; `None` if it is whole. Kubelets list whole images only.
    pub unpacked: Option<u32>,
    /// Which of its layers are there compressed; nothing where only a kubelet tells.
    pub kept: Kept,
}

/// One distinct entry of nodes' image lists.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Canonical references among its names, without duplicates.
    pub references: Vec<ReferenceId>,
    /// Digests among its names, without duplicates.
    pub digests: Vec<DigestId>,
    /// As reported.
    pub size: Bytes,
    /// Of the reporting node.
    pub platform: Option<PlatformId>,
    /// The image it is, where its layers are known.
    pub image: Option<ImageId>,
    /// How many of its layers its holders have; `None` if it is whole. One in part goes by no name: it
    /// counts for the chains of those layers alone.
    pub unpacked: Option<u32>,
    /// Which of its layers its holders have compressed.
    pub kept: Kept,
    /// Nodes that hold it.
    pub holders: NodeSet,
    /// When a node first reported one of its digests under one of its references.
    pub first_seen: Time,
}

impl Image {
    /// Compressed bytes of the whole image, each digest once.
    #[must_use]
    pub fn total_bytes(&self) -> Bytes {
        self.bytes_beyond.first().copied().unwrap_or_default()
    }

    /// Compressed bytes of the layer at a depth; nothing where it occurs again above.
    #[must_use]
    pub fn layer_bytes(&self, depth: usize) -> Bytes {
        self.bytes_beyond[depth] - self.bytes_beyond[depth + 1]
    }

    /// Number of layers that two images have in common, from the base up.
    #[must_use]
    pub fn common_depth(&self, other: &Image) -> usize {
        self.chains.iter().zip(&other.chains).take_while(|(a, b)| a == b).count()
    }
}

impl RecordKey {
    /// The key of one entry of a node's list.
    #[must_use]
    pub fn new(platform: Option<PlatformId>, image: ReportedImage) -> Self {
        let ReportedImage { names, size_bytes } = image;
        Self { platform, names, size_bytes, unpacked: None, kept: Kept::Nothing }
    }
}

impl Record {
    /// The chains of `image` that its holders have, if that is the image it is.
    #[must_use]
    pub fn chains_of<'a>(&self, image: &'a Image) -> &'a [ChainId] {
        let depth = self.unpacked.map_or(usize::MAX, |depth| depth as usize);
        &image.chains[..depth.min(image.chains.len())]
    }

    /// Hashes of the blobs of `image` that its holders have, if that is the image it is.
    pub fn blobs_of<'a>(&'a self, image: &'a Image) -> impl Iterator<Item = u64> + 'a {
        let blobs = image.blobs.iter().enumerate();
        blobs.filter(|(place, _)| self.kept.has(*place)).map(|(_, &blob)| blob)
    }
}
