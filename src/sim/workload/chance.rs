//! Streams of chance by name: what one purpose draws never moves what another one draws.

use crate::sim::random::Random;

/// The stream of a purpose, as `builds/arrivals`, of a seed.
#[must_use]
pub fn stream(seed: u64, purpose: &str) -> Random {
    let number = |sum: u64, byte: u8| Random::new(sum, u64::from(byte)).draw();
    Random::new(seed, purpose.bytes().fold(0, number))
}

/// A rank below `len`, the first one likeliest: rank r with a weight of 1 / (r + 1), Zipf's law.
pub fn rank(random: &mut Random, len: usize) -> usize {
    let weight = |rank: usize| 1_000_000 / (rank as u64 + 1);
    let mut left = random.below((0..len).map(weight).sum());
    for rank in 0..len {
        match left.checked_sub(weight(rank)) {
            Some(rest) => left = rest,
            None => return rank,
        }
    }
    0
}

/// A size from `least` to `most`: each doubling is as likely as another, and within one each byte.
pub fn size(random: &mut Random, least: u64, most: u64) -> u64 {
    let doublings = (most / least.max(1)).max(1).ilog2();
    let from = least << random.below(u64::from(doublings) + 1);
    let until = from.saturating_mul(2).min(most);
    from + random.below(until - from + 1)
}

#[cfg(test)]
mod tests {
    use super::{rank, size, stream};

    #[test]
    fn purposes_and_seeds_have_streams_of_their_own() {
        let first = |seed, purpose| stream(seed, purpose).draw();
        assert_eq!(first(1, "a/arrivals"), first(1, "a/arrivals"));
        assert_ne!(first(1, "a/arrivals"), first(1, "b/arrivals"));
        assert_ne!(first(1, "ab"), first(1, "ba"));
        assert_ne!(first(1, "a/arrivals"), first(2, "a/arrivals"));
    }

    #[test]
    fn the_first_rank_is_drawn_twice_as_often_as_the_second() {
        let mut random = stream(5, "ranks");
        let mut drawn = [0_u32; 3];
        for _ in 0..11_000 {
            drawn[rank(&mut random, 3)] += 1;
        }
        // Of eleven draws six, three and two, within some four standard deviations.
        for (drawn, expected) in drawn.into_iter().zip([6000_u32, 3000, 2000]) {
            assert!(drawn.abs_diff(expected) < 220, "{drawn} of {expected}");
        }
    }

    #[test]
    fn sizes_stay_within_their_bounds_and_doublings_are_equally_likely() {
        let mut random = stream(5, "sizes");
        let sizes: Vec<_> = (0..3000).map(|_| size(&mut random, 100, 799)).collect();
        assert!(sizes.iter().all(|size| (100..=799).contains(size)));
        let small = sizes.iter().filter(|size| **size < 200).count();
        assert!((850..1150).contains(&small), "{small} of 3000 below the first doubling");
        assert_eq!(size(&mut random, 7, 7), 7);
        assert!(size(&mut random, 1, u64::MAX) >= 1);
    }
}
