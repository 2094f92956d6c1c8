//! Lives of pods: each step of a life once, in its order, however often and in whatever order it is heard of.

use super::Recorder;
use crate::model::cluster::Cluster;
use crate::model::pod::{PodFacts, PodPhase};
use crate::model::reference::Reference;
use crate::model::volume::VolumeFacts;
use crate::sim::resource::Resources;
use crate::sim::trace::entry::{ContainerEntry, Entry, PodEntry};

/// Deleted pods that are remembered: of several API servers one can be a few seconds behind the others, and
/// list once more what is gone.
const DELETED_MAX: usize = 1000;

/// How much of a life was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    #[default]
    Untold,
    Created,
    Bound,
    Started,
    /// Or it is not to be told.
    Ended,
}

/// A pod that is there.
#[derive(Debug, Default)]
pub(super) struct LivePod {
    pub(super) is_step: bool,
    pub(super) requests: Resources,
    /// As last seen, until it is told.
    facts: Option<Box<PodFacts>>,
    node: Option<String>,
    phase: PodPhase,
    /// Its containers ran.
    has_run: bool,
    stage: Stage,
    mark: u64,
}

impl LivePod {
    /// The node that it takes room on.
    pub(super) fn room_taken_on(&self) -> Option<&str> {
        self.node.as_deref().filter(|_| !self.phase.is_over())
    }

    fn has_started(&self) -> bool {
        self.has_run || matches!(self.phase, PodPhase::Running | PodPhase::Ended)
    }
}

impl Recorder {
    pub(super) fn see_pod(&mut self, facts: &PodFacts, cluster: &Cluster, out: &mut Vec<Entry>) {
        if self.deleted.contains(&facts.uid) {
            return;
        }
        let has_begun = self.has_begun();
        let mark = self.pods_mark;
        let fresh = || LivePod { is_step: facts.is_step, ..LivePod::default() };
        let pod = self.pods.entry(facts.uid.clone()).or_insert_with(fresh);
        pod.mark = mark;
        pod.requests = Resources { cpu_millis: facts.cpu_millis, memory: facts.memory };
        pod.phase = facts.phase;
        pod.has_run |= facts.ended_at.is_some();
        if facts.node.is_some() {
            pod.node.clone_from(&facts.node);
        }
        if pod.is_step && pod.stage == Stage::Untold {
            pod.facts = Some(Box::new(facts.clone()));
        }
        if has_begun {
            self.tell_pod(&facts.uid, false, cluster, out);
        }
    }

    /// Tells of a pod what is new. At the start one that runs has brought all that it needs.
    pub(super) fn tell_pod(
        &mut self,
        uid: &str,
        at_start: bool,
        cluster: &Cluster,
        out: &mut Vec<Entry>,
    ) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        if pod.stage == Stage::Untold {
            let facts = pod.facts.take();
            let facts = facts.filter(|_| pod.is_step && !pod.phase.is_over());
            let Some(facts) = facts else {
                pod.stage = Stage::Ended;
                return;
            };
            pod.stage = Stage::Created;
            let is_there = at_start && pod.phase == PodPhase::Running;
            self.tell_created(*facts, is_there, cluster, out);
        }
        self.tell_bound(uid, cluster, out);
        let at_nanos = self.at_nanos;
        let Some(pod) = self.pods.get_mut(uid) else { return };
        if pod.stage == Stage::Bound && pod.has_started() {
            pod.stage = Stage::Started;
            self.counts.started += 1;
            out.push(Entry::Started { at_nanos, pod: uid.to_owned() });
        }
        if pod.phase.is_over() {
            let has_failed = pod.phase == PodPhase::Failed;
            self.tell_end(uid, has_failed, out);
        }
    }

    fn tell_created(
        &mut self,
        facts: PodFacts,
        is_there: bool,
        cluster: &Cluster,
        out: &mut Vec<Entry>,
    ) {
        let images = facts.images.iter().filter(|_| !is_there);
        let images = images.filter_map(|image| Some((Reference::parse(&image.reference)?, image)));
        let mut containers = Vec::new();
        for (name, image) in images {
            self.tell_name(name.as_str(), cluster, out);
            let (image, pull_policy, init) =
                (name.as_str().to_owned(), image.pull_policy.into(), image.is_init);
            containers.push(ContainerEntry { image, pull_policy, init });
        }
        let named = facts.run.next_images.iter().flatten();
        let named = named.filter_map(|image| Reference::parse(&image.reference));
        let next: Vec<String> = named.map(|name| name.as_str().to_owned()).collect();
        next.iter().for_each(|name| self.tell_name(name, cluster, out));
        let run = facts.run.run.as_ref().map(|run| format!("{}/{run}", facts.namespace));
        let needs = if is_there { &[][..] } else { &facts.run.needs };
        let mut keys = |volumes: &[VolumeFacts]| {
            volumes.iter().map(|volume| self.tell_volume(volume, cluster, out)).collect()
        };
        let (needs, produces) = (keys(needs), keys(facts.run.left_on_node()));
        self.counts.pods += 1;
        out.push(Entry::Pod(PodEntry {
            at_nanos: self.at_nanos,
            uid: facts.uid,
            name: facts.name,
            run,
            containers,
            cpu_millis: facts.cpu_millis,
            memory_bytes: facts.memory.0,
            needs,
            produces,
            next,
        }));
    }

    /// Tells where a pod is bound, once its node is told.
    fn tell_bound(&mut self, uid: &str, cluster: &Cluster, out: &mut Vec<Entry>) {
        let pod = self.pods.get(uid).filter(|pod| pod.stage == Stage::Created);
        let Some(name) = pod.and_then(|pod| pod.node.clone()) else { return };
        self.tell_node(&name, cluster, out);
        if !self.nodes.get(&name).is_some_and(|node| node.is_told) {
            return;
        }
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.stage = Stage::Bound;
        }
        out.push(Entry::Bound { at_nanos: self.at_nanos, pod: uid.to_owned(), node: name });
    }

    /// Tells the end of a life that was told of and has not ended.
    pub(super) fn tell_end(&mut self, uid: &str, failed: bool, out: &mut Vec<Entry>) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        let was = std::mem::replace(&mut pod.stage, Stage::Ended);
        if !matches!(was, Stage::Untold | Stage::Ended) {
            out.push(Entry::Ended { at_nanos: self.at_nanos, pod: uid.to_owned(), failed });
        }
    }

    /// A pod was deleted.
    pub(super) fn end_pod(&mut self, uid: &str, out: &mut Vec<Entry>) {
        self.tell_end(uid, true, out);
        if self.pods.remove(uid).is_some() {
            self.deleted.push_back(uid.to_owned());
        }
        if self.deleted.len() > DELETED_MAX {
            self.deleted.pop_front();
        }
    }

    pub(super) fn end_unlisted_pods(&mut self, out: &mut Vec<Entry>) {
        let gone = self.pods.iter().filter(|(_, pod)| pod.mark < self.pods_mark);
        for uid in gone.map(|(uid, _)| uid.clone()).collect::<Vec<_>>() {
            self.end_pod(&uid, out);
        }
    }

    /// Those bound to a node whose lives were told of and have not ended.
    pub(super) fn pods_on(&self, node: &str) -> Vec<String> {
        let on = self.pods.iter().filter(|(_, pod)| {
            pod.node.as_deref() == Some(node) && !matches!(pod.stage, Stage::Untold | Stage::Ended)
        });
        on.map(|(uid, _)| uid.clone()).collect()
    }

    /// Uids, so that who makes a volume comes before who needs it: those that run, those that wait for their
    /// images, those that wait for a node.
    pub(super) fn pods_in_order(&self) -> Vec<String> {
        let rank = |pod: &LivePod| (!pod.has_started(), pod.node.is_none());
        let mut uids: Vec<_> = self.pods.iter().map(|(uid, pod)| (rank(pod), uid)).collect();
        uids.sort_unstable();
        uids.into_iter().map(|(_, uid)| uid.clone()).collect()
    }
}
