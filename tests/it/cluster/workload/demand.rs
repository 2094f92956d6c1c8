//! What a workload asks for, all of it from one seed: ten images on three bases, and which image each
//! step runs. Some images are wanted often, most seldom, as in any CI system.

use std::collections::BTreeSet;
use std::ops::Range;

use dunnage::sim::random::Random;

use crate::testbed::real::{ImageSpec, Layer};

const IMAGES: usize = 10;
/// Megabytes of the layers of each base, and of each of the one or two layers that an image adds: in
/// all some 450, of which links of 25 MB/s make waits of seconds.
const BASES: [&[usize]; 3] = [&[35, 20], &[30, 15, 10], &[40]];
const OWN_MEGABYTES: Range<u64> = 8..32;
const OWN_LAYERS_MAX: u64 = 2;

/// Images and steps.
pub struct Demand {
    /// The images of the steps, in the order of how often they are wanted.
    pub images: Vec<ImageSpec>,
    /// The image of each step, as an index, in the order of arrival.
    pub steps: Vec<usize>,
}

impl Demand {
    /// The workload of a seed, with so many steps.
    pub fn new(seed: u64, steps: usize) -> Self {
        let mut random = Random::new(seed, 0);
        let images: Vec<_> = (0..IMAGES).map(|index| image(seed, index, &mut random)).collect();
        let steps: Vec<usize> = (0..steps).map(|_| popular(&mut random)).collect();
        let used: BTreeSet<usize> = steps.iter().copied().collect();
        Self {
            images: used.iter().map(|image| images[*image].clone()).collect(),
            steps: steps.iter().map(|image| used.range(..image).count()).collect(),
        }
    }

    /// The least bytes that the cluster can receive: each layer that is used, once.
    pub fn least_bytes(&self) -> f64 {
        let used = self.steps.iter().flat_map(|step| &self.images[*step].layers);
        used.collect::<BTreeSet<_>>().into_iter().map(|layer| layer.bytes).sum::<usize>() as f64
    }
}

fn image(seed: u64, index: usize, random: &mut Random) -> ImageSpec {
    let base = random.index(BASES.len());
    let layer = |purpose: u64, megabytes: usize| Layer {
        seed: seed * 1_000_000 + purpose,
        bytes: megabytes * 1_000_000,
    };
    let mut layers: Vec<Layer> = BASES[base]
        .iter()
        .zip((base as u64 * 100)..)
        .map(|(megabytes, purpose)| layer(purpose, *megabytes))
        .collect();
    for own in 0..=random.below(OWN_LAYERS_MAX) {
        let span = OWN_MEGABYTES.end - OWN_MEGABYTES.start;
        let megabytes = usize::try_from(OWN_MEGABYTES.start + random.below(span)).unwrap_or(0);
        layers.push(layer(1_000 + index as u64 * 10 + own, megabytes));
    }
    ImageSpec::new(&format!("ci/image-{index}"), &layers)
}

/// An index by Zipf's law: the second is wanted half as often as the first, the third a third.
fn popular(random: &mut Random) -> usize {
    // A common multiple of 1 to 10, so that shares are whole numbers.
    const SHARE: u64 = 2520;
    let total: u64 = (1..=IMAGES as u64).map(|rank| SHARE / rank).sum();
    let mut left = random.below(total);
    for rank in 1..=IMAGES as u64 {
        if left < SHARE / rank {
            return usize::try_from(rank - 1).unwrap_or(0);
        }
        left -= SHARE / rank;
    }
    0
}
