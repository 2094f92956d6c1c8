//! What a pod needs on one platform: each of its images once, by layers where they are known.
//!
//! Decides what a reference stands for and how much of it earlier images of the same pod already
//! bring. Which nodes have it is `charge`'s and `arriving`'s.

use crate::model::cluster::image::Image;
use crate::model::cluster::{Cluster, DigestId, ImageId, PlatformId, stable_hash};
use crate::model::observed::{RegistryId, registry_of};
use crate::model::pod::{PodImage, PullPolicy};
use crate::model::reference::Reference;
use crate::model::resolve::NameIds;
use crate::model::unit::Bytes;
use crate::policy::{Granularity, Policy};
use crate::score::decision::{Verdict, Wanted};

/// One image to be had.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) name: NameIds,
    pub(super) pull_policy: PullPolicy,
    pub(super) cargo: Cargo,
    /// What it adds to the pod's bytes, and where those come from if anything was pulled from there.
    pub(super) bytes: Bytes,
    pub(super) registry: Option<RegistryId>,
}

/// What the image consists of.
#[derive(Clone, Debug)]
pub(super) enum Cargo {
    /// Layers.
    Layers(ImageId),
    /// Something of a size. Nodes with the newest digest have it too, under whatever name. `first` is
    /// the number of the pod's first need for the same thing: this one's own, if it is new.
    Whole { bytes: Bytes, digest: Option<DigestId>, first: usize },
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
    add(needs, wanted, images, cluster, policy);
}

/// Adds more images to `needs`, and to `wanted` what they add to those before them.
pub(super) fn add(
    needs: &mut Vec<Need>,
    wanted: &mut Wanted,
    images: &[PodImage],
    cluster: &Cluster,
    policy: &Policy,
) {
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
        let shared = needs.iter().map(|earlier| earlier.cargo.shared_with(&cargo, cluster));
        let shared = shared.max().unwrap_or(0);
        let (bytes, key) = weigh(&cargo, shared, &reference, cluster);
        wanted.bytes += bytes;
        if bytes.0 > 0 && heaviest.is_none_or(|heaviest| bytes > heaviest) {
            heaviest = Some(bytes);
            wanted.home_key = key;
        }
        wanted.verdicts.push(verdict);
        let registry = match cluster.observed().is_empty() {
            true => None,
            false => cluster.observed().registry_id(registry_of(reference.as_str())),
        };
        needs.push(Need { name, pull_policy: image.pull_policy, cargo, bytes, registry });
    }
}

fn cargo_of(
    name: NameIds,
    platform: Option<PlatformId>,
    earlier: &[Need],
    cluster: &Cluster,
    policy: &Policy,
) -> (Cargo, Verdict) {
    let image = cluster.current_image(name, platform);
    if let (Some(image), Granularity::Layers) = (image, policy.granularity) {
        return (Cargo::Layers(image), Verdict::Layers(image));
    }
    let image = image.map(|id| cluster.image(id));
    let record = cluster.newest_record(name, platform).map(|id| cluster.record(id));
    if image.is_none() && record.is_none() {
        return (Cargo::Unknown, Verdict::Unknown);
    }
    let digests = image.map(|image| &image.digests).or(record.map(|record| &record.digests));
    let digest = name.digest.or_else(|| digests?.first().copied());
    let same = |need: &Need| match need.cargo {
        Cargo::Whole { digest: other, .. } if digest.is_some() => other == digest,
        Cargo::Whole { .. } => need.name == name,
        _ => false,
    };
    let first = earlier.iter().position(same).unwrap_or(earlier.len());
    let whole = |bytes| Cargo::Whole { bytes, digest, first };
    let bytes = image.map_or_else(|| cluster.reported_size(name, platform), Image::total_bytes);
    match bytes {
        Bytes(0) => {
            let bytes = policy.unsized_image_bytes;
            (whole(bytes), Verdict::Unsized(bytes))
        }
        bytes => (whole(bytes), Verdict::Whole(bytes)),
    }
}

impl Cargo {
    /// How many layers from the base up two images have in common; something without known layers
    /// counts as one.
    pub(super) fn shared_with(&self, other: &Cargo, cluster: &Cluster) -> usize {
        match (self, other) {
            (Cargo::Layers(a), Cargo::Layers(b)) => {
                cluster.image(*a).common_depth(cluster.image(*b))
            }
            (Cargo::Whole { first: a, .. }, Cargo::Whole { first: b, .. }) => usize::from(a == b),
            _ => 0,
        }
    }
}

/// Bytes that the cargo adds to a pod that has `shared` of its layers already, and the key that its
/// home is found by.
fn weigh(cargo: &Cargo, shared: usize, reference: &Reference, cluster: &Cluster) -> (Bytes, u64) {
    match *cargo {
        Cargo::Layers(image) => {
            let image = cluster.image(image);
            (image.bytes_beyond[shared], image.home_key)
        }
        Cargo::Whole { .. } if shared > 0 => (Bytes(0), 0),
        Cargo::Whole { bytes, .. } => (bytes, stable_hash(reference.as_str())),
        Cargo::Unknown => (Bytes(0), 0),
    }
}
