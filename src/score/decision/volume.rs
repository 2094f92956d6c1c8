//! What a pod's volumes cost on one candidate: the part of a decision that most pods do not have, and so
//! in a table of its own beside the rows.

use crate::cost::stream::Source;
use crate::model::unit::{Bytes, Nanos, Price};
use crate::score::decision::remarks::remarks;

/// What was found out about a pod's volumes and one candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeRow {
    /// Until missing volumes have come, each from its best source.
    pub stream: Nanos,
    /// Until disks are attached.
    pub attach: Nanos,
    /// The price in seconds, by the policy's exchange rate.
    pub money: Nanos,
    /// Counted against it: streams that meeting where the volume is on its way already would avoid.
    pub avoidable: Nanos,
    /// Counted in its favour: that later steps of the run may follow here.
    pub company: Nanos,
    /// Counted in its favour: what later steps of the run will find here.
    pub lookahead: Nanos,
    /// Bytes of volumes that placing the pod here would move.
    pub missing: Bytes,
    /// Bytes of volumes that are already on their way here.
    pub arriving: Bytes,
    /// Bytes of volumes that cross a zone, of those missing.
    pub zone_bytes: Bytes,
    /// The price of those bytes.
    pub price: Price,
    /// What is to be said.
    pub reasons: VolumeReasons,
}

/// What is known of one of the volumes that a pod needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedVolume {
    /// Its size, as far as it counts.
    pub bytes: Bytes,
    /// Who told its size.
    pub size: SizeTold,
    /// Nodes that hold it.
    pub holders: usize,
    /// Nodes that it is on its way to.
    pub streams: usize,
    /// What a node without it pays at most, if nothing else is going on.
    pub cold: Nanos,
    /// Where it can be had if no node holds it.
    pub fallback: Option<Source>,
}

/// Who told the size of a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeTold {
    /// A node that holds it.
    Node,
    /// A pod.
    Pod,
    /// Nobody: the policy's assumption for its kind counts.
    Nobody,
    /// It was named before in the pod, and counts once.
    Repeated,
}

remarks! {
    /// A set of remarks on volumes.
    VolumeReasons {
        /// A volume is here.
        HERE = "volume-here",
        /// A volume is on its way for another pod.
        ARRIVING = "volume-arriving",
        /// A volume comes from another node in the zone.
        FROM_PEER = "volume-from-peer",
        /// A volume comes from a node in another zone.
        FROM_ZONE = "volume-from-zone",
        /// A volume comes from the registry.
        FROM_REGISTRY = "volume-from-registry",
        /// A volume comes from the blob store.
        FROM_BLOB_STORE = "volume-from-blob-store",
        /// A volume can be had nowhere: it costs nothing, here as on any other node.
        NOWHERE = "volume-nowhere",
        /// Other pods of the run are or were here.
        COMPANY = "run-company",
        /// Layers are here that later steps of the run want.
        LATER_HERE = "later-steps-warm",
        /// A disk is attached here.
        DISK_HERE = "disk-here",
        /// A disk is about to be attached here.
        DISK_COMING = "disk-coming",
        /// A disk is attached nowhere.
        DISK_NOWHERE = "disk-nowhere",
        /// A disk has to be taken off another node first.
        DISK_ELSEWHERE = "disk-elsewhere",
        /// Pods of another node use a disk that one node can use at a time.
        DISK_IN_USE = "disk-in-use-elsewhere",
    }
}

impl WantedVolume {
    /// Whether it can be had at all.
    #[must_use]
    pub const fn is_somewhere(&self) -> bool {
        self.holders > 0 || self.fallback.is_some()
    }
}

impl VolumeRow {
    /// Until the pod's volumes are on the node.
    #[must_use]
    pub fn delay(&self) -> Nanos {
        self.stream + self.attach
    }

    /// What counts in the node's favour.
    #[must_use]
    pub fn gain(&self) -> Nanos {
        self.company + self.lookahead
    }

    /// What they cost beside that.
    #[must_use]
    pub fn beside(&self) -> Nanos {
        self.money + self.avoidable
    }
}

impl VolumeReasons {
    /// That a volume comes from there.
    #[must_use]
    pub const fn from(source: Source) -> Self {
        match source {
            Source::Peer => Self::FROM_PEER,
            Source::Zone => Self::FROM_ZONE,
            Source::Registry => Self::FROM_REGISTRY,
            Source::BlobStore => Self::FROM_BLOB_STORE,
        }
    }
}
