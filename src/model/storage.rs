//! Claims, the volumes behind them, and where those are: attached, on their way, in use by pods.
//!
//! Objects are kept as they came and joined when somebody asks, so that it does not matter in which order
//! they came. What each state costs is the policy's (`cost::attach`); limits and zones are the scheduler's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::claim::{
    AccessMode, AttachState, AttachmentFacts, ClaimFacts, ClassFacts, DiskFacts, DriverFacts,
    NodeDriverFacts, Reach,
};
use crate::model::listed::Listed;

/// A provisioner of volumes that somebody made by hand, local ones most often: nothing is attached.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// By `namespace/name`.
    pub(crate) claims: Listed<ClaimFacts>,
    pub(crate) volumes: Listed<DiskFacts>,
    pub(crate) classes: Listed<ClassFacts>,
    /// By `volume/name`.
    pub(crate) attachments: Listed<AttachmentFacts>,
    pub(crate) drivers: Listed<DriverFacts>,
    /// By node.
    pub(crate) node_drivers: Listed<NodeDriverFacts>,
    /// Bound pods that have claims and have not ended, by uid.
    pub(crate) users: Listed<ClaimUser>,
    /// The uids of those by claim, in step with `users`.
    pub(crate) users_of: BTreeMap<String, BTreeSet<Arc<str>>>,
}

/// A bound pod that has claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimUser {
    pub(crate) uid: Arc<str>,
    pub(crate) node: String,
    /// Its containers have started, so its volumes are mounted.
    pub(crate) runs: bool,
    /// By `namespace/name`.
    pub(crate) claims: Vec<String>,
}

/// What stands behind a claim, and where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk<'a> {
    /// The volume's name; `None` while there is none.
    pub volume: Option<&'a str>,
    /// The driver of the volume, or of the one that is to be made.
    pub driver: Option<&'a str>,
    /// What it can be used for: the volume's modes, or those that the claim asks for.
    pub modes: &'a [AccessMode],
    /// From where it can be used.
    pub reach: &'a Reach,
    /// It is made where the first pod goes.
    pub waits_for_pod: bool,
    /// What attaching it depends on.
    pub kind: DiskKind,
    /// Where it is, by name of node.
    pub places: Vec<Place<'a>>,
}

/// What attaching a volume depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskKind {
    /// Nobody knows the claim, or what is behind it.
    Unknown,
    /// Nothing is attached: a directory of a node, a share, a driver that only mounts.
    Mounted,
    /// Many nodes can use it at once.
    Shared,
    /// One node at a time, any number of its pods.
    OneNode,
    /// One pod at a time, which the scheduler sees to.
    OnePod,
}

/// A node that a volume is attached to, on its way to or from, or used on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The node's name.
    pub node: &'a str,
    /// How far it has come.
    pub state: AttachState,
    /// Bound pods there that use it, or will once they have started; the one that is asked for not counted.
    pub pods: u32,
}

impl Storage {
    /// What stands behind a claim, as it is to the pod of uid `pod_uid`.
    #[must_use]
    pub fn disk(&self, namespace: &str, claim: &str, pod_uid: &str) -> Disk<'_> {
        static ANYWHERE: Reach = Reach::Anywhere;
        let full_name = full_name(namespace, claim);
        let facts = self.claims.get(&full_name);
        let volume = facts.and_then(|facts| self.volumes.get(facts.volume.as_deref()?));
        let class = facts.and_then(|facts| self.classes.get(facts.class.as_deref()?));
        let driver = match (volume, class) {
            (Some(volume), _) => volume.driver.as_deref(),
            (None, class) => class.map(|class| class.provisioner.as_str()),
        };
        let asked = facts.map_or(&[][..], |facts| &facts.modes);
        let modes = volume.map_or(asked, |volume| &volume.modes);
        let is_known = volume.is_some() || class.is_some();
        Disk {
            volume: facts.and_then(|facts| facts.volume.as_deref()),
            driver,
            modes,
            reach: volume.map_or(&ANYWHERE, |volume| &volume.reach),
            waits_for_pod: class.is_some_and(|class| class.waits_for_pod),
            kind: if is_known { self.kind(driver, modes) } else { DiskKind::Unknown },
            places: facts.map(|facts| self.places(facts, &full_name, pod_uid)).unwrap_or_default(),
        }
    }

    /// By the rule of the attach controller: what many nodes can use in any way, many can be attached to.
    /// Source: `IsMultiAttachAllowed` in `pkg/controller/volume/attachdetach/util`, 1.37.
    fn kind(&self, driver: Option<&str>, modes: &[AccessMode]) -> DiskKind {
        let attaches = |name| self.drivers.get(name).is_none_or(|driver| driver.attaches);
        if !driver.is_some_and(|name| name != NO_PROVISIONER && attaches(name)) {
            return DiskKind::Mounted;
        }
        let is_shared =
            |mode: &AccessMode| matches!(mode, AccessMode::Many | AccessMode::ReadByMany);
        match modes {
            [] => DiskKind::Shared,
            modes if modes.iter().any(is_shared) => DiskKind::Shared,
            modes if modes.contains(&AccessMode::OnePod) => DiskKind::OnePod,
            _ => DiskKind::OneNode,
        }
    }

    /// Attachments say where a volume is. Beside them pods do, for those who may not read attachments, and
    /// before there is one: a running pod has its volumes, a waiting one will.
    fn places<'a>(
        &'a self,
        facts: &'a ClaimFacts,
        full_name: &str,
        pod_uid: &str,
    ) -> Vec<Place<'a>> {
        let mut places: BTreeMap<&str, Place<'_>> = BTreeMap::new();
        let mut add = |node: &'a str, state: AttachState, pods: u32| {
            let place = places.entry(node).or_insert(Place { node, state, pods: 0 });
            place.state = place.state.max(state);
            place.pods += pods;
        };
        if let Some(volume) = &facts.volume {
            for attachment in self.attachments.starting(&full_name_prefix(volume)) {
                add(&attachment.node, attachment.state, 0);
            }
        } else if let Some(node) = &facts.selected_node {
            add(node, AttachState::Attaching, 0);
        }
        let uids = self.users_of.get(full_name).into_iter().flatten();
        for user in uids.filter_map(|uid| self.users.get(uid)) {
            let state = if user.runs { AttachState::Attached } else { AttachState::Attaching };
            add(&user.node, state, u32::from(&*user.uid != pod_uid));
        }
        places.into_values().collect()
    }

    /// To how many volumes of a driver a node can be attached, where that is limited.
    #[must_use]
    pub fn limit(&self, node: &str, driver: &str) -> Option<u32> {
        let limits = &self.node_drivers.get(node)?.limits;
        limits.iter().find(|(name, _)| name == driver)?.1
    }

    /// Numbers of claims, persistent volumes and attachments.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, usize); 3] {
        [
            ("claims", self.claims.len()),
            ("persistent-volumes", self.volumes.len()),
            ("attachments", self.attachments.len()),
        ]
    }
}

/// How claims are named over all namespaces, and attachments over all volumes.
pub(crate) fn full_name(space: &str, name: &str) -> String {
    format!("{space}/{name}")
}

fn full_name_prefix(space: &str) -> String {
    full_name(space, "")
}
