//! A node in the cluster: what it holds and why, and what is on its way to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::cluster::volume::{NodeVolumes, ReportedVolume};
use crate::model::cluster::{ImageId, PlatformId, PodId, RecordId, ReferenceId};
use crate::model::node::ZoneId;
use crate::model::observed::GroupId;
use crate::model::unit::{Bytes, Time};

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
    /// Nodes whose pulls are learned from together.
    pub group: GroupId,
    /// Where it is.
    pub zone: ZoneId,
    /// Minor version of the kubelet, 0 if untold.
    pub kubelet_minor: u16,
    /// Size below which an image can be there unlisted, because the list was cut; `None` for a whole list.
    pub list_cut_at: Option<Bytes>,
    /// When its kubelet's list came.
    pub listed_at: Time,
    /// What its agent reported, while that is believed: it then stands for the kubelet's list.
    pub inventory: Option<Inventory>,
    /// What it holds, by ascending record id.
    pub held: Vec<Held>,
    /// Bound pods that still wait for images, in the order of binding.
    pub waiting: Vec<PodId>,
    /// How many of those are step pods.
    pub waiting_step_pods: u32,
    /// Images on their way, in the order the kubelet pulls them.
    pub pulls: Vec<Pull>,
    /// Named volumes and runs.
    pub volumes: NodeVolumes,
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
    /// See [`Node::group`].
    pub group: GroupId,
    /// See [`Node::zone`].
    pub zone: ZoneId,
    /// See [`Node::waiting_step_pods`].
    pub waiting_step_pods: u32,
    /// See [`Node::list_cut_at`]; zero for a whole list.
    pub list_cut_at: Bytes,
    /// See [`Node::name_hash`].
    pub name_hash: u64,
}

/// An agent's report that is believed. Its images are in [`Node::held`].
#[derive(Debug, Default)]
pub struct Inventory {
    /// When the agent read the store, but not later than it came.
    pub observed_at: Time,
    /// From when on the kubelet's list counts again.
    pub valid_until: Time,
    /// That list, meanwhile: records without duplicates, counted, by ascending id.
    pub(crate) aside: Vec<RecordId>,
    /// Its [`Node::list_cut_at`].
    pub(crate) aside_cut_at: Option<Bytes>,
    /// Hashes of OCI chain ids that are unpacked beside those of images, sorted.
    pub(crate) claims: Vec<u64>,
    /// Hashes of blobs that are there beside those of images, sorted.
    pub(crate) loose_blobs: Vec<u64>,
    /// Hashes of blobs that were being downloaded at `observed_at`, sorted, with the bytes still to come.
    pub(crate) pulls: Vec<(u64, Bytes)>,
    /// From when on those are as good as broken off: an agent tells their progress at every interval.
    pub(crate) pulls_until: Time,
    /// Named volumes, by ascending id; each holds its id.
    pub(crate) volumes: Vec<ReportedVolume>,
    /// Whether those are all that were there.
    pub(crate) lists_all_volumes: bool,
    pub(crate) resync_mark: u64,
}

/// Why a node holds a record. It does while it is reported, in use, or was used a moment ago.
#[derive(Clone, Debug)]
pub struct Held {
    /// What is held.
    pub record: RecordId,
    /// The node's list has it: its agent's while that is believed, else its kubelet's.
    pub reported: bool,
    /// Containers of bound pods that run from it.
    pub users: u32,
    /// When a pod last used it, if one did.
    pub last_used: Option<Time>,
}

/// An image on its way to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The reference being pulled; `None` if no pod here asked for it and only the agent saw it. Such a
    /// pull goes on beside the kubelet's queue: somebody pulls by hand, or ahead of time.
    pub reference: Option<ReferenceId>,
    /// Its layers, where known.
    pub image: Option<ImageId>,
    /// Compressed bytes that this pull brings: those not unpacked here and not brought by an earlier pull.
    pub bytes: Bytes,
    /// Of those, what was still to be downloaded at `since`.
    pub left: Bytes,
    /// It is the next image that some pod's kubelet loop waits for, not a later container's.
    pub next_in_line: bool,
    /// When the first pod that wants it was bound here, or the agent looked, whichever is later.
    pub since: Time,
}

impl Inventory {
    /// What is still to come of a blob of so many bytes that is not there yet.
    pub(crate) fn left_of(&self, blob: u64, bytes: Bytes) -> Bytes {
        let pulled = self.pulls.binary_search_by_key(&blob, |&(hash, _)| hash);
        pulled.map_or(bytes, |at| bytes.min(self.pulls[at].1))
    }
}

impl Node {
    /// What a decision reads of it.
    #[must_use]
    pub fn gist(&self) -> NodeGist {
        NodeGist {
            platform: self.platform,
            group: self.group,
            zone: self.zone,
            waiting_step_pods: self.waiting_step_pods,
            list_cut_at: self.list_cut_at.unwrap_or_default(),
            name_hash: self.name_hash,
        }
    }

    /// Whether a report of the agent that is believed was made after `used`, and left nothing out: what it
    /// does not name is gone.
    #[must_use]
    pub fn report_disproves(&self, used: Time) -> bool {
        let later = |inventory: &Inventory| used <= inventory.observed_at;
        self.list_cut_at.is_none() && self.inventory.as_ref().is_some_and(later)
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
