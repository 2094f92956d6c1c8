//! What a watch on the simulated cluster would show: changes of the world as events for the tracker.
//!
//! Adds nothing that an API server would not tell: a pod says which image it runs only once it runs, a
//! node lists its images when its kubelet does.

use std::collections::BTreeMap;

use crate::model::image::Platform;
use crate::model::node::{NodeFacts, ReportedImage};
use crate::model::pod::{PodFacts, PodImage, PodPhase, PullPolicy};
use crate::model::unit::{Nanos, Time};
use crate::sim::catalogue::{Catalogue, ImageNumber};
use crate::sim::workload::Job;
use crate::sim::world::{Change, NodeNumber, PodNumber, PodRecord, World};
use crate::state::event::{Event, Kind};

/// Namespace of all pods.
pub const NAMESPACE: &str = "ci";
/// Of the kubelets: the newest minor version that the scheduler's formulas are taken from.
const KUBELET_MINOR: u16 = 37;

/// Translates; holds what does not change.
#[derive(Clone, Copy, Debug)]
pub struct Observer<'a> {
    /// The images.
    pub catalogue: &'a Catalogue,
    /// The pods.
    pub jobs: &'a [Job],
    /// What the world's time zero is called.
    pub epoch: Time,
}

impl Observer<'_> {
    /// What a watcher learns at the start: the images of the registry, empty nodes, no pods.
    #[must_use]
    pub fn first_list(&self, node_count: usize) -> Vec<Event> {
        let images = self.catalogue.images();
        let images = images.map(|image| Event::ImageKnown(image.facts.clone()));
        let nodes = (0..node_count).map(|node| self.node(NodeNumber(node), &[]));
        let ends = [Kind::Nodes, Kind::Pods].map(Event::ResyncEnded);
        images.chain(nodes).chain(ends).collect()
    }

    /// A change as a watcher sees it; `world` is asked only for what cannot have changed since.
    #[must_use]
    pub fn event(&self, change: &Change, world: &World<'_>) -> Event {
        let pod = |pod: PodNumber, phase| self.pod(pod, phase, &world.records()[pod.0]);
        match change {
            Change::Bound { pod: number, .. } => pod(*number, PodPhase::Waiting),
            Change::Started { pod: number } => pod(*number, PodPhase::Running),
            Change::Ended { pod: number } => pod(*number, PodPhase::Ended),
            Change::Removed { pod } => Event::PodRemoved { uid: uid(*pod) },
            Change::Listed { node, images } => self.node(*node, images),
        }
    }

    /// The name of a time of the world.
    #[must_use]
    pub fn time(&self, at: Nanos) -> Time {
        self.epoch.after(at)
    }

    fn node(&self, node: NodeNumber, images: &[ImageNumber]) -> Event {
        Event::NodeApplied(NodeFacts {
            name: node_name(node),
            platform: Platform::new("linux", "amd64", ""),
            labels: BTreeMap::new(),
            group: String::new(),
            zone: String::new(),
            kubelet_minor: KUBELET_MINOR,
            images: images.iter().map(|image| self.reported(*image)).collect(),
        })
    }

    fn reported(&self, image: ImageNumber) -> ReportedImage {
        let image = self.catalogue.image(image);
        ReportedImage {
            names: vec![image.by_digest(), image.reference().to_owned()],
            size_bytes: image.bytes.0,
        }
    }

    fn pod(&self, number: PodNumber, phase: PodPhase, record: &PodRecord) -> Event {
        let job = &self.jobs[number.0];
        let (node, bound_at) = record.bound.unzip();
        let image = |image: &ImageNumber| {
            let image = self.catalogue.image(*image);
            let has_come = phase != PodPhase::Waiting;
            PodImage {
                reference: image.reference().to_owned(),
                pull_policy: PullPolicy::IfNotPresent,
                image_id: has_come.then(|| image.by_digest()),
                pull_fails: false,
                is_init: false,
            }
        };
        Event::PodApplied(PodFacts {
            uid: uid(number),
            namespace: NAMESPACE.to_owned(),
            name: job.name.clone(),
            is_step: true,
            images: job.images.iter().map(image).collect(),
            node: node.map(node_name),
            bound_at: bound_at.map(|at| self.time(at)),
            phase,
            ended_at: record.ended_at.filter(|_| phase == PodPhase::Ended).map(|at| self.time(at)),
            ..PodFacts::default()
        })
    }
}

/// The name of a node.
#[must_use]
pub fn node_name(node: NodeNumber) -> String {
    format!("node-{:03}", node.0 + 1)
}

/// The uid of a pod: a version 4 UUID in form, its number in content.
#[must_use]
pub fn uid(pod: PodNumber) -> String {
    format!("00000000-0000-4000-8000-{:012x}", pod.0)
}
