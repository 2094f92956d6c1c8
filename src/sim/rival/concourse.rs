//! Concourse's `volume-locality,fewest-build-containers`: the worker with most inputs, by count.
//!
//! Source: concourse/concourse, `atc/worker/placement.go`, master of August 2026: one for each input whose
//! volume a worker holds, one for the image (since 7.14), one for each task cache, whatever their sizes.
//! Ties go to the worker with fewest containers, then to chance, as its workers are shuffled first. Left
//! out: inputs from a cached `get` count nothing there since 2022, which volumes here do not tell, so they
//! count; so does each image of a pod with several.

use std::cmp::Reverse;

use crate::sim::random::Random;
use crate::sim::rival::{Distance, View, best};

/// The node with most inputs.
pub fn choose<V: View>(view: &V, random: &mut Random) -> Option<usize> {
    best(view.nodes(), random, |node| (inputs_present(view, node), Reverse(view.pods(node))))
}

/// How many of the pod's images and volumes lie on a node.
pub fn inputs_present(view: &impl View, node: usize) -> usize {
    let images = (0..view.images()).filter(|image| view.lists_image(node, *image));
    let is_here = |volume: &usize| view.nearest_copy(node, *volume) == Some(Distance::Node);
    images.count() + (0..view.volumes()).filter(is_here).count()
}
