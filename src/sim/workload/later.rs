//! What later steps of a run want, where pods name it (`dunnage.dev/next-images`).
//!
//! Modelling choice: a pod names the images of all steps that wait for it, directly or not, each once and in
//! the order of the run, but for its own.

use std::ops::Range;

use crate::model::run::NEXT_IMAGES_MAX;
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::workload::draft::{Draft, DraftNumber};

/// Enters it for the pods of one run, which are at these places.
pub fn name_images(pods: &mut [Draft], run: Range<usize>) {
    for first in run.clone() {
        pods[first].next = images_after(pods, first, run.end);
    }
}

fn images_after(pods: &[Draft], first: usize, end: usize) -> Vec<ReferenceNumber> {
    let mut waiting = vec![DraftNumber(first)];
    let mut images = Vec::new();
    for (place, pod) in pods.iter().enumerate().take(end).skip(first + 1) {
        if !pod.after.iter().any(|before| waiting.contains(before)) {
            continue;
        }
        waiting.push(DraftNumber(place));
        for image in &pod.images {
            if !images.contains(image) && !pods[first].images.contains(image) {
                images.push(*image);
            }
        }
    }
    images.truncate(NEXT_IMAGES_MAX);
    images
}

#[cfg(test)]
mod tests {
    use super::name_images;
    use crate::sim::catalogue::ReferenceNumber;
    use crate::sim::workload::draft::{Draft, DraftNumber};

    fn pod(image: u32, after: &[usize]) -> Draft {
        let after = after.iter().copied().map(DraftNumber).collect();
        Draft { images: vec![ReferenceNumber(image)], after, ..Draft::default() }
    }

    #[test]
    fn a_pod_names_what_waits_for_it_once_and_not_what_runs_beside_it() {
        // The first is of an earlier run, for which one of this waits, too.
        let mut pods = vec![
            pod(9, &[]),
            pod(1, &[0]),
            pod(2, &[1]),
            pod(3, &[]),
            pod(1, &[2, 3]),
            pod(4, &[4]),
            pod(4, &[2]),
        ];
        name_images(&mut pods, 1..7);
        let named: Vec<Vec<u32>> =
            pods.iter().map(|pod| pod.next.iter().map(|image| image.0).collect()).collect();
        let expected: [&[u32]; 7] = [&[], &[2, 4], &[1, 4], &[1, 4], &[4], &[], &[]];
        assert_eq!(named, expected);
    }
}
