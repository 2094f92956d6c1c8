//! The decision: for one pod, what every candidate node would cost, and the points that follow.
//!
//! [`decide`] is the one entry that the extender, `explain`, `demo` and the benches all use. It is
//! pure: same pod, candidates, cluster, policy and time give the same decision to the byte. It reads
//! nothing but its arguments, cannot fail, and says in words of [`decision::Reasons`] what it did not
//! know.
//!
//! In phases: mark the candidates and group them by platform; find out what the pod needs on each
//! platform ([`need`]); charge the missing bytes, 64 nodes at a time ([`charge`]); credit what later steps of
//! the run find ([`lookahead`]) and charge for volumes ([`volume`]), which most pods do not have; look closer
//! at the few nodes with pulls in progress ([`arriving`]); choose a home ([`home`]); price the rows.

mod arriving;
mod attach;
mod charge;
mod company;
pub mod decision;
mod home;
mod lookahead;
mod need;
mod scale;
pub mod scratch;
mod stream;
#[cfg(test)]
mod tests;
mod volume;

use crate::cost::learned::LearnRules;
use crate::cost::pull::PullRates;
use crate::cost::queue::QueueRules;
use crate::model::begun::BegunPull;
use crate::model::cluster::node::Node;
use crate::model::cluster::{Cluster, NodeId, PlatformId};
use crate::model::node_set::place;
use crate::model::observed::{Knowledge, registry_of};
use crate::model::pod::PodFacts;
use crate::model::unit::{Bytes, Nanos, Time};
use crate::policy::Policy;
use crate::policy::curve::POINTS_MAX;
use crate::score::decision::{Decision, Neutral, Pace, Reasons, Row, Terms, Wanted};
use crate::score::scale::Scale;
use crate::score::scratch::Scratch;

/// The nodes a pod can go to.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// Those the cluster knows, in the order asked; repeated ones count once.
    pub nodes: Vec<NodeId>,
    /// How many more were asked about that the cluster does not know.
    pub unknown_count: usize,
}

/// Everything a decision depends on, but for where it is written.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The pod to place.
    pub pod: &'a PodFacts,
    /// Where it can go.
    pub candidates: &'a Candidates,
    /// What is known of the cluster.
    pub cluster: &'a Cluster,
    /// The numbers.
    pub policy: &'a Policy,
    /// The time.
    pub now: Time,
}

/// The decision for a pod: one row per distinct known candidate, in the order asked.
///
/// Without candidates, images, or any image that somebody knows, the rows are empty and
/// [`Decision::neutral`] says why.
#[must_use]
pub fn decide(
    pod: &PodFacts,
    candidates: &Candidates,
    cluster: &Cluster,
    policy: &Policy,
    now: Time,
) -> Decision {
    let mut decision = Decision::default();
    let question = Question { pod, candidates, cluster, policy, now };
    decide_into(&mut decision, &mut Scratch::default(), &question);
    decision
}

/// As [`decide`], into a decision whose buffers are used again: what was in it is lost. So is what was in
/// the scratch, which is apart because it is as large as the cluster while decisions are remembered.
pub fn decide_into(decision: &mut Decision, scratch: &mut Scratch, question: &Question<'_>) {
    std::mem::swap(&mut decision.scratch, scratch);
    fill(decision, question);
    std::mem::swap(&mut decision.scratch, scratch);
}

fn fill(decision: &mut Decision, question: &Question<'_>) {
    decision.reset(question.now);
    decision.unknown_count = question.candidates.unknown_count;
    decision.terms = Terms {
        heat_per_waiting_pod: question.policy.heat_per_waiting_pod,
        home_share: question.policy.home_share,
        ready_within: Nanos(0),
    };
    let pod = question.pod;
    if pod.images.is_empty() && pod.run.needs.is_empty() && pod.claims.is_empty() {
        decision.neutral = Some(Neutral::NoImages);
        return;
    }
    add_rows(decision, question);
    if decision.rows.is_empty() {
        decision.neutral = Some(Neutral::NoKnownCandidate);
        return;
    }
    decision.later = lookahead::find(question);
    for group in 0..decision.wanted.len() {
        charge::charge_group(decision, question, group);
        lookahead::charge_group(decision, question, group);
    }
    volume::charge(decision, question);
    let images_known = decision.wanted.iter().any(Wanted::has_known_image);
    if !images_known && !volume::tells_apart(decision) {
        decision.neutral = Some(Neutral::ImagesUnknown);
        decision.rows.clear();
        decision.volume_rows.clear();
        return;
    }
    collect_charges(decision);
    arriving::look_closer(decision, question);
    let (lowest, highest) = price(decision, question);
    give_points(decision, lowest, highest);
}

/// One row per distinct candidate, each in the group of its platform and at the pace of that and its own.
fn add_rows(decision: &mut Decision, question: &Question<'_>) {
    let cluster = question.cluster;
    let Decision { scratch, rows, wanted, paces, .. } = decision;
    scratch.start(cluster.node_table_len());
    rows.reserve(question.candidates.nodes.len());
    for &id in &question.candidates.nodes {
        let (word, bit) = place(id);
        if scratch.candidates[word] & bit != 0 {
            continue;
        }
        scratch.candidates[word] |= bit;
        scratch.row_of[id.index()] = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        scratch.missing[id.index()] = Bytes(0);
        let node = cluster.gist(id);
        let same = |pace: &Pace| pace.platform == node.platform && pace.node_group == node.group;
        let pace = paces.iter().position(same).unwrap_or_else(|| {
            paces.push(Pace::new(node, group_of(wanted, node.platform)));
            paces.len() - 1
        });
        rows.push(Row {
            node: id,
            group: paces[pace].group,
            // A cluster has a handful; past 255 the last one stands for all.
            pace: u8::try_from(pace).unwrap_or(u8::MAX),
            place: u16::try_from(rows.len()).unwrap_or(u16::MAX),
            waiting_pods: node.waiting_step_pods,
            expected_pods: cluster.expected().on(id),
            ..Row::default()
        });
    }
    discount_own(decision, question);
}

/// The number of the group of a platform, a new one where there is none.
fn group_of(wanted: &mut Vec<Wanted>, platform: Option<PlatformId>) -> u8 {
    let group = wanted.iter().position(|wanted| wanted.platform == platform);
    let group = group.unwrap_or_else(|| {
        wanted.push(Wanted { platform, smallest: Bytes(u64::MAX), ..Wanted::default() });
        wanted.len() - 1
    });
    // A cluster has a handful of platforms; past 255 the last one stands for all.
    u8::try_from(group).unwrap_or(u8::MAX)
}

/// A pod that is decided about again is not in its own way.
fn discount_own(decision: &mut Decision, question: &Question<'_>) {
    let (nodes, share) = question.cluster.expected().of(&question.pod.uid);
    for &id in nodes {
        let (word, bit) = place(id);
        if decision.scratch.candidates[word] & bit != 0 {
            let row = decision.scratch.row_of[id.index()] as usize;
            decision.rows[row].expected_pods.0 =
                decision.rows[row].expected_pods.0.saturating_sub(share.0);
        }
    }
}

/// Puts the charged bytes into the rows.
fn collect_charges(decision: &mut Decision) {
    for row in &mut decision.rows {
        row.missing = decision.scratch.missing[row.node.index()];
    }
}

/// Works out every candidate's delay, which home and price both go by.
fn note_delays(decision: &mut Decision) {
    let mut delays = std::mem::take(&mut decision.scratch.delays);
    delays.clear();
    delays.extend(decision.rows.iter().map(|row| decision.delay(row)));
    decision.scratch.delays = delays;
}

/// Turns seconds into raw points; gives the lowest and the highest. A candidate that the cluster does not
/// know is as good as a cold, idle one, and has 0.
fn price(decision: &mut Decision, question: &Question<'_>) -> (i8, i8) {
    note_delays(decision);
    let meeting = home::choose(decision, question);
    decision.terms.ready_within = meeting.ready_within;
    if let Some(home) = meeting.home {
        decision.home = Some(decision.rows[home].node);
        decision.rows[home].reasons.add(Reasons::HOME);
    }
    lookahead::settle(decision, question);
    let scale = Scale::of(decision, question.policy);
    let unknown = decision.unknown_count > 0;
    let (mut lowest, mut highest) = if unknown { (0, 0) } else { (POINTS_MAX, -POINTS_MAX) };
    let mut rows = std::mem::take(&mut decision.rows);
    for (row, &delay) in rows.iter_mut().zip(&decision.scratch.delays) {
        let smallest = decision.wanted_of(row).smallest;
        if row.missing.0 > 0 && question.cluster.gist(row.node).list_cut_at > smallest {
            row.reasons.add(Reasons::LIST_CUT);
        }
        if row.kept.0 > 0 {
            row.reasons.add(Reasons::BLOBS_KEPT);
        }
        row.raw = if row.reasons.has(Reasons::NEVER_PULLED) {
            -POINTS_MAX
        } else {
            scale.points(decision.saved(row, delay))
        };
        (lowest, highest) = (lowest.min(row.raw), highest.max(row.raw));
    }
    decision.rows = rows;
    (lowest, highest)
}

/// Shifts raw points to what the answer carries: `max(0, raw - max(lowest, highest - 10))`. The
/// ranking stays, equal nodes vanish from the answer, and it fits 0 to 10.
fn give_points(decision: &mut Decision, lowest: i8, highest: i8) {
    let floor = lowest.max(highest - POINTS_MAX);
    let points = |raw: i8| u8::try_from(raw - floor).unwrap_or(0);
    decision.unknown_points = if decision.unknown_count > 0 { points(0) } else { 0 };
    if lowest == highest {
        return;
    }
    for row in &mut decision.rows {
        row.points = points(row.raw);
    }
}

/// The policy's rates as the cost formulas take them.
pub(crate) const fn rates(policy: &Policy) -> PullRates {
    PullRates { fetch: policy.fetch, unpack: policy.unpack }
}

/// How the policy's constants are corrected by what was observed.
pub(crate) const fn learn_rules(policy: &Policy) -> LearnRules {
    LearnRules {
        enabled: policy.learn.enabled,
        observations_min: policy.learn.observations_min,
        factor_max: policy.learn.factor_max,
    }
}

/// By what the policy's constants are corrected for such pulls: 1 where nothing was learned.
#[must_use]
pub fn learned_factor(policy: &Policy, knowledge: &Knowledge) -> f64 {
    learn_rules(policy).factor(rates(policy), knowledge).as_f64()
}

/// How long a pull should take without waiting, by what was known when it began.
#[must_use]
pub fn predicted(policy: &Policy, pull: &BegunPull) -> Nanos {
    let constants = rates(policy);
    let factor = learn_rules(policy).factor(constants, &pull.knowledge);
    constants.scaled(factor).duration_of(pull.bytes)
}

/// How long each of a node's pulls still takes by itself, counted from its `since`.
pub(crate) fn pull_times(takes: &mut Vec<Nanos>, policy: &Policy, cluster: &Cluster, node: &Node) {
    takes.clear();
    let (constants, rules, observed) = (rates(policy), learn_rules(policy), cluster.observed());
    takes.extend(node.pulls.iter().map(|pull| {
        if observed.is_empty() {
            return constants.duration_of_rest(pull.left, pull.bytes);
        }
        let name = pull.reference.map(|id| cluster.reference_text(id));
        let registry = name.and_then(|name| observed.registry_id(registry_of(name)));
        let knowledge = observed.knowledge(node.group, registry);
        let factor = rules.factor(constants, &knowledge);
        constants.scaled(factor).duration_of_rest(pull.left, pull.bytes)
    }));
}

/// How a node works through its pulls, by the policy and the node's labels.
pub(crate) fn queue_rules(policy: &Policy, node: &Node) -> QueueRules {
    QueueRules { order: policy.pull_order(&node.labels), later_share: policy.later_share }
}
