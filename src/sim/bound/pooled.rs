//! All disks as one store that knows the future.
//!
//! A relaxation of PFOO-L (Berger, Beckmann, Harchol-Balter, "Practical Bounds on Optimal Caching with
//! Variable Object Sizes", SIGMETRICS 2018), made tighter by what is known of running pods. Why no
//! placement moves less:
//!
//! 1. Take, at the start of each pod, the union of what lies on all nodes. It is no larger than all disks
//!    together, and it contains the layers of every pod that runs then, this one included: kubelets do not
//!    remove images in use.
//! 2. Between two uses of a layer is a gap: the starts of pods while nobody who runs uses it. If it is
//!    missing from the union at one of them, it has moved again before its next use, once for each such
//!    gap. So the bytes moved are at least those of first uses, and of every gap in which the layer was not
//!    kept.
//! 3. At a start, kept layers take at most the disks less the layers in use; they also take at most all
//!    gaps that are open. Summed over starts, this is a budget; keeping a layer spends its bytes once per
//!    start in the gap. A layer that is larger than what is left at some start of its gap is never kept.
//! 4. The most bytes that a budget keeps, if the last gap may be kept in part, is a knapsack whose items
//!    have the same worth per byte and start: the shortest gaps first. No real choice keeps more.
//!
//! Not tight where layers are needed on several nodes at once; [`crate::sim::bound::replica`] counts those.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::bound::demand::{Demand, Group, Pod, Room};

/// Bytes of first uses and of gaps that no store of that size keeps. In O(n log n) of the uses of layers.
///
/// One node with a disk of 10 GB, and pods of 6 GB, 6 GB, and the first 6 GB again, one after the other: 18
/// GB, since while the second runs only 4 GB are left.
#[must_use]
pub fn bytes(demand: &Demand) -> Bytes {
    bound(demand, &lasts(&demand.pods))
}

/// The same if only the order of starts is known: as if each pod had ended before the next one started.
#[must_use]
pub fn bytes_in_order(demand: &Demand) -> Bytes {
    bound(demand, &(0..demand.pods.len()).collect::<Vec<_>>())
}

/// Starts while nobody uses a layer, before it is used again.
#[derive(Clone, Copy)]
struct Gap {
    bytes: u64,
    first: usize,
    /// At least one.
    length: usize,
}

/// By pod: the last start at which it still ran; its own at least.
fn lasts(pods: &[Pod]) -> Vec<usize> {
    let last = |(own, pod): (usize, &Pod)| {
        let before = pods.partition_point(|other| other.started_at < pod.ended_at);
        own.max(before.saturating_sub(1))
    };
    pods.iter().enumerate().map(last).collect()
}

fn bound(demand: &Demand, lasts: &[usize]) -> Bytes {
    let uses = Uses::of(demand, lasts);
    let mut moved = uses.first_bytes;
    let Some(disks) = disks(demand) else {
        return Bytes(clamped(moved));
    };
    let left = disks.iter().zip(&uses.in_use).map(|(disk, used)| disk.saturating_sub(*used));
    let left = Lowest::new(left.collect());
    let could_be_kept = |gap: &Gap| u128::from(gap.bytes) <= left.of(gap.first, gap.length);
    let (mut gaps, lost): (Vec<Gap>, Vec<Gap>) = uses.gaps.into_iter().partition(could_be_kept);
    moved += sum(&lost) + sum(&gaps) - kept(&mut gaps, &left);
    Bytes(clamped(moved))
}

fn sum(gaps: &[Gap]) -> u128 {
    gaps.iter().map(|gap| u128::from(gap.bytes)).sum()
}

fn clamped(bytes: u128) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The most bytes of gaps that are kept by what is left of the disks.
fn kept(gaps: &mut [Gap], left: &Lowest) -> u128 {
    let mut open = Steps::new(left.len());
    gaps.iter().for_each(|gap| open.add(gap.first, gap.length, gap.bytes));
    let budget = open.sums().into_iter().enumerate().map(|(at, open)| open.min(left.at(at)));
    let mut budget: u128 = budget.sum();
    gaps.sort_unstable_by_key(|gap| gap.length);
    let mut kept = 0;
    for gap in gaps {
        let (bytes, length) = (u128::from(gap.bytes), gap.length as u128);
        let affordable = bytes.min(budget / length);
        kept += affordable;
        budget -= affordable * length;
        if affordable < bytes {
            break;
        }
    }
    kept
}

/// How layers are used over the starts.
struct Uses {
    /// Bytes of layers that are used before any node has brought them.
    first_bytes: u128,
    gaps: Vec<Gap>,
    /// By start: bytes of layers in use.
    in_use: Vec<u128>,
}

impl Uses {
    fn of(demand: &Demand, lasts: &[usize]) -> Self {
        let mut in_use = Steps::new(demand.pods.len());
        let mut uses = Self { first_bytes: 0, gaps: Vec::new(), in_use: Vec::new() };
        for group in &demand.groups {
            uses.add(demand, lasts, group, &mut in_use);
        }
        uses.in_use = in_use.sums();
        uses
    }

    fn add(&mut self, demand: &Demand, lasts: &[usize], group: &Group, in_use: &mut Steps) {
        // The first start that the layers can have been there at, if they ever were.
        let mut there_from: Option<usize> = None;
        let mut brought = group.brought_at.iter().peekable();
        for user in demand.users(group) {
            while let Some(at) = brought.next_if(|at| **at <= demand.pods[user].started_at) {
                let start = first_start(&demand.pods, *at);
                there_from = Some(there_from.map_or(start, |from| from.max(start)));
            }
            match there_from {
                None => self.first_bytes += u128::from(group.bytes().0),
                Some(first) if first < user => self.add_gaps(group, first, user - first),
                Some(_) => {}
            }
            let (first, next) = (there_from.unwrap_or(user).max(user), lasts[user] + 1);
            if first < next {
                in_use.add(first, next - first, group.bytes().0);
                there_from = Some(next);
            }
        }
    }

    fn add_gaps(&mut self, group: &Group, first: usize, length: usize) {
        self.gaps.extend(group.layers.iter().map(|bytes| Gap { bytes: bytes.0, first, length }));
    }
}

/// The number of the first start from a time on.
fn first_start(pods: &[Pod], time: Nanos) -> usize {
    pods.partition_point(|pod| pod.started_at < time)
}

/// By start: what the disks of the nodes that are there hold together. `None` if one never fills.
fn disks(demand: &Demand) -> Option<Vec<u128>> {
    let mut disks = Steps::new(demand.pods.len());
    for Room { disk, joins_at, leaves_at, .. } in &demand.rooms {
        let first = first_start(&demand.pods, *joins_at);
        // What starts when it leaves may still have been there.
        let left = |time: &Nanos| demand.pods.partition_point(|pod| pod.started_at <= *time);
        let end = leaves_at.as_ref().map_or(demand.pods.len(), left);
        disks.add(first, end.saturating_sub(first), (*disk)?.0);
    }
    Some(disks.sums())
}

/// A number for each start, told by ranges.
struct Steps {
    /// What is added and what is taken away from each start on.
    changes: Vec<(u128, u128)>,
}

impl Steps {
    fn new(len: usize) -> Self {
        Self { changes: vec![(0, 0); len + 1] }
    }

    fn add(&mut self, first: usize, length: usize, bytes: u64) {
        self.changes[first].0 += u128::from(bytes);
        self.changes[first + length].1 += u128::from(bytes);
    }

    fn sums(&self) -> Vec<u128> {
        let mut sum = 0;
        let starts = &self.changes[..self.changes.len() - 1];
        let add = |(more, less): &(u128, u128)| {
            sum = sum + more - less;
            sum
        };
        starts.iter().map(add).collect()
    }
}

/// The lowest of any range of numbers in O(log n): a tree whose node `i` is the lower of `2i` and `2i + 1`.
struct Lowest {
    tree: Vec<u128>,
}

impl Lowest {
    fn new(numbers: Vec<u128>) -> Self {
        let len = numbers.len();
        let mut tree = vec![u128::MAX; len];
        tree.extend(numbers);
        for at in (1..len).rev() {
            tree[at] = tree[2 * at].min(tree[2 * at + 1]);
        }
        Self { tree }
    }

    fn len(&self) -> usize {
        self.tree.len() / 2
    }

    fn at(&self, at: usize) -> u128 {
        self.tree[self.len() + at]
    }

    /// The highest number for an empty range.
    fn of(&self, first: usize, length: usize) -> u128 {
        let (mut from, mut to) = (self.len() + first, self.len() + first + length);
        let mut lowest = u128::MAX;
        while from < to {
            if from % 2 == 1 {
                lowest = lowest.min(self.tree[from]);
                from += 1;
            }
            if to % 2 == 1 {
                to -= 1;
                lowest = lowest.min(self.tree[to]);
            }
            (from, to) = (from / 2, to / 2);
        }
        lowest
    }
}
