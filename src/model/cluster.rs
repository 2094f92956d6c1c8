//! The one picture of the cluster: which node holds what, and what is on its way there.
//!
//! Tables over dense ids and read-only queries on them; what is in the tables is [`node`]'s, [`image`]'s and
//! [`pod`]'s. [`crate::state::Tracker`] is the only
//! writer; [`crate::score`] and the admin port read. Ids are reused after their owner is gone, and
//! an order of ids never reaches an answer.

pub mod image;
pub mod node;
pub mod pending;
pub mod pod;
pub mod volume;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::begun::BegunPulls;
use crate::model::chain::{Chain, ChainKey};
use crate::model::cluster::image::{Image, NameFacts, Record, RecordKey};
use crate::model::cluster::node::{Node, NodeGist};
use crate::model::cluster::pending::PendingPod;
use crate::model::cluster::pod::Pod;
use crate::model::cluster::volume::{Run, Volume};
use crate::model::expected::ExpectedPods;
use crate::model::image::Platform;
use crate::model::intern::Interner;
use crate::model::node::ZoneId;
use crate::model::node_names::NodeNames;
use crate::model::node_set::NodeSet;
use crate::model::observed::ObservedPulls;
use crate::model::storage::Storage;
use crate::model::unit::Bytes;

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
    /// A named volume.
    VolumeId,
    /// A run.
    RunId,
);

/// Everything known about the cluster.
#[derive(Debug, Default)]
pub struct Cluster {
    pub(crate) node_ids: Interner<Arc<str>>,
    /// In step with `node_ids`.
    pub(crate) node_names: NodeNames,
    pub(crate) nodes: Vec<Node>,
    /// By node id, kept in step with `nodes` by [`Cluster::note_gist`].
    pub(crate) gists: Vec<NodeGist>,
    /// By node id, as far as any was told; zero where the node's agent tells none. Apart from the gists,
    /// because no decision looks at them.
    pub(crate) disk_bytes: Vec<Bytes>,
    pub(crate) reference_ids: Interner<Arc<str>>,
    pub(crate) references: Vec<NameFacts>,
    pub(crate) digest_ids: Interner<Arc<str>>,
    pub(crate) digests: Vec<NameFacts>,
    pub(crate) chain_ids: Interner<ChainKey>,
    pub(crate) chains: Vec<Chain>,
    /// Chains by the hash of their OCI chain id.
    pub(crate) chain_names: BTreeMap<u64, ChainId>,
    /// Nodes that have a chain unpacked which belongs to no image there, by the same hash: also chains
    /// that no known image has. Hashes that collide cost a preference, and will not in 2^64.
    pub(crate) claims: BTreeMap<u64, NodeSet>,
    /// Nodes that have a layer compressed, by the hash of its digest. Empty where agents tell of none.
    pub(crate) blobs: BTreeMap<u64, NodeSet>,
    /// Never shrinks; a slot is empty only while its image is being replaced.
    pub(crate) images: Vec<Option<Image>>,
    pub(crate) record_ids: Interner<RecordKey>,
    pub(crate) records: Vec<Record>,
    pub(crate) pod_ids: Interner<Arc<str>>,
    pub(crate) pods: Vec<Pod>,
    /// Pods of runs that are not bound yet, by uid.
    pub(crate) pending: BTreeMap<Arc<str>, PendingPod>,
    pub(crate) expected: ExpectedPods,
    pub(crate) begun: BegunPulls,
    pub(crate) observed: ObservedPulls,
    pub(crate) storage: Storage,
    /// Never shrinks: a cluster has a handful.
    pub(crate) platforms: Vec<Platform>,
    /// By key.
    pub(crate) volume_ids: Interner<Arc<str>>,
    pub(crate) volumes: Vec<Volume>,
    /// By `namespace/run`.
    pub(crate) run_ids: Interner<Arc<str>>,
    pub(crate) runs: Vec<Run>,
    /// The names of all zones but the untold one. Never shrinks: a cluster has a handful.
    pub(crate) zones: Vec<Arc<str>>,
    /// Nodes with at least one entry in `pulls`.
    pub(crate) pulling: NodeSet,
    pub(crate) nodes_synced: bool,
    pub(crate) pods_synced: bool,
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

    /// The name of a node; empty for ids that nobody has.
    #[must_use]
    pub fn node_name(&self, id: NodeId) -> &str {
        self.node_names.get(id)
    }

    /// The gist of a node; panics on an id that this cluster did not give.
    #[must_use]
    pub fn gist(&self, id: NodeId) -> NodeGist {
        self.gists[id.index()]
    }

    /// Size of the file system that a node's images are on, if its agent tells.
    #[must_use]
    pub fn disk_bytes(&self, id: NodeId) -> Option<Bytes> {
        self.disk_bytes.get(id.index()).copied().filter(|bytes| bytes.0 > 0)
    }

    /// Enters what a node's agent tells of that, or that it tells nothing.
    pub(crate) fn note_disk_bytes(&mut self, id: NodeId, bytes: Option<Bytes>) {
        if bytes.is_some() && id.index() >= self.disk_bytes.len() {
            self.disk_bytes.resize(id.index() + 1, Bytes(0));
        }
        if let Some(noted) = self.disk_bytes.get_mut(id.index()) {
            *noted = bytes.unwrap_or_default();
        }
    }

    /// Copies a node's gist after a change.
    pub(crate) fn note_gist(&mut self, id: NodeId) {
        let gist = self.nodes[id.index()].gist();
        if id.index() >= self.gists.len() {
            self.gists.resize(id.index() + 1, NodeGist::default());
        }
        self.gists[id.index()] = gist;
    }

    /// All existing nodes, ordered by name: for tests.
    #[cfg(test)]
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

    /// The text of a reference to keep; empty for one that is gone.
    #[must_use]
    pub fn reference_name(&self, id: ReferenceId) -> Arc<str> {
        self.reference_ids.key(id.0).cloned().unwrap_or_default()
    }

    /// The text of a digest to keep; empty for one that is gone.
    #[must_use]
    pub fn digest_name(&self, id: DigestId) -> Arc<str> {
        self.digest_ids.key(id.0).cloned().unwrap_or_default()
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

    /// The id of a volume by key, if somebody holds or names it.
    #[must_use]
    pub fn volume_id(&self, key: &str) -> Option<VolumeId> {
        self.volume_ids.get(key).map(VolumeId)
    }

    /// A volume by id.
    #[must_use]
    pub fn volume(&self, id: VolumeId) -> &Volume {
        &self.volumes[id.index()]
    }

    /// A run by its pods' namespace and its name there, if any of them is or was in the cluster, or is to
    /// come.
    #[must_use]
    pub fn run(&self, namespace: &str, name: &str) -> Option<&Run> {
        let id = self.run_ids.get(format!("{namespace}/{name}").as_str())?;
        self.runs.get(id as usize)
    }

    /// The id of a zone by name; `None` for an empty one and for one that no node has.
    #[must_use]
    pub fn zone_id(&self, name: &str) -> Option<ZoneId> {
        ZoneId::of(&self.zones, name)
    }

    /// One more than the highest zone id.
    #[must_use]
    pub fn zone_table_len(&self) -> usize {
        self.zones.len() + 1
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

    /// Pulls as they were when they began.
    #[must_use]
    pub fn begun(&self) -> &BegunPulls {
        &self.begun
    }

    /// How fast pulls were.
    #[must_use]
    pub fn observed(&self) -> &ObservedPulls {
        &self.observed
    }

    /// Claims and where their volumes are.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Whether nodes and pods have both been listed once: before that no answer has a ground.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.nodes_synced && self.pods_synced
    }

    /// Numbers of nodes, bound pods, pods of runs that are not, images with layers, chains, records,
    /// references, volumes and runs.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, usize); 9] {
        [
            ("nodes", self.nodes.iter().filter(|node| node.exists).count()),
            ("pods", self.pod_ids.len()),
            ("pending-pods", self.pending.len()),
            ("images", self.images.iter().flatten().count()),
            ("chains", self.chain_ids.len()),
            ("records", self.record_ids.len()),
            ("references", self.reference_ids.len()),
            ("volumes", self.volume_ids.len()),
            ("runs", self.run_ids.len()),
        ]
    }

    /// Nodes that have a layer compressed, by the hash of its digest.
    #[must_use]
    pub fn blob_holders(&self, blob: u64) -> Option<&NodeSet> {
        self.blobs.get(&blob)
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
