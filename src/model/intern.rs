//! Dense ids for keys, counted: an id lives while somebody holds it, then its number is used again.
//!
//! The map has a fixed seed and is never iterated, so no order of it can reach an answer. Ids are
//! plain `u32`; [`crate::model::cluster`] wraps them in types of their own.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::FixedState;

/// A two-way table of keys and dense ids, with a count of holders for each.
#[derive(Debug)]
pub struct Interner<K> {
    ids: HashMap<K, u32, FixedState>,
    slots: Vec<Slot<K>>,
    vacant: Vec<u32>,
}

#[derive(Debug)]
struct Slot<K> {
    key: Option<K>,
    holders: u32,
}

impl<K> Default for Interner<K> {
    fn default() -> Self {
        Self { ids: HashMap::default(), slots: Vec::new(), vacant: Vec::new() }
    }
}

impl<K: Hash + Eq + Clone> Interner<K> {
    /// The id of `key` with one holder more; a new one if nobody held the key.
    ///
    /// # Panics
    /// After 2^32 ids are held at once, which is past any memory.
    pub fn acquire(&mut self, key: K) -> u32 {
        if let Some(id) = self.acquire_known(&key) {
            return id;
        }
        let slot = Slot { key: Some(key.clone()), holders: 1 };
        let id = if let Some(id) = self.vacant.pop() {
            self.slots[id as usize] = slot;
            id
        } else {
            self.slots.push(slot);
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 ids")
        };
        self.ids.insert(key, id);
        id
    }

    /// The id of a key that somebody holds, with one holder more; `None` if nobody does. Needs no key of its
    /// own.
    pub fn acquire_known<Q>(&mut self, key: &Q) -> Option<u32>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let id = self.get(key)?;
        self.acquire_again(id);
        Some(id)
    }

    /// One holder more of an id that somebody holds.
    pub fn acquire_again(&mut self, id: u32) {
        let slot = &mut self.slots[id as usize];
        debug_assert!(slot.holders > 0, "nobody holds the id");
        slot.holders += 1;
    }

    /// One holder less; true if that was the last, and the id now free.
    pub fn release(&mut self, id: u32) -> bool {
        let slot = &mut self.slots[id as usize];
        debug_assert!(slot.holders > 0, "released more often than acquired");
        slot.holders -= 1;
        if slot.holders > 0 {
            return false;
        }
        if let Some(key) = slot.key.take() {
            self.ids.remove(&key);
        }
        self.vacant.push(id);
        true
    }

    /// The id of `key`, if somebody holds it.
    pub fn get<Q>(&self, key: &Q) -> Option<u32>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.ids.get(key).copied()
    }

    /// The key of a held id; `None` for a free one.
    #[must_use]
    pub fn key(&self, id: u32) -> Option<&K> {
        self.slots.get(id as usize)?.key.as_ref()
    }

    /// The number of held ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether no id is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Interner;

    #[test]
    fn an_id_lives_until_its_last_holder_is_gone_and_is_then_used_again() {
        let mut interner = Interner::<&str>::default();
        let a = interner.acquire("a");
        assert_eq!(interner.acquire("a"), a);
        assert!(!interner.release(a));
        assert_eq!(interner.get("a"), Some(a));
        assert!(interner.release(a));
        assert_eq!(interner.get("a"), None);
        assert_eq!(interner.acquire("b"), a);
        assert_eq!(interner.key(a), Some(&"b"));
    }
}
