//! Nodes come, change and go: their platform, their labels, and what their kubelet lists.
//!
//! Decides how a new `status.images` replaces the old one and what a list that was cut at the
//! kubelet's limit can still hide. Pods on the node are `pods`' business.

use std::sync::Arc;

use crate::model::cluster::image::RecordKey;
use crate::model::cluster::node::Node;
use crate::model::cluster::{NodeId, PlatformId, RecordId, stable_hash};
use crate::model::image::Platform;
use crate::model::node::{NodeFacts, ReportedImage, ZONES_MAX, ZoneId};
use crate::model::unit::{Bytes, Time};
use crate::state::Tracker;
use crate::state::holding::{LIST_LAG, put};

/// The kubelet lists at most this many images by default (`nodeStatusMaxImages`), the largest. A list
/// of this length may have been cut; a longer one shows that the limit was raised or lifted.
const LISTED_IMAGES_MAX: usize = 50;

impl Tracker {
    pub(super) fn apply_node(&mut self, facts: NodeFacts, now: Time) {
        let id = self.node_named(&facts.name, now);
        let platform = self.platform_id(&facts.platform);
        let mark = self.nodes_mark;
        let group = self.cluster.observed.group_id(&facts.group);
        let zone = self.zone_id(&facts.zone);
        let node = &mut self.cluster.nodes[id.index()];
        node.resync_mark = mark;
        let comes = !node.exists;
        if comes {
            node.exists = true;
            node.added_at = now;
        }
        node.group = group;
        node.labels = facts.labels;
        let moves = std::mem::replace(&mut node.zone, zone) != zone;
        node.kubelet_minor = facts.kubelet_minor;
        if node.platform != platform {
            node.platform = platform;
            self.retell_evidence(id, now);
            self.retell_inventory(id, now);
        } else if comes {
            self.retell_inventory(id, now);
        }
        if moves {
            self.restream_all(id);
        }
        self.cluster.nodes[id.index()].listed_at = now;
        let cut_at = cut_at(&facts.images);
        let keys = facts.images.into_iter().map(|image| RecordKey::new(platform, image));
        let listed = self.acquire_list(keys, now);
        self.note_list(id, listed, cut_at, now);
        self.cluster.note_gist(id);
        if !self.cluster.node(id).waiting.is_empty() {
            self.refresh_pulls(id, now);
        }
    }

    pub(super) fn remove_node(&mut self, name: &str, now: Time) {
        let Some(id) = self.cluster.node_id(name) else {
            return;
        };
        self.forget_inventory(id);
        self.cluster.nodes[id.index()].list_cut_at = None;
        self.cluster.nodes[id.index()].exists = false;
        for pod in self.cluster.node(id).pods.clone() {
            self.leave(pod, now, now);
        }
        self.free_node_if_unused(id);
    }

    /// The id of a node by name; a placeholder if only a pod has named it so far.
    pub(super) fn node_named(&mut self, name: &str, now: Time) -> NodeId {
        if let Some(id) = self.cluster.node_id(name) {
            return id;
        }
        let name: Arc<str> = Arc::from(name);
        let id = NodeId(self.cluster.node_ids.acquire(name.clone()));
        self.cluster.node_names.set(id, &name);
        let name_hash = stable_hash(&name);
        let node = Node { name, name_hash, added_at: now, ..Node::default() };
        put(&mut self.cluster.nodes, id.index(), node);
        id
    }

    /// Forgets a node that has neither an object nor pods nor a report that is believed.
    pub(super) fn free_node_if_unused(&mut self, id: NodeId) {
        let node = &self.cluster.nodes[id.index()];
        if node.exists || !node.pods.is_empty() || node.inventory.is_some() {
            return;
        }
        self.unhold_all(id);
        self.forget_volumes(id);
        self.cluster.pulling.remove(id);
        self.cluster.expected.forget_node(id);
        self.cluster.begun.forget_node(id);
        self.cluster.node_names.set(id, "");
        self.cluster.nodes[id.index()] = Node::default();
        self.cluster.note_gist(id);
        self.cluster.node_ids.release(id.0);
    }

    /// The id of a platform; `None` for an untold one.
    pub(super) fn platform_id(&mut self, platform: &Platform) -> Option<PlatformId> {
        if platform.os.is_empty() || platform.architecture.is_empty() {
            return None;
        }
        let platforms = &mut self.cluster.platforms;
        let at = platforms.iter().position(|known| known == platform).unwrap_or_else(|| {
            platforms.push(platform.clone());
            platforms.len() - 1
        });
        u32::try_from(at).ok().map(PlatformId)
    }

    /// The id of a zone; the first one for an untold one and for those beyond the bound.
    fn zone_id(&mut self, name: &str) -> ZoneId {
        let zones = &mut self.cluster.zones;
        if !name.is_empty() && zones.len() < ZONES_MAX && zones.iter().all(|known| **known != *name)
        {
            zones.push(Arc::from(name));
        }
        ZoneId::of(zones, name).unwrap_or_default()
    }

    /// The records of a list, each counted once, by ascending id.
    pub(super) fn acquire_list(
        &mut self,
        keys: impl Iterator<Item = RecordKey>,
        now: Time,
    ) -> Vec<RecordId> {
        let mut listed: Vec<RecordId> = Vec::with_capacity(keys.size_hint().0);
        for key in keys {
            listed.push(self.acquire_record(key, now));
        }
        listed.sort_unstable();
        for window in 1..listed.len() {
            if listed[window] == listed[window - 1] {
                self.release_record(listed[window]);
            }
        }
        listed.dedup();
        listed
    }

    /// Takes a list for what is on the node, and takes over the caller's counts.
    pub(super) fn replace_list(&mut self, id: NodeId, listed: Vec<RecordId>, now: Time) {
        for &record in &listed {
            self.hold(id, record).reported = true;
        }
        self.drop_unlisted(id, &listed, now);
    }

    /// Drops what the node no longer lists, and past use that this list disproves or replaces.
    fn drop_unlisted(&mut self, id: NodeId, listed: &[RecordId], now: Time) {
        let mut at = 0;
        while at < self.cluster.node(id).held.len() {
            let held = &self.cluster.node(id).held[at];
            if listed.binary_search(&held.record).is_err() {
                let overruled =
                    held.last_used.is_some_and(|used| self.cluster.node(id).list_disproves(used));
                let replaced =
                    held.last_used.is_some() && self.is_listed_otherwise(id, held.record);
                let held = &mut self.cluster.nodes[id.index()].held[at];
                held.reported = false;
                if overruled || replaced {
                    held.last_used = None;
                }
                if self.drop_if_unsupported(id, at, now) {
                    continue;
                }
            }
            at += 1;
        }
    }

    /// Whether the node lists the image of `record` under a record of its own: from then on the list
    /// alone says whether it is there.
    fn is_listed_otherwise(&self, id: NodeId, record: RecordId) -> bool {
        let record = self.cluster.record(record);
        self.cluster.node(id).held.iter().filter(|held| held.reported).any(|held| {
            let listed = self.cluster.record(held.record);
            listed.digests.iter().any(|d| record.digests.contains(d))
                || listed.references.iter().any(|r| record.references.contains(r))
        })
    }
}

impl Node {
    /// Whether the node's list is whole, and was made after `used`: what it does not name is gone.
    fn list_disproves(&self, used: Time) -> bool {
        match self.inventory {
            Some(_) => self.report_disproves(used),
            None => self.list_cut_at.is_none() && self.listed_at >= used.after(LIST_LAG),
        }
    }
}

/// Size of the smallest image of a list that may have been cut; `None` for one that was not.
fn cut_at(images: &[ReportedImage]) -> Option<Bytes> {
    let smallest = images.iter().map(|image| image.size_bytes).min()?;
    (images.len() == LISTED_IMAGES_MAX).then_some(Bytes(smallest))
}
