//! Pods that are bound: what they prove about their node, and whether they still wait for images.
//!
//! A running container proves its image; an ended one suggests it for a while; a waiting one brings
//! it. Pods without a node change nothing here. The order and size of pulls is `pulls`' business.

use std::sync::Arc;

use crate::model::cluster::image::RecordKey;
use crate::model::cluster::pod::{Pod, PodImageState};
use crate::model::cluster::{NodeId, PlatformId, PodId};
use crate::model::node::ReportedImage;
use crate::model::pod::{PodFacts, PodImage, PodPhase};
use crate::model::reference::Reference;
use crate::model::unit::Time;
use crate::state::Tracker;
use crate::state::holding::put;

/// How many (image, secret) pairs one node remembers, the newest. Some two per image a kubelet lists.
const SECRETS_SEEN_MAX: usize = 100;

impl Tracker {
    pub(super) fn apply_pod(&mut self, facts: &PodFacts, now: Time) {
        let Some(node_name) = facts.node.as_deref().filter(|name| !name.is_empty()) else {
            return;
        };
        self.cluster.expected.end(&facts.uid);
        let node = self.node_named(node_name, now);
        let mut before = self.cluster.pod_ids.get(facts.uid.as_str()).map(PodId);
        if before.is_some_and(|id| self.cluster.pods[id.index()].node != Some(node)) {
            // Bound pods do not move: this is another one of the same name, told without a uid.
            self.remove_pod(&facts.uid, now);
            before = None;
        }
        let mark = self.pods_mark;
        let mut pod = Pod {
            uid: Arc::from(facts.uid.as_str()),
            full_name: format!("{}/{}", facts.namespace, facts.name),
            node: Some(node),
            is_step: facts.is_step,
            phase: facts.phase,
            bound_at: before.map_or(facts.bound_at.unwrap_or(now), |id| {
                facts.bound_at.unwrap_or(self.cluster.pods[id.index()].bound_at)
            }),
            images: Vec::with_capacity(facts.images.len()),
            volumes: self.enter_volumes(facts, before, now),
            secrets: self.secrets_of(facts),
            resync_mark: mark,
        };
        let platform = self.cluster.node(node).platform;
        for image in &facts.images {
            pod.images.extend(self.image_state(image, platform, now));
        }
        // The new state is entered before the old one is left, so that shared evidence never flickers.
        self.use_images(node, &pod);
        let ended = pod.phase.is_over();
        let used = facts.ended_at.filter(|_| ended).unwrap_or(now);
        if ended {
            self.stop_using(node, &pod, used, now);
        }
        let uid = pod.uid.clone();
        if let Some(id) = before {
            self.leave(id, used, now);
        }
        let id = PodId(self.cluster.pod_ids.acquire(uid));
        self.cluster.recount_pending(&facts.uid);
        let waits = pod.phase == PodPhase::Waiting;
        let names_volumes = !pod.volumes.is_empty();
        put(&mut self.cluster.pods, id.index(), pod);
        self.cluster.nodes[node.index()].pods.push(id);
        self.cluster.nodes[node.index()].volumes.pods += u32::from(names_volumes);
        if waits {
            self.enqueue(node, id);
        }
        self.refresh_pulls(node, now);
        self.refresh_volumes(node, now);
    }

    pub(super) fn remove_pod(&mut self, uid: &str, now: Time) {
        let Some(id) = self.cluster.pod_ids.get(uid).map(PodId) else {
            return;
        };
        let Some(node) = self.cluster.pods[id.index()].node else {
            return;
        };
        self.leave_traces(id, now);
        self.leave(id, now, now);
        self.refresh_pulls(node, now);
        self.refresh_volumes(node, now);
        self.free_node_if_unused(node);
    }

    /// Takes a pod's state out of the cluster. If it still used its images, that ended at `used`.
    pub(super) fn leave(&mut self, id: PodId, used: Time, now: Time) {
        let pod = std::mem::take(&mut self.cluster.pods[id.index()]);
        self.cluster.pod_ids.release(id.0);
        self.cluster.recount_pending(&pod.uid);
        let Some(node) = pod.node else { return };
        let on_node = &mut self.cluster.nodes[node.index()];
        on_node.pods.retain(|other| *other != id);
        on_node.volumes.pods -= u32::from(!pod.volumes.is_empty());
        if let Some(at) = on_node.waiting.iter().position(|waiting| *waiting == id) {
            on_node.waiting.remove(at);
            on_node.waiting_step_pods -= u32::from(pod.is_step);
        }
        if !pod.phase.is_over() {
            self.stop_using(node, &pod, used, now);
        }
        self.leave_volumes(pod.volumes);
        for image in pod.images {
            if let Some(record) = image.evidence {
                self.release_record(record);
            }
            self.cluster.release_reference(image.reference);
        }
    }

    /// Evidence from pods that were told before their node told its platform is evidence for that one.
    pub(super) fn retell_evidence(&mut self, node: NodeId, now: Time) {
        let platform = self.cluster.node(node).platform;
        for id in self.cluster.node(node).pods.clone() {
            let before = self.cluster.pods[id.index()].clone();
            let mut after = before.clone();
            for image in &mut after.images {
                let key = image
                    .evidence
                    .and_then(|record| self.cluster.record_ids.key(record.0).cloned());
                image.evidence =
                    key.map(|key| self.acquire_record(RecordKey { platform, ..key }, now));
            }
            if !before.phase.is_over() {
                self.use_images(node, &after);
                self.stop_using(node, &before, Time(0), now);
            }
            self.cluster.pods[id.index()] = after;
            for record in before.images.iter().filter_map(|image| image.evidence) {
                self.release_record(record);
            }
        }
    }

    fn image_state(
        &mut self,
        image: &PodImage,
        platform: Option<PlatformId>,
        now: Time,
    ) -> Option<PodImageState> {
        let reference = Reference::parse(&image.reference)?;
        let image_id = image.image_id.as_deref().filter(|id| !id.is_empty());
        let evidence = image_id.map(|image_id| {
            let mut names = vec![reference.as_str().to_owned()];
            names.extend(Reference::parse(image_id).map(|id| id.as_str().to_owned()));
            let reported = ReportedImage { names, size_bytes: 0 };
            self.acquire_record(RecordKey::new(platform, reported), now)
        });
        Some(PodImageState {
            reference: self.cluster.acquire_reference(reference.as_str()),
            pull_policy: image.pull_policy,
            pulled: image_id.is_some(),
            pull_fails: image.pull_fails,
            is_init: image.is_init,
            evidence,
        })
    }

    /// Enters what the pod's containers prove: use from now on.
    fn use_images(&mut self, node: NodeId, pod: &Pod) {
        for image in &pod.images {
            let Some(record) = image.evidence else {
                continue;
            };
            // One more holder of the record, which `hold` takes over.
            self.cluster.record_ids.acquire_again(record.0);
            self.remember_secrets(node, image, &pod.secrets);
            self.hold(node, record).users += 1;
        }
    }

    /// The reverse: the pod's containers used their images until `used`.
    fn stop_using(&mut self, node: NodeId, pod: &Pod, used: Time, now: Time) {
        for record in pod.images.iter().filter_map(|image| image.evidence) {
            let held = &mut self.cluster.nodes[node.index()].held;
            if let Ok(at) = held.binary_search_by_key(&record, |held| held.record) {
                held[at].users -= 1;
                held[at].last_used = held[at].last_used.max(Some(used));
                self.drop_if_unsupported(node, at, now);
            }
        }
    }

    fn secrets_of(&self, facts: &PodFacts) -> Vec<Arc<str>> {
        let names = facts.pull_secrets.iter();
        names.map(|name| Arc::from(format!("{}/{name}", facts.namespace))).collect()
    }

    fn remember_secrets(&mut self, node: NodeId, image: &PodImageState, secrets: &[Arc<str>]) {
        let seen = &mut self.cluster.nodes[node.index()].secrets_seen;
        for secret in secrets {
            let pair = (image.reference, secret.clone());
            if !seen.contains(&pair) {
                seen.push(pair);
            }
        }
        let excess = seen.len().saturating_sub(SECRETS_SEEN_MAX);
        seen.drain(..excess);
    }

    /// Puts a waiting pod in its place in the node's queue.
    fn enqueue(&mut self, node: NodeId, id: PodId) {
        let pod = &self.cluster.pods[id.index()];
        let place = (pod.bound_at, pod.uid.clone());
        let is_step = pod.is_step;
        let waiting = &self.cluster.nodes[node.index()].waiting;
        let at = waiting.partition_point(|&other| {
            let other = &self.cluster.pods[other.index()];
            (other.bound_at, &other.uid) < (place.0, &place.1)
        });
        let on_node = &mut self.cluster.nodes[node.index()];
        on_node.waiting.insert(at, id);
        on_node.waiting_step_pods += u32::from(is_step);
    }
}
