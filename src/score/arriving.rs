//! A closer look at the few candidates with pulls in progress.
//!
//! What is already on its way for another pod costs the time that is left, once, not its bytes again;
//! what is not has to queue behind it.

use crate::cost::queue::QueueRules;
use crate::model::cluster::{ChainId, Cluster, Image, Node, NodeId, Pull};
use crate::model::node_set::bits;
use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos, Time};
use crate::score::decision::{Decision, Reasons, Wanted};
use crate::score::need::{Cargo, Need};
use crate::score::{Question, need, rates};

/// What a node with pulls in progress still costs for the pod.
#[derive(Default)]
struct Tally {
    missing: Bytes,
    arriving: Bytes,
    /// When the last pull that the pod also needs is done.
    ready_at: Time,
    /// Chains counted so far: layers shared by images of the pod count once.
    counted: Vec<ChainId>,
}

/// Corrects the rows of candidates with pulls in progress.
pub(super) fn look_closer(decision: &mut Decision, question: &Question<'_>) {
    let scratch = &mut decision.scratch;
    scratch.holders.fill(0);
    question
        .cluster
        .pulling()
        .add_to_words(&mut scratch.holders);
    for at in 0..scratch.holders.len() {
        scratch.holders[at] &= scratch.candidates[at];
    }
    if scratch.holders.iter().all(|word| *word == 0) {
        return;
    }
    for group in 0..decision.wanted.len() {
        // Needs are kept for one platform at a time, and the last one's are at hand.
        if decision.wanted.len() > 1 {
            let mut wanted = Wanted {
                platform: decision.wanted[group].platform,
                ..Default::default()
            };
            let mut needs = std::mem::take(&mut decision.needs);
            let images = &question.pod.images;
            need::find(
                &mut needs,
                &mut wanted,
                images,
                question.cluster,
                question.policy,
            );
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
    let order = question.policy.pull_order(&node.labels);
    let later_share = question.policy.later_share;
    let rules = QueueRules {
        rates: rates(question.policy),
        order,
        later_share,
    };
    let row = &mut decision.rows[row];
    let mut tally = Tally::default();
    for need in &decision.needs {
        let trusted = !row.reasons.has(Reasons::REVERIFIES);
        tally.add(need, question.cluster, (id, node), &rules, trusted);
    }
    row.missing = tally.missing;
    row.arriving = tally.arriving;
    let ready = tally.ready_at.since(question.now);
    let queue = if tally.missing.0 > 0 {
        rules.wait(&node.pulls, question.now)
    } else {
        Nanos(0)
    };
    row.wait = ready.max(queue);
    if tally.arriving.0 > 0 || ready.0 > 0 {
        row.reasons.add(Reasons::ARRIVING);
    }
    if queue.0 > 0 {
        row.reasons.add(Reasons::QUEUED);
    }
}

impl Tally {
    fn add(
        &mut self,
        need: &Need,
        cluster: &Cluster,
        (id, node): (NodeId, &Node),
        rules: &QueueRules,
        trusted: bool,
    ) {
        let held = need
            .name
            .reference
            .is_some_and(|r| cluster.reference(r).holders.contains(id));
        if held
            && (need.pull_policy == PullPolicy::Never
                || trusted && need.pull_policy == PullPolicy::IfNotPresent)
        {
            return;
        }
        let by_name = node
            .pulls
            .iter()
            .position(|pull| Some(pull.reference) == need.name.reference);
        match need.cargo {
            Cargo::Layers { image, .. } => {
                let image = cluster.image(image);
                self.add_layers(image, cluster, (id, node), rules, by_name);
            }
            Cargo::Whole { bytes, digest } => {
                let newest = digest.is_some_and(|d| cluster.digest(d).holders.contains(id));
                if newest || held && digest.is_none() {
                    return;
                }
                match by_name {
                    Some(at) => {
                        self.arriving += bytes;
                        self.expect(rules.done_at(&node.pulls, at));
                    }
                    None => self.missing += bytes,
                }
            }
            Cargo::Unknown => {}
        }
    }

    fn add_layers(
        &mut self,
        image: &Image,
        cluster: &Cluster,
        (id, node): (NodeId, &Node),
        rules: &QueueRules,
        by_name: Option<usize>,
    ) {
        for depth in cluster.depth_on(id, image)..image.chains.len() {
            let chain = image.chains[depth];
            let bytes = image.bytes_beyond[depth] - image.bytes_beyond[depth + 1];
            let brings = |pull: &Pull| {
                pull.image
                    .is_some_and(|id| cluster.image_has_chain(cluster.image(id), chain))
            };
            // The first pull that brings the layer; one of the same name whose layers were not known
            // when it began brings all of them.
            let bringing = node.pulls.iter().position(brings).or(by_name);
            if let Some(at) = bringing {
                self.expect(rules.done_at(&node.pulls, at));
            }
            if self.counted.contains(&chain) {
                continue;
            }
            self.counted.push(chain);
            match bringing {
                Some(_) => self.arriving += bytes,
                None => self.missing += bytes,
            }
        }
    }

    fn expect(&mut self, done_at: Time) {
        self.ready_at = self.ready_at.max(done_at);
    }
}
