//! The loop of a simulated cluster: pods arrive, the scheduler looks for room, somebody gives points,
//! the pod is bound, the world goes on.
//!
//! [`Engine::next_pod`] stops at each pod that can be placed, [`Engine::place`] goes on with whatever
//! points it is given: from a server, from a function, or none, which is the stock scheduler. Scheduling
//! itself takes no time here, and a pod that fits nowhere is tried again whenever one has ended.

use std::collections::{BTreeSet, VecDeque};

use crate::model::unit::Nanos;
use crate::sim::catalogue::Catalogue;
use crate::sim::stock::Scheduler;
use crate::sim::workload::Job;
use crate::sim::world::{Change, Hardware, NodeNumber, PodNumber, World};

/// One run of a workload over a world.
#[derive(Debug)]
pub struct Engine<'a> {
    catalogue: &'a Catalogue,
    jobs: &'a [Job],
    world: World<'a>,
    scheduler: Scheduler,
    /// The first job that has not arrived.
    next_job: usize,
    /// Pods to try, in the order of arrival.
    queue: VecDeque<PodNumber>,
    /// Pods that fit nowhere now.
    waiting: BTreeSet<PodNumber>,
    changes: Vec<(Nanos, Change)>,
}

/// A pod that can be placed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeable {
    /// The pod.
    pub pod: PodNumber,
    /// Nodes with room for it, at least one.
    pub candidates: Vec<NodeNumber>,
}

impl<'a> Engine<'a> {
    /// The run of `jobs`, ordered by arrival, on empty nodes.
    #[must_use]
    pub fn new(
        catalogue: &'a Catalogue,
        jobs: &'a [Job],
        hardware: Hardware,
        scheduler: Scheduler,
    ) -> Self {
        debug_assert!(jobs.is_sorted_by_key(|job| job.arrives_at));
        Self {
            catalogue,
            jobs,
            world: World::new(catalogue, jobs, hardware),
            scheduler,
            next_job: 0,
            queue: VecDeque::new(),
            waiting: BTreeSet::new(),
            changes: Vec::new(),
        }
    }

    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> &World<'a> {
        &self.world
    }

    /// Lets time pass until a pod can be placed, or until nothing more happens: then `None`.
    pub fn next_pod(&mut self) -> Option<Placeable> {
        loop {
            while let Some(pod) = self.queue.pop_front() {
                let requests = self.jobs[pod.0].requests;
                let candidates = self.scheduler.candidates(&self.world, requests);
                if !candidates.is_empty() {
                    return Some(Placeable { pod, candidates });
                }
                self.waiting.insert(pod);
            }
            self.pass(self.next_at()?);
        }
    }

    /// Binds the pod to the node that the scheduler picks; `points` as in [`Scheduler::choose`].
    pub fn place(&mut self, placeable: &Placeable, points: &[Option<u8>]) -> Option<NodeNumber> {
        let Placeable { pod, candidates } = placeable;
        let job = &self.jobs[pod.0];
        let world = &self.world;
        let node = self.scheduler.choose(world, self.catalogue, job, candidates, points)?;
        self.world.bind(*pod, node);
        self.changes.append(&mut self.world.take_changes());
        Some(node)
    }

    /// Runs to the end with the points that `score` gives.
    pub fn run(&mut self, mut score: impl FnMut(&mut Self, &Placeable) -> Vec<Option<u8>>) {
        while let Some(placeable) = self.next_pod() {
            let points = score(self, &placeable);
            self.place(&placeable, &points);
        }
    }

    /// What watchers would have heard since the last call, in order.
    pub fn take_changes(&mut self) -> Vec<(Nanos, Change)> {
        std::mem::take(&mut self.changes)
    }

    fn next_at(&self) -> Option<Nanos> {
        let arrival = self.jobs.get(self.next_job).map(|job| job.arrives_at);
        arrival.into_iter().chain(self.world.next_at()).min()
    }

    fn pass(&mut self, time: Nanos) {
        self.world.advance(time);
        let mut changes = self.world.take_changes();
        if changes.iter().any(|(_, change)| matches!(change, Change::Ended { .. })) {
            self.queue.extend(std::mem::take(&mut self.waiting));
        }
        self.changes.append(&mut changes);
        while self.jobs.get(self.next_job).is_some_and(|job| job.arrives_at <= time) {
            self.queue.push_back(PodNumber(self.next_job));
            self.next_job += 1;
        }
    }
}

#[cfg(test)]
mod tests;
