//! Named volumes: told before the first pod that reads or leaves them, with where they lie by then, and again
//! when their size becomes known.
//!
//! Whether a registry has one is told by nobody.

use super::Recorder;
use crate::model::cluster::Cluster;
use crate::model::unit::Bytes;
use crate::model::volume::{VolumeFacts, VolumeKind};
use crate::sim::trace::entry::Entry;

impl Recorder {
    /// Tells a volume, unless it was told; gives its key.
    pub(super) fn tell_volume(
        &mut self,
        facts: &VolumeFacts,
        cluster: &Cluster,
        out: &mut Vec<Entry>,
    ) -> String {
        if !self.volumes_told.contains_key(&facts.key) {
            let bytes = size(&facts.key, cluster).or(facts.bytes).filter(|bytes| bytes.0 > 0);
            let assumed = self.policy.stream.kind(facts.kind).bytes;
            let holders = self.holders(&facts.key, cluster);
            let told = bytes.unwrap_or(Bytes(assumed.0.max(1)));
            self.push_volume((&facts.key, facts.kind, told), holders, bytes.is_none(), out);
        }
        facts.key.clone()
    }

    /// Tells again volumes whose size is known by now.
    pub(super) fn settle_volumes(&mut self, cluster: &Cluster, out: &mut Vec<Entry>) {
        let estimated = self.volumes_told.iter().filter(|(_, estimated)| **estimated);
        for key in estimated.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            let kind = cluster.volume_id(&key).map(|id| cluster.volume(id).kind());
            let bytes = size(&key, cluster).filter(|bytes| bytes.0 > 0);
            if let (Some(kind), Some(bytes)) = (kind, bytes) {
                self.push_volume((&key, kind, bytes), Vec::new(), false, out);
            }
        }
    }

    fn push_volume(
        &mut self,
        (key, kind, bytes): (&str, VolumeKind, Bytes),
        holders: Vec<String>,
        estimate: bool,
        out: &mut Vec<Entry>,
    ) {
        self.volumes_told.insert(key.to_owned(), estimate);
        out.push(Entry::Volume {
            at_nanos: self.at_nanos,
            key: key.to_owned(),
            kind: kind.into(),
            bytes: bytes.0,
            holders,
            pushed: false,
            estimate,
        });
    }

    /// Of the nodes that were told, sorted.
    fn holders(&self, key: &str, cluster: &Cluster) -> Vec<String> {
        let Some(id) = cluster.volume_id(key) else { return Vec::new() };
        let names = cluster.volume(id).holders.iter().map(|node| cluster.node_name(node));
        let is_told = |name: &&str| self.nodes.get(*name).is_some_and(|node| node.is_told);
        let mut names: Vec<_> = names.filter(is_told).map(str::to_owned).collect();
        names.sort_unstable();
        names
    }
}

fn size(key: &str, cluster: &Cluster) -> Option<Bytes> {
    cluster.volume(cluster.volume_id(key)?).bytes()
}
