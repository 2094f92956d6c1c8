//! What must hold of volumes and runs after every event: each side is worked out anew from the other, and
//! from the pods and reports that speak for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::cluster::node::Node;
use crate::model::cluster::pending::ComingImage;
use crate::model::cluster::volume::{PlacedVolume, Sizes};
use crate::model::cluster::{Cluster, NodeId, RunId, VolumeId};
use crate::model::node_set::NodeSet;
use crate::model::pod::PodPhase;

/// Panics on the first thing that is out of step.
pub(super) fn check(cluster: &Cluster) {
    for (id, node) in nodes(cluster) {
        check_node(cluster, id, node);
    }
    check_volumes(cluster);
    check_runs(cluster);
}

fn nodes(cluster: &Cluster) -> impl Iterator<Item = (NodeId, &Node)> {
    let used = |(id, _): &(NodeId, &Node)| cluster.node_ids.key(id.0).is_some();
    (0..).map(NodeId).zip(&cluster.nodes).filter(used)
}

fn check_node(cluster: &Cluster, id: NodeId, node: &Node) {
    let table = &node.volumes;
    let pods: Vec<_> = node.pods.iter().map(|pod| &cluster.pods[pod.index()]).collect();
    let naming = pods.iter().filter(|pod| !pod.volumes.is_empty()).count();
    assert_eq!(table.pods as usize, naming, "pods with volumes on {}", node.name);
    assert!(table.placed.is_sorted_by_key(|placed| placed.volume));
    for placed in &table.placed {
        assert!(placed.is_there() || placed.wanted_at.is_some(), "{placed:?} for nothing");
        let needing = |phase| {
            let pods = pods.iter().filter(move |pod| pod.phase == phase);
            let needs = pods.flat_map(|pod| &pod.volumes.needs);
            needs.filter(|told| told.volume == placed.volume).count()
        };
        let runs = needing(PodPhase::Running);
        let lists_all = node.inventory.as_ref().is_some_and(|found| found.lists_all_volumes);
        let still_get_it = if lists_all && placed.reported.is_none() { runs } else { 0 };
        assert_eq!(placed.users as usize, runs - still_get_it, "users on {}", node.name);
        let waits = needing(PodPhase::Waiting) + still_get_it > 0;
        assert!(placed.wanted_at.is_none() || waits);
        let reports = node.inventory.iter().flat_map(|inventory| &inventory.volumes);
        let reported = reports.filter(|held| held.volume == placed.volume).max().copied();
        assert_eq!(placed.reported, reported);
    }
    let uploads = cluster.volumes.iter().flat_map(|volume| &volume.streams);
    let uploads = uploads.filter(|stream| stream.from == Some(id)).count();
    assert_eq!(table.uploads as usize, uploads, "uploads of {}", node.name);
    assert!(table.left.len() <= 256 && table.left_runs.len() <= 256);
}

fn check_volumes(cluster: &Cluster) {
    let mut named: BTreeSet<VolumeId> = BTreeSet::new();
    let mut sizes: BTreeMap<VolumeId, (Sizes, Sizes)> = BTreeMap::new();
    let pods = nodes(cluster).flat_map(|(_, node)| &node.pods);
    for told in pods.flat_map(|pod| cluster.pods[pod.index()].volumes.told()) {
        named.insert(told.volume);
        told.bytes.into_iter().for_each(|b| sizes.entry(told.volume).or_default().1.add(b));
    }
    for (_, node) in nodes(cluster) {
        named.extend(node.inventory.iter().flat_map(|i| &i.volumes).map(|held| held.volume));
        named.extend(node.volumes.left.iter().map(|(volume, _)| *volume));
        for placed in &node.volumes.placed {
            assert!(named.contains(&placed.volume), "nobody speaks for {placed:?}");
            let reported = placed.reported.map(|held| held.bytes);
            reported.into_iter().for_each(|b| sizes.entry(placed.volume).or_default().0.add(b));
        }
    }
    assert_eq!(cluster.volume_ids.len(), named.len(), "volumes leak");
    for id in named {
        let volume = cluster.volume(id);
        let (reported, told) = sizes.remove(&id).unwrap_or_default();
        assert_eq!((&volume.reported, &volume.told), (&reported, &told));
        assert_eq!(ids(&volume.holders), placed_where(cluster, id, PlacedVolume::is_there));
        let mut to: Vec<_> = volume.streams.iter().map(|stream| stream.to).collect();
        assert!(volume.streams.is_sorted_by_key(|stream| stream.begun_at));
        to.sort_unstable();
        assert_eq!(to, placed_where(cluster, id, |placed| placed.begun_at().is_some()));
        for stream in &volume.streams {
            let from = stream.from.is_some_and(|from| volume.holders.contains(from));
            assert!(from || volume.holders.is_empty(), "{stream:?} from nowhere");
        }
    }
}

/// The nodes on whose tables a volume is for which `test` says so.
fn placed_where(
    cluster: &Cluster,
    id: VolumeId,
    test: impl Fn(&PlacedVolume) -> bool,
) -> Vec<NodeId> {
    let on = |node: &Node| node.volumes.placed.iter().any(|p| p.volume == id && test(p));
    nodes(cluster).filter(|(_, node)| on(node)).map(|(id, _)| id).collect()
}

fn check_runs(cluster: &Cluster) {
    let mut runs: BTreeMap<RunId, Vec<NodeId>> = BTreeMap::new();
    for (id, node) in nodes(cluster) {
        node.volumes.left_runs.iter().for_each(|(run, _)| _ = runs.entry(*run).or_default());
        let of_pods = node.pods.iter().filter_map(|pod| cluster.pods[pod.index()].volumes.run);
        of_pods.for_each(|run| _ = runs.entry(run).or_default());
        for run in &node.volumes.runs {
            runs.get_mut(run).expect("somebody speaks for it").push(id);
        }
    }
    cluster.pending.values().for_each(|pod| _ = runs.entry(pod.run).or_default());
    assert_eq!(cluster.run_ids.len(), runs.len(), "runs leak");
    for (run, nodes) in runs {
        assert_eq!(ids(&cluster.runs[run.index()].nodes), nodes);
        assert_eq!(cluster.runs[run.index()].coming, coming(cluster, run));
    }
}

/// What the pods of a run want that are pending and not bound.
fn coming(cluster: &Cluster, run: RunId) -> BTreeMap<ComingImage, u32> {
    let is_bound = |uid: &Arc<str>| cluster.pod_ids.get(uid).is_some();
    let mut coming = BTreeMap::new();
    for (uid, pod) in cluster.pending.iter().filter(|(_, pod)| pod.run == run) {
        assert_eq!(pod.counts, !is_bound(uid), "{uid}");
        for &(id, pull_policy) in pod.images.iter().filter(|_| pod.counts) {
            let name = cluster.reference_name(id);
            *coming.entry(ComingImage { name, pull_policy }).or_default() += 1;
        }
    }
    coming
}

fn ids(set: &NodeSet) -> Vec<NodeId> {
    set.iter().collect()
}
