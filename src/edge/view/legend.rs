//! What the ids in decisions stand for, and what nodes take of the disks in them, copied from the cluster in
//! one short look.
//!
//! Decisions carry ids; words for them are in the tracker, whose lock every scheduling request waits for
//! while an event waits to be applied. So the words are copied first, and views are made without the lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::cluster::{Cluster, ImageId, NodeId, PlatformId};
use crate::model::unit::{Bytes, Time};
use crate::score::decision::{Decision, Verdict};

/// Words for the ids of some decisions.
#[derive(Debug, Default)]
pub struct Legend {
    /// By node id: one count of a shared name each, no text, 15,000 at most.
    nodes: Vec<(Arc<str>, Time)>,
    /// By platform id; a cluster has a handful.
    platforms: Vec<String>,
    /// Those that the decisions name.
    images: BTreeMap<ImageId, ImageLine>,
    /// By node and driver where a disk of the decisions is: to how many of the driver's disks the node can be
    /// attached, where that is limited.
    disks_max: BTreeMap<(String, String), u32>,
}

/// What is said of an image.
#[derive(Clone, Debug)]
pub(super) struct ImageLine {
    pub(super) bytes: Bytes,
    pub(super) layer_count: usize,
    pub(super) digest: Option<Arc<str>>,
}

impl Legend {
    /// Copies what the decisions name.
    pub fn of<'a>(
        decisions: impl Iterator<Item = &'a Decision> + Clone,
        cluster: &Cluster,
    ) -> Self {
        let mut images = BTreeMap::new();
        for id in decisions.clone().flat_map(images_of) {
            // An image can have been replaced since the decision was taken.
            if let Some(image) = cluster.images.get(id.index()).and_then(Option::as_ref) {
                images.entry(id).or_insert_with(|| ImageLine {
                    bytes: image.total_bytes(),
                    layer_count: image.chains.len(),
                    digest: image.digests.first().map(|&id| cluster.digest_name(id)),
                });
            }
        }
        Self {
            nodes: cluster.nodes.iter().map(|node| (node.name.clone(), node.added_at)).collect(),
            platforms: cluster.platforms.iter().map(ToString::to_string).collect(),
            images,
            disks_max: decisions.flat_map(|decision| disks_max(decision, cluster)).collect(),
        }
    }

    /// The name of a node at a time; ids are used again, so a newer node is not it.
    pub(super) fn node_name(&self, id: NodeId, at: Time) -> &str {
        match self.nodes.get(id.index()) {
            Some((name, added_at)) if !name.is_empty() && *added_at <= at => name,
            _ => "<removed>",
        }
    }

    pub(super) fn platform(&self, id: Option<PlatformId>) -> String {
        let text = id.and_then(|id| self.platforms.get(id.index()));
        text.map_or_else(|| "unknown".to_owned(), Clone::clone)
    }

    /// To how many of a driver's disks a node can be attached; `None` if that is not limited, or untold.
    pub(super) fn disks_max(&self, node: &str, driver: &str) -> Option<u32> {
        self.disks_max.get(&(node.to_owned(), driver.to_owned())).copied()
    }

    pub(super) fn image(&self, id: ImageId) -> Option<&ImageLine> {
        self.images.get(&id)
    }
}

fn images_of(decision: &Decision) -> impl Iterator<Item = ImageId> {
    let wanted = decision.wanted.iter().chain(&decision.later.wanted);
    let verdicts = wanted.flat_map(|wanted| &wanted.verdicts);
    verdicts.filter_map(|verdict| match verdict {
        Verdict::Layers(id) => Some(*id),
        _ => None,
    })
}

fn disks_max(
    decision: &Decision,
    cluster: &Cluster,
) -> impl Iterator<Item = ((String, String), u32)> {
    let places = decision.disks.iter().flat_map(|disk| {
        let driver = disk.driver.as_deref().into_iter();
        driver.flat_map(|driver| disk.places.iter().map(move |place| (&*place.node, driver)))
    });
    places.filter_map(|(node, driver)| {
        let most = cluster.storage().limit(node, driver)?;
        Some(((node.to_owned(), driver.to_owned()), most))
    })
}
