//! Charges candidates for the bytes they lack, 64 nodes at a time.
//!
//! The nodes that hold the first k + 1 layers of an image are among those that hold the first k, so
//! each node is touched once per image, at the depth where its prefix ends; all else is a handful of
//! word operations per layer. Nodes with pulls in progress are corrected afterwards by `arriving`.

use crate::cost::learned::Factor;
use crate::model::cluster::{Cluster, NodeId, ReferenceId};
use crate::model::node_set::{NodeSet, bits, place};
use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos};
use crate::score::decision::{Decision, Pace, Reasons, Row};
use crate::score::need::{self, Cargo, Need};
use crate::score::scratch::Scratch;
use crate::score::{Question, learn_rules, rates};

/// Kubelets from this minor version on ask the registry again when a pod's secret is new to them
/// (`KubeletEnsureSecretPulledImages`, on by default since 1.35).
const KUBELET_MINOR_REVERIFIES: u16 = 35;

/// Finds what the pod needs on one platform, and charges that platform's candidates.
pub(super) fn charge_group(decision: &mut Decision, question: &Question<'_>, group: usize) {
    let cluster = question.cluster;
    let mut wanted = std::mem::take(&mut decision.wanted[group]);
    let mut needs = std::mem::take(&mut decision.needs);
    need::find(&mut needs, &mut wanted, &question.pod.images, cluster, question.policy);
    wanted.cold = set_paces(&mut decision.paces, &needs, group, wanted.bytes, question);
    let platform_untold = wanted.platform.is_none();
    decision.wanted[group] = wanted;
    mark_group(decision, group);
    decision.scratch.charged.clear();
    charge_beyond(decision, question, group, &needs, 0);
    decision.needs = needs;
    if platform_untold {
        let of_group = |row: &&mut Row| usize::from(row.group) == group;
        let rows = decision.rows.iter_mut().filter(of_group);
        rows.for_each(|row| row.reasons.add(Reasons::PLATFORM_UNTOLD));
    }
}

/// Charges the candidates of a group for `needs` but for the first `known` of them, for which they are
/// charged already.
pub(super) fn charge_beyond(
    decision: &mut Decision,
    question: &Question<'_>,
    group: usize,
    needs: &[Need],
    known: usize,
) {
    let words = decision.scratch.candidates.len();
    decision.scratch.charged.resize(words * needs.len(), 0);
    for at in known..needs.len() {
        charge_need(decision, question, group, needs, at);
    }
}

/// Finds how fast bytes come to the candidates of a group; gives the cost of the fastest cold, idle one.
fn set_paces(
    paces: &mut [Pace],
    needs: &[Need],
    group: usize,
    bytes: Bytes,
    question: &Question<'_>,
) -> Nanos {
    let constants = rates(question.policy);
    let observed = question.cluster.observed();
    let mut fastest = Nanos(u64::MAX);
    for pace in paces.iter_mut().filter(|pace| usize::from(pace.group) == group) {
        pace.rates = constants;
        if !observed.is_empty() {
            let rules = learn_rules(question.policy);
            // Images of several registries count by their bytes.
            let factors = needs.iter().map(|need| {
                let knowledge = observed.knowledge(pace.node_group, need.registry);
                (rules.factor(constants, &knowledge), need.bytes.0)
            });
            pace.rates = constants.scaled(Factor::mean(factors));
        }
        fastest = fastest.min(pace.rates.duration_of(bytes));
    }
    fastest
}

fn mark_group(decision: &mut Decision, group: usize) {
    let scratch = &mut decision.scratch;
    if decision.wanted.len() == 1 {
        scratch.group.copy_from_slice(&scratch.candidates);
        return;
    }
    scratch.group.fill(0);
    for row in decision.rows.iter().filter(|row| usize::from(row.group) == group) {
        let (word, bit) = place(row.node);
        scratch.group[word] |= bit;
    }
}

fn charge_need(
    decision: &mut Decision,
    question: &Question<'_>,
    group: usize,
    needs: &[Need],
    at: usize,
) {
    let need = &needs[at];
    let words = decision.scratch.candidates.len();
    let start = at * words;
    let Scratch { charged, group: candidates, .. } = &mut decision.scratch;
    charged[start..start + words].copy_from_slice(candidates);
    excuse_holders(decision, question, need, start);
    let cluster = question.cluster;
    note_overlaps(&mut decision.scratch.overlaps, &needs[..=at], cluster);
    let bytes = match need.cargo {
        Cargo::Layers(image) => {
            let image = cluster.image(image);
            let beyond = &image.bytes_beyond;
            let mut layers = Layers { decision, start, beyond, blobs: &image.blobs, cluster };
            let chains = image.chains.iter();
            layers.charge(chains.map(|&chain| &cluster.chain(chain).holders));
            image.total_bytes()
        }
        Cargo::Whole { bytes, digest, .. } => {
            // With no digest to go by, a node that has the name has most likely all of it.
            let holders = match digest {
                Some(digest) => Some(&cluster.digest(digest).holders),
                None => need.name.reference.map(|r| &cluster.reference(r).holders),
            };
            if let Some(holders) = holders {
                excuse(decision, start, holders, |_, _| true);
            }
            let beyond = &[bytes, Bytes(0)];
            let mut one_layer = Layers { decision, start, beyond, blobs: &[], cluster };
            one_layer.charge(std::iter::once(&NodeSet::default()));
            bytes
        }
        Cargo::Unknown => return,
    };
    let wanted = &mut decision.wanted[group];
    wanted.smallest = wanted.smallest.min(bytes);
}

/// Which of the earlier needs share layers with the last of `needs`, and how many; most first.
fn note_overlaps(overlaps: &mut Vec<(usize, usize)>, needs: &[Need], cluster: &Cluster) {
    overlaps.clear();
    let Some((last, earlier)) = needs.split_last() else {
        return;
    };
    for (at, need) in earlier.iter().enumerate() {
        let depth = need.cargo.shared_with(&last.cargo, cluster);
        if depth > 0 {
            overlaps.push((at, depth));
        }
    }
    overlaps.sort_unstable_by_key(|&(at, depth)| (std::cmp::Reverse(depth), at));
}

/// Takes the nodes out of the charged that hold the reference itself and need nothing more, as the
/// pull policy says.
fn excuse_holders(decision: &mut Decision, question: &Question<'_>, need: &Need, start: usize) {
    let cluster = question.cluster;
    let holders = need.name.reference.map(|reference| &cluster.reference(reference).holders);
    match (need.pull_policy, holders, need.name.reference) {
        (PullPolicy::IfNotPresent, Some(holders), Some(reference)) => {
            excuse(decision, start, holders, |row, node| {
                let trusts = trusts(question, node, reference);
                let reason = if trusts { Reasons::REFERENCE_HELD } else { Reasons::REVERIFIES };
                row.reasons.add(reason);
                trusts
            });
        }
        (PullPolicy::Never, holders, _) => {
            if let Some(holders) = holders {
                excuse(decision, start, holders, |row, _| {
                    row.reasons.add(Reasons::REFERENCE_HELD);
                    true
                });
            }
            each_charged(decision, start, |row| row.reasons.add(Reasons::NEVER_PULLED));
        }
        _ => {}
    }
}

/// Whether a kubelet that holds the reference starts the pod from it without asking the registry.
pub(super) fn trusts(question: &Question<'_>, node: NodeId, reference: ReferenceId) -> bool {
    let pod = question.pod;
    if pod.pull_secrets.is_empty() {
        return true;
    }
    let node = question.cluster.node(node);
    node.kubelet_minor < KUBELET_MINOR_REVERIFIES
        || node.has_seen(reference, &pod.namespace, &pod.pull_secrets)
}

/// Takes holders for whom `excused` holds out of the charged.
fn excuse(
    decision: &mut Decision,
    start: usize,
    holders: &NodeSet,
    mut excused: impl FnMut(&mut Row, NodeId) -> bool,
) {
    let scratch = &mut decision.scratch;
    scratch.holders.fill(0);
    holders.add_to_words(&mut scratch.holders);
    for at in 0..scratch.holders.len() {
        let held = scratch.charged[start + at] & scratch.holders[at];
        for id in bits(at, held) {
            let row = &mut decision.rows[scratch.row_of[id as usize] as usize];
            if excused(row, NodeId(id)) {
                scratch.charged[start + at] &= !(1 << (id % 64));
            }
        }
    }
}

/// An image's layers on their way over the charged nodes.
struct Layers<'a> {
    decision: &'a mut Decision,
    start: usize,
    beyond: &'a [Bytes],
    /// See [`crate::model::cluster::image::Image::blobs`]; empty where layers are not known.
    blobs: &'a [u64],
    cluster: &'a Cluster,
}

impl Layers<'_> {
    fn charge<'c>(&mut self, chains: impl Iterator<Item = &'c NodeSet>) {
        let scratch = &mut self.decision.scratch;
        let words = scratch.prefix.len();
        scratch.prefix.copy_from_slice(&scratch.charged[self.start..self.start + words]);
        for (depth, holders) in chains.enumerate() {
            let scratch = &mut self.decision.scratch;
            scratch.holders.fill(0);
            holders.add_to_words(&mut scratch.holders);
            for at in 0..words {
                let scratch = &mut self.decision.scratch;
                let ends_here = scratch.prefix[at] & !scratch.holders[at];
                scratch.prefix[at] &= scratch.holders[at];
                if ends_here != 0 {
                    self.charge_word(at, ends_here, depth);
                }
            }
            let blob = self.blobs.get(depth).copied();
            if let Some(holders) = blob.and_then(|blob| self.cluster.blob_holders(blob)) {
                self.note_kept(holders, depth);
            }
        }
    }

    /// A layer that was charged for, because the prefix ends at or below it, need not be downloaded where
    /// its blob is. By sets of nodes, as chains are: on clusters that keep blobs every node does, and where
    /// none is known this costs one look into an empty table.
    fn note_kept(&mut self, holders: &NodeSet, depth: usize) {
        let bytes = self.beyond[depth] - self.beyond[depth + 1];
        let Decision { scratch, rows, .. } = &mut *self.decision;
        let words = scratch.prefix.len();
        scratch.holders.fill(0);
        holders.add_to_words(&mut scratch.holders);
        for at in 0..words {
            let charged = scratch.charged[self.start + at] & !scratch.prefix[at];
            let mut kept = charged & scratch.holders[at];
            // Those were charged for it with another image of the pod.
            for &(other, _) in scratch.overlaps.iter().filter(|(_, shared)| *shared > depth) {
                kept &= !scratch.charged[other * words + at];
            }
            for id in bits(at, kept) {
                let row = &mut rows[scratch.row_of[id as usize] as usize];
                row.kept += bytes;
                let missing = &mut scratch.missing[id as usize];
                *missing = *missing - bytes;
            }
        }
    }

    /// Charges nodes whose prefix ends at `depth` for all beyond, but for layers that earlier images
    /// of the pod were charged for on the same node: the one that shares most of those counts.
    fn charge_word(&mut self, at: usize, mut ends_here: u64, depth: usize) {
        let words = self.decision.scratch.prefix.len();
        for overlap in 0..self.decision.scratch.overlaps.len() {
            let (other, shared) = self.decision.scratch.overlaps[overlap];
            if shared <= depth {
                break;
            }
            let also = ends_here & self.decision.scratch.charged[other * words + at];
            add_bytes(self.decision, at, also, self.beyond[shared]);
            ends_here &= !also;
        }
        add_bytes(self.decision, at, ends_here, self.beyond[depth]);
    }
}

fn add_bytes(decision: &mut Decision, at: usize, nodes: u64, bytes: Bytes) {
    for id in bits(at, nodes) {
        decision.scratch.missing[id as usize] += bytes;
    }
}

fn each_charged(decision: &mut Decision, start: usize, mut each: impl FnMut(&mut Row)) {
    for at in 0..decision.scratch.candidates.len() {
        for id in bits(at, decision.scratch.charged[start + at]) {
            each(&mut decision.rows[decision.scratch.row_of[id as usize] as usize]);
        }
    }
}
