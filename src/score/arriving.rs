//! A closer look at the few candidates with pulls in progress.
//!
//! What is already on its way for another pod costs the time that is left, once, not its bytes again;
//! what is not has to queue behind it.

use crate::cost::queue::QueueRules;
use crate::model::cluster::image::Image;
use crate::model::cluster::node::{Node, Pull};
use crate::model::cluster::{ChainId, NodeId};
use crate::model::node_set::bits;
use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos, Time};
use crate::policy::InProgress;
use crate::score::charge::trusts;
use crate::score::decision::{Decision, Reasons, Wanted};
use crate::score::need::{Cargo, Need};
use crate::score::{Question, need, pull_times, queue_rules};

/// A candidate with pulls in progress.
struct Place<'a> {
    question: &'a Question<'a>,
    id: NodeId,
    node: &'a Node,
    rules: QueueRules,
    /// How long each pull takes.
    takes: &'a [Nanos],
}

/// What can be counted only once, though several images of the pod want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Chain(ChainId),
    /// By the number of the first need for it.
    Whole(usize),
}

/// What a node with pulls in progress still costs for the pod.
#[derive(Default)]
struct Tally {
    missing: Bytes,
    kept: Bytes,
    arriving: Bytes,
    /// When the last pull that the pod also needs is done.
    ready_at: Time,
    /// Counted so far.
    counted: Vec<Piece>,
}

/// Corrects the rows of candidates with pulls in progress.
pub(super) fn look_closer(decision: &mut Decision, question: &Question<'_>) {
    if question.policy.in_progress == InProgress::Ignored {
        return;
    }
    let scratch = &mut decision.scratch;
    scratch.holders.fill(0);
    question.cluster.pulling().add_to_words(&mut scratch.holders);
    for at in 0..scratch.holders.len() {
        scratch.holders[at] &= scratch.candidates[at];
    }
    if scratch.holders.iter().all(|word| *word == 0) {
        return;
    }
    for group in 0..decision.wanted.len() {
        // Needs are kept for one platform at a time, and the last one's are at hand.
        if decision.wanted.len() > 1 {
            let mut wanted =
                Wanted { platform: decision.wanted[group].platform, ..Default::default() };
            let mut needs = std::mem::take(&mut decision.needs);
            let images = &question.pod.images;
            need::find(&mut needs, &mut wanted, images, question.cluster, question.policy);
            decision.needs = needs;
        }
        for at in 0..decision.scratch.holders.len() {
            for id in bits(at, decision.scratch.holders[at]) {
                let row = decision.scratch.row_of[id as usize] as usize;
                if usize::from(decision.rows[row].group) == group {
                    correct(decision, question, NodeId(id), row);
                }
            }
        }
    }
}

fn correct(decision: &mut Decision, question: &Question<'_>, id: NodeId, row: usize) {
    let node = question.cluster.node(id);
    let mut takes = std::mem::take(&mut decision.scratch.takes);
    pull_times(&mut takes, question.policy, question.cluster, node);
    let rules = queue_rules(question.policy, node);
    let place = Place { question, id, node, rules, takes: &takes };
    let mut counted = std::mem::take(&mut decision.scratch.counted);
    counted.clear();
    let mut tally = Tally { counted, ..Tally::default() };
    for need in &decision.needs {
        tally.add(need, &place);
    }
    decision.scratch.counted = tally.counted;
    let ready = tally.ready_at.since(question.now);
    let queue =
        if tally.missing.0 > 0 { rules.wait(&node.pulls, &takes, question.now) } else { Nanos(0) };
    decision.scratch.takes = takes;
    let row = &mut decision.rows[row];
    row.missing = tally.missing;
    row.kept = tally.kept;
    row.arriving = tally.arriving;
    row.wait = ready.max(queue);
    if tally.arriving.0 > 0 || ready.0 > 0 {
        row.reasons.add(Reasons::ARRIVING);
    }
    if queue.0 > 0 {
        row.reasons.add(Reasons::QUEUED);
    }
}

impl Tally {
    fn add(&mut self, need: &Need, place: &Place<'_>) {
        if place.needs_nothing_of(need) {
            return;
        }
        let pulls = &place.node.pulls;
        let by_name = need
            .name
            .reference
            .and_then(|name| pulls.iter().position(|pull| pull.reference == Some(name)));
        match need.cargo {
            Cargo::Layers(image) => {
                self.add_layers(place.question.cluster.image(image), place, by_name);
            }
            Cargo::Whole { bytes, first, .. } => {
                self.add_piece(Piece::Whole(first), bytes, place, by_name)
            }
            Cargo::Unknown => {}
        }
    }

    fn add_layers(&mut self, image: &Image, place: &Place<'_>, by_name: Option<usize>) {
        let cluster = place.question.cluster;
        for depth in cluster.depth_on(place.id, image)..image.chains.len() {
            let chain = image.chains[depth];
            let bytes = image.layer_bytes(depth);
            let holders = cluster.blob_holders(image.blobs[depth]);
            let is_kept = holders.is_some_and(|nodes| nodes.contains(place.id));
            let brings = |pull: &Pull| {
                pull.image.is_some_and(|id| cluster.image_has_chain(cluster.image(id), chain))
            };
            // The first pull that brings the layer; one of the same name whose layers were not known
            // when it began brings all of them.
            let bringing = place.node.pulls.iter().position(brings).or(by_name);
            let (piece, kept) = (Piece::Chain(chain), is_kept && bringing.is_none());
            let before = self.missing;
            self.add_piece(piece, bytes, place, bringing);
            if kept {
                self.kept += self.missing - before;
                self.missing = before;
            }
        }
    }

    /// Counts a piece, once, as arriving with pull number `bringing` or else as missing.
    fn add_piece(
        &mut self,
        piece: Piece,
        bytes: Bytes,
        place: &Place<'_>,
        bringing: Option<usize>,
    ) {
        if let Some(at) = bringing {
            let done_at = place.rules.done_at(&place.node.pulls, place.takes, at);
            self.ready_at = self.ready_at.max(done_at);
        }
        if self.counted.contains(&piece) {
            return;
        }
        self.counted.push(piece);
        match bringing {
            Some(_) => self.arriving += bytes,
            None => self.missing += bytes,
        }
    }
}

impl Place<'_> {
    /// Whether the node has the image under its name or its digest, and that is enough.
    fn needs_nothing_of(&self, need: &Need) -> bool {
        let cluster = self.question.cluster;
        let held = need.name.reference.filter(|&r| cluster.reference(r).holders.contains(self.id));
        let trusted = held.is_some_and(|reference| match need.pull_policy {
            PullPolicy::IfNotPresent => trusts(self.question, self.id, reference),
            PullPolicy::Never => true,
            PullPolicy::Always => false,
        });
        let whole = match need.cargo {
            Cargo::Whole { digest, .. } => digest
                .map_or(held.is_some(), |digest| cluster.digest(digest).holders.contains(self.id)),
            _ => false,
        };
        trusted || whole
    }
}
