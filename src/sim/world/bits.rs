//! A set of small numbers, one bit each: which chains lie on a node, which nodes hold a chain.

/// The set; numbers beyond its words are not in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(super) fn set(&mut self, number: usize) {
        if self.0.len() <= number / 64 {
            self.0.resize(number / 64 + 1, 0);
        }
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub(super) fn clear(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    /// Those in it, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                left &= left.checked_sub(1)?;
                Some(at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn what_was_set_and_not_cleared_is_in_it() {
        let mut bits = Bits::default();
        [3, 0, 200, 63, 64].into_iter().for_each(|number| bits.set(number));
        bits.clear(63);
        bits.clear(9999);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 3, 64, 200]);
        assert!(bits.has(200) && !bits.has(63) && !bits.has(100_000));
    }
}
