//! The physics of a simulated cluster: room on nodes, honest pulls, pods that wait, run and end.
//!
//! A node pulls one image at a time, in the order asked (kubelet's default). A pull fetches the layers
//! beyond the longest chain that lies there, over the node's own link, and unpacks each once it and the
//! ones below have come; what lies there stays. Not here: a registry that is the bottleneck, full disks,
//! failures, time to start a container. Where pods go is [`crate::sim::engine`]'s.

mod pull;

use std::collections::{BTreeMap, VecDeque};

use crate::cost::pull::PullRates;
use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::{Catalogue, ImageNumber};
use crate::sim::resource::Resources;
use crate::sim::workload::Job;

/// A node of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeNumber(pub usize);

/// A pod: the index of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodNumber(pub usize);

/// What the nodes are like: all the same.
#[derive(Clone, Copy, Debug)]
pub struct Hardware {
    /// Number of nodes.
    pub node_count: usize,
    /// What each has for pods.
    pub capacity: Resources,
    /// What a byte of a pull costs.
    pub rates: PullRates,
}

/// Something that an API server would tell its watchers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the pod and the node that it happened to")]
pub enum Change {
    /// The pod was bound.
    Bound { pod: PodNumber, node: NodeNumber },
    /// All its images have come and it runs.
    Started { pod: PodNumber },
    /// It ended well.
    Ended { pod: PodNumber },
    /// Its object was deleted.
    Removed { pod: PodNumber },
    /// The kubelet lists its images anew, largest first.
    Listed { node: NodeNumber, images: Vec<ImageNumber> },
}

/// What became of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodRecord {
    /// Where and when it was bound.
    pub bound: Option<(NodeNumber, Nanos)>,
    /// When it started.
    pub started_at: Option<Nanos>,
    /// When it ended.
    pub ended_at: Option<Nanos>,
    /// Bytes of its images that lay on the node when it was bound.
    pub present: Bytes,
    /// How many of its images have come.
    images_ready: usize,
}

/// The world at one time.
#[derive(Debug)]
pub struct World<'a> {
    catalogue: &'a Catalogue,
    jobs: &'a [Job],
    hardware: Hardware,
    now: Nanos,
    nodes: Vec<Node>,
    pods: Vec<PodRecord>,
    /// What is to come, equal times in the order in which it was foreseen.
    agenda: BTreeMap<(Nanos, u64), Happening>,
    foreseen: u64,
    changes: Vec<(Nanos, Change)>,
    moved: Bytes,
}

#[derive(Debug)]
struct Node {
    free: Resources,
    /// By number: whether the chain lies there.
    chains: Vec<bool>,
    /// By number: whether the image does, by its name.
    images: Vec<bool>,
    /// What the API server knows of that.
    listed: Vec<ImageNumber>,
    /// Pods whose next image is pulled: the first one's now.
    queue: VecDeque<PodNumber>,
    /// A list is due.
    list_due: bool,
}

#[derive(Clone, Copy, Debug)]
enum Happening {
    Pulled(NodeNumber),
    Ended(PodNumber),
    Removed(PodNumber),
    Listed(NodeNumber),
}

/// A kubelet sends its status every 10 s. The list in it can be 30 s older, which is left out: a fresh
/// list helps the stock scheduler, that knows nothing else, more than it helps us.
const LIST_INTERVAL: Nanos = Nanos::from_seconds(10);
/// Images in a list, the largest (kubelet's `nodeStatusMaxImages`).
const LISTED_IMAGES_MAX: usize = 50;
/// CI systems keep the objects of finished pods for a while, to read their logs.
const KEPT_AFTER_END: Nanos = Nanos::from_seconds(60);

impl<'a> World<'a> {
    /// An empty cluster at time zero.
    #[must_use]
    pub fn new(catalogue: &'a Catalogue, jobs: &'a [Job], hardware: Hardware) -> Self {
        let node = |_| Node {
            free: hardware.capacity,
            chains: vec![false; catalogue.chain_count()],
            images: vec![false; catalogue.len()],
            listed: Vec::new(),
            queue: VecDeque::new(),
            list_due: false,
        };
        Self {
            catalogue,
            jobs,
            hardware,
            now: Nanos(0),
            nodes: (0..hardware.node_count).map(node).collect(),
            pods: vec![PodRecord::default(); jobs.len()],
            agenda: BTreeMap::new(),
            foreseen: 0,
            changes: Vec::new(),
            moved: Bytes(0),
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// When something happens next by itself.
    #[must_use]
    pub fn next_at(&self) -> Option<Nanos> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// What the nodes are like.
    #[must_use]
    pub fn hardware(&self) -> &Hardware {
        &self.hardware
    }

    /// What is left of a node.
    #[must_use]
    pub fn free(&self, node: NodeNumber) -> Resources {
        self.nodes[node.0].free
    }

    /// The images that the API server knows to be on a node.
    #[must_use]
    pub fn listed(&self, node: NodeNumber) -> &[ImageNumber] {
        &self.nodes[node.0].listed
    }

    /// What became of each pod, by number.
    #[must_use]
    pub fn records(&self) -> &[PodRecord] {
        &self.pods
    }

    /// Bytes moved over all links by pulls that are done.
    #[must_use]
    pub fn moved(&self) -> Bytes {
        self.moved
    }

    /// What happened since the last call, in order.
    pub fn take_changes(&mut self) -> Vec<(Nanos, Change)> {
        std::mem::take(&mut self.changes)
    }

    /// Lets time pass until `time`; what is due then has happened.
    pub fn advance(&mut self, time: Nanos) {
        while let Some(entry) = self.agenda.first_entry() {
            let (at, _) = *entry.key();
            if at > time {
                break;
            }
            let happening = entry.remove();
            self.now = at;
            match happening {
                Happening::Pulled(node) => self.pulled(node),
                Happening::Ended(pod) => self.ended(pod),
                Happening::Removed(pod) => self.note(Change::Removed { pod }),
                Happening::Listed(node) => self.list(node),
            }
        }
        self.now = self.now.max(time);
    }

    /// Binds a pod, which must not be bound yet, to a node that has room for it.
    pub fn bind(&mut self, pod: PodNumber, node: NodeNumber) {
        let present = self.present(pod, node);
        let record = &mut self.pods[pod.0];
        assert!(record.bound.is_none(), "a pod is bound once");
        record.bound = Some((node, self.now));
        record.present = present;
        let requests = self.jobs[pod.0].requests;
        let free = &mut self.nodes[node.0].free;
        assert!(free.holds(requests), "only a node with room is bound to");
        *free = free.without(requests);
        self.note(Change::Bound { pod, node });
        self.want_next(pod, node);
    }

    /// Asks for the pod's next image that is not there, or starts it.
    fn want_next(&mut self, pod: PodNumber, node: NodeNumber) {
        while let Some(&image) = self.jobs[pod.0].images.get(self.pods[pod.0].images_ready) {
            if !self.nodes[node.0].images[image.0] {
                self.nodes[node.0].queue.push_back(pod);
                if self.nodes[node.0].queue.len() == 1 {
                    self.begin_pull(node);
                }
                return;
            }
            self.pods[pod.0].images_ready += 1;
        }
        self.pods[pod.0].started_at = Some(self.now);
        self.note(Change::Started { pod });
        self.foresee(self.jobs[pod.0].runs_for, Happening::Ended(pod));
    }

    fn ended(&mut self, pod: PodNumber) {
        self.pods[pod.0].ended_at = Some(self.now);
        if let Some((node, _)) = self.pods[pod.0].bound {
            let free = &mut self.nodes[node.0].free;
            *free = free.with(self.jobs[pod.0].requests);
        }
        self.note(Change::Ended { pod });
        self.foresee(KEPT_AFTER_END, Happening::Removed(pod));
    }

    /// The node's next status, each node at its own time within the interval.
    fn expect_list(&mut self, node: NodeNumber) {
        if std::mem::replace(&mut self.nodes[node.0].list_due, true) {
            return;
        }
        let share = LIST_INTERVAL.0 / self.nodes.len() as u64;
        let own = share * node.0 as u64;
        let until = LIST_INTERVAL.0 - (self.now.0 + LIST_INTERVAL.0 - own) % LIST_INTERVAL.0;
        self.foresee(Nanos(until), Happening::Listed(node));
    }

    fn list(&mut self, node: NodeNumber) {
        let on_node = &mut self.nodes[node.0];
        on_node.list_due = false;
        let held = (0..self.catalogue.len()).filter(|image| on_node.images[*image]);
        let mut images: Vec<_> = held.map(ImageNumber).collect();
        images.sort_by_key(|image| (std::cmp::Reverse(self.catalogue.image(*image).bytes), *image));
        images.truncate(LISTED_IMAGES_MAX);
        on_node.listed.clone_from(&images);
        self.note(Change::Listed { node, images });
    }

    fn note(&mut self, change: Change) {
        self.changes.push((self.now, change));
    }

    fn foresee(&mut self, wait: Nanos, happening: Happening) {
        self.agenda.insert((self.now + wait, self.foreseen), happening);
        self.foreseen += 1;
    }
}

#[cfg(test)]
mod tests;
