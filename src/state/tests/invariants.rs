//! What must hold after every event, worked out from the lists that nodes and pods keep of their own.
//!
//! The cluster keeps each fact in both directions; here the way back is computed from the way there.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::cluster::{
    ChainId, Cluster, DigestId, ImageId, Node, NodeId, Pod, PodId, RecordId, ReferenceId,
};
use crate::model::node_set::NodeSet;
use crate::model::pod::PodPhase;
use crate::model::unit::{Nanos, Time};
use crate::state::Tracker;

/// Panics on the first thing that is out of step; `now` is the time of the last event.
pub(super) fn check(tracker: &Tracker, now: Time) {
    let cluster = tracker.cluster();
    check_nodes(cluster);
    check_records(cluster);
    check_names(cluster);
    check_images(cluster);
    check_pods(cluster, now);
}

fn nodes(cluster: &Cluster) -> impl Iterator<Item = (NodeId, &Node)> {
    let used = |(id, _): &(NodeId, &Node)| cluster.node_ids.key(id.0).is_some();
    (0..).map(NodeId).zip(&cluster.nodes).filter(used)
}

fn pods(cluster: &Cluster) -> impl Iterator<Item = (PodId, &Pod)> {
    let used = |(id, _): &(PodId, &Pod)| cluster.pod_ids.key(id.0).is_some();
    (0..).map(PodId).zip(&cluster.pods).filter(used)
}

fn images(cluster: &Cluster) -> impl Iterator<Item = ImageId> {
    let used = |id: &ImageId| cluster.images[id.index()].is_some();
    (0..u32::try_from(cluster.images.len()).unwrap())
        .map(ImageId)
        .filter(used)
}

/// Records that somebody holds: nodes, and pods as evidence.
fn live_records(cluster: &Cluster) -> BTreeSet<RecordId> {
    let of_nodes = nodes(cluster).flat_map(|(_, node)| node.held.iter().map(|held| held.record));
    let of_pods = pods(cluster).flat_map(|(_, pod)| pod.images.iter().filter_map(|i| i.evidence));
    of_nodes.chain(of_pods).collect()
}

/// The nodes that hold any record for which `test` holds.
fn holders(cluster: &Cluster, test: impl Fn(RecordId) -> bool) -> Vec<NodeId> {
    let holding = nodes(cluster).filter(|(_, node)| node.held.iter().any(|h| test(h.record)));
    holding.map(|(id, _)| id).collect()
}

fn ids(set: &NodeSet) -> Vec<NodeId> {
    set.iter().collect()
}

fn check_nodes(cluster: &Cluster) {
    let mut names = BTreeSet::new();
    for (id, node) in nodes(cluster) {
        assert_eq!(cluster.node_id(&node.name), Some(id));
        assert!(names.insert(node.name.clone()));
        assert!(
            node.held.is_sorted_by_key(|held| held.record),
            "{:?}",
            node.held
        );
        let bound: BTreeSet<_> = pods(cluster)
            .filter(|(_, pod)| pod.node == Some(id))
            .map(|(pod, _)| pod)
            .collect();
        let known: BTreeSet<_> = node.pods.iter().copied().collect();
        assert_eq!((known, node.pods.len()), (bound.clone(), bound.len()));
        assert!(
            node.exists || !bound.is_empty(),
            "{} is kept for nothing",
            node.name
        );
        for held in &node.held {
            let users = pods(cluster)
                .filter(|(_, pod)| pod.node == Some(id) && pod.phase != PodPhase::Ended)
                .flat_map(|(_, pod)| &pod.images)
                .filter(|image| image.evidence == Some(held.record));
            assert_eq!(held.users as usize, users.count(), "users on {}", node.name);
            assert!(held.reported || held.users > 0 || held.last_used.is_some());
            assert!(
                node.exists || !held.reported,
                "nobody lists for {}",
                node.name
            );
        }
        for (reference, _) in &node.secrets_seen {
            let holders = &cluster.reference(*reference).holders;
            assert!(holders.contains(id), "a secret for what is not there");
        }
    }
    assert_eq!(cluster.node_ids.len(), names.len());
    let cut = nodes(cluster).filter(|(_, node)| node.list_cut_at.is_some());
    assert_eq!(cluster.cut_lists, cut.count());
}

fn check_records(cluster: &Cluster) {
    let live = live_records(cluster);
    assert_eq!(cluster.record_ids.len(), live.len(), "records leak");
    for &id in &live {
        let record = cluster.record(id);
        assert!(cluster.record_ids.key(id.0).is_some());
        assert_eq!(ids(&record.holders), holders(cluster, |other| other == id));
        if let Some(image) = record.image {
            let image = cluster.image(image);
            let by_digest = record.digests.iter().any(|d| image.digests.contains(d));
            let by_name = record
                .references
                .iter()
                .any(|r| image.references.contains(r));
            assert!(by_digest || by_name, "{record:?} is not {image:?}");
            let runs = |node| {
                cluster
                    .platform(image.platform)
                    .runs_on(cluster.platform(node))
            };
            assert!(record.platform.is_none_or(runs));
        } else {
            let same = |id: &ImageId| {
                let image = cluster.image(*id);
                let runs = |node| {
                    cluster
                        .platform(image.platform)
                        .runs_on(cluster.platform(node))
                };
                record.platform.is_none_or(runs)
                    && record.digests.iter().any(|d| image.digests.contains(d))
            };
            assert_eq!(
                images(cluster).find(same),
                None,
                "{record:?} goes unrecognised"
            );
        }
    }
}

fn check_names(cluster: &Cluster) {
    let live = live_records(cluster);
    let mut references: BTreeMap<ReferenceId, Vec<RecordId>> = BTreeMap::new();
    let mut digests: BTreeMap<DigestId, Vec<RecordId>> = BTreeMap::new();
    for &id in &live {
        let record = cluster.record(id);
        record
            .references
            .iter()
            .for_each(|r| references.entry(*r).or_default().push(id));
        record
            .digests
            .iter()
            .for_each(|d| digests.entry(*d).or_default().push(id));
    }
    for id in images(cluster) {
        let image = cluster.image(id);
        image
            .references
            .iter()
            .for_each(|r| drop(references.entry(*r).or_default()));
        image
            .digests
            .iter()
            .for_each(|d| drop(digests.entry(*d).or_default()));
    }
    let wanted = pods(cluster).flat_map(|(_, pod)| pod.images.iter().map(|image| image.reference));
    wanted.for_each(|r| drop(references.entry(r).or_default()));
    assert_eq!(
        cluster.reference_ids.len(),
        references.len(),
        "references leak"
    );
    assert_eq!(cluster.digest_ids.len(), digests.len(), "digests leak");
    let named = |names: &dyn Fn(ImageId) -> bool| images(cluster).filter(|&id| names(id)).collect();
    let sorted = |ids: &[RecordId]| ids.iter().copied().collect::<BTreeSet<_>>();
    for (id, records) in &references {
        let facts = cluster.reference(*id);
        assert_eq!(
            (sorted(&facts.records), facts.records.len()),
            (sorted(records), records.len())
        );
        assert_eq!(
            ids(&facts.holders),
            holders(cluster, |r| records.contains(&r))
        );
        let images: BTreeSet<ImageId> =
            named(&|image| cluster.image(image).references.contains(id));
        assert_eq!(
            facts.images.iter().copied().collect::<BTreeSet<_>>(),
            images
        );
    }
    for (id, records) in &digests {
        let facts = cluster.digest(*id);
        assert_eq!(
            (sorted(&facts.records), facts.records.len()),
            (sorted(records), records.len())
        );
        assert_eq!(
            ids(&facts.holders),
            holders(cluster, |r| records.contains(&r))
        );
        let images: BTreeSet<ImageId> = named(&|image| cluster.image(image).digests.contains(id));
        assert_eq!(
            facts.images.iter().copied().collect::<BTreeSet<_>>(),
            images
        );
    }
}

fn check_images(cluster: &Cluster) {
    let mut chains: BTreeSet<ChainId> = BTreeSet::new();
    for id in images(cluster) {
        let image = cluster.image(id);
        chains.extend(&image.chains);
        assert_eq!(image.bytes_beyond.len(), image.chains.len() + 1);
        for (depth, &chain) in image.chains.iter().enumerate() {
            let key = cluster
                .chain_ids
                .key(chain.0)
                .expect("a chain in use has a key");
            assert_eq!(key.space, image.space, "key spaces are never mixed");
            assert_eq!(
                key.parent,
                depth.checked_sub(1).map(|below| image.chains[below])
            );
            assert_eq!(cluster.chain(chain).depth, depth);
        }
    }
    assert_eq!(cluster.chain_ids.len(), chains.len(), "chains leak");
    for chain in chains {
        let has = |record: RecordId| {
            let image = cluster.record(record).image;
            image.is_some_and(|id| cluster.image(id).chains.contains(&chain))
        };
        assert_eq!(ids(&cluster.chain(chain).holders), holders(cluster, has));
    }
}

/// A pod that waits longer than this is a ghost: the bound of `state::pulls`.
const WAIT_MAX: Nanos = Nanos::from_seconds(900);

fn check_pods(cluster: &Cluster, now: Time) {
    let mut pulling = Vec::new();
    for (id, node) in nodes(cluster) {
        let waits = |pod: &Pod| pod.node == Some(id) && pod.phase == PodPhase::Waiting;
        for (pod, _) in pods(cluster).filter(|(_, pod)| waits(pod)) {
            let ghost = cluster.pods[pod.index()].bound_at.after(WAIT_MAX) <= now;
            assert!(
                ghost || node.waiting.contains(&pod),
                "a waiting pod is lost"
            );
        }
        let waiting = node.waiting.iter().map(|pod| &cluster.pods[pod.index()]);
        assert!(waiting.clone().all(waits), "one waits that does not");
        let order = |pod: &&Pod| (pod.bound_at, pod.uid.clone());
        assert!(waiting.clone().is_sorted_by_key(|pod| order(&pod)));
        let steps = waiting.clone().filter(|pod| pod.is_step).count();
        assert_eq!(
            node.waiting_step_pods as usize, steps,
            "step pods of {}",
            node.name
        );
        let wanted: BTreeSet<_> = waiting
            .flat_map(|pod| &pod.images)
            .filter(|image| !image.pulled && !image.pull_fails)
            .map(|image| image.reference)
            .collect();
        let pulled: BTreeSet<_> = node.pulls.iter().map(|pull| pull.reference).collect();
        assert!(pulled.is_subset(&wanted), "a pull that nobody wants");
        assert_eq!(pulled.len(), node.pulls.len(), "one reference pulled twice");
        assert!(node.pulls.is_empty() || node.pulls[0].next_in_line);
        if !node.pulls.is_empty() {
            pulling.push(id);
        }
    }
    assert_eq!(ids(cluster.pulling()), pulling);
}
