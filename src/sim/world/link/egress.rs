//! A registry that all nodes share: how much each of them gets.

use std::collections::BTreeMap;

use crate::sim::world::slab::Slot;

/// The link of the registry.
#[derive(Debug)]
pub(super) struct Egress {
    rate: u64,
    /// Links of the nodes that pull: how many there are of each rate.
    links: BTreeMap<u64, u64>,
    /// All flows from it.
    pub(super) flows: Vec<Slot>,
    /// What each node can have at most; `None` while the registry is no bottleneck.
    pub(super) level: Option<u64>,
    /// Counts changes: what was foreseen before does not happen.
    pub(super) prediction: u32,
}

impl Egress {
    pub(super) fn new(rate: u64) -> Self {
        let (links, flows) = (BTreeMap::new(), Vec::new());
        Self { rate, links, flows, level: None, prediction: 0 }
    }

    /// A flow begins; with the link of its node, if that pulled nothing else.
    pub(super) fn enter(&mut self, slot: Slot, link: Option<u64>) {
        self.flows.push(slot);
        if let Some(link) = link {
            *self.links.entry(link).or_insert(0) += 1;
        }
    }

    /// A flow ends; with the link of its node, if that pulls nothing else.
    pub(super) fn exit(&mut self, slot: Slot, link: Option<u64>) {
        if let Some(at) = self.flows.iter().position(|other| *other == slot) {
            self.flows.swap_remove(at);
        }
        let Some(link) = link else { return };
        if let Some(count) = self.links.get_mut(&link) {
            *count -= 1;
            if *count == 0 {
                self.links.remove(&link);
            }
        }
    }

    /// Works out the level anew: whether the registry was or is a bottleneck, so that all rates follow it.
    pub(super) fn share_again(&mut self) -> bool {
        let before = self.level;
        self.level = level(self.rate, &self.links);
        before.is_some() || self.level.is_some()
    }
}

/// What each of these links can have at most of `rate`, if it is not enough for all: slow links take less,
/// and what they leave is for the others.
fn level(rate: u64, links: &BTreeMap<u64, u64>) -> Option<u64> {
    let (mut left, mut nodes) = (rate, links.values().sum::<u64>());
    for (&link, &count) in links {
        let share = left / nodes;
        if link > share {
            return Some(share.max(1));
        }
        left -= link * count;
        nodes -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn slow_links_leave_their_share_to_the_others() {
        let links = |pairs: &[(u64, u64)]| pairs.iter().copied().collect();
        assert_eq!(level(100, &links(&[(10, 10)])), None);
        assert_eq!(level(100, &links(&[(10, 20)])), Some(5));
        // Ten take 1 each, and ten get 9 of the 90 that are left.
        assert_eq!(level(100, &links(&[(1, 10), (10, 10)])), Some(9));
        assert_eq!(level(100, &links(&[])), None);
        assert_eq!(level(3, &links(&[(10, 10)])), Some(1));
    }
}
