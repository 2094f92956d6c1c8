//! Pulls that no pod of the node asked for, as its agent sees them: by hand, ahead of time, or for a pod
//! that is gone. They bring layers all the same.
//!
//! Decides which images those are: ones that are on the node in part, while a layer that they lack is being
//! downloaded and no waiting pod explains that. An agent tells of downloads alone, so an image whose pull
//! has broken off is taken for one that is pulled while another brings a layer of it. Pulls that pods cause
//! are `pulls`'.

use crate::model::cluster::node::{Held, Node, Pull};
use crate::model::cluster::{Cluster, ImageId, NodeId};
use crate::model::unit::Time;

impl Cluster {
    /// Adds what the node's agent saw being downloaded beyond `pulls`.
    pub(super) fn add_unasked_pulls(&self, node: NodeId, pulls: &mut Vec<Pull>, now: Time) {
        let inventory = self.node(node).inventory.as_ref();
        let Some(inventory) = inventory.filter(|inventory| now < inventory.pulls_until) else {
            return;
        };
        let brings =
            |pull: &Pull, blob| pull.image.is_some_and(|id| self.image(id).blobs.contains(blob));
        let seen = inventory.pulls.iter().map(|(blob, _)| blob);
        let open: Vec<u64> =
            seen.filter(|blob| !pulls.iter().any(|pull| brings(pull, blob))).copied().collect();
        if open.is_empty() {
            return;
        }
        for id in self.images_in_part(self.node(node)) {
            let image = self.image(id);
            let lacked = &image.blobs[self.depth_on(node, image)..];
            if !lacked.iter().any(|blob| open.contains(blob)) {
                continue;
            }
            let (bytes, left) = self.bytes_of_layers(node, image, pulls);
            let since = inventory.observed_at;
            let image = Some(id);
            pulls.push(Pull { reference: None, image, bytes, left, next_in_line: false, since });
        }
    }

    /// Images of which the node's agent tells a part, in an order that ids have no say in.
    fn images_in_part(&self, node: &Node) -> Vec<ImageId> {
        let is_part = |held: &&Held| held.reported && self.record(held.record).unpacked.is_some();
        let records = node.held.iter().filter(is_part).map(|held| self.record(held.record));
        let mut images: Vec<ImageId> = records.filter_map(|record| record.image).collect();
        let name = |id: &ImageId| {
            self.image(*id).digests.first().map_or("", |&digest| self.digest_text(digest))
        };
        images.sort_by(|a, b| name(a).cmp(name(b)));
        images.dedup();
        images
    }
}
