//! What a pod needs on one platform: each of its images once, by layers where they are known.
//!
//! Decides what a reference stands for and how much of it earlier images of the same pod already
//! bring. Which nodes have it is `charge`'s and `arriving`'s.

use crate::model::cluster::{Cluster, DigestId, ImageId, PlatformId, stable_hash};
use crate::model::pod::{PodImage, PullPolicy};
use crate::model::reference::Reference;
use crate::model::resolve::NameIds;
use crate::model::unit::Bytes;
use crate::policy::Policy;
use crate::score::decision::{Verdict, Wanted};

/// One image to be had.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) name: NameIds,
    pub(super) pull_policy: PullPolicy,
    pub(super) cargo: Cargo,
}

/// What the image consists of.
#[derive(Clone, Debug)]
pub(super) enum Cargo {
    /// Layers, of which the first `overlap.1` are also those of need number `overlap.0`.
    Layers {
        image: ImageId,
        overlap: Option<(usize, usize)>,
    },
    /// Something of a size. Nodes with the newest digest have it too, under whatever name.
    Whole {
        bytes: Bytes,
        digest: Option<DigestId>,
    },
    /// Nobody knows. Only the pull policy `Never` can say something about a node.
    Unknown,
}

/// Fills `needs` and what `wanted` says of the pod as a whole; both are for `wanted.platform`.
pub(super) fn find(
    needs: &mut Vec<Need>,
    wanted: &mut Wanted,
    images: &[PodImage],
    cluster: &Cluster,
    policy: &Policy,
) {
    needs.clear();
    let mut heaviest = None;
    for image in images {
        let Some(reference) = Reference::parse(&image.reference) else {
            wanted.verdicts.push(Verdict::Unreadable);
            continue;
        };
        let name = cluster.name_ids(reference.as_str());
        let known = name != NameIds::default();
        let same = |need: &Need| need.name == name && need.pull_policy == image.pull_policy;
        if known && needs.iter().any(same) {
            wanted.verdicts.push(Verdict::Repeated);
            continue;
        }
        let (cargo, verdict) = cargo_of(name, wanted.platform, needs, cluster, policy);
        let (bytes, key) = weigh(&cargo, &reference, cluster);
        wanted.bytes += bytes;
        if bytes.0 > 0 && heaviest.is_none_or(|heaviest| bytes > heaviest) {
            heaviest = Some(bytes);
            wanted.home_key = key;
        }
        wanted.verdicts.push(verdict);
        needs.push(Need {
            name,
            pull_policy: image.pull_policy,
            cargo,
        });
    }
}

fn cargo_of(
    name: NameIds,
    platform: Option<PlatformId>,
    earlier: &[Need],
    cluster: &Cluster,
    policy: &Policy,
) -> (Cargo, Verdict) {
    if let Some(image) = cluster.current_image(name, platform) {
        let overlap = greatest_overlap(image, earlier, cluster);
        return (Cargo::Layers { image, overlap }, Verdict::Layers(image));
    }
    let Some(record) = cluster.newest_record(name, platform) else {
        return (Cargo::Unknown, Verdict::Unknown);
    };
    let digest = name
        .digest
        .or_else(|| cluster.record(record).digests.first().copied());
    match cluster.reported_size(name, platform) {
        Bytes(0) => {
            let bytes = policy.unsized_image_bytes;
            (Cargo::Whole { bytes, digest }, Verdict::Unsized(bytes))
        }
        bytes => (Cargo::Whole { bytes, digest }, Verdict::Whole(bytes)),
    }
}

/// The earlier need that shares most layers, and how many; `None` if none shares any.
fn greatest_overlap(image: ImageId, earlier: &[Need], cluster: &Cluster) -> Option<(usize, usize)> {
    let own = cluster.image(image);
    let shared = earlier
        .iter()
        .enumerate()
        .filter_map(|(at, need)| match need.cargo {
            Cargo::Layers { image, .. } => Some((at, cluster.image(image).common_depth(own))),
            _ => None,
        });
    shared
        .filter(|(_, depth)| *depth > 0)
        .max_by_key(|(_, depth)| *depth)
}

/// Bytes that the cargo adds to the pod, and the key that its home is found by.
fn weigh(cargo: &Cargo, reference: &Reference, cluster: &Cluster) -> (Bytes, u64) {
    match *cargo {
        Cargo::Layers { image, overlap } => {
            let image = cluster.image(image);
            (
                image.bytes_beyond[overlap.map_or(0, |(_, depth)| depth)],
                image.home_key,
            )
        }
        Cargo::Whole { bytes, .. } => (bytes, stable_hash(reference.as_str())),
        Cargo::Unknown => (Bytes(0), 0),
    }
}
