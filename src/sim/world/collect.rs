//! Garbage collection of image disks, as kubelets do it.
//!
//! At every interval a kubelet notes which images it has and which of them containers use. If the disk is
//! fuller than the high threshold, it removes images that nothing uses, the longest unused first and of
//! these the one first seen, none younger than the minimum age, until the sizes that the runtime tells of
//! them (the compressed ones, under containerd) reach what is over the low threshold. Source:
//! `pkg/kubelet/images/image_gc_manager.go`, 1.37. Here it also does so when a pull finds no room, for as
//! much as the pull needs: in life the eviction manager would, and remove every image that is not in use.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::catalogue::ImageNumber;
use crate::sim::setup::NodeNumber;
use crate::sim::world::World;
use crate::sim::world::agenda::Happening;
use crate::sim::world::node::Presence;
use crate::sim::world::store::{HeldImage, Store};
use crate::sim::world::tell::{Purpose, tick_after};

impl World<'_> {
    /// Foresees the kubelet's next look at the disk: on an idle node there is nothing to see.
    pub(super) fn collect_again(&mut self, node: NodeNumber) {
        let on_node = &mut self.nodes[node.0 as usize];
        let Some(disk) = on_node.store.disk.filter(|_| !on_node.collects) else { return };
        on_node.collects = true;
        let at = tick_after(self.now, node, Purpose::Collect, disk.interval);
        self.agenda.foresee(at, Happening::Collected(node));
    }

    /// The kubelet looks at its disk.
    pub(super) fn collect(&mut self, node: NodeNumber) {
        let on_node = &mut self.nodes[node.0 as usize];
        on_node.collects = false;
        if on_node.presence != Presence::Here {
            return;
        }
        let is_idle = on_node.store.detect(self.now);
        let excess = on_node.store.excess();
        if let Some(excess) = excess {
            self.free(node, excess, None);
        }
        if !is_idle || excess.is_some() {
            self.collect_again(node);
        }
    }

    /// Makes room for a pull of an image that needs so much; whether there is room then.
    pub(super) fn make_room(
        &mut self,
        node: NodeNumber,
        needed: Bytes,
        image: ImageNumber,
    ) -> bool {
        let store = &mut self.nodes[node.0 as usize].store;
        if needed.0 > 0 && needed > store.free() {
            store.detect(self.now);
        }
        loop {
            let free = self.nodes[node.0 as usize].store.free();
            if needed.0 == 0 || needed <= free {
                return true;
            }
            if !self.free(node, needed - free, Some(image)) {
                return false;
            }
        }
    }

    /// Removes images until those removed are told to be so large together; whether any was. Layers of
    /// images that are being pulled stay, and those of `wanted`.
    fn free(&mut self, node: NodeNumber, amount: Bytes, wanted: Option<ImageNumber>) -> bool {
        let catalogue = &self.setup.catalogue;
        let on_node = &mut self.nodes[node.0 as usize];
        let mut gone = Vec::new();
        let mut freed = Bytes(0);
        for image in on_node.store.eviction_order(self.now) {
            if freed >= amount {
                break;
            }
            freed += catalogue.image(image).bytes;
            gone.push(image);
        }
        if gone.is_empty() {
            return false;
        }
        let pulls = &self.pulls;
        let pulled = on_node.pulling.iter().filter_map(|&pull| pulls[pull].image);
        let pulled: Vec<_> = pulled.chain(wanted).collect();
        let (peers, evicted) = (&mut self.peers, &mut self.record.run.evicted);
        on_node.store.drop_images(catalogue, &gone, &pulled, |chain| {
            *evicted += catalogue.chain_bytes(chain);
            if let Some(peers) = peers {
                peers[chain.0].clear(node.0 as usize);
            }
        });
        self.note_images(node);
        true
    }
}

impl Store {
    /// Notes what is there and in use; whether nothing is.
    fn detect(&mut self, now: Nanos) -> bool {
        let mut is_idle = true;
        for held in &mut self.images {
            held.detected_at.get_or_insert(now);
            if held.users > 0 {
                held.used_at = Some(now);
                is_idle = false;
            }
        }
        is_idle
    }

    /// Bytes over the low threshold, if the disk is over the high one.
    fn excess(&self) -> Option<Bytes> {
        let disk = self.disk.filter(|disk| disk.bytes.0 > 0)?;
        let (size, free) = (u128::from(disk.bytes.0), u128::from(self.free().0));
        let used_percent = 100 - free * 100 / size;
        if used_percent < u128::from(disk.high_percent) {
            return None;
        }
        let kept_free = size * 100_u128.saturating_sub(u128::from(disk.low_percent)) / 100;
        Some(Bytes(u64::try_from(kept_free.saturating_sub(free)).unwrap_or(u64::MAX)))
    }

    /// Images that may be removed, the first to go first.
    fn eviction_order(&self, now: Nanos) -> Vec<ImageNumber> {
        let age_min = self.disk.map_or(Nanos(0), |disk| disk.age_min);
        let is_old = |held: &&HeldImage| {
            held.users == 0 && held.detected_at.is_some_and(|at| now - at >= age_min)
        };
        let mut order: Vec<_> = self.images.iter().filter(is_old).collect();
        order.sort_by_key(|held| (held.used_at, held.detected_at));
        order.into_iter().map(|held| held.image).collect()
    }
}
