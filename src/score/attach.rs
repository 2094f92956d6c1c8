//! Charges candidates for the disks behind a pod's claims: attached here, elsewhere, in use elsewhere.
//!
//! Never charged: what many nodes can use at once, what is only mounted, and what the scheduler alone sees
//! to (zones, local directories, limits of nodes, claims of one pod).

use crate::cost::attach::{AttachTimes, Standing};
use crate::model::claim::{AttachState, Reach};
use crate::model::cluster::NodeId;
use crate::model::storage::{Disk, DiskKind, Place};
use crate::model::unit::Nanos;
use crate::policy::Policy;
use crate::score::Question;
use crate::score::decision::Decision;
use crate::score::decision::disk::{DiskPlace, DiskVerdict};
use crate::score::decision::volume::{VolumeReasons, VolumeRow};

/// Adds each disk's seconds to the rows of volumes; gives what a cold node pays, which has none of them.
pub(super) fn charge(decision: &mut Decision, question: &Question<'_>) -> Nanos {
    let mut cold = Nanos(0);
    let times = times(question.policy);
    for claim in &question.pod.claims {
        let (pod, cluster) = (question.pod, question.cluster);
        let disk = cluster.storage().disk(&pod.namespace, claim, &pod.uid);
        let apart = standing(&disk, None);
        let seconds = apart.map_or(Nanos(0), |apart| times.until_attached(apart));
        if apart.is_some() {
            let places = disk.places.iter();
            let known = places.filter_map(|place| {
                let node = cluster.node_id(place.node)?;
                Some((node, standing(&disk, Some(place))?))
            });
            let known: Vec<(NodeId, Standing)> = known.collect();
            for (row, volumes) in decision.rows.iter().zip(&mut decision.volume_rows) {
                let own = known.iter().find(|(node, _)| *node == row.node);
                add(volumes, own.map(|(_, standing)| *standing).or(apart), &times);
            }
        }
        cold = cold + seconds;
        decision.disks.push(verdict(claim, &disk, seconds));
    }
    cold
}

/// Whether disks make a difference between candidates.
pub(super) fn tells_apart(decision: &Decision) -> bool {
    let differ = |pair: &[VolumeRow]| pair[0].attach != pair[1].attach;
    !decision.disks.is_empty() && decision.volume_rows.windows(2).any(differ)
}

/// The policy's times as the cost formula takes them.
fn times(policy: &Policy) -> AttachTimes {
    let attach = policy.attach;
    AttachTimes { detach: attach.detach, attach: attach.attach, multi_attach: attach.multi_attach }
}

fn add(volumes: &mut VolumeRow, standing: Option<Standing>, times: &AttachTimes) {
    let Some(standing) = standing else { return };
    volumes.attach = volumes.attach + times.until_attached(standing);
    volumes.reasons.add(match standing {
        Standing::Here => VolumeReasons::DISK_HERE,
        Standing::Coming => VolumeReasons::DISK_COMING,
        Standing::Nowhere => VolumeReasons::DISK_NOWHERE,
        Standing::Elsewhere => VolumeReasons::DISK_ELSEWHERE,
        Standing::InUseElsewhere => VolumeReasons::DISK_IN_USE,
    });
}

/// How a disk stands seen from one of its places, or from any other node; `None` where nothing is charged.
///
/// What is being taken off a node has to come back to it as to any other.
fn standing(disk: &Disk<'_>, here: Option<&Place<'_>>) -> Option<Standing> {
    if !matches!(disk.kind, DiskKind::OneNode | DiskKind::OnePod) || is_pinned(disk.reach) {
        return None;
    }
    // Of a claim of one pod the scheduler knows whether that is possible.
    let blocks = |place: &Place<'_>| place.pods > 0 && disk.kind == DiskKind::OneNode;
    // A pod that waits for the disk waits for those that use it elsewhere, and so does one beside it.
    let in_use = |place: &Place<'_>| place.state == AttachState::Attached && blocks(place);
    match here.map(|place| place.state) {
        Some(AttachState::Attached) => return Some(Standing::Here),
        Some(AttachState::Attaching) if !disk.places.iter().any(in_use) => {
            return Some(Standing::Coming);
        }
        Some(AttachState::Attaching | AttachState::Detaching) | None => {}
    }
    Some(if disk.places.is_empty() {
        Standing::Nowhere
    } else if disk.places.iter().any(blocks) {
        Standing::InUseElsewhere
    } else {
        Standing::Elsewhere
    })
}

/// It can be used from one node, and the scheduler offers no other.
fn is_pinned(reach: &Reach) -> bool {
    matches!(reach, Reach::Nodes(nodes) if nodes.len() == 1)
}

fn verdict(claim: &str, disk: &Disk<'_>, seconds: Nanos) -> DiskVerdict {
    let place = |place: &Place<'_>| DiskPlace {
        node: place.node.to_owned(),
        state: place.state,
        pods: place.pods,
    };
    DiskVerdict {
        claim: claim.to_owned(),
        volume: disk.volume.map(str::to_owned),
        driver: disk.driver.map(str::to_owned),
        modes: disk.modes.to_vec(),
        reach: disk.reach.clone(),
        waits_for_pod: disk.waits_for_pod,
        kind: disk.kind,
        places: disk.places.iter().map(place).collect(),
        seconds,
    }
}
