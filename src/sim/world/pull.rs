//! Pulls of a simulated node: what they move, how long they take, who is next.
//!
//! Runtimes reuse an unpacked layer only on the same parents and discard compressed blobs, so a pull
//! moves everything beyond the longest chain that lies there.

use crate::cost::pull::PullRates;
use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::ImageNumber;
use crate::sim::world::{Happening, NodeNumber, PodNumber, World};

impl World<'_> {
    /// Bytes of a pod's images, as they lie on a node: what a pull would not move.
    pub(super) fn present(&self, pod: PodNumber, node: NodeNumber) -> Bytes {
        let images = self.jobs[pod.0].images.iter();
        let present =
            images.map(|&image| self.catalogue.image(image).bytes - self.missing(image, node));
        present.fold(Bytes(0), |sum, bytes| sum + bytes)
    }

    fn missing(&self, image: ImageNumber, node: NodeNumber) -> Bytes {
        let missing = self.missing_layers(image, node).into_iter();
        missing.fold(Bytes(0), |sum, bytes| sum + bytes)
    }

    fn missing_layers(&self, image: ImageNumber, node: NodeNumber) -> Vec<Bytes> {
        let image = self.catalogue.image(image);
        let held = &self.nodes[node.0].chains;
        let depth = image.chains.iter().take_while(|chain| held[chain.0]).count();
        image.bytes_beyond(depth)
    }

    fn next_image(&self, node: NodeNumber) -> Option<(PodNumber, ImageNumber)> {
        let pod = *self.nodes[node.0].queue.front()?;
        let ready = self.pods[pod.0].images_ready;
        Some((pod, *self.jobs[pod.0].images.get(ready)?))
    }

    /// Begins the pull that the first pod in line waits for.
    pub(super) fn begin_pull(&mut self, node: NodeNumber) {
        if let Some((_, image)) = self.next_image(node) {
            let takes = pull_time(&self.missing_layers(image, node), self.hardware.rates);
            self.foresee(takes, Happening::Pulled(node));
        }
    }

    /// The first in line has its image.
    pub(super) fn pulled(&mut self, node: NodeNumber) {
        let Some((pod, image)) = self.next_image(node) else {
            return;
        };
        self.moved += self.missing(image, node);
        let on_node = &mut self.nodes[node.0];
        for chain in &self.catalogue.image(image).chains {
            on_node.chains[chain.0] = true;
        }
        on_node.images[image.0] = true;
        on_node.queue.pop_front();
        self.pods[pod.0].images_ready += 1;
        self.expect_list(node);
        self.begin_pull(node);
        self.want_next(pod, node);
    }
}

/// How long these layers take, base first: fetched one after the other, each unpacked as soon as it has
/// come and the one below is unpacked.
///
/// At 100 MB/s for both, 100 MB and 200 MB take 5 s: fetched at 1 and 3, unpacked at 2 and 5.
#[must_use]
pub fn pull_time(layers: &[Bytes], rates: PullRates) -> Nanos {
    let (_, unpacked) = layers.iter().fold((Nanos(0), Nanos(0)), |(fetched, unpacked), &bytes| {
        let fetched = fetched + rates.fetch.duration_of(bytes);
        (fetched, fetched.max(unpacked) + rates.unpack.duration_of(bytes))
    });
    unpacked
}
