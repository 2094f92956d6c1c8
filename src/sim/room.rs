//! Placements that know nothing but room: by chance, the emptiest node, the fullest.
//!
//! The ends of the scale that everything else lies on: `random` takes no side, `spread` is what
//! schedulers do by default, `pack` what saves nodes. Nodes are compared by the larger of their used
//! shares of processor and memory, in thousandths; equal ones by chance.

use crate::model::unit::Nanos;
use crate::sim::placement::{Asked, Change, Placement};
use crate::sim::random::Random;
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeNumber, Setup};

/// What is free on nodes, as their watcher sees it.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// By number; nodes that are not there have none.
    nodes: Vec<NodeRoom>,
    /// Those that are there.
    here: Vec<NodeNumber>,
}

#[derive(Clone, Copy, Debug, Default)]
struct NodeRoom {
    capacity: Resources,
    free: Resources,
    pods_left: u32,
}

/// Which node of those with room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taste {
    /// Any.
    Random,
    /// The emptiest.
    Spread,
    /// The fullest.
    Pack,
}

/// A placement by room alone.
#[derive(Clone, Debug)]
pub struct ByRoom<'a> {
    setup: &'a Setup,
    room: Room,
    taste: Taste,
    random: Random,
}

/// Keeps this stream apart from others of the same seed.
const PURPOSE: u64 = 3;
/// Nodes drawn before all are looked at: of a cluster that is half full one in a thousand pods needs that.
const DRAWS: usize = 10;

impl Room {
    /// Takes note of a change.
    pub fn observe(&mut self, change: &Change, setup: &Setup) {
        match change {
            Change::NodeJoined { node, capacity, pods_max, .. } => {
                let at = node.0 as usize;
                if self.nodes.len() <= at {
                    self.nodes.resize(at + 1, NodeRoom::default());
                }
                let (capacity, pods_left) = (*capacity, *pods_max);
                self.nodes[at] = NodeRoom { capacity, free: capacity, pods_left };
                self.here.push(*node);
            }
            Change::NodeLeft { node } => {
                self.nodes[node.0 as usize] = NodeRoom::default();
                self.here.retain(|other| other != node);
            }
            Change::Bound { pod, node } => {
                let node = &mut self.nodes[node.0 as usize];
                node.free = node.free.without(setup.job(pod.job).requests);
                node.pods_left = node.pods_left.saturating_sub(1);
            }
            Change::Ended { pod, node, .. } => {
                let node = &mut self.nodes[node.0 as usize];
                node.free = node.free.with(setup.job(pod.job).requests);
                node.pods_left += 1;
            }
            _ => {}
        }
    }

    /// The nodes that are there, in the order in which they came.
    #[must_use]
    pub fn nodes(&self) -> &[NodeNumber] {
        &self.here
    }

    /// Whether a node has room for so much.
    #[must_use]
    pub fn holds(&self, node: NodeNumber, requests: Resources) -> bool {
        let room = self.nodes.get(node.0 as usize);
        room.is_some_and(|room| room.pods_left > 0 && room.free.holds(requests))
    }

    /// The larger of a node's used shares, in thousandths.
    #[must_use]
    pub fn used_per_mille(&self, node: NodeNumber) -> u64 {
        let node = &self.nodes[node.0 as usize];
        let used = node.capacity.without(node.free);
        let share = |used: u64, capacity: u64| {
            let share = u128::from(used) * 1000 / u128::from(capacity.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        };
        let cpu = share(used.cpu_millis, node.capacity.cpu_millis);
        cpu.max(share(used.memory.0, node.capacity.memory.0))
    }
}

impl<'a> ByRoom<'a> {
    /// A placement of this taste.
    #[must_use]
    pub fn new(setup: &'a Setup, taste: Taste) -> Self {
        let random = Random::new(setup.seed, PURPOSE);
        Self { setup, room: Room::default(), taste, random }
    }

    /// What is free, as it sees it.
    #[must_use]
    pub fn room(&self) -> &Room {
        &self.room
    }

    fn any(&mut self, requests: Resources) -> Option<NodeNumber> {
        for _ in 0..DRAWS {
            let node = *self.room.here.get(self.random.index(self.room.here.len()))?;
            if self.room.holds(node, requests) {
                return Some(node);
            }
        }
        self.best(requests, |_| 0)
    }

    fn best(&mut self, requests: Resources, rank: impl Fn(u64) -> u64) -> Option<NodeNumber> {
        let Self { room, random, .. } = self;
        let fitting = room.here.iter().filter(|node| room.holds(**node, requests));
        let ranked = fitting.map(|node| ((rank(room.used_per_mille(*node)), random.draw()), *node));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, node)| node)
    }
}

impl Placement for ByRoom<'_> {
    fn observe(&mut self, _: Nanos, change: &Change) {
        self.room.observe(change, self.setup);
    }

    fn place(&mut self, _: Nanos, asked: Asked<'_>) -> Option<NodeNumber> {
        let requests = asked.job.requests;
        match self.taste {
            Taste::Random => self.any(requests),
            Taste::Spread => self.best(requests, |used| used),
            Taste::Pack => self.best(requests, |used| u64::MAX - used),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ByRoom, Taste};
    use crate::model::unit::{Bytes, Nanos};
    use crate::sim::job::{Job, JobNumber};
    use crate::sim::placement::{Asked, Change, Placement, PodNumber};
    use crate::sim::resource::Resources;
    use crate::sim::setup::{NodeNumber, Setup, ZoneNumber};

    /// Nodes 0 to 3; two pods are on node 1, one is on node 2, and node 3 is full.
    fn choice(taste: Taste) -> u32 {
        let requests = Resources { cpu_millis: 1000, memory: Bytes(0) };
        let job = Job { requests, ..Job::default() };
        let setup = Setup { jobs: vec![job.clone(); 9], ..Setup::default() };
        let mut placement = ByRoom::new(&setup, taste);
        let capacity = Resources { cpu_millis: 4000, memory: Bytes(9) };
        let zone = ZoneNumber(0);
        let mut tell = |change| placement.observe(Nanos(0), &change);
        for node in (0..4).map(NodeNumber) {
            let pods_max = if node.0 == 3 { 1 } else { 9 };
            tell(Change::NodeJoined { node, zone, capacity, pods_max });
        }
        let pod = |job| PodNumber { job: JobNumber(job), attempt: 0 };
        for (job, node) in [(0, 1), (1, 1), (2, 2), (3, 3), (4, 0)] {
            tell(Change::Bound { pod: pod(job), node: NodeNumber(node) });
        }
        tell(Change::Ended { pod: pod(4), node: NodeNumber(0), images: None });
        let asked = Asked { pod: pod(5), job: &job };
        placement.place(Nanos(0), asked).expect("there is room").0
    }

    #[test]
    fn the_emptiest_or_the_fullest_with_room_is_taken() {
        assert_eq!((choice(Taste::Spread), choice(Taste::Pack)), (0, 1));
        assert!(choice(Taste::Random) < 3);
    }
}
