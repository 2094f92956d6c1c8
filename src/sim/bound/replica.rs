//! Pods that run at the same time and do not fit on one node need their layers on several.
//!
//! Per layer: its bytes, times the fewest nodes on which its users at the busiest time fit, less the nodes
//! that bring it along. Each of those nodes received it sooner or later, whatever the disks.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::bound::demand::{Demand, Group, Pod, Room};
use crate::sim::resource::Resources;

/// Bytes of all layers, each times the nodes that must receive it.
///
/// Ten pods at a time, all of one layer of 100 MB, on nodes with room for four each: three nodes, 300 MB.
#[must_use]
pub fn bytes(demand: &Demand) -> Bytes {
    let fewest = Fewest::new(&demand.rooms);
    let of_group = |group: &Group| {
        let brought = group.brought_at.len() as u64;
        let received = fewest.nodes_for(demand, group).saturating_sub(brought);
        Bytes(group.bytes().0.saturating_mul(received))
    };
    demand.groups.iter().map(of_group).fold(Bytes(0), |sum, bytes| sum + bytes)
}

/// How many nodes pods need at least.
struct Fewest<'a> {
    rooms: &'a [Room],
    /// What the so many largest nodes have together: `cpu[0]` is that of one node.
    cpu: Vec<u128>,
    memory: Vec<u128>,
    pods: Vec<u128>,
}

/// What pods take together, or the most that they ever took: per kind, at times of their own.
#[derive(Clone, Copy, Default)]
struct Taken {
    cpu: u128,
    memory: u128,
    pods: u128,
}

impl<'a> Fewest<'a> {
    fn new(rooms: &'a [Room]) -> Self {
        let sums = |of: fn(&Room) -> u64| sums_of_largest(rooms.iter().map(of).collect());
        Self {
            rooms,
            cpu: sums(|room| room.capacity.cpu_millis),
            memory: sums(|room| room.capacity.memory.0),
            pods: sums(|room| u64::from(room.pods_max)),
        }
    }

    /// No fewer nodes hold all users of the group at its busiest time. At least one.
    fn nodes_for(&self, demand: &Demand, group: &Group) -> u64 {
        let users = demand.users(group);
        let users: Vec<&Pod> = users.into_iter().map(|number| &demand.pods[number]).collect();
        let peak = peak(&users);
        let by_sum = [(&self.cpu, peak.cpu), (&self.memory, peak.memory), (&self.pods, peak.pods)]
            .map(|(sums, taken)| sums.partition_point(|sum| *sum < taken) as u64 + 1);
        let by_slots = peak.pods.div_ceil(u128::from(self.slots(&users)));
        let by_slots = u64::try_from(by_slots).unwrap_or(u64::MAX);
        let most = by_sum.into_iter().max().unwrap_or(1).max(by_slots);
        most.clamp(1, self.rooms.len().max(1) as u64)
    }

    /// No node holds more of these pods at a time: as many as of one that asks for the least of each kind.
    fn slots(&self, users: &[&Pod]) -> u64 {
        let least = |of: fn(&Pod) -> u64| users.iter().map(|pod| of(pod)).min().unwrap_or(0);
        let cpu_millis = least(|pod| pod.requests.cpu_millis);
        let memory = Bytes(least(|pod| pod.requests.memory.0));
        let least = Resources { cpu_millis, memory };
        self.rooms.iter().map(|room| slots(room, least)).max().unwrap_or(1).max(1)
    }
}

fn slots(room: &Room, requests: Resources) -> u64 {
    let times = |has: u64, asks: u64| has.checked_div(asks).unwrap_or(u64::MAX);
    let by_cpu = times(room.capacity.cpu_millis, requests.cpu_millis);
    let by_memory = times(room.capacity.memory.0, requests.memory.0);
    by_cpu.min(by_memory).min(u64::from(room.pods_max))
}

fn sums_of_largest(mut sizes: Vec<u64>) -> Vec<u128> {
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    let mut sum = 0;
    let add = |size: u64| {
        sum += u128::from(size);
        sum
    };
    sizes.into_iter().map(add).collect()
}

/// The most that these pods took of each kind at a time.
fn peak(users: &[&Pod]) -> Taken {
    let mut steps: Vec<(Nanos, bool, &Pod)> = Vec::with_capacity(2 * users.len());
    for pod in users.iter().filter(|pod| pod.bound_at < pod.ended_at) {
        // A pod that ends when another is bound makes room for it: false comes first.
        steps.push((pod.ended_at, false, pod));
        steps.push((pod.bound_at, true, pod));
    }
    steps.sort_by_key(|(at, begins, _)| (*at, *begins));
    let mut now = Taken::default();
    // Alone, a pod that ends at once was there, too.
    let mut peak = Taken { pods: 1, ..Taken::default() };
    for (_, begins, pod) in steps {
        now = now.changed(begins, pod);
        peak = peak.largest(now);
    }
    peak
}

impl Taken {
    fn changed(self, begins: bool, pod: &Pod) -> Self {
        let cpu = u128::from(pod.requests.cpu_millis);
        let memory = u128::from(pod.requests.memory.0);
        let Self { cpu: cpu_before, memory: memory_before, pods } = self;
        if begins {
            Self { cpu: cpu_before + cpu, memory: memory_before + memory, pods: pods + 1 }
        } else {
            Self { cpu: cpu_before - cpu, memory: memory_before - memory, pods: pods - 1 }
        }
    }

    fn largest(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
            pods: self.pods.max(other.pods),
        }
    }
}
