//! Reports of nodes' agents: what they say is on a node, for as long as it is believed.
//!
//! One rule for sources that disagree: while a report is believed it is the node's list, and the kubelet's
//! is kept aside; when it ends (too old, deleted, not in a full list) the kubelet's counts again. What pods
//! prove counts beside either: containers that run, and use that ended after the report was made. How a
//! list becomes what is held is `nodes`' and `holding`'s.

use crate::model::cluster::image::RecordKey;
use crate::model::cluster::node::Inventory;
use crate::model::cluster::{Cluster, NodeId, PlatformId, RecordId, stable_hash};
use crate::model::inventory::{InventoryFacts, InventoryImage, InventoryPull};
use crate::model::unit::{Bytes, Nanos, Time};
use crate::state::Tracker;

/// No report is believed for longer, whatever it asks for: at an agent's longest interval of ten minutes
/// three are lost within it.
const VALID_MAX: Nanos = Nanos::from_seconds(3600);
/// Of a report's time its pulls are believed a part only. A pull in progress changes, and agents write what
/// changed at every interval, of which that time has 22: after four intervals without a word the agent is
/// gone, and with it all news of the pull.
const PULLS_PART: u64 = 5;

impl Tracker {
    pub(super) fn report_inventory(&mut self, name: &str, facts: InventoryFacts, now: Time) {
        let observed_at = facts.observed_at.min(now);
        let valid_until = observed_at.after(facts.valid_for.min(VALID_MAX));
        if valid_until <= now {
            self.remove_inventory(name, now);
            return;
        }
        let id = self.node_named(name, now);
        // Reports can come before their nodes, which then tell their platform.
        let platform = match self.cluster.node(id).exists {
            true => self.cluster.node(id).platform,
            false => self.platform_id(&facts.platform),
        };
        let keys = facts.images.into_iter().map(|image| key_of(image, platform));
        let listed = self.acquire_list(keys, now);
        self.put_list_aside(id);
        self.claim(id, &facts.chains);
        self.keep_loose(id, &facts.loose_blobs);
        self.cluster.note_disk_bytes(id, facts.disk_bytes);
        self.report_volumes(id, facts.volumes);
        let (mark, on_node) = (self.inventories_mark, &mut self.cluster.nodes[id.index()]);
        on_node.list_cut_at = facts.hidden_bytes_max.map(|bytes| bytes + Bytes(1));
        if let Some(inventory) = &mut on_node.inventory {
            // An end that is waited for already leads to the next.
            if inventory.valid_until <= now || valid_until < inventory.valid_until {
                self.deadlines.insert((valid_until, id));
            }
            inventory.observed_at = observed_at;
            inventory.valid_until = valid_until;
            inventory.lists_all_volumes = facts.lists_all_volumes;
            inventory.pulls = blobs_left(&facts.pulls);
            inventory.pulls_until =
                observed_at.after(Nanos(facts.valid_for.min(VALID_MAX).0 / PULLS_PART));
            inventory.resync_mark = mark;
            if !inventory.pulls.is_empty() {
                self.deadlines.insert((inventory.pulls_until, id));
            }
        }
        self.replace_list(id, listed, now);
        self.note_inventory_change(id, now);
    }

    pub(super) fn remove_inventory(&mut self, name: &str, now: Time) {
        if let Some(id) = self.cluster.node_id(name) {
            self.end_inventory(id, now);
        }
    }

    /// Ends every report that the full list did not name.
    pub(super) fn end_unlisted_inventories(&mut self, now: Time) {
        let mark = self.inventories_mark;
        let is_old = |inventory: &Inventory| inventory.resync_mark < mark;
        let nodes = (0u32..).map(NodeId).zip(&self.cluster.nodes);
        let old = nodes.filter(|(_, node)| node.inventory.as_ref().is_some_and(is_old));
        for id in old.map(|(id, _)| id).collect::<Vec<_>>() {
            self.end_inventory(id, now);
        }
    }

    /// Ends a report that has outlived its time, or asks to be called when it will have.
    pub(super) fn expire_inventory(&mut self, id: NodeId, now: Time) {
        match self.cluster.node(id).inventory.as_ref().map(|inventory| inventory.valid_until) {
            Some(end) if end <= now => self.end_inventory(id, now),
            Some(end) => {
                self.deadlines.insert((end, id));
            }
            None => {}
        }
    }

    /// Takes a kubelet's list, whose records the caller counted, for what is on the node or aside.
    pub(super) fn note_list(
        &mut self,
        id: NodeId,
        listed: Vec<RecordId>,
        cut_at: Option<Bytes>,
        now: Time,
    ) {
        let on_node = &mut self.cluster.nodes[id.index()];
        let Some(inventory) = &mut on_node.inventory else {
            on_node.list_cut_at = cut_at;
            self.replace_list(id, listed, now);
            return;
        };
        inventory.aside_cut_at = cut_at;
        for record in std::mem::replace(&mut inventory.aside, listed) {
            self.release_record(record);
        }
    }

    /// A report that came before its node is one of that node's platform.
    pub(super) fn retell_inventory(&mut self, id: NodeId, now: Time) {
        let node = self.cluster.node(id);
        if node.inventory.is_none() {
            return;
        }
        let platform = node.platform;
        let reported = node.held.iter().filter(|held| held.reported);
        let keys = reported.filter_map(|held| self.cluster.record_ids.key(held.record.0));
        let keys: Vec<_> = keys.map(|key| RecordKey { platform, ..key.clone() }).collect();
        let listed = self.acquire_list(keys.into_iter(), now);
        self.replace_list(id, listed, now);
    }

    /// Drops a report without anything in its place.
    pub(super) fn forget_inventory(&mut self, id: NodeId) {
        for record in self.take_inventory(id).into_iter().flat_map(|inventory| inventory.aside) {
            self.release_record(record);
        }
    }

    /// Takes a report off its node, with all that only it told.
    fn take_inventory(&mut self, id: NodeId) -> Option<Inventory> {
        self.claim(id, &[]);
        self.keep_loose(id, &[]);
        self.cluster.note_disk_bytes(id, None);
        self.report_volumes(id, Vec::new());
        self.cluster.nodes[id.index()].inventory.take()
    }

    fn end_inventory(&mut self, id: NodeId, now: Time) {
        let Some(inventory) = self.take_inventory(id) else {
            return;
        };
        self.cluster.nodes[id.index()].list_cut_at = inventory.aside_cut_at;
        self.replace_list(id, inventory.aside, now);
        self.note_inventory_change(id, now);
        self.free_node_if_unused(id);
    }

    /// Makes place for a node's first report.
    fn put_list_aside(&mut self, id: NodeId) {
        let on_node = &self.cluster.nodes[id.index()];
        if on_node.inventory.is_some() {
            return;
        }
        let reported = on_node.held.iter().filter(|held| held.reported);
        let aside: Vec<_> = reported.map(|held| held.record).collect();
        for record in &aside {
            self.cluster.record_ids.acquire_again(record.0);
        }
        let on_node = &mut self.cluster.nodes[id.index()];
        let aside_cut_at = on_node.list_cut_at;
        on_node.inventory = Some(Inventory { aside, aside_cut_at, ..Inventory::default() });
    }

    /// Replaces what a node has unpacked beside its images, by OCI chain ids.
    fn claim(&mut self, id: NodeId, chains: &[String]) {
        let hashes = hashes(chains);
        let Some(inventory) = &mut self.cluster.nodes[id.index()].inventory else {
            return;
        };
        let before = std::mem::replace(&mut inventory.claims, hashes.clone());
        for &hash in hashes.iter().filter(|hash| before.binary_search(hash).is_err()) {
            self.cluster.add_claim(id, hash);
        }
        for hash in before.into_iter().filter(|hash| hashes.binary_search(hash).is_err()) {
            self.cluster.remove_claim(id, hash);
        }
    }

    /// Replaces what a node has compressed beside the layers of its images, by digest.
    fn keep_loose(&mut self, id: NodeId, blobs: &[String]) {
        let hashes = hashes(blobs);
        let Some(inventory) = &mut self.cluster.nodes[id.index()].inventory else {
            return;
        };
        let before = std::mem::replace(&mut inventory.loose_blobs, hashes.clone());
        for &hash in &hashes {
            self.cluster.blobs.entry(hash).or_default().insert(id);
        }
        for hash in before.into_iter().filter(|hash| hashes.binary_search(hash).is_err()) {
            self.cluster.clear_blob(id, hash);
        }
    }

    fn note_inventory_change(&mut self, id: NodeId, now: Time) {
        self.cluster.note_gist(id);
        self.refresh_pulls_if_any(id, now);
        self.refresh_volumes(id, now);
    }
}

impl Cluster {
    fn add_claim(&mut self, node: NodeId, hash: u64) {
        self.claims.entry(hash).or_default().insert(node);
        if let Some(chain) = self.chain_names.get(&hash) {
            self.chains[chain.index()].holders.insert(node);
        }
    }

    fn remove_claim(&mut self, node: NodeId, hash: u64) {
        if let Some(nodes) = self.claims.get_mut(&hash) {
            nodes.remove(node);
            if nodes.is_empty() {
                self.claims.remove(&hash);
            }
        }
        if let Some(&chain) = self.chain_names.get(&hash)
            && !self.is_supported(node, chain)
        {
            self.chains[chain.index()].holders.remove(node);
        }
    }
}

fn key_of(image: InventoryImage, platform: Option<PlatformId>) -> RecordKey {
    let InventoryImage { names, bytes, unpacked, kept } = image;
    RecordKey { platform, names, size_bytes: bytes, unpacked, kept }
}

/// Stable hashes of blobs, sorted, each once, with the bytes still to come: any number where that is untold.
fn blobs_left(pulls: &[InventoryPull]) -> Vec<(u64, Bytes)> {
    let left = |pull: &InventoryPull| pull.left.unwrap_or(Bytes(u64::MAX));
    let mut blobs: Vec<_> =
        pulls.iter().map(|pull| (stable_hash(&pull.digest), left(pull))).collect();
    blobs.sort_unstable();
    blobs.dedup_by_key(|&mut (hash, _)| hash);
    blobs
}

/// Stable hashes, sorted, each once.
fn hashes(texts: &[String]) -> Vec<u64> {
    let mut hashes: Vec<_> = texts.iter().map(|text| stable_hash(text)).collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}
