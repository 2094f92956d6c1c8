//! A set of dense node ids: a sorted list while small, a bitmap once that is smaller.
//!
//! The hot question of a decision is "which of these nodes hold this layer", asked 64 nodes at a
//! time on the bitmap form. A cluster has far more layers on few nodes than on many, so the list
//! form keeps memory proportional to (node, layer) pairs: at 5,000 nodes a layer on 80 of them takes
//! 320 bytes instead of 625, one on two nodes takes 8.

use crate::model::cluster::NodeId;

/// Which nodes hold something.
#[derive(Clone, Debug)]
pub enum NodeSet {
    /// Sorted ids, no duplicates.
    List(Vec<u32>),
    /// One bit a node, and how many are set.
    Bitmap {
        /// Bit `id % 64` of word `id / 64`.
        words: Vec<u64>,
        /// The number of bits set.
        len: usize,
    },
}

/// Lists up to this length stay lists whatever the size of the cluster: 16 entries fill one cache line.
const LIST_LEN_MIN: usize = 16;
/// A list entry takes as many bits as this many nodes take in a bitmap.
const NODES_PER_ENTRY: usize = 32;

impl Default for NodeSet {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl NodeSet {
    /// Adds a node; true if it was not in the set.
    pub fn insert(&mut self, node: NodeId) -> bool {
        match self {
            Self::List(ids) => {
                let Err(at) = ids.binary_search(&node.0) else {
                    return false;
                };
                ids.insert(at, node.0);
                let span = ids.last().map_or(0, |&id| id as usize + 1);
                if ids.len() > LIST_LEN_MIN && ids.len() * NODES_PER_ENTRY > span {
                    *self = Self::bitmap_of(ids, span);
                }
                true
            }
            Self::Bitmap { words, len } => {
                let (word, bit) = place(node);
                if word >= words.len() {
                    words.resize(word + 1, 0);
                }
                let fresh = words[word] & bit == 0;
                words[word] |= bit;
                *len += usize::from(fresh);
                fresh
            }
        }
    }

    /// Takes a node out; true if it was in the set.
    pub fn remove(&mut self, node: NodeId) -> bool {
        match self {
            Self::List(ids) => match ids.binary_search(&node.0) {
                Ok(at) => {
                    ids.remove(at);
                    true
                }
                Err(_) => false,
            },
            Self::Bitmap { words, len } => {
                let (word, bit) = place(node);
                let held = words.get(word).is_some_and(|w| w & bit != 0);
                if held {
                    words[word] &= !bit;
                    *len -= 1;
                    // Half of the bound for growing, so that one node leaving and coming back
                    // does not convert the set each time.
                    if *len * NODES_PER_ENTRY * 2 < words.len() * 64 || *len <= LIST_LEN_MIN / 2 {
                        *self = Self::List(self.iter().map(|id| id.0).collect());
                    }
                }
                held
            }
        }
    }

    /// Whether the node is in the set.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        match self {
            Self::List(ids) => ids.binary_search(&node.0).is_ok(),
            Self::Bitmap { words, .. } => {
                let (word, bit) = place(node);
                words.get(word).is_some_and(|w| w & bit != 0)
            }
        }
    }

    /// The number of nodes in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::List(ids) => ids.len(),
            Self::Bitmap { len, .. } => *len,
        }
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the set's bits to `words`; nodes beyond its end are left out.
    pub fn add_to_words(&self, words: &mut [u64]) {
        match self {
            Self::List(ids) => {
                for &id in ids {
                    let (word, bit) = place(NodeId(id));
                    if let Some(w) = words.get_mut(word) {
                        *w |= bit;
                    }
                }
            }
            Self::Bitmap { words: own, .. } => {
                for (into, own) in words.iter_mut().zip(own) {
                    *into |= own;
                }
            }
        }
    }

    /// The nodes in ascending order of id.
    #[must_use]
    pub fn iter(&self) -> Box<dyn Iterator<Item = NodeId> + '_> {
        match self {
            Self::List(ids) => Box::new(ids.iter().map(|&id| NodeId(id))),
            Self::Bitmap { words, .. } => Box::new(
                words.iter().enumerate().flat_map(|(at, &word)| bits(at, word)).map(NodeId),
            ),
        }
    }

    fn bitmap_of(ids: &[u32], span: usize) -> Self {
        let mut words = vec![0; span.div_ceil(64)];
        for &id in ids {
            let (word, bit) = place(NodeId(id));
            words[word] |= bit;
        }
        Self::Bitmap { words, len: ids.len() }
    }
}

/// The word and the bit of a node in a bitmap.
#[must_use]
pub fn place(node: NodeId) -> (usize, u64) {
    (node.0 as usize / 64, 1 << (node.0 % 64))
}

/// The ids of the set bits of word number `at`, ascending.
#[expect(clippy::cast_possible_truncation, reason = "ids are u32, so word numbers fit")]
pub fn bits(at: usize, mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let bit = word.trailing_zeros();
        word &= word - 1;
        Some(at as u32 * 64 + bit)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::NodeSet;
    use crate::model::cluster::NodeId;

    proptest! {
        #[test]
        fn behaves_as_an_ordered_set_of_ids(
            steps in prop::collection::vec((any::<bool>(), 0u32..700), 0..600)
        ) {
            let mut set = NodeSet::default();
            let mut model = BTreeSet::new();
            for (insert, id) in steps {
                if insert {
                    prop_assert_eq!(set.insert(NodeId(id)), model.insert(id));
                } else {
                    prop_assert_eq!(set.remove(NodeId(id)), model.remove(&id));
                }
                prop_assert_eq!(set.len(), model.len());
                prop_assert_eq!(set.contains(NodeId(id)), model.contains(&id));
            }
            let ids: Vec<u32> = set.iter().map(|id| id.0).collect();
            prop_assert_eq!(ids, model.iter().copied().collect::<Vec<_>>());
            let mut words = vec![0u64; 11];
            set.add_to_words(&mut words);
            let ones: usize = words.iter().map(|w| w.count_ones() as usize).sum();
            prop_assert_eq!(ones, model.len());
        }
    }
}
