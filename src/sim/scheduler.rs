//! kube-scheduler as a placement: its own view of nodes, with somebody who gives points, or without.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::job::Job;
use crate::sim::placement::{Asked, Change, Extender, ImageList, Placement};
use crate::sim::setup::{NodeNumber, Setup};
use crate::sim::twin::{Requests, SCORE_PER_POINT, Twin, TwinNode, TwinPod};

/// The scheduler.
#[derive(Debug)]
pub struct Scheduler<'a, E> {
    setup: &'a Setup,
    twin: Twin,
    extender: Option<E>,
    /// The extender's weight.
    weight: u64,
    points: Vec<Option<u64>>,
    images: Vec<ReferenceNumber>,
    listed: Vec<(ReferenceNumber, Bytes)>,
}

/// No extender.
#[derive(Debug)]
pub enum Nobody {}

impl<'a> Scheduler<'a, Nobody> {
    /// kube-scheduler alone.
    #[must_use]
    pub fn alone(setup: &'a Setup) -> Self {
        Self::new(setup, None, 0)
    }

    /// kube-scheduler with an extender of that weight that is asked by whoever calls [`Self::choose`].
    #[must_use]
    pub fn with_points(setup: &'a Setup, weight: u64) -> Self {
        Self::new(setup, None, weight)
    }
}

impl<'a, E> Scheduler<'a, E> {
    /// kube-scheduler with an extender of that weight.
    pub fn with(setup: &'a Setup, extender: E, weight: u64) -> Self {
        Self::new(setup, Some(extender), weight)
    }

    fn new(setup: &'a Setup, extender: Option<E>, weight: u64) -> Self {
        Self {
            setup,
            twin: Twin::new(setup.seed),
            extender,
            weight,
            points: Vec::new(),
            images: Vec::new(),
            listed: Vec::new(),
        }
    }

    /// Takes note of a change as the scheduler itself does.
    pub fn watch(&mut self, change: &Change) {
        match change {
            Change::NodeJoined { node, zone, capacity, pods_max } => {
                let (zone, allocatable, pods_max) = (*zone, *capacity, *pods_max);
                self.twin.add_node(*node, TwinNode { zone, allocatable, pods_max });
            }
            Change::NodeLeft { node } => self.twin.remove_node(*node),
            Change::Bound { pod, node } => {
                self.twin.assume(*node, requests(self.setup.job(pod.job)));
            }
            Change::Ended { pod, node, .. } => {
                self.twin.release(*node, requests(self.setup.job(pod.job)));
            }
            Change::Listed { node, images } => self.list(*node, images),
            Change::Pulled { .. }
            | Change::Started { .. }
            | Change::Removed { .. }
            | Change::Reported { .. } => {}
        }
    }

    /// Nodes with room for a job, as many as the scheduler looks for.
    pub fn candidates(&mut self, job: &Job) -> &[NodeNumber] {
        self.twin.candidates(requests(job))
    }

    /// The node among the last candidates that it takes, given the extender's points of each.
    pub fn choose(&mut self, job: &Job, points: &[Option<u64>]) -> Option<NodeNumber> {
        self.points.clear();
        let added = |points: &u64| points * self.weight * SCORE_PER_POINT;
        self.points.extend(points.iter().map(|points| points.as_ref().map(added)));
        self.choose_added(job)
    }

    fn choose_added(&mut self, job: &Job) -> Option<NodeNumber> {
        self.images.clear();
        self.images.extend(job.containers.iter().map(|container| container.reference));
        let pod = TwinPod { requests: requests(job), images: &self.images };
        self.twin.choose(&pod, &self.points)
    }

    fn list(&mut self, node: NodeNumber, images: &ImageList) {
        self.listed.clear();
        for (image, references) in images.iter() {
            let bytes = self.setup.catalogue.image(image).bytes;
            self.listed.extend(references.iter().map(|reference| (*reference, bytes)));
        }
        self.twin.list_images(node, &self.listed);
    }
}

/// What the scheduler sees of a job's requests: of their sum alone.
fn requests(job: &Job) -> Requests {
    let steps = job.containers.iter().filter(|container| !container.is_init).count();
    Requests::new(job.requests, u32::try_from(steps).unwrap_or(u32::MAX))
}

impl<E: Extender> Placement for Scheduler<'_, E> {
    fn observe(&mut self, at: Nanos, change: &Change) {
        self.watch(change);
        if let Some(extender) = &mut self.extender {
            extender.observe(at, change);
        }
    }

    fn place(&mut self, at: Nanos, asked: Asked<'_>) -> Option<NodeNumber> {
        let candidates = self.twin.candidates(requests(asked.job));
        if candidates.is_empty() {
            return None;
        }
        self.points.clear();
        if let Some(extender) = &mut self.extender {
            extender.points(at, asked, candidates, &mut self.points);
            let units = self.weight * extender.units_per_point();
            self.points.iter_mut().flatten().for_each(|points| *points *= units);
        }
        self.points.resize(candidates.len(), None);
        self.choose_added(asked.job)
    }
}

impl Extender for Nobody {
    fn observe(&mut self, _: Nanos, _: &Change) {
        match *self {}
    }

    fn points(&mut self, _: Nanos, _: Asked<'_>, _: &[NodeNumber], _: &mut Vec<Option<u64>>) {
        match *self {}
    }
}
