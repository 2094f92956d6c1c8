//! Which named volumes lie on which node, and which runs have been there: worked out from what the node's
//! agent reports, what its pods name, and what pods that are gone left behind.
//!
//! A node's table is worked out anew whenever one of the three changes, so that the order of events cannot
//! reach it. Decides what is believed and for how long; from where a volume comes is `streams`'.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::cluster::node::Node;
use crate::model::cluster::pod::Pod;
use crate::model::cluster::volume::{
    NodeVolumes, PlacedVolume, PodVolumes, ReportedVolume, Run, ToldVolume, Volume,
};
use crate::model::cluster::{Cluster, NodeId, PodId, RunId, VolumeId};
use crate::model::pod::{PodFacts, PodPhase};
use crate::model::unit::{Nanos, Time};
use crate::model::volume::{HeldVolume, VolumeFacts};
use crate::state::Tracker;
use crate::state::holding::put;
use crate::state::pulls::WAIT_MAX;

/// What a pod used or made is believed this long without a report: later steps of a run that take longer
/// to come are rare, and where nobody reports, nobody would tell that a sweep took it.
pub(super) const USE_BELIEVED: Nanos = Nanos::from_seconds(3600);
/// A report made this much later than a volume was left, and without it, proves it gone: an agent's usual
/// interval, within which what a pod leaves is sealed.
pub(super) const SEAL_LAG: Nanos = Nanos::from_seconds(30);
/// Volumes and runs that gone pods left on one node, the last used of each: with 110 pods on a node, a full
/// turn of them with two volumes each.
const LEFT_MAX: usize = 256;

impl Tracker {
    /// What a pod tells of its run and volumes, with one holder more for each of them.
    pub(super) fn enter_volumes(
        &mut self,
        facts: &PodFacts,
        before: Option<PodId>,
        now: Time,
    ) -> PodVolumes {
        let before = before.map(|id| &self.cluster.pods[id.index()]);
        let ended_before = before.and_then(|pod| pod.volumes.ended_at);
        let ended = facts.phase.is_over();
        let ended_at = ended.then(|| facts.ended_at.or(ended_before).unwrap_or(now));
        let run = facts.run.run.as_ref().filter(|run| !run.is_empty());
        PodVolumes {
            run: run.map(|run| self.cluster.acquire_run(&format!("{}/{run}", facts.namespace))),
            needs: self.cluster.acquire_told(&facts.run.needs),
            produces: self.cluster.acquire_told(facts.run.left_on_node()),
            ended_at,
        }
    }

    /// One holder less for each of what a pod told.
    pub(super) fn leave_volumes(&mut self, volumes: PodVolumes) {
        for told in volumes.told() {
            let volume = &mut self.cluster.volumes[told.volume.index()];
            volume.unsay_kind(told.kind);
            if let Some(bytes) = told.bytes {
                volume.told.remove(bytes);
            }
            self.cluster.release_volume(told.volume);
        }
        if let Some(run) = volumes.run {
            self.cluster.release_run(run);
        }
    }

    /// Notes what a pod that goes leaves on its node.
    pub(super) fn leave_traces(&mut self, id: PodId, now: Time) {
        let pod = &self.cluster.pods[id.index()];
        let Some(node) = pod.node else { return };
        let used = match pod.phase {
            PodPhase::Waiting => return,
            PodPhase::Running => now,
            PodPhase::Ended | PodPhase::Failed => pod.volumes.ended_at.unwrap_or(now),
        };
        let kept = pod.volumes.needs.iter().chain(made_by(pod)).map(|told| told.volume);
        let (volumes, run) = (kept.collect::<Vec<_>>(), pod.volumes.run);
        let traces = &mut self.cluster.nodes[node.index()].volumes;
        let fresh = volumes.into_iter().filter(|&volume| note(&mut traces.left, volume, used));
        for volume in fresh.collect::<Vec<_>>() {
            self.cluster.volume_ids.acquire_again(volume.0);
        }
        if let Some(run) = run
            && note(&mut self.cluster.nodes[node.index()].volumes.left_runs, run, used)
        {
            self.cluster.run_ids.acquire_again(run.0);
        }
    }

    /// Replaces what a node's agent reports of volumes. The node must have a report.
    pub(super) fn report_volumes(&mut self, node: NodeId, volumes: Vec<HeldVolume>) {
        let mut reported: Vec<_> = volumes
            .into_iter()
            .map(|held| ReportedVolume {
                volume: self.cluster.acquire_volume(&held.key),
                bytes: held.bytes,
                kind: held.kind,
                last_used: held.last_used,
            })
            .collect();
        reported.sort_unstable();
        let Some(inventory) = &mut self.cluster.nodes[node.index()].inventory else {
            return;
        };
        let before = std::mem::replace(&mut inventory.volumes, reported);
        before.into_iter().for_each(|held| self.cluster.release_volume(held.volume));
    }

    /// Works out anew which volumes lie on a node and which runs were there.
    pub(super) fn refresh_volumes(&mut self, node: NodeId, now: Time) {
        if self.cluster.node(node).is_without_volumes() {
            return;
        }
        self.drop_old_traces(node, now);
        let placed = self.cluster.place_volumes(node, now);
        let runs = self.cluster.place_runs(node, now);
        let uses = placed.iter().filter_map(|placed| placed.last_used);
        let left = self.cluster.node(node).volumes.left.iter().map(|(_, used)| *used);
        let uses = uses.chain(left).chain(runs.values().copied().flatten());
        let ends = uses.map(|used| used.after(USE_BELIEVED));
        let waits = placed.iter().filter_map(|placed| placed.wanted_at);
        let ends = ends.chain(waits.map(|since| since.after(WAIT_MAX)));
        if let Some(first) = ends.min() {
            self.deadlines.insert((first, node));
        }
        self.replace_placed(node, placed);
        self.replace_runs(node, runs.into_keys().collect());
    }

    /// Takes all volumes and runs off a node that goes.
    pub(super) fn forget_volumes(&mut self, node: NodeId) {
        let traces = &mut self.cluster.nodes[node.index()].volumes;
        let (left, left_runs) =
            (std::mem::take(&mut traces.left), std::mem::take(&mut traces.left_runs));
        self.replace_placed(node, Vec::new());
        self.replace_runs(node, Vec::new());
        left.into_iter().for_each(|(volume, _)| self.cluster.release_volume(volume));
        left_runs.into_iter().for_each(|(run, _)| self.cluster.release_run(run));
    }

    /// Forgets traces that are no longer believed, and beyond the bound those of the longest ago.
    fn drop_old_traces(&mut self, node: NodeId, now: Time) {
        let NodeVolumes { left, left_runs, .. } = &mut self.cluster.nodes[node.index()].volumes;
        let old = old_traces(left, now, |volume| self.cluster.volume_ids.key(volume.0).cloned());
        let old_runs = old_traces(left_runs, now, |run| self.cluster.run_ids.key(run.0).cloned());
        old.into_iter().for_each(|volume| self.cluster.release_volume(volume));
        old_runs.into_iter().for_each(|run| self.cluster.release_run(run));
    }

    /// Replaces a node's table of volumes, and tells each volume what changed.
    fn replace_placed(&mut self, node: NodeId, placed: Vec<PlacedVolume>) {
        for after in &placed {
            self.cluster.volume_ids.acquire_again(after.volume.0);
        }
        let table = &mut self.cluster.nodes[node.index()].volumes.placed;
        let before = std::mem::replace(table, placed.clone());
        let volumes: BTreeSet<_> =
            before.iter().chain(&placed).map(|placed| placed.volume).collect();
        for volume in volumes {
            let find = |table: &[PlacedVolume]| {
                PlacedVolume::find(table, volume).cloned().unwrap_or(PlacedVolume::new(volume))
            };
            self.cluster.note_placed(node, &find(&before), &find(&placed));
        }
        before.into_iter().for_each(|before| self.cluster.release_volume(before.volume));
    }

    fn replace_runs(&mut self, node: NodeId, runs: Vec<RunId>) {
        for run in &runs {
            self.cluster.run_ids.acquire_again(run.0);
            self.cluster.runs[run.index()].nodes.insert(node);
        }
        let table = &mut self.cluster.nodes[node.index()].volumes.runs;
        let before = std::mem::replace(table, runs.clone());
        for run in before {
            if runs.binary_search(&run).is_err() {
                self.cluster.runs[run.index()].nodes.remove(node);
            }
            self.cluster.release_run(run);
        }
    }
}

impl Cluster {
    /// Which volumes lie on a node or are on their way to it, and why, by ascending id.
    fn place_volumes(&self, node: NodeId, now: Time) -> Vec<PlacedVolume> {
        let on_node = self.node(node);
        let mut placed = BTreeMap::new();
        for &held in on_node.inventory.iter().flat_map(|inventory| &inventory.volumes) {
            entry(&mut placed, held.volume).reported = Some(held);
        }
        let lists_all = on_node.inventory.as_ref().is_some_and(|found| found.lists_all_volumes);
        for pod in on_node.pods.iter().map(|pod| &self.pods[pod.index()]) {
            place_pod(&mut placed, pod, lists_all, now);
        }
        for &(volume, used) in &on_node.volumes.left {
            note_used(&mut placed, volume, used);
        }
        let mut placed: Vec<_> = placed.into_values().collect();
        for placed in &mut placed {
            placed.last_used = placed.last_used.filter(|&used| on_node.believes_use(used, now));
        }
        placed.retain(|placed| placed.is_there() || placed.wanted_at.is_some());
        placed
    }

    /// The runs that are on a node: at present, or when they last were.
    fn place_runs(&self, node: NodeId, now: Time) -> BTreeMap<RunId, Option<Time>> {
        let on_node = self.node(node);
        let mut runs: BTreeMap<RunId, Option<Time>> = BTreeMap::new();
        let mut note = |run: RunId, end: Option<Time>| {
            let known = runs.entry(run).or_insert(end);
            // At present is later than any end.
            *known = known.and_then(|known| end.map(|end| known.max(end)));
        };
        for &(run, end) in &on_node.volumes.left_runs {
            note(run, Some(end));
        }
        for pod in on_node.pods.iter().map(|pod| &self.pods[pod.index()]) {
            if let Some(run) = pod.volumes.run {
                note(run, pod.volumes.ended_at);
            }
        }
        runs.retain(|_, end| end.is_none_or(|end| now < end.after(USE_BELIEVED)));
        runs
    }

    /// Keeps a volume in step with a node's table, of which one entry changed.
    fn note_placed(&mut self, node: NodeId, before: &PlacedVolume, after: &PlacedVolume) {
        if before == after {
            return;
        }
        let volume = &mut self.volumes[after.volume.index()];
        if let Some(held) = before.reported {
            volume.reported.remove(held.bytes);
            volume.unsay_kind(held.kind);
        }
        if let Some(held) = after.reported {
            volume.reported.add(held.bytes);
            volume.say_kind(held.kind);
        }
        if after.is_there() {
            volume.holders.insert(node);
        } else {
            volume.holders.remove(node);
        }
        let moves = (before.is_there(), before.begun_at()) != (after.is_there(), after.begun_at());
        if moves {
            self.restream(after.volume, node, after.begun_at());
        }
    }

    pub(super) fn acquire_volume(&mut self, key: &str) -> VolumeId {
        let is_new = self.volume_ids.get(key).is_none();
        let id = VolumeId(self.volume_ids.acquire(Arc::from(key)));
        if is_new {
            put(&mut self.volumes, id.index(), Volume::default());
        }
        id
    }

    pub(super) fn acquire_run(&mut self, key: &str) -> RunId {
        let is_new = self.run_ids.get(key).is_none();
        let id = RunId(self.run_ids.acquire(Arc::from(key)));
        if is_new {
            put(&mut self.runs, id.index(), Run::default());
        }
        id
    }

    fn acquire_told(&mut self, facts: &[VolumeFacts]) -> Vec<ToldVolume> {
        let mut told: Vec<ToldVolume> = Vec::with_capacity(facts.len());
        for facts in facts {
            let known = self.volume_ids.get(facts.key.as_str()).map(VolumeId);
            if known.is_some_and(|known| told.iter().any(|told| told.volume == known)) {
                continue;
            }
            let volume = self.acquire_volume(&facts.key);
            self.volumes[volume.index()].say_kind(facts.kind);
            if let Some(bytes) = facts.bytes {
                self.volumes[volume.index()].told.add(bytes);
            }
            told.push(ToldVolume { volume, bytes: facts.bytes, kind: facts.kind });
        }
        told
    }

    pub(super) fn release_volume(&mut self, id: VolumeId) {
        if self.volume_ids.release(id.0) {
            self.volumes[id.index()] = Volume::default();
        }
    }

    pub(super) fn release_run(&mut self, id: RunId) {
        if self.run_ids.release(id.0) {
            self.runs[id.index()] = Run::default();
        }
    }
}

impl Node {
    fn is_without_volumes(&self) -> bool {
        let NodeVolumes { placed, runs, pods, left, left_runs, .. } = &self.volumes;
        let reported = self.inventory.as_ref().is_some_and(|i| !i.volumes.is_empty());
        let tables = placed.is_empty() && runs.is_empty();
        *pods == 0 && !reported && tables && left.is_empty() && left_runs.is_empty()
    }

    /// Whether a volume that was used here at a time is still there, as far as anybody can tell.
    fn believes_use(&self, used: Time, now: Time) -> bool {
        let complete = self.inventory.as_ref().filter(|inventory| inventory.lists_all_volumes);
        let reported_at = complete.map(|inventory| inventory.observed_at);
        let disproved = reported_at.is_some_and(|reported| reported >= used.after(SEAL_LAG));
        now < used.after(USE_BELIEVED) && !disproved
    }
}

/// What a pod that ended has left: one that failed leaves what a report tells, and nothing is inferred.
fn made_by(pod: &Pod) -> &[ToldVolume] {
    if pod.phase == PodPhase::Ended { &pod.volumes.produces } else { &[] }
}

/// What a pod on the node says of volumes there. Steps may get theirs while they run: until a report that
/// lists all volumes has it, it is on its way.
fn place_pod(placed: &mut BTreeMap<VolumeId, PlacedVolume>, pod: &Pod, lists_all: bool, now: Time) {
    let waits_in_vain = now >= pod.bound_at.after(WAIT_MAX);
    let needs = pod.volumes.needs.iter().map(|told| told.volume);
    match pod.phase {
        PodPhase::Waiting if waits_in_vain => {}
        PodPhase::Waiting => needs.for_each(|volume| entry(placed, volume).want(pod.bound_at)),
        PodPhase::Running => needs.for_each(|volume| {
            let entry = entry(placed, volume);
            match entry.reported {
                None if lists_all && waits_in_vain => {}
                None if lists_all => entry.want(pod.bound_at),
                _ => entry.users += 1,
            }
        }),
        PodPhase::Ended | PodPhase::Failed => {
            let used = pod.volumes.ended_at.unwrap_or(now);
            let made = made_by(pod).iter().map(|told| told.volume);
            needs.chain(made).for_each(|volume| note_used(placed, volume, used));
        }
    }
}

fn entry(placed: &mut BTreeMap<VolumeId, PlacedVolume>, volume: VolumeId) -> &mut PlacedVolume {
    placed.entry(volume).or_insert(PlacedVolume::new(volume))
}

fn note_used(placed: &mut BTreeMap<VolumeId, PlacedVolume>, volume: VolumeId, used: Time) {
    let entry = entry(placed, volume);
    entry.last_used = entry.last_used.max(Some(used));
}

/// Notes a trace; true if there was none of the kind.
fn note<T: PartialEq>(traces: &mut Vec<(T, Time)>, what: T, used: Time) -> bool {
    if let Some((_, known)) = traces.iter_mut().find(|(known, _)| *known == what) {
        *known = used.max(*known);
        return false;
    }
    traces.push((what, used));
    true
}

/// Takes traces out that are no longer believed, and what is beyond the bound: the longest ago, of equal
/// ones the last by name.
fn old_traces<T: Copy>(
    traces: &mut Vec<(T, Time)>,
    now: Time,
    name: impl Fn(T) -> Option<Arc<str>>,
) -> Vec<T> {
    let is_old = |(_, used): &mut (T, Time)| now >= used.after(USE_BELIEVED);
    let mut old: Vec<_> = traces.extract_if(.., is_old).map(|(what, _)| what).collect();
    if traces.len() > LEFT_MAX {
        traces.sort_by_cached_key(|&(what, used)| (std::cmp::Reverse(used), name(what)));
        old.extend(traces.drain(LEFT_MAX..).map(|(what, _)| what));
    }
    old
}
