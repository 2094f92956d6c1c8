//! What is to come, in order: by time, and at equal times as it was foreseen.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::model::unit::Nanos;
use crate::sim::setup::NodeNumber;
use crate::sim::world::slab::Slot;

/// Something that will happen unless what it happens to is gone by then.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happening {
    /// A flow is through, if it is still predicted so.
    Through { flow: Slot, prediction: u32 },
    /// The same of the first of those that share the registry.
    FirstThrough { flow: Slot, prediction: u32 },
    /// A pull's last layer is unpacked.
    Unpacked(Slot),
    /// A pod wants its images: its sandbox is there, or it tries again.
    Wanted(Slot),
    /// A pod is seen to run.
    Started(Slot),
    /// A pod has run as long as it should.
    Ended(Slot),
    /// A pod's object is deleted.
    Removed(Slot),
    /// A kubelet reads what images it has.
    ImagesRead(NodeNumber),
    /// And tells them in its node's status.
    ImagesTold(NodeNumber),
    /// An agent looks.
    Reported(NodeNumber),
    /// A kubelet looks at its disk.
    Collected(NodeNumber),
    /// A node becomes ready.
    Joined(NodeNumber),
    /// A node is drained and goes.
    Left(NodeNumber),
    /// A node that an autoscaler added goes, if it has been idle since.
    Idle { node: NodeNumber, since: Nanos },
}

/// All that was foreseen.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Entry>,
    foreseen: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Nanos,
    number: u64,
    happening: Happening,
}

impl Agenda {
    /// Foresees something.
    pub(super) fn foresee(&mut self, at: Nanos, happening: Happening) {
        self.heap.push(Entry { at, number: self.foreseen, happening });
        self.foreseen += 1;
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<Nanos> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// The next thing, if it happens by `time`.
    pub(super) fn pop_until(&mut self, time: Nanos) -> Option<(Nanos, Happening)> {
        if self.next_at()? > time {
            return None;
        }
        self.heap.pop().map(|entry| (entry.at, entry.happening))
    }
}

/// Reversed: the heap gives the greatest first.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::{Agenda, Happening};
    use crate::model::unit::Nanos;
    use crate::sim::setup::NodeNumber;

    #[test]
    fn equal_times_come_in_the_order_foreseen() {
        let mut agenda = Agenda::default();
        for (at, node) in [(5, 0), (3, 1), (5, 2), (3, 3), (9, 4)] {
            agenda.foresee(Nanos(at), Happening::Joined(NodeNumber(node)));
        }
        let mut order = Vec::new();
        while let Some((_, Happening::Joined(node))) = agenda.pop_until(Nanos(5)) {
            order.push(node.0);
        }
        assert_eq!(order, [1, 3, 0, 2]);
        assert_eq!(agenda.next_at(), Some(Nanos(9)));
    }
}
