//! Places that are used again, each use told apart from the ones before: so that what was foreseen of a pod
//! that is gone does not happen to the next one.

/// A use of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    index: u32,
    generation: u32,
}

/// The places. What was in one stays until it is used again, so that its buffers are too.
#[derive(Debug, Default)]
pub(super) struct Slab<T> {
    places: Vec<(u32, T)>,
    free: Vec<u32>,
}

impl<T: Default> Slab<T> {
    /// A place; what is in it is of an earlier use.
    pub(super) fn acquire(&mut self) -> Slot {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push((0, T::default()));
            // A place is some 100 bytes: memory ends before the numbers do.
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        Slot { index, generation: self.places[index as usize].0 }
    }

    /// Gives a place back. Its slot is not alive any more.
    pub(super) fn release(&mut self, slot: Slot) {
        debug_assert!(self.is_alive(slot), "released once");
        let generation = &mut self.places[slot.index as usize].0;
        *generation = generation.wrapping_add(1);
        self.free.push(slot.index);
    }

    /// Whether the place is still used as it was.
    pub(super) fn is_alive(&self, slot: Slot) -> bool {
        self.places[slot.index as usize].0 == slot.generation
    }
}

impl<T> std::ops::Index<Slot> for Slab<T> {
    type Output = T;
    fn index(&self, slot: Slot) -> &T {
        debug_assert_eq!(self.places[slot.index as usize].0, slot.generation, "alive");
        &self.places[slot.index as usize].1
    }
}

impl<T> std::ops::IndexMut<Slot> for Slab<T> {
    fn index_mut(&mut self, slot: Slot) -> &mut T {
        debug_assert_eq!(self.places[slot.index as usize].0, slot.generation, "alive");
        &mut self.places[slot.index as usize].1
    }
}

#[cfg(test)]
mod tests {
    use super::Slab;

    #[test]
    fn a_place_is_used_again_and_told_apart() {
        let mut slab = Slab::<u32>::default();
        let first = slab.acquire();
        slab[first] = 7;
        slab.release(first);
        let second = slab.acquire();
        assert!(slab.is_alive(second) && !slab.is_alive(first));
        assert_eq!(slab[second], 7, "its buffer is used again");
        assert_ne!(slab.acquire(), second);
    }
}
