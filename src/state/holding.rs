//! Which node holds which record, and with it which names and chains: both directions kept in step.
//!
//! Decides when evidence from pods counts and when a kubelet's list overrides it. Does not know where
//! records come from (`nodes`, `pods`) or what is still on its way (`pulls`).

use std::sync::Arc;

use crate::model::cluster::image::{NameFacts, Record, RecordKey};
use crate::model::cluster::node::Held;
use crate::model::cluster::{ChainId, Cluster, DigestId, ImageId, NodeId, RecordId, ReferenceId};
use crate::model::intern::Interner;
use crate::model::reference::{Reference, is_digest};
use crate::model::unit::{Bytes, Nanos, Time};
use crate::state::Tracker;

/// How old a kubelet's list can be: images are listed every 30 s and the status is sent every 10 s
/// (kubelet `image_gc_manager.go`, `kubelet_node_status.go`). A list that comes later than this after
/// a pod used an image, and does not name it, proves it gone.
pub(super) const LIST_LAG: Nanos = Nanos::from_seconds(40);
/// Past use alone is believed this long where the node's list is whole: one list lag and a watch delay.
const USE_BELIEVED: Nanos = Nanos::from_seconds(60);
/// And this long where the list was cut, so that a small image can be there unlisted. An image unused
/// for an hour is also the first that garbage collection takes.
const USE_BELIEVED_UNLISTED: Nanos = Nanos::from_seconds(3600);

impl Tracker {
    /// The record for these names and size, with one holder more.
    pub(super) fn acquire_record(&mut self, key: RecordKey, now: Time) -> RecordId {
        if let Some(known) = self.cluster.record_ids.acquire_known(&key) {
            return RecordId(known);
        }
        let (references, digests) = self.cluster.acquire_names(&key.names);
        let record = Record {
            size: Bytes(key.size_bytes),
            platform: key.platform,
            unpacked: key.unpacked,
            kept: key.kept.clone(),
            first_seen: self.cluster.first_seen(&references, &digests).unwrap_or(now),
            references,
            digests,
            ..Record::default()
        };
        let id = RecordId(self.cluster.record_ids.acquire(key));
        put(&mut self.cluster.records, id.index(), record);
        self.cluster.link_record(id);
        self.resolve_record(id);
        id
    }

    /// One holder less; the last one takes the record and its names away.
    pub(super) fn release_record(&mut self, id: RecordId) {
        if !self.cluster.record_ids.release(id.0) {
            return;
        }
        let record = std::mem::take(&mut self.cluster.records[id.index()]);
        debug_assert!(record.holders.is_empty(), "a held record cannot be released");
        for reference in record.references {
            self.cluster.references[reference.index()].records.retain(|r| *r != id);
            self.cluster.release_reference(reference);
        }
        for digest in record.digests {
            self.cluster.digests[digest.index()].records.retain(|r| *r != id);
            self.cluster.release_digest(digest);
        }
    }

    /// The entry that says why `node` holds `record`; made if it did not. Takes over the caller's
    /// count of the record, or gives it back where the entry already has one.
    pub(super) fn hold(&mut self, node: NodeId, record: RecordId) -> &mut Held {
        let held = &self.cluster.nodes[node.index()].held;
        let at = match held.binary_search_by_key(&record, |held| held.record) {
            Ok(at) => {
                self.release_record(record);
                at
            }
            Err(at) => {
                let fresh = Held { record, reported: false, users: 0, last_used: None };
                self.cluster.nodes[node.index()].held.insert(at, fresh);
                self.cluster.set_bits(node, record);
                at
            }
        };
        &mut self.cluster.nodes[node.index()].held[at]
    }

    /// Drops the entry at `at` if nothing supports it any more; true if dropped. One that is kept for
    /// past use alone is looked at again when that is no longer believed.
    pub(super) fn drop_if_unsupported(&mut self, node: NodeId, at: usize, now: Time) -> bool {
        let on_node = &self.cluster.nodes[node.index()];
        let held = &on_node.held[at];
        if held.reported || held.users > 0 {
            return false;
        }
        let believed = believed_for(on_node.list_cut_at.is_some());
        let used = held.last_used.filter(|&used| !on_node.report_disproves(used));
        let end = used.map(|used| used.after(believed));
        if let Some(end) = end.filter(|end| now < *end) {
            self.deadlines.insert((end, node));
            return false;
        }
        let record = self.cluster.nodes[node.index()].held.remove(at).record;
        self.cluster.clear_bits(node, record);
        self.release_record(record);
        true
    }

    /// Drops evidence on a node that has outlived its bound.
    pub(super) fn expire_evidence(&mut self, node: NodeId, now: Time) {
        let mut at = 0;
        while at < self.cluster.nodes[node.index()].held.len() {
            if !self.drop_if_unsupported(node, at, now) {
                at += 1;
            }
        }
    }

    /// Takes everything off a node.
    pub(super) fn unhold_all(&mut self, node: NodeId) {
        while let Some(held) = self.cluster.nodes[node.index()].held.pop() {
            self.cluster.clear_bits(node, held.record);
            self.release_record(held.record);
        }
    }
}

fn believed_for(list_is_cut: bool) -> Nanos {
    if list_is_cut { USE_BELIEVED_UNLISTED } else { USE_BELIEVED }
}

impl Cluster {
    /// Counted ids of the canonical references and the digests among `names`. Names that are none
    /// are left out.
    fn acquire_names(&mut self, names: &[String]) -> (Vec<ReferenceId>, Vec<DigestId>) {
        let (mut references, mut digests) = (Vec::new(), Vec::new());
        for reference in names.iter().filter_map(|name| Reference::parse(name)) {
            if let Some(digest) = reference.digest()
                && !digests.iter().any(|&id| self.digest_text(id) == digest)
            {
                digests.push(self.acquire_digest(digest));
            }
            let text = reference.as_str();
            // A bare image id is a digest and nothing that a pod could refer to.
            if !is_digest(text) && !references.iter().any(|&id| self.reference_text(id) == text) {
                references.push(self.acquire_reference(text));
            }
        }
        (references, digests)
    }

    pub(super) fn acquire_reference(&mut self, text: &str) -> ReferenceId {
        ReferenceId(acquire_name(&mut self.reference_ids, &mut self.references, text))
    }

    pub(super) fn acquire_digest(&mut self, text: &str) -> DigestId {
        DigestId(acquire_name(&mut self.digest_ids, &mut self.digests, text))
    }

    pub(super) fn release_reference(&mut self, id: ReferenceId) {
        if self.reference_ids.release(id.0) {
            self.references[id.index()] = NameFacts::default();
        }
    }

    pub(super) fn release_digest(&mut self, id: DigestId) {
        if self.digest_ids.release(id.0) {
            self.digests[id.index()] = NameFacts::default();
        }
    }

    /// When one of the digests was first reported under one of the references: kubelets and agents tell one
    /// image in different words, and it must not seem newer for that.
    fn first_seen(&self, references: &[ReferenceId], digests: &[DigestId]) -> Option<Time> {
        let known = digests.iter().flat_map(|&digest| &self.digest(digest).records);
        let known = known.map(|&id| self.record(id));
        let same = known.filter(|known| known.references.iter().any(|r| references.contains(r)));
        same.map(|known| known.first_seen).min()
    }

    fn link_record(&mut self, id: RecordId) {
        let record = &self.records[id.index()];
        for reference in &record.references {
            self.references[reference.index()].records.push(id);
        }
        for digest in &record.digests {
            self.digests[digest.index()].records.push(id);
        }
    }

    /// Sets the bits of everything the record stands for.
    fn set_bits(&mut self, node: NodeId, id: RecordId) {
        let record = &mut self.records[id.index()];
        record.holders.insert(node);
        if record.unpacked.is_none() {
            for reference in &record.references {
                self.references[reference.index()].holders.insert(node);
            }
            for digest in &record.digests {
                self.digests[digest.index()].holders.insert(node);
            }
        }
        self.set_layers(node, id);
    }

    /// Clears the bits of a record that left the node, but for those another held record supports.
    fn clear_bits(&mut self, node: NodeId, id: RecordId) {
        let record = &mut self.records[id.index()];
        record.holders.remove(node);
        let (references, digests) = (record.references.clone(), record.digests.clone());
        let image = record.image;
        for reference in references {
            if !self.any_whole(node, |other| other.references.contains(&reference)) {
                self.references[reference.index()].holders.remove(node);
                self.nodes[node.index()].secrets_seen.retain(|(seen, _)| *seen != reference);
            }
        }
        for digest in digests {
            if !self.any_whole(node, |other| other.digests.contains(&digest)) {
                self.digests[digest.index()].holders.remove(node);
            }
        }
        if let Some(image) = image {
            self.clear_layers(node, image);
        }
    }

    /// Sets the bits of a record's chains and blobs on a node, where it is known which image it is.
    pub(super) fn set_layers(&mut self, node: NodeId, id: RecordId) {
        let record = &self.records[id.index()];
        let Some(image) = record.image.and_then(|id| self.images[id.index()].as_ref()) else {
            return;
        };
        for chain in record.chains_of(image) {
            self.chains[chain.index()].holders.insert(node);
        }
        for blob in record.blobs_of(image) {
            self.blobs.entry(blob).or_default().insert(node);
        }
    }

    /// Clears an image's chains and blobs on a node, but for those that something else there supports.
    pub(super) fn clear_layers(&mut self, node: NodeId, image: ImageId) {
        for chain in self.image(image).chains.clone() {
            if !self.is_supported(node, chain) {
                self.chains[chain.index()].holders.remove(node);
            }
        }
        self.clear_blobs(node, image);
    }

    /// Clears an image's blobs on a node, but for those that something else there supports.
    fn clear_blobs(&mut self, node: NodeId, image: ImageId) {
        if self.blobs.is_empty() {
            return;
        }
        for blob in self.image(image).blobs.clone() {
            self.clear_blob(node, blob);
        }
    }

    /// Clears one blob on a node, unless something there supports it.
    pub(super) fn clear_blob(&mut self, node: NodeId, blob: u64) {
        let of_image = |record: &Record| {
            let image = record.image.map(|id| self.image(id));
            image.is_some_and(|image| record.blobs_of(image).any(|kept| kept == blob))
        };
        let inventory = self.node(node).inventory.as_ref();
        let is_loose = inventory.is_some_and(|i| i.loose_blobs.binary_search(&blob).is_ok());
        if is_loose || self.any_held(node, of_image) {
            return;
        }
        if let Some(nodes) = self.blobs.get_mut(&blob) {
            nodes.remove(node);
            if nodes.is_empty() {
                self.blobs.remove(&blob);
            }
        }
    }

    /// Whether an image on the node has the chain, or its agent claims it by itself.
    pub(super) fn is_supported(&self, node: NodeId, id: ChainId) -> bool {
        let chain = self.chain(id);
        let of_image = |record: &Record| {
            let image = record.image.map(|id| self.image(id));
            image.is_some_and(|image| record.chains_of(image).get(chain.depth) == Some(&id))
        };
        self.any_held(node, of_image)
            || self.claims.get(&chain.name).is_some_and(|nodes| nodes.contains(node))
    }

    fn any_whole(&self, node: NodeId, test: impl Fn(&Record) -> bool) -> bool {
        self.any_held(node, |record| record.unpacked.is_none() && test(record))
    }

    fn any_held(&self, node: NodeId, test: impl Fn(&Record) -> bool) -> bool {
        self.nodes[node.index()].held.iter().any(|held| test(self.record(held.record)))
    }
}

/// Puts `value` into slot `at`, which is an old one or the next.
pub(super) fn put<T: Default>(slots: &mut Vec<T>, at: usize, value: T) {
    if at >= slots.len() {
        slots.resize_with(at + 1, T::default);
    }
    slots[at] = value;
}

fn acquire_name(ids: &mut Interner<Arc<str>>, facts: &mut Vec<NameFacts>, text: &str) -> u32 {
    if let Some(known) = ids.acquire_known(text) {
        return known;
    }
    let id = ids.acquire(Arc::from(text));
    if id as usize >= facts.len() {
        facts.push(NameFacts::default());
    }
    id
}
