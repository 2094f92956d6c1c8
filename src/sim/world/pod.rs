//! Pods on nodes: bound, waiting for volumes and images, running, ended, and gone.
//!
//! As kubelets do it, volumes come first, all at once, then the sandbox, then images, one after the other,
//! then the containers; init containers take no time of their own. A pod's room is taken from binding to its
//! end; its containers, and with them the use of their images, stay until its object is deleted.

use std::sync::Arc;

use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::ImageNumber;
use crate::sim::job::{Container, Job};
use crate::sim::placement::{Change, PodNumber, Resolved};
use crate::sim::record::Outcome;
use crate::sim::setup::NodeNumber;
use crate::sim::world::agenda::Happening;
use crate::sim::world::slab::Slot;
use crate::sim::world::{Finish, World};

/// A bound pod whose object is there.
#[derive(Debug)]
pub(super) struct LivePod {
    pub(super) pod: PodNumber,
    pub(super) node: NodeNumber,
    started_at: Option<Nanos>,
    has_ended: bool,
    /// Volumes that have not come yet.
    pub(super) volumes_left: u32,
    /// Its images that are there, in its containers' order.
    pub(super) images: Vec<ImageNumber>,
    /// The images told, where names move.
    resolved: Resolved,
    /// Pulls that failed in a row.
    pub(super) tries: u8,
    /// Bytes of its images that lay there when it was bound.
    present: Bytes,
    /// Bytes of the images that it has got.
    pub(super) wanted: Bytes,
    /// Of these, what was fetched for it.
    pub(super) moved: Bytes,
}

impl Default for LivePod {
    fn default() -> Self {
        Self {
            pod: PodNumber { job: crate::sim::job::JobNumber(0), attempt: 0 },
            node: NodeNumber(0),
            started_at: None,
            has_ended: false,
            volumes_left: 0,
            images: Vec::new(),
            resolved: None,
            tries: 0,
            present: Bytes(0),
            wanted: Bytes(0),
            moved: Bytes(0),
        }
    }
}

/// CI systems keep the objects of finished pods for a while, to read their logs.
const KEPT_AFTER_END: Nanos = Nanos::from_seconds(60);

impl World<'_> {
    /// Binds a pod to a node, which must have room for it.
    pub fn bind(&mut self, pod: PodNumber, node: NodeNumber) {
        let job = self.setup.job(pod.job);
        let present = self.present(job, node);
        self.take_room(job, node);
        let slot = self.pods.acquire();
        let mut images = std::mem::take(&mut self.pods[slot].images);
        images.clear();
        self.pods[slot] = LivePod { pod, node, images, present, ..LivePod::default() };
        self.nodes[node.0 as usize].pods.push(slot);
        let record = &mut self.record.pods[pod.job.0 as usize];
        debug_assert_eq!(record.attempts, pod.attempt, "a pod is bound once, after the one before");
        record.attempts = pod.attempt.saturating_add(1);
        record.node = Some(node);
        record.bound_at = Some(self.now);
        record.started_at = None;
        record.ended_at = None;
        self.note(Change::Bound { pod, node });
        self.collect_again(node);
        self.want_volumes(slot);
        if self.pods[slot].volumes_left == 0 {
            self.make_sandbox(slot);
        }
    }

    /// Its volumes are there.
    pub(super) fn make_sandbox(&mut self, slot: Slot) {
        match self.setup.start.sandbox {
            Nanos(0) => self.want_images(slot),
            takes => self.agenda.foresee(self.now + takes, Happening::Wanted(slot)),
        }
    }

    /// Its images are there.
    pub(super) fn start_containers(&mut self, slot: Slot) {
        match self.setup.start.containers {
            Nanos(0) => self.start(slot),
            takes => self.agenda.foresee(self.now + takes, Happening::Started(slot)),
        }
    }

    /// Bytes of a job's images, as they lie on a node: what pulls would not fetch.
    fn present(&self, job: &Job, node: NodeNumber) -> Bytes {
        let store = &self.nodes[node.0 as usize].store;
        let present = job.containers.iter().map(|container: &Container| {
            let here = store.meaning(container.reference);
            let catalogue = &self.setup.catalogue;
            match here.filter(|_| container.pull_policy != PullPolicy::Always) {
                Some(image) => catalogue.image(image).bytes,
                None => {
                    let image = catalogue.reference(container.reference).at(self.now);
                    store.present(catalogue.image(image))
                }
            }
        });
        present.fold(Bytes(0), |sum, bytes| sum + bytes)
    }

    fn take_room(&mut self, job: &Job, node: NodeNumber) {
        let number = node.0 as usize;
        let on_node = &mut self.nodes[number];
        assert!(on_node.has_room(job.requests), "only a node with room is bound to");
        on_node.free = on_node.free.without(job.requests);
        on_node.pods_live += 1;
        on_node.idle_since = None;
        self.pods_live += 1;
        self.record.run.nodes[number].pods += 1;
    }

    /// All that the pod waited for is there.
    pub(super) fn start(&mut self, slot: Slot) {
        let now = self.now;
        let pod = &mut self.pods[slot];
        pod.started_at = Some(now);
        let (number, node) = (pod.pod, pod.node);
        let job = self.setup.job(number.job);
        let names = job.containers.iter().map(|container| container.reference);
        let moves = names.into_iter().any(|name| self.setup.catalogue.reference(name).moves());
        pod.resolved = moves.then(|| Arc::from(pod.images.as_slice()));
        let images = pod.resolved.clone();
        self.settle(slot);
        self.record.pods[number.job.0 as usize].started_at = Some(now);
        self.note(Change::Started { pod: number, node, images });
        self.agenda.foresee(now + job.runs_for, Happening::Ended(slot));
    }

    /// It has run as long as it should, and ends well or not.
    pub(super) fn end(&mut self, slot: Slot) {
        let number = self.pods[slot].pod;
        let evictions = self.evictions.get(&number.job).copied().unwrap_or(0);
        let failures = number.attempt.saturating_sub(evictions);
        if failures < u16::from(self.setup.job(number.job).failures) {
            self.finish(slot, Finish::Again);
        } else {
            self.make_volumes(slot);
            self.finish(slot, Finish::Well);
        }
        self.agenda.foresee(self.now + KEPT_AFTER_END, Happening::Removed(slot));
    }

    /// It never started and will not.
    pub(super) fn give_up(&mut self, slot: Slot, outcome: Outcome) {
        self.finish(slot, Finish::ForGood(outcome));
        self.agenda.foresee(self.now + KEPT_AFTER_END, Happening::Removed(slot));
    }

    /// Its node goes. The last that is heard of it.
    pub(super) fn evict(&mut self, slot: Slot) {
        if !self.pods[slot].has_ended {
            *self.evictions.entry(self.pods[slot].pod.job).or_insert(0) += 1;
            self.finish(slot, Finish::Again);
        }
        let LivePod { pod, node, .. } = self.pods[slot];
        self.note(Change::Removed { pod, node });
        self.pods.release(slot);
    }

    fn finish(&mut self, slot: Slot, finish: Finish) {
        let now = self.now;
        if self.pods[slot].started_at.is_none() {
            self.settle(slot);
        }
        let pod = &mut self.pods[slot];
        pod.has_ended = true;
        let (number, node, images) = (pod.pod, pod.node, pod.resolved.clone());
        let started_at = pod.started_at;
        let requests = self.setup.job(number.job).requests;
        let on_node = &mut self.nodes[node.0 as usize];
        on_node.free = on_node.free.with(requests);
        on_node.pods_live -= 1;
        self.pods_live -= 1;
        let record = &mut self.record.run.nodes[node.0 as usize];
        let ran = started_at.map_or(Nanos(0), |started_at| now - started_at);
        record.cpu_milli_nanos += u128::from(requests.cpu_millis) * u128::from(ran.0);
        self.record.pods[number.job.0 as usize].ended_at = Some(now);
        self.record.run.ended_at = now;
        self.note(Change::Ended { pod: number, node, images });
        self.finished.push((number, finish));
        self.gained.push(node);
        self.watch_idle(node);
    }

    /// Adds what its images came to.
    fn settle(&mut self, slot: Slot) {
        let pod = &self.pods[slot];
        let record = &mut self.record.pods[pod.pod.job.0 as usize];
        let lay_there = pod.wanted - pod.moved;
        record.wanted += pod.wanted;
        record.moved += pod.moved;
        record.shared += lay_there - pod.present;
    }

    /// Its object is deleted, and its containers with it.
    pub(super) fn remove(&mut self, slot: Slot) {
        let LivePod { pod, node, .. } = self.pods[slot];
        let on_node = &mut self.nodes[node.0 as usize];
        if let Some(at) = on_node.pods.iter().position(|other| *other == slot) {
            on_node.pods.swap_remove(at);
        }
        for &image in &self.pods[slot].images {
            if let Some(held) = on_node.store.image_mut(image) {
                held.users -= 1;
            }
        }
        self.note(Change::Removed { pod, node });
        self.pods.release(slot);
    }
}
