//! Claims and what stands behind them, as their API objects describe them.
//!
//! One type for each kind of object. How they fit together is [`crate::model::storage`]'s: each object can
//! come before or after those that it names.

/// One object of any of these kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageObject {
    /// A `PersistentVolumeClaim`.
    Claim(ClaimFacts),
    /// A `PersistentVolume`.
    Volume(DiskFacts),
    /// A `StorageClass`.
    Class(ClassFacts),
    /// A `VolumeAttachment`.
    Attachment(AttachmentFacts),
    /// A `CSIDriver`.
    Driver(DriverFacts),
    /// A `CSINode`.
    NodeDrivers(NodeDriverFacts),
}

/// What a pod asks storage by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimFacts {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The volume it is bound to; `None` before.
    pub volume: Option<String>,
    /// Its storage class.
    pub class: Option<String>,
    /// What it asks for; sorted, each once.
    pub modes: Vec<AccessMode>,
    /// Where the scheduler wants the volume to be made, while it is not (`WaitForFirstConsumer`).
    pub selected_node: Option<String>,
}

/// A persistent volume: a disk on the network, a directory of a node, a share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskFacts {
    /// Its name.
    pub name: String,
    /// Who attaches it; `None` for what is only mounted, as NFS and local directories.
    pub driver: Option<String>,
    /// What it can; sorted, each once.
    pub modes: Vec<AccessMode>,
    /// From where it can be used.
    pub reach: Reach,
}

/// From where a volume can be used. The scheduler holds pods to it, so it is shown and never charged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Every node, or it is told in a way not read here.
    #[default]
    Anywhere,
    /// Nodes of these zones; sorted.
    Zones(Vec<String>),
    /// These nodes; sorted. A local directory has one.
    Nodes(Vec<String>),
}

/// A way to use a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessMode {
    /// `ReadWriteOnce`: by the pods of one node.
    OneNode,
    /// `ReadOnlyMany`.
    ReadByMany,
    /// `ReadWriteMany`.
    Many,
    /// `ReadWriteOncePod`: by one pod.
    OnePod,
}

/// A storage class: how claims of it are provided for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassFacts {
    /// Its name.
    pub name: String,
    /// The driver that makes its volumes.
    pub provisioner: String,
    /// Volumes are made where the first pod goes (`WaitForFirstConsumer`), not before.
    pub waits_for_pod: bool,
}

/// That a volume is, or shall be, attached to a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachmentFacts {
    /// The object's name.
    pub name: String,
    /// The volume's name.
    pub volume: String,
    /// The node's name.
    pub node: String,
    /// How far it has come.
    pub state: AttachState,
}

/// How far an attachment has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachState {
    /// It is being taken off: once that began it cannot be stopped.
    Detaching,
    /// It shall be attached.
    #[default]
    Attaching,
    /// It is.
    Attached,
}

/// A driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriverFacts {
    /// Its name.
    pub name: String,
    /// Its volumes are attached before they are mounted; those of others are only mounted.
    pub attaches: bool,
}

/// The drivers of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeDriverFacts {
    /// The node's name.
    pub node: String,
    /// Name of each driver, and to how many of its volumes the node can be attached where that is limited.
    pub limits: Vec<(String, Option<u32>)>,
}

impl AccessMode {
    /// The mode of a name in the API; `None` for one that came later than this program.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ReadWriteOnce" => Some(Self::OneNode),
            "ReadOnlyMany" => Some(Self::ReadByMany),
            "ReadWriteMany" => Some(Self::Many),
            "ReadWriteOncePod" => Some(Self::OnePod),
            _ => None,
        }
    }

    /// As `kubectl` abbreviates it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneNode => "RWO",
            Self::ReadByMany => "ROX",
            Self::Many => "RWX",
            Self::OnePod => "RWOP",
        }
    }
}

impl AttachState {
    /// The name in JSON and text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detaching => "detaching",
            Self::Attaching => "attaching",
            Self::Attached => "attached",
        }
    }
}
