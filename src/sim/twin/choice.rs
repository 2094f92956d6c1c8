//! Whom the scheduler picks of candidates with equal totals.
//!
//! `schedulePod` and `prioritizeNodes` of `pkg/scheduler/schedule_one.go` and `framework/sorted_nodes.go`,
//! Kubernetes 1.37.2: the scores become a heap, and the first of the heap wins. Only nodes that an extender
//! named get a random number that decides between equals. All others have zero, and then the place in the
//! heap decides: a parent stays before its equal children, a left one before its equal right one. That is
//! the first in pre-order, if the candidates in their order are taken for a binary tree.

use std::cmp::Reverse;

use crate::sim::random::Random;

/// The best of the candidates offered so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Choice {
    best: Option<(Rank, usize)>,
}

/// Total, random number, place: the highest wins.
type Rank = (u64, u64, Reverse<(u64, u64)>);

impl Choice {
    /// A candidate by its place, its total, and whether an extender named it.
    pub(super) fn offer(&mut self, at: usize, total: u64, is_named: bool, random: &mut Random) {
        if self.best.is_some_and(|((best, _, _), _)| total < best) {
            return;
        }
        // Never the zero of those that are not named.
        let chance = if is_named { random.draw() | 1 } else { 0 };
        let rank = (total, chance, Reverse(pre_order(at)));
        if self.best.is_none_or(|(best, _)| rank > best) {
            self.best = Some((rank, at));
        }
    }

    /// Place of the best.
    pub(super) fn position(self) -> Option<usize> {
        self.best.map(|(_, at)| at)
    }
}

/// What orders places as a walk of the binary tree in pre-order does.
///
/// Counted from one, a place in binary is the way to it: after the leading one, a zero for each turn to the
/// left and a one for each to the right. Ways are compared digit by digit, a parent's being the shorter.
fn pre_order(at: usize) -> (u64, u64) {
    let place = at as u64 + 1;
    (place << place.leading_zeros(), place)
}

#[cfg(test)]
mod tests {
    use super::{Choice, pre_order};
    use crate::sim::random::Random;

    /// What Go's `container/heap` has at its top after `Init`.
    fn top_of_heap(totals: &[u64]) -> usize {
        let mut heap: Vec<(u64, usize)> =
            totals.iter().enumerate().map(|(at, &total)| (total, at)).collect();
        for start in (0..heap.len() / 2).rev() {
            let mut parent = start;
            loop {
                let (left, right) = (2 * parent + 1, 2 * parent + 2);
                if left >= heap.len() {
                    break;
                }
                let is_right = right < heap.len() && heap[right].0 > heap[left].0;
                let child = if is_right { right } else { left };
                if heap[child].0 <= heap[parent].0 {
                    break;
                }
                heap.swap(parent, child);
                parent = child;
            }
        }
        heap[0].1
    }

    #[test]
    fn places_are_ordered_as_a_walk_of_the_tree() {
        let mut places: Vec<usize> = (0..12).collect();
        places.sort_by_key(|at| pre_order(*at));
        assert_eq!(places, [0, 1, 3, 7, 8, 4, 9, 10, 2, 5, 11, 6]);
    }

    #[test]
    fn among_equals_that_nobody_named_the_top_of_the_heap_wins() {
        let mut random = Random::new(4, 4);
        for _ in 0..2000 {
            let len = 1 + random.index(40);
            let totals: Vec<u64> = (0..len).map(|_| random.below(4)).collect();
            let mut choice = Choice::default();
            for (at, total) in totals.iter().enumerate() {
                choice.offer(at, *total, false, &mut random);
            }
            assert_eq!(choice.position(), Some(top_of_heap(&totals)), "{totals:?}");
        }
    }

    #[test]
    fn a_named_node_wins_over_its_equals_and_named_ones_take_turns_by_chance() {
        let mut random = Random::new(1, 1);
        let mut wins = [0; 4];
        for _ in 0..1000 {
            let mut choice = Choice::default();
            for (at, named) in [false, true, false, true].into_iter().enumerate() {
                choice.offer(at, 7, named, &mut random);
            }
            wins[choice.position().expect("four candidates")] += 1;
        }
        assert_eq!((wins[0], wins[2]), (0, 0));
        assert!(wins[1] > 400 && wins[3] > 400, "{wins:?}");
    }
}
