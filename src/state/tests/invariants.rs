//! What must hold after every event, worked out from the lists that nodes and pods keep of their own.
//!
//! The cluster keeps each fact in both directions; here the way back is computed from the way there.

use std::collections::{BTreeMap, BTreeSet};

use super::placed;
use crate::model::chain::KeySpace;
use crate::model::cluster::image::{Image, NameFacts};
use crate::model::cluster::node::Node;
use crate::model::cluster::pod::{Pod, PodImageState};
use crate::model::cluster::{
    ChainId, Cluster, DigestId, ImageId, NodeId, PodId, RecordId, ReferenceId,
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
    placed::check(cluster);
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
    (0..u32::try_from(cluster.images.len()).unwrap()).map(ImageId).filter(used)
}

/// Records that somebody holds: nodes, and pods as evidence.
fn live_records(cluster: &Cluster) -> BTreeSet<RecordId> {
    let of_nodes = nodes(cluster).flat_map(|(_, node)| node.held.iter().map(|held| held.record));
    let of_pods = pods(cluster).flat_map(|(_, pod)| pod.images.iter().filter_map(|i| i.evidence));
    of_nodes.chain(of_pods).chain(aside(cluster)).collect()
}

/// Kubelets' lists that do not count while agents are believed.
fn aside(cluster: &Cluster) -> impl Iterator<Item = RecordId> {
    nodes(cluster).filter_map(|(_, node)| node.inventory.as_ref()).flat_map(|i| i.aside.clone())
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
        assert_eq!(cluster.node_name(id), &*node.name);
        assert!(names.insert(node.name.clone()));
        assert!(node.held.is_sorted_by_key(|held| held.record), "{:?}", node.held);
        let bound: BTreeSet<_> =
            pods(cluster).filter(|(_, pod)| pod.node == Some(id)).map(|(pod, _)| pod).collect();
        let known: BTreeSet<_> = node.pods.iter().copied().collect();
        assert_eq!((known, node.pods.len()), (bound.clone(), bound.len()));
        let reports = node.inventory.is_some();
        assert!(node.exists || reports || !bound.is_empty(), "{} is kept for nothing", node.name);
        for held in &node.held {
            let users = pods(cluster)
                .filter(|(_, pod)| pod.node == Some(id) && !pod.phase.is_over())
                .flat_map(|(_, pod)| &pod.images)
                .filter(|image| image.evidence == Some(held.record));
            assert_eq!(held.users as usize, users.count(), "users on {}", node.name);
            assert!(held.reported || held.users > 0 || held.last_used.is_some());
            assert!(node.exists || reports || !held.reported, "nobody lists for {}", node.name);
        }
        assert_eq!(cluster.gist(id), node.gist());
        assert!(reports || cluster.disk_bytes(id).is_none(), "nobody tells of the disk");
        for (reference, _) in &node.secrets_seen {
            let holders = &cluster.reference(*reference).holders;
            assert!(holders.contains(id), "a secret for what is not there");
        }
    }
    assert_eq!(cluster.node_ids.len(), names.len());
}

fn check_records(cluster: &Cluster) {
    let live = live_records(cluster);
    assert_eq!(cluster.record_ids.len(), live.len(), "records leak");
    for &id in &live {
        let record = cluster.record(id);
        assert!(cluster.record_ids.key(id.0).is_some());
        assert_eq!(ids(&record.holders), holders(cluster, |other| other == id));
        let named = |image: &Image| record.digests.iter().any(|d| image.digests.contains(d));
        let runs = |image: &Image| {
            let own = cluster.platform(image.platform);
            let node = record.platform.map(|id| cluster.platform(id));
            node.is_none_or(|node| own.runs_on(node))
        };
        if let Some(image) = record.image.map(|id| cluster.image(id)) {
            let tagged = |r: &ReferenceId| image.references.contains(r);
            assert!(named(image) || record.references.iter().any(tagged));
            assert!(runs(image));
        } else {
            let known = cluster.images().find(|image| named(image) && runs(image));
            assert!(known.is_none(), "{record:?} goes unrecognised");
        }
    }
}

/// Who goes by a name, as records and images tell.
#[derive(Default)]
struct Bearers {
    records: BTreeSet<RecordId>,
    images: BTreeSet<ImageId>,
}

fn check_names(cluster: &Cluster) {
    let mut references: BTreeMap<ReferenceId, Bearers> = BTreeMap::new();
    let mut digests: BTreeMap<DigestId, Bearers> = BTreeMap::new();
    for id in live_records(cluster) {
        for &reference in &cluster.record(id).references {
            references.entry(reference).or_default().records.insert(id);
        }
        for &digest in &cluster.record(id).digests {
            digests.entry(digest).or_default().records.insert(id);
        }
    }
    for id in images(cluster) {
        for &reference in &cluster.image(id).references {
            references.entry(reference).or_default().images.insert(id);
        }
        for &digest in &cluster.image(id).digests {
            digests.entry(digest).or_default().images.insert(id);
        }
    }
    for image in pods(cluster).flat_map(|(_, pod)| &pod.images) {
        references.entry(image.reference).or_default();
    }
    for (reference, _) in cluster.pending.values().flat_map(|pod| &pod.images) {
        references.entry(*reference).or_default();
    }
    assert_eq!(cluster.reference_ids.len(), references.len());
    assert_eq!(cluster.digest_ids.len(), digests.len());
    for (id, bearers) in references {
        check_name(cluster, cluster.reference(id), &bearers);
    }
    for (id, bearers) in digests {
        check_name(cluster, cluster.digest(id), &bearers);
    }
}

fn check_name(cluster: &Cluster, facts: &NameFacts, bearers: &Bearers) {
    let mut records = facts.records.clone();
    records.sort_unstable();
    assert!(records.iter().eq(&bearers.records), "{facts:?}");
    let mut images = facts.images.clone();
    images.sort_unstable();
    images.dedup();
    assert!(images.iter().eq(&bearers.images), "{facts:?}");
    let whole = |record| cluster.record(record).unpacked.is_none();
    let holders = holders(cluster, |record| bearers.records.contains(&record) && whole(record));
    assert_eq!(ids(&facts.holders), holders);
}

fn check_images(cluster: &Cluster) {
    let mut chains: BTreeSet<ChainId> = BTreeSet::new();
    for id in images(cluster) {
        let image = cluster.image(id);
        chains.extend(&image.chains);
        assert_eq!(image.bytes_beyond.len(), image.chains.len() + 1);
        for (depth, &chain) in image.chains.iter().enumerate() {
            let key = cluster.chain_ids.key(chain.0).expect("a chain in use has a key");
            assert_eq!(key.space, image.space, "key spaces are never mixed");
            assert_eq!(key.parent, depth.checked_sub(1).map(|below| image.chains[below]));
            assert_eq!(cluster.chain(chain).depth, depth);
            let is_named = cluster.chain_names.get(&cluster.chain(chain).name) == Some(&chain);
            assert_eq!(is_named, image.space == KeySpace::DiffIds);
        }
    }
    assert_eq!(cluster.chain_ids.len(), chains.len(), "chains leak");
    assert!(cluster.chain_names.values().all(|chain| chains.contains(chain)));
    for chain in chains {
        let has = |record: RecordId| {
            let image = cluster.record(record).image;
            let of = |id| cluster.record(record).chains_of(cluster.image(id)).contains(&chain);
            image.is_some_and(of)
        };
        let claimed = cluster.claims.get(&cluster.chain(chain).name).map(ids).unwrap_or_default();
        let holding = holders(cluster, has).into_iter().chain(claimed).collect::<BTreeSet<_>>();
        assert!(cluster.chain(chain).holders.iter().eq(holding));
    }
    let mut claims: BTreeMap<u64, Vec<NodeId>> = BTreeMap::new();
    for (id, inventory) in nodes(cluster).filter_map(|(id, n)| Some((id, n.inventory.as_ref()?))) {
        inventory.claims.iter().for_each(|&hash| claims.entry(hash).or_default().push(id));
    }
    check_blobs(cluster);
    assert!(claims.into_iter().eq(cluster.claims.iter().map(|(&hash, set)| (hash, ids(set)))));
}

fn check_blobs(cluster: &Cluster) {
    let mut blobs: BTreeMap<u64, BTreeSet<NodeId>> = BTreeMap::new();
    for (id, node) in nodes(cluster) {
        for record in node.held.iter().map(|held| cluster.record(held.record)) {
            let image = record.image.map(|id| cluster.image(id));
            let kept = image.into_iter().flat_map(|image| record.blobs_of(image));
            kept.for_each(|blob| _ = blobs.entry(blob).or_default().insert(id));
        }
        let loose = node.inventory.iter().flat_map(|inventory| &inventory.loose_blobs);
        loose.for_each(|&blob| _ = blobs.entry(blob).or_default().insert(id));
    }
    let kept = cluster.blobs.iter().map(|(&blob, nodes)| (blob, nodes.iter().collect()));
    assert!(blobs.into_iter().eq(kept));
}

/// Behind the kubelet's pulls are those that its agent saw, each of an image with a layer on its way.
fn check_unasked(cluster: &Cluster, node: &Node, queued: usize) {
    let mut images = BTreeSet::new();
    for pull in &node.pulls[queued..] {
        assert!(pull.reference.is_none() && !pull.next_in_line && pull.left <= pull.bytes);
        let id = pull.image.expect("its layers are known");
        assert!(images.insert(id), "one image pulled twice");
        let seen = &node.inventory.as_ref().expect("who else tells").pulls;
        let blobs = &cluster.image(id).blobs;
        assert!(seen.iter().any(|(blob, _)| blobs.contains(blob)), "a pull that nobody saw");
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
            assert!(ghost || node.waiting.contains(&pod), "a waiting pod is lost");
        }
        let waiting = node.waiting.iter().map(|pod| &cluster.pods[pod.index()]);
        assert!(waiting.clone().all(waits), "one waits that does not");
        let order = |pod: &&Pod| (pod.bound_at, pod.uid.clone());
        assert!(waiting.clone().is_sorted_by_key(|pod| order(&pod)));
        let steps = waiting.clone().filter(|pod| pod.is_step).count();
        assert_eq!(node.waiting_step_pods as usize, steps, "step pods of {}", node.name);
        let reached = |pod: &'_ Pod| {
            let failing =
                |image: &PodImageState| image.is_init && image.pull_fails && !image.pulled;
            pod.images.iter().position(failing).unwrap_or(pod.images.len())
        };
        let wanted: BTreeSet<_> = waiting
            .flat_map(|pod| &pod.images[..reached(pod)])
            .filter(|image| !image.pulled && !image.pull_fails)
            .map(|image| image.reference)
            .collect();
        let queued = node.pulls.iter().filter_map(|pull| pull.reference);
        let pulled: BTreeSet<_> = queued.clone().collect();
        assert!(pulled.is_subset(&wanted), "a pull that nobody wants");
        assert_eq!(pulled.len(), queued.count(), "one reference pulled twice");
        assert!(pulled.is_empty() || node.pulls[0].next_in_line);
        check_unasked(cluster, node, pulled.len());
        if !node.pulls.is_empty() {
            pulling.push(id);
        }
    }
    assert_eq!(ids(cluster.pulling()), pulling);
}
