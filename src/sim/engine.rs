//! The loop of a simulated cluster: pods are created, somebody says where they go, they are bound, and the
//! world goes on until every job has ended or never will.
//!
//! [`Engine::next_pod`] stops at each pod that is to be placed, so that whoever answers may take all the
//! time there is; [`Engine::run`] asks a [`Placement`]. Scheduling itself takes no simulated time. A pod
//! that finds no room is tried again as soon as a node has room for it, the oldest first, without
//! kube-scheduler's backoff; one that no node can ever hold is not tried at all.

mod jobs;
mod scaling;
mod waiting;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use crate::model::unit::Nanos;
use crate::sim::engine::jobs::Jobs;
use crate::sim::engine::scaling::Orders;
use crate::sim::engine::waiting::Waiting;
use crate::sim::placement::{Asked, Change, Placement, PodNumber};
use crate::sim::record::{Outcome, Record};
use crate::sim::setup::{NodeNumber, Setup};
use crate::sim::world::{Finish, World};

/// One run of a setup.
#[derive(Debug)]
pub struct Engine<'a> {
    setup: &'a Setup,
    /// By job, the only node that a first attempt is tried on, while it is there or to come.
    only: &'a [NodeNumber],
    world: World<'a>,
    jobs: Jobs<'a>,
    /// Pods to place, the oldest first.
    queue: VecDeque<PodNumber>,
    /// Pods that find no room.
    waiting: Waiting,
    orders: Orders,
    changes: Vec<(Nanos, Change)>,
    finished: Vec<(PodNumber, Finish)>,
    /// Nodes with room that waiting pods have not been tried on.
    gained: Vec<NodeNumber>,
    /// The waiting pod that is being tried, on a node that gained room.
    tried: Option<PodNumber>,
}

impl<'a> Engine<'a> {
    /// The run of a setup, before anything happened.
    #[must_use]
    pub fn new(setup: &'a Setup) -> Self {
        Self {
            setup,
            only: &[],
            world: World::new(setup),
            jobs: Jobs::new(setup),
            queue: VecDeque::new(),
            waiting: Waiting::default(),
            orders: Orders::default(),
            changes: Vec::new(),
            finished: Vec::new(),
            gained: Vec::new(),
            tried: None,
        }
    }

    /// The run of a setup whose pods go to the nodes that were recorded.
    #[must_use]
    pub fn recorded(setup: &'a Setup) -> Self {
        Self { only: &setup.recorded, ..Self::new(setup) }
    }

    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> &World<'a> {
        &self.world
    }

    /// What became of all until now.
    #[must_use]
    pub fn record(&self) -> &Record {
        self.world.record()
    }

    /// Moves out what an API server told its watchers since the last call, in order.
    pub fn take_changes(&mut self, into: &mut Vec<(Nanos, Change)>) {
        into.append(&mut self.changes);
    }

    /// Lets time pass until a pod is to be placed; `None` when every job has ended or never will.
    pub fn next_pod(&mut self) -> Option<Asked<'a>> {
        loop {
            if let Some(pod) = self.next_waiting().or_else(|| self.queue.pop_front()) {
                let job = self.setup.job(pod.job);
                if self.orders.is_possible(self.setup, job.requests) {
                    return Some(Asked { pod, job });
                }
                self.end_job(pod, Outcome::FitsNowhere);
                continue;
            }
            if self.jobs.unfinished() == 0 {
                return None;
            }
            let arrival = self.jobs.next_arrival();
            if arrival.is_none() && !self.world.may_gain_room() {
                self.end_waiting();
                continue;
            }
            let next = arrival.into_iter().chain(self.world.next_at()).min();
            self.pass(next?);
        }
    }

    /// Binds the pod that [`Self::next_pod`] gave to a node with room for it, or lets it wait.
    pub fn place(&mut self, pod: PodNumber, node: Option<NodeNumber>) {
        let tried = self.tried.take();
        match node {
            Some(node) => {
                self.orders.forget(pod);
                self.world.bind(pod, node);
                self.collect(self.world.now());
            }
            None => {
                if tried == Some(pod) {
                    // Whoever places sees no room where there is some: not again before something changes.
                    self.gained.pop();
                }
                let requests = self.setup.job(pod.job).requests;
                self.waiting.add(pod, requests, self.only(pod));
                self.orders.order(&mut self.world, pod, requests);
            }
        }
    }

    /// Runs to the end; what became of it.
    pub fn run(mut self, placement: &mut impl Placement) -> Record {
        let mut changes = Vec::new();
        while let Some(asked) = self.next_pod() {
            self.take_changes(&mut changes);
            for (at, change) in changes.drain(..) {
                placement.observe(at, &change);
            }
            let node = placement.place(self.world.now(), asked);
            self.place(asked.pod, node);
        }
        self.into_record()
    }

    /// What became of a run that is over.
    #[must_use]
    pub fn into_record(mut self) -> Record {
        let ended_at = self.world.now();
        let record = self.world.record_mut();
        record.run.curve.extend(ended_at);
        std::mem::take(record)
    }

    /// The oldest waiting pod that a node which gained room has room for.
    fn next_waiting(&mut self) -> Option<PodNumber> {
        while let Some(&node) = self.gained.last() {
            let world = &self.world;
            let will_do = |only: NodeNumber| only == node || world.has_left(only);
            let found = self.waiting.take_first(|requests, only| {
                world.has_room(node, requests) && only.is_none_or(will_do)
            });
            if found.is_some() {
                self.tried = found;
                return found;
            }
            self.gained.pop();
        }
        None
    }

    fn only(&self, pod: PodNumber) -> Option<NodeNumber> {
        self.only.get(pod.job.0 as usize).copied().filter(|_| pod.attempt == 0)
    }

    fn pass(&mut self, time: Nanos) {
        self.world.advance(time);
        self.collect(time);
        while let Some(job) = self.jobs.arrive(time) {
            self.create(PodNumber { job, attempt: 0 });
        }
    }

    /// Takes over what the world did, until it does nothing more at this time.
    fn collect(&mut self, now: Nanos) {
        self.world.take_changes(&mut self.changes);
        self.world.take_gained(&mut self.gained);
        if self.waiting.is_empty() {
            self.gained.clear();
        }
        self.world.take_finished(&mut self.finished);
        let mut finished = std::mem::take(&mut self.finished);
        for (pod, finish) in finished.drain(..) {
            match finish {
                Finish::Well => self.end_job(pod, Outcome::Succeeded),
                Finish::ForGood(outcome) => self.end_job(pod, outcome),
                Finish::Again => {
                    let attempt = pod.attempt.saturating_add(1);
                    self.create(PodNumber { attempt, ..pod });
                }
            }
        }
        self.finished = finished;
        debug_assert_eq!(now, self.world.now());
    }

    fn create(&mut self, pod: PodNumber) {
        let now = self.world.now();
        let record = &mut self.world.record_mut().pods[pod.job.0 as usize];
        record.first_created_at = record.first_created_at.or(Some(now));
        record.created_at = Some(now);
        self.queue.push_back(pod);
    }

    /// A job is over, and what comes after it may begin, or never will.
    fn end_job(&mut self, pod: PodNumber, outcome: Outcome) {
        self.world.record_mut().pods[pod.job.0 as usize].outcome = outcome;
        if outcome == Outcome::Succeeded {
            while let Some(job) = self.jobs.release_next(pod.job) {
                self.create(PodNumber { job, attempt: 0 });
            }
            self.jobs.end(pod.job);
        } else {
            for blocked in self.jobs.block(pod.job) {
                self.world.record_mut().pods[blocked.0 as usize].outcome = Outcome::Blocked;
            }
        }
    }

    /// No node will gain room any more: what waits now waits for ever.
    fn end_waiting(&mut self) {
        while let Some(pod) = self.waiting.take_first(|_, _| true) {
            self.end_job(pod, Outcome::FitsNowhere);
        }
    }
}
