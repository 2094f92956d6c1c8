//! The one picture of the cluster: which node holds what, and what is on its way there.
//!
//! Tables over dense ids and read-only queries on them. [`crate::state::Tracker`] is the only
//! writer; [`crate::score`] and the admin port read. Ids are reused after their owner is gone, and
//! an order of ids never reaches an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::chain::{Chain, ChainKey, KeySpace};
use crate::model::expected::ExpectedPods;
use crate::model::image::Platform;
use crate::model::intern::Interner;
use crate::model::node::ReportedImage;
use crate::model::node_set::NodeSet;
use crate::model::pod::{PodPhase, PullPolicy};
use crate::model::unit::{Bytes, Time};

macro_rules! dense_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The id as an index into its table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

dense_id!(
    /// A node.
    NodeId,
    /// A canonical image reference.
    ReferenceId,
    /// A digest of a manifest, index or config.
    DigestId,
    /// A layer on top of its parents.
    ChainId,
    /// An image whose layers are known, for one platform.
    ImageId,
    /// One distinct entry of `status.images`, or the same evidence taken from a pod.
    RecordId,
    /// A bound pod.
    PodId,
    /// A platform.
    PlatformId,
);

/// Everything known about the cluster.
#[derive(Debug, Default)]
pub struct Cluster {
    pub(crate) node_ids: Interner<Arc<str>>,
    pub(crate) nodes: Vec<Node>,
    /// By node id, kept in step with `nodes` by [`Cluster::note_gist`].
    pub(crate) gists: Vec<NodeGist>,
    pub(crate) reference_ids: Interner<Arc<str>>,
    pub(crate) references: Vec<NameFacts>,
    pub(crate) digest_ids: Interner<Arc<str>>,
    pub(crate) digests: Vec<NameFacts>,
    pub(crate) chain_ids: Interner<ChainKey>,
    pub(crate) chains: Vec<Chain>,
    /// Never shrinks; a slot is empty only while its image is being replaced.
    pub(crate) images: Vec<Option<Image>>,
    pub(crate) record_ids: Interner<RecordKey>,
    pub(crate) records: Vec<Record>,
    pub(crate) pod_ids: Interner<Arc<str>>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) expected: ExpectedPods,
    /// Never shrinks: a cluster has a handful.
    pub(crate) platforms: Vec<Platform>,
    /// Nodes with at least one entry in `pulls`.
    pub(crate) pulling: NodeSet,
    pub(crate) nodes_synced: bool,
    pub(crate) pods_synced: bool,
}

/// A node and what lies on it.
#[derive(Debug, Default)]
pub struct Node {
    /// The object's name.
    pub name: Arc<str>,
    /// False while only pods have named it.
    pub exists: bool,
    /// When it entered the index, so that an old decision does not name a newer node.
    pub added_at: Time,
    /// Stable hash of the name, for rendezvous hashing.
    pub name_hash: u64,
    /// Its platform; see [`Cluster::platform`].
    pub platform: Option<PlatformId>,
    /// The labels that the policy names.
    pub labels: BTreeMap<String, String>,
    /// Minor version of the kubelet, 0 if untold.
    pub kubelet_minor: u16,
    /// Size of the smallest image of a list that was cut at the kubelet's limit; `None` for a whole list.
    pub list_cut_at: Option<Bytes>,
    /// What it holds, by ascending record id.
    pub held: Vec<Held>,
    /// Bound pods that still wait for images, in the order of binding.
    pub waiting: Vec<PodId>,
    /// How many of those are step pods.
    pub waiting_step_pods: u32,
    /// Images on their way, in the order the kubelet pulls them.
    pub pulls: Vec<Pull>,
    /// Which pull secrets were seen to start which image here.
    pub(crate) secrets_seen: Vec<(ReferenceId, Arc<str>)>,
    /// Bound pods on it, in any phase and in no promised order.
    pub(crate) pods: Vec<PodId>,
    pub(crate) resync_mark: u64,
}

/// What a decision reads of every candidate: a compact copy, because a cluster's nodes lie scattered over
/// megabytes, and reading all of them for one request costs more than everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeGist {
    /// See [`Node::platform`].
    pub platform: Option<PlatformId>,
    /// See [`Node::waiting_step_pods`].
    pub waiting_step_pods: u32,
    /// See [`Node::list_cut_at`]; zero for a whole list.
    pub list_cut_at: Bytes,
    /// See [`Node::name_hash`].
    pub name_hash: u64,
}

/// Why a node holds a record. It does while it is reported, in use, or was used a moment ago.
#[derive(Clone, Debug)]
pub struct Held {
    /// What is held.
    pub record: RecordId,
    /// The kubelet's list has it.
    pub reported: bool,
    /// Containers of bound pods that run from it.
    pub users: u32,
    /// When a pod last used it, if one did.
    pub last_used: Option<Time>,
}

/// An image on its way to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The reference being pulled.
    pub reference: ReferenceId,
    /// Its layers, where known.
    pub image: Option<ImageId>,
    /// Compressed bytes that this pull moves: those not there and not moved by an earlier pull.
    pub bytes: Bytes,
    /// It is the next image that some pod's kubelet loop waits for, not a later container's.
    pub next_in_line: bool,
    /// When the first pod that wants it was bound here.
    pub bound_at: Time,
}

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
    /// Nodes that hold it.
    pub holders: NodeSet,
    /// When a node first reported it.
    pub first_seen: Time,
}

/// A bound pod.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// Uid of the object.
    pub uid: Arc<str>,
    /// `namespace/name`.
    pub full_name: String,
    /// The node it is bound to.
    pub node: Option<NodeId>,
    /// Whether we care for it.
    pub is_step: bool,
    /// How far it has come.
    pub phase: PodPhase,
    /// When it was bound.
    pub bound_at: Time,
    /// In the order of pulling.
    pub images: Vec<PodImageState>,
    /// `namespace/secret`.
    pub(crate) secrets: Vec<Arc<str>>,
    pub(crate) resync_mark: u64,
}

/// One image of a bound pod.
#[derive(Clone, Debug)]
pub struct PodImageState {
    /// Canonical reference.
    pub reference: ReferenceId,
    /// When the kubelet asks the registry.
    pub pull_policy: PullPolicy,
    /// The container has it.
    pub pulled: bool,
    /// The kubelet cannot get it.
    pub pull_fails: bool,
    /// What its status says is on the node.
    pub(crate) evidence: Option<RecordId>,
}

impl Cluster {
    /// The id of a node by name, `None` if no object and no pod has named it.
    #[must_use]
    pub fn node_id(&self, name: &str) -> Option<NodeId> {
        self.node_ids.get(name).map(NodeId)
    }

    /// A node by id; panics on an id that this cluster did not give.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The gist of a node; panics on an id that this cluster did not give.
    #[must_use]
    pub fn gist(&self, id: NodeId) -> NodeGist {
        self.gists[id.index()]
    }

    /// Copies a node's gist after a change.
    pub(crate) fn note_gist(&mut self, id: NodeId) {
        let gist = self.nodes[id.index()].gist();
        if id.index() >= self.gists.len() {
            self.gists.resize(id.index() + 1, NodeGist::default());
        }
        self.gists[id.index()] = gist;
    }

    /// All existing nodes, ordered by name.
    #[must_use]
    pub fn nodes_by_name(&self) -> Vec<(NodeId, &Node)> {
        let mut nodes: Vec<_> = (0u32..)
            .map(NodeId)
            .zip(&self.nodes)
            .filter(|(id, node)| node.exists && self.node_ids.key(id.0).is_some())
            .collect();
        nodes.sort_by(|a, b| a.1.name.cmp(&b.1.name));
        nodes
    }

    /// One more than the highest node id in use: the length of a table over nodes.
    #[must_use]
    pub fn node_table_len(&self) -> usize {
        self.nodes.len()
    }

    /// The id of a canonical reference, if anybody has named it.
    #[must_use]
    pub fn reference_id(&self, canonical: &str) -> Option<ReferenceId> {
        self.reference_ids.get(canonical).map(ReferenceId)
    }

    /// The id of a digest, if anybody has named it.
    #[must_use]
    pub fn digest_id(&self, digest: &str) -> Option<DigestId> {
        self.digest_ids.get(digest).map(DigestId)
    }

    /// Who goes by a reference.
    #[must_use]
    pub fn reference(&self, id: ReferenceId) -> &NameFacts {
        &self.references[id.index()]
    }

    /// Who goes by a digest.
    #[must_use]
    pub fn digest(&self, id: DigestId) -> &NameFacts {
        &self.digests[id.index()]
    }

    /// The text of a reference; empty for one that is gone.
    #[must_use]
    pub fn reference_text(&self, id: ReferenceId) -> &str {
        self.reference_ids.key(id.0).map_or("", |text| text)
    }

    /// The text of a digest; empty for one that is gone.
    #[must_use]
    pub fn digest_text(&self, id: DigestId) -> &str {
        self.digest_ids.key(id.0).map_or("", |text| text)
    }

    /// A record by id.
    #[must_use]
    pub fn record(&self, id: RecordId) -> &Record {
        &self.records[id.index()]
    }

    /// A chain by id.
    #[must_use]
    pub fn chain(&self, id: ChainId) -> &Chain {
        &self.chains[id.index()]
    }

    /// An image by id; panics for one that was removed.
    #[must_use]
    pub fn image(&self, id: ImageId) -> &Image {
        self.images[id.index()].as_ref().expect("ids of removed images are not kept")
    }

    /// Every image whose layers are known, in no promised order.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.images.iter().flatten()
    }

    /// A platform by id.
    #[must_use]
    pub fn platform(&self, id: PlatformId) -> &Platform {
        &self.platforms[id.index()]
    }

    /// Nodes that have pulls in progress.
    #[must_use]
    pub fn pulling(&self) -> &NodeSet {
        &self.pulling
    }

    /// Pods that were decided about and are not seen bound yet.
    #[must_use]
    pub fn expected(&self) -> &ExpectedPods {
        &self.expected
    }

    /// Whether nodes and pods have both been listed once: before that no answer has a ground.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.nodes_synced && self.pods_synced
    }

    /// Numbers of nodes, bound pods, images with layers, chains, records and references.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, usize); 6] {
        [
            ("nodes", self.nodes.iter().filter(|node| node.exists).count()),
            ("pods", self.pod_ids.len()),
            ("images", self.images.iter().flatten().count()),
            ("chains", self.chain_ids.len()),
            ("records", self.record_ids.len()),
            ("references", self.reference_ids.len()),
        ]
    }

    /// How many of the image's layers, base first, the node has unpacked.
    #[must_use]
    pub fn depth_on(&self, node: NodeId, image: &Image) -> usize {
        image.chains.iter().take_while(|chain| self.chain(**chain).holders.contains(node)).count()
    }

    /// Whether two of a node's images share a given chain: `image` has `chain` at its depth.
    #[must_use]
    pub(crate) fn image_has_chain(&self, image: &Image, chain: ChainId) -> bool {
        image.chains.get(self.chain(chain).depth) == Some(&chain)
    }
}

impl Node {
    /// What a decision reads of it.
    #[must_use]
    pub fn gist(&self) -> NodeGist {
        NodeGist {
            platform: self.platform,
            waiting_step_pods: self.waiting_step_pods,
            list_cut_at: self.list_cut_at.unwrap_or_default(),
            name_hash: self.name_hash,
        }
    }

    /// Whether a pod of the namespace was seen to start the image here with one of these secrets.
    #[must_use]
    pub fn has_seen(&self, reference: ReferenceId, namespace: &str, secrets: &[String]) -> bool {
        self.secrets_seen.iter().filter(|(seen, _)| *seen == reference).any(|(_, full_name)| {
            let name = full_name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('/'));
            name.is_some_and(|name| secrets.iter().any(|secret| secret == name))
        })
    }
}

impl Image {
    /// Compressed bytes of the whole image, each digest once.
    #[must_use]
    pub fn total_bytes(&self) -> Bytes {
        self.bytes_beyond.first().copied().unwrap_or_default()
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
        Self { platform, names: image.names, size_bytes: image.size_bytes }
    }
}

/// A hash of `text` that is the same in every process, version and machine: FNV-1a, then mixed.
///
/// Replicas must choose the same home for a pod, so the hash is written down here and not taken from
/// a library that may change it. Source: Fowler, Noll, Vo; finalizer of `MurmurHash3`.
#[must_use]
pub fn stable_hash(text: &str) -> u64 {
    let fnv = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    mix(fnv)
}

/// Spreads every bit of `value` over all others.
#[must_use]
pub const fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}
