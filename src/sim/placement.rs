//! Who decides where pods go, and what such a one is told.
//!
//! A [`Placement`] stands for the whole of a scheduler; kube-scheduler with somebody who gives points is
//! one, and that somebody an [`Extender`]. Both are told what an API server tells its watchers, and
//! nothing else: they never see the world itself. How late they hear of it is [`crate::sim::view`]'s.

use std::sync::Arc;

use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::{ImageNumber, ReferenceNumber};
use crate::sim::job::{Job, JobNumber};
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeNumber, VolumeNumber, ZoneNumber};

/// A pod: one attempt at a job, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodNumber {
    /// The job.
    pub job: JobNumber,
    /// How often it was tried before.
    pub attempt: u16,
}

/// A pod to place.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The pod.
    pub pod: PodNumber,
    /// What it is.
    pub job: &'a Job,
}

/// Decides where pods go.
pub trait Placement {
    /// Something became known to the scheduler at `at`: in the order in which it happened. Its own
    /// binding of a pod comes back as [`Change::Bound`], after [`Self::place`] and before the next pod.
    fn observe(&mut self, at: Nanos, change: &Change);

    /// A node with room for the pod; `None` if it finds none.
    fn place(&mut self, at: Nanos, asked: Asked<'_>) -> Option<NodeNumber>;
}

/// Gives points to kube-scheduler's candidates.
pub trait Extender {
    /// Something became known to it at `at`, in the order in which it happened.
    fn observe(&mut self, at: Nanos, change: &Change);

    /// What a point adds to kube-scheduler's total: 10 for an extender of weight 1. Rivals that are plugins,
    /// or that come with a weight of their own, say theirs.
    fn units_per_point(&self) -> u64 {
        10
    }

    /// Puts one entry for each candidate into `points`, which is empty: 0 to 10 from whoever keeps to the
    /// API's range, which nobody checks; `None` for a node that is not in the answer.
    fn points(
        &mut self,
        at: Nanos,
        asked: Asked<'_>,
        candidates: &[NodeNumber],
        points: &mut Vec<Option<u64>>,
    );
}

/// Something that an API server tells its watchers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the pod and the node that it happened to")]
pub enum Change {
    /// A node is ready. Those of the setup are called as there, later ones by [`node_name`].
    ///
    /// [`node_name`]: crate::sim::setup::Setup::node_name
    NodeJoined { node: NodeNumber, zone: ZoneNumber, capacity: Resources, pods_max: u32 },
    /// A node is gone; its pods have ended before.
    NodeLeft { node: NodeNumber },
    /// The pod was bound.
    Bound { pod: PodNumber, node: NodeNumber },
    /// An image was pulled for a pod: the kubelet's event, with the time since its turn came.
    Pulled { node: NodeNumber, reference: ReferenceNumber, took: Nanos },
    /// All that it waited for has come and it runs.
    Started { pod: PodNumber, node: NodeNumber, images: Resolved },
    /// It ended, well or not, or was evicted: its room is free.
    Ended { pod: PodNumber, node: NodeNumber, images: Resolved },
    /// Its object was deleted, after it ended.
    Removed { pod: PodNumber, node: NodeNumber },
    /// The kubelet lists its images anew, the largest first, as many as it lists.
    Listed { node: NodeNumber, images: Arc<ImageList> },
    /// The node's agent tells all that is on it.
    Reported { node: NodeNumber, report: Arc<Report> },
}

/// What a pod's images, in its containers' order, turned out to be. `None`: what each reference first
/// meant, because none of them ever moves.
pub type Resolved = Option<Arc<[ImageNumber]>>;

/// Images on a node, each with the references that name it there. One without any is known by digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageList {
    /// Each image with the end of its references.
    images: Vec<(ImageNumber, usize)>,
    references: Vec<ReferenceNumber>,
}

impl ImageList {
    /// Adds an image.
    pub fn push(&mut self, image: ImageNumber, references: impl Iterator<Item = ReferenceNumber>) {
        self.references.extend(references);
        self.images.push((image, self.references.len()));
    }

    /// Each image with its references.
    pub fn iter(&self) -> impl Iterator<Item = (ImageNumber, &[ReferenceNumber])> {
        let mut start = 0;
        self.images.iter().map(move |&(image, end)| {
            let references = &self.references[start..end];
            start = end;
            (image, references)
        })
    }
}

/// What a node's agent tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// When it looked.
    pub observed_at: Nanos,
    /// All images that are there.
    pub images: ImageList,
    /// Their compressed blobs are there too.
    pub keeps_blobs: bool,
    /// Layers that are being downloaded: an image, the place of the layer in it, and the bytes still to
    /// come.
    pub pulls: Vec<(ImageNumber, usize, Bytes)>,
    /// Volumes that lie there.
    pub volumes: Vec<VolumeNumber>,
}

#[cfg(test)]
mod tests {
    use super::ImageList;
    use crate::sim::catalogue::{ImageNumber, ReferenceNumber};

    #[test]
    fn a_list_gives_each_image_its_own_references() {
        let mut list = ImageList::default();
        let references = [7, 8, 9].map(ReferenceNumber);
        list.push(ImageNumber(4), references[..2].iter().copied());
        list.push(ImageNumber(2), std::iter::empty());
        list.push(ImageNumber(3), references[2..].iter().copied());
        let read: Vec<_> = list.iter().collect();
        let expected = [
            (ImageNumber(4), &references[..2]),
            (ImageNumber(2), &[]),
            (ImageNumber(3), &references[2..]),
        ];
        assert_eq!(read, expected);
    }
}
