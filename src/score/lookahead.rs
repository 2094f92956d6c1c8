//! What a candidate gains because layers are there that later steps of the pod's run want.
//!
//! Where the first step goes the others mostly follow, to what it leaves: so of nodes that suit it the one
//! is better where the rest is warm too. Later steps are those that the pod's annotation names, else all
//! pods of the run that are not bound yet: in which order they come is not told, so none is discounted twice.
//! Counted is what they do not have to fetch and unpack here, beyond what the pod itself brings,
//! layers that several of them share once; what is only on its way counts as missing.
//!
//! It is a small addition. A share of those seconds counts, on nodes with room, and only where the pod itself
//! is ready hardly later than on the soonest of them: so that its own cost decides.

use crate::model::cluster::pending::ComingImage;
use crate::model::pod::PodImage;
use crate::model::reference::Reference;
use crate::model::run::NEXT_IMAGES_MAX;
use crate::model::unit::Nanos;
use crate::score::Question;
use crate::score::charge;
use crate::score::decision::later::{Later, LaterTold};
use crate::score::decision::volume::{VolumeReasons, VolumeRow};
use crate::score::decision::{Decision, Reasons, Row, Wanted};
use crate::score::need;
use crate::score::scratch::Charge;

/// What later steps of the pod's run want; nothing where lookahead is switched off.
pub(super) fn find(question: &Question<'_>) -> Later {
    let (pod, cluster) = (question.pod, question.cluster);
    if question.policy.run.lookahead.share.0 == 0 {
        return Later::default();
    }
    if let Some(named) = &pod.run.next_images {
        let images = named.iter().take(NEXT_IMAGES_MAX).cloned().collect();
        return Later { told: LaterTold::Annotation, images, ..Later::default() };
    }
    let run = pod.run.run.as_ref().filter(|_| !cluster.has_no_pending_pod());
    let Some(run) = run.and_then(|run| cluster.run(&pod.namespace, run)) else {
        return Later::default();
    };
    let own = pod.images.iter().filter_map(|image| Reference::parse(&image.reference));
    let own: Vec<Reference> = own.collect();
    // The pod is mostly pending itself, and in a wide step so are hundreds that want the same.
    let is_other = |(coming, _): &(&ComingImage, &u32)| {
        own.iter().all(|reference| reference.as_str() != &*coming.name)
    };
    // Of more, the first by name: an order that chance has no part in.
    let others = run.coming.iter().filter(is_other).take(NEXT_IMAGES_MAX);
    let (images, pods): (Vec<_>, Vec<_>) = others.map(|(image, pods)| (wish(image), *pods)).unzip();
    let told = if images.is_empty() { LaterTold::Nobody } else { LaterTold::PendingPods };
    Later { told, images, pods, wanted: Vec::new() }
}

fn wish(coming: &ComingImage) -> PodImage {
    let (reference, pull_policy) = (coming.name.to_string(), coming.pull_policy);
    PodImage { reference, pull_policy, ..PodImage::default() }
}

/// Finds what is worth how much on the candidates of a group. Must follow the group's own charge, whose needs
/// and whose bitmaps it goes on from, and leaves rows and needs as they were.
pub(super) fn charge_group(decision: &mut Decision, question: &Question<'_>, group: usize) {
    if decision.later.images.is_empty() {
        return;
    }
    let own = decision.needs.len();
    let platform = decision.wanted[group].platform;
    let mut wanted = Wanted { platform, ..Wanted::default() };
    let mut needs = std::mem::take(&mut decision.needs);
    let images = &decision.later.images;
    need::add(&mut needs, &mut wanted, images, question.cluster, question.policy);
    if wanted.bytes.0 > 0 {
        let smallest = decision.wanted[group].smallest;
        keep_charges(decision);
        charge::charge_beyond(decision, question, group, &needs, own);
        decision.wanted[group].smallest = smallest;
        wanted.cold = take_worth(decision, question, group, &wanted);
    }
    needs.truncate(own);
    decision.needs = needs;
    decision.later.wanted.push(wanted);
}

/// Notes what each candidate was charged so far.
fn keep_charges(decision: &mut Decision) {
    let Decision { scratch, rows, .. } = decision;
    let charge = |row: &Row| Charge {
        missing: scratch.missing[row.node.index()],
        kept: row.kept,
        reasons: row.reasons,
    };
    scratch.charges.clear();
    scratch.charges.extend(rows.iter().map(charge));
}

/// Takes what was charged since out of the group's rows, and enters what is not missing there at its worth.
/// Gives the seconds of all of it on the fastest cold node.
fn take_worth(
    decision: &mut Decision,
    question: &Question<'_>,
    group: usize,
    wanted: &Wanted,
) -> Nanos {
    let share = question.policy.run.lookahead.share;
    let paces = &decision.paces;
    let of_group = paces.iter().filter(|pace| usize::from(pace.group) == group);
    let cold = of_group.map(|pace| pace.rates.duration_of(wanted.bytes)).min();
    decision.volume_rows.resize(decision.rows.len(), VolumeRow::default());
    let rows = decision.rows.iter_mut().zip(&mut decision.volume_rows);
    for ((row, volumes), own) in rows.zip(&decision.scratch.charges) {
        if usize::from(row.group) != group {
            continue;
        }
        let charged = &mut decision.scratch.missing[row.node.index()];
        let (missing, kept) = (*charged - own.missing, row.kept - own.kept);
        (*charged, row.kept, row.reasons) = (own.missing, own.kept, own.reasons);
        let rates = paces[usize::from(row.pace)].rates;
        let lacking = rates.duration_of(missing) + rates.unpack.duration_of(kept);
        volumes.lookahead = share.of(rates.duration_of(wanted.bytes) - lacking);
    }
    cold.unwrap_or_default()
}

/// Leaves the credit to nodes with room where the pod itself is ready soon enough. Delays must be known.
pub(super) fn settle(decision: &mut Decision, question: &Question<'_>) {
    if decision.later.wanted.is_empty() || decision.volume_rows.is_empty() {
        return;
    }
    let run = &question.policy.run;
    let full = u64::from(run.waiting_pods_max);
    let has_room = |row: &Row| row.pods_before() < full && !row.reasons.has(Reasons::NEVER_PULLED);
    let delays = decision.rows.iter().zip(&decision.scratch.delays);
    let soonest = delays.filter(|(row, _)| has_room(row)).map(|(_, &delay)| delay).min();
    let rows = decision.rows.iter().zip(&mut decision.volume_rows);
    for ((row, volumes), &delay) in rows.zip(&decision.scratch.delays) {
        let own_cold = decision.wanted[usize::from(row.group)].cold;
        let within = soonest.map_or(Nanos(0), |soonest| soonest + run.lookahead.slack(own_cold));
        if !has_room(row) || delay > within {
            volumes.lookahead = Nanos(0);
        } else if volumes.lookahead.0 > 0 {
            volumes.reasons.add(VolumeReasons::LATER_HERE);
        }
    }
}

/// Whether it makes a difference between candidates.
pub(super) fn tells_apart(decision: &Decision) -> bool {
    let differ = |pair: &[VolumeRow]| pair[0].lookahead != pair[1].lookahead;
    !decision.later.wanted.is_empty() && decision.volume_rows.windows(2).any(differ)
}
