//! Claims and what is behind them: objects come, change and go, and bound pods use them.
//!
//! Nothing is worked out here but who uses what: objects are joined when a decision asks. A pod's use
//! does not depend on its node being known: until the API server says that the pod has ended or is gone,
//! its volumes stay attached, also to a node whose object was deleted.

use std::sync::Arc;

use crate::model::claim::StorageObject;
use crate::model::pod::{PodFacts, PodPhase};
use crate::model::storage::{ClaimUser, Storage, full_name};
use crate::state::event::Kind;

impl Storage {
    pub(super) fn start_resync(&mut self, kind: Kind) {
        match kind {
            Kind::Pods => self.users.start(),
            Kind::Claims => self.claims.start(),
            Kind::PersistentVolumes => self.volumes.start(),
            Kind::Classes => self.classes.start(),
            Kind::Attachments => self.attachments.start(),
            Kind::Drivers => self.drivers.start(),
            Kind::NodeDrivers => self.node_drivers.start(),
            Kind::Nodes | Kind::PendingPods | Kind::Inventories | Kind::Manifests => {}
        }
    }

    pub(super) fn end_resync(&mut self, kind: Kind) {
        match kind {
            Kind::Pods => {
                for (_, user) in self.users.end() {
                    self.forget_uses(&user);
                }
            }
            Kind::Claims => drop(self.claims.end()),
            Kind::PersistentVolumes => drop(self.volumes.end()),
            Kind::Classes => drop(self.classes.end()),
            Kind::Attachments => drop(self.attachments.end()),
            Kind::Drivers => drop(self.drivers.end()),
            Kind::NodeDrivers => drop(self.node_drivers.end()),
            Kind::Nodes | Kind::PendingPods | Kind::Inventories | Kind::Manifests => {}
        }
    }

    pub(super) fn apply(&mut self, object: StorageObject) {
        let name = name_of(&object);
        match object {
            StorageObject::Claim(facts) => drop(self.claims.apply(name, facts)),
            StorageObject::Volume(facts) => drop(self.volumes.apply(name, facts)),
            StorageObject::Class(facts) => drop(self.classes.apply(name, facts)),
            StorageObject::Attachment(facts) => drop(self.attachments.apply(name, facts)),
            StorageObject::Driver(facts) => drop(self.drivers.apply(name, facts)),
            StorageObject::NodeDrivers(facts) => drop(self.node_drivers.apply(name, facts)),
        }
    }

    pub(super) fn remove(&mut self, object: &StorageObject) {
        let name = name_of(object);
        match object {
            StorageObject::Claim(_) => drop(self.claims.remove(&name)),
            StorageObject::Volume(_) => drop(self.volumes.remove(&name)),
            StorageObject::Class(_) => drop(self.classes.remove(&name)),
            StorageObject::Attachment(_) => drop(self.attachments.remove(&name)),
            StorageObject::Driver(_) => drop(self.drivers.remove(&name)),
            StorageObject::NodeDrivers(_) => drop(self.node_drivers.remove(&name)),
        }
    }

    /// Notes what a pod uses: nothing before it is bound and after it ended.
    pub(super) fn note_uses(&mut self, facts: &PodFacts) {
        self.end_uses(&facts.uid);
        let Some(node) = facts.node.as_ref().filter(|node| !node.is_empty()) else {
            return;
        };
        if facts.claims.is_empty() || facts.phase.is_over() {
            return;
        }
        let uid: Arc<str> = Arc::from(facts.uid.as_str());
        let claims = facts.claims.iter().map(|claim| full_name(&facts.namespace, claim));
        let claims: Vec<_> = claims.collect();
        for claim in &claims {
            self.users_of.entry(claim.clone()).or_default().insert(uid.clone());
        }
        let runs = facts.phase == PodPhase::Running;
        let user = ClaimUser { uid, node: node.clone(), runs, claims };
        self.users.apply(facts.uid.clone(), user);
    }

    /// A pod is gone.
    pub(super) fn end_uses(&mut self, uid: &str) {
        if let Some(user) = self.users.remove(uid) {
            self.forget_uses(&user);
        }
    }

    fn forget_uses(&mut self, user: &ClaimUser) {
        for claim in &user.claims {
            let Some(uids) = self.users_of.get_mut(claim) else { continue };
            uids.remove(&user.uid);
            if uids.is_empty() {
                self.users_of.remove(claim);
            }
        }
    }
}

/// What an object goes by among those of its kind.
fn name_of(object: &StorageObject) -> String {
    match object {
        StorageObject::Claim(facts) => full_name(&facts.namespace, &facts.name),
        StorageObject::Volume(facts) => facts.name.clone(),
        StorageObject::Class(facts) => facts.name.clone(),
        StorageObject::Attachment(facts) => full_name(&facts.volume, &facts.name),
        StorageObject::Driver(facts) => facts.name.clone(),
        StorageObject::NodeDrivers(facts) => facts.node.clone(),
    }
}
