//! What was known of the disks behind a pod's claims when it was decided about.
//!
//! In words of their own, as claims are few: one or two a pod, and most pods have none.

use crate::model::claim::{AccessMode, AttachState, Reach};
use crate::model::storage::DiskKind;
use crate::model::unit::Nanos;

/// What was known of one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskVerdict {
    /// Its name, in the pod's namespace.
    pub claim: String,
    /// The volume it is bound to.
    pub volume: Option<String>,
    /// Who attaches, or will make, the volume.
    pub driver: Option<String>,
    /// What it can be used for.
    pub modes: Vec<AccessMode>,
    /// From where it can be used.
    pub reach: Reach,
    /// It is made where its first pod goes.
    pub waits_for_pod: bool,
    /// What attaching it depends on.
    pub kind: DiskKind,
    /// Where it is, by name of node.
    pub places: Vec<DiskPlace>,
    /// Until it is attached to a node that is none of these places; zero where nothing is charged.
    pub seconds: Nanos,
}

/// A node where a disk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskPlace {
    /// The node's name.
    pub node: String,
    /// How far it has come.
    pub state: AttachState,
    /// Other pods that use it there.
    pub pods: u32,
}

impl DiskVerdict {
    /// What is known of it, in a word.
    #[must_use]
    pub const fn known(&self) -> &'static str {
        match self.kind {
            DiskKind::Unknown => "unknown",
            DiskKind::Mounted => "mounted",
            DiskKind::Shared => "shared",
            DiskKind::OneNode => "one-node",
            DiskKind::OnePod => "one-pod",
        }
    }

    /// The same in words.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match (self.kind, &self.reach) {
            (DiskKind::Unknown, _) => "nobody tells what is behind the claim: costs nothing",
            (DiskKind::Mounted, _) => "only mounted, never attached: costs nothing",
            (DiskKind::Shared, _) => "many nodes can use it at once: costs nothing",
            (_, Reach::Nodes(nodes)) if nodes.len() == 1 => {
                "of one node, which the scheduler sees to: costs nothing"
            }
            (DiskKind::OneNode, _) => "attached to one node at a time",
            (DiskKind::OnePod, _) => "one pod at a time, which the scheduler sees to",
        }
    }
}
