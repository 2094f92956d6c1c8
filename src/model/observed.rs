//! How fast pulls were seen to be: the last ones of each node group and registry, and their median.
//!
//! A median of few is moved by no single odd pull: one that found most of its bytes there, or one on a node
//! that was busy. What follows for a prediction is [`crate::cost::learned`]'s; here are facts alone. Kept
//! nowhere else: after a restart nothing has been observed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::model::unit::{Bytes, TransferRate};

/// Smaller pulls tell more of round trips and of starting a process than of bytes.
pub const PULL_BYTES_MIN: Bytes = Bytes(20_000_000);
/// So many last pulls count: a median of 21 stands against ten odd ones, and a link that has become slower is
/// learned within 11 pulls.
const WINDOW: usize = 21;
/// Node groups told apart. Clusters have a handful of instance types; nodes of further ones are one group
/// with those that tell none.
const GROUPS_MAX: usize = 32;
/// Registries told apart. Pulls from further ones count for their node group alone.
const REGISTRIES_MAX: usize = 16;

/// Nodes that are alike, by a label of the policy's. The first one is of nodes without the label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId(pub u8);

/// A registry that something was pulled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegistryId(pub u8);

/// How many pulls were observed lately, and how fast they were in the middle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Pulls, at most a window of them.
    pub count: u32,
    /// Of the whole of a pull, fetching and unpacking together.
    pub median: TransferRate,
}

/// What is known of pulls from one registry to nodes of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// Of just these.
    pub pair: Sample,
    /// Of pulls to such nodes from anywhere.
    pub group: Sample,
}

/// All that was observed.
#[derive(Debug, Default)]
pub struct ObservedPulls {
    /// The names of all groups but the first.
    groups: Vec<Arc<str>>,
    registries: Vec<Arc<str>>,
    by_group: BTreeMap<GroupId, Window>,
    by_pair: BTreeMap<(GroupId, RegistryId), Window>,
}

#[derive(Debug, Default)]
struct Window {
    last: VecDeque<TransferRate>,
    sample: Sample,
}

/// The registry of a canonical reference: what is before the first slash.
#[must_use]
pub fn registry_of(canonical: &str) -> &str {
    canonical.split_once('/').map_or("", |(registry, _)| registry)
}

impl ObservedPulls {
    /// Whether nothing was observed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_group.is_empty()
    }

    /// The id of a registry that something was pulled from.
    #[must_use]
    pub fn registry_id(&self, registry: &str) -> Option<RegistryId> {
        position(&self.registries, registry).map(RegistryId)
    }

    /// What is known of pulls to nodes of a group, from a registry where one is given.
    #[must_use]
    pub fn knowledge(&self, group: GroupId, registry: Option<RegistryId>) -> Knowledge {
        let pair = registry.and_then(|registry| self.by_pair.get(&(group, registry)));
        let of = |window: Option<&Window>| window.map_or_else(Sample::default, |w| w.sample);
        Knowledge { pair: of(pair), group: of(self.by_group.get(&group)) }
    }

    /// Groups and registries between which pulls were observed, by name: at most 512.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str, Knowledge)> {
        self.by_pair.keys().map(|&(group, registry)| {
            let registry_name = &*self.registries[usize::from(registry.0)];
            (self.group_name(group), registry_name, self.knowledge(group, Some(registry)))
        })
    }

    /// The id of a group by name; the empty name is the first group's.
    pub(crate) fn group_id(&mut self, name: &str) -> GroupId {
        if name.is_empty() {
            return GroupId::default();
        }
        let at = position_or_new(&mut self.groups, name, GROUPS_MAX - 1);
        at.map_or_else(GroupId::default, |at| GroupId(at + 1))
    }

    /// Adds a pull that was observed.
    pub(crate) fn add(&mut self, group: GroupId, registry: &str, rate: TransferRate) {
        self.by_group.entry(group).or_default().add(rate);
        if let Some(at) = position_or_new(&mut self.registries, registry, REGISTRIES_MAX) {
            self.by_pair.entry((group, RegistryId(at))).or_default().add(rate);
        }
    }

    fn group_name(&self, group: GroupId) -> &str {
        let name = usize::from(group.0).checked_sub(1).and_then(|at| self.groups.get(at));
        name.map_or("", |name| name)
    }
}

impl Window {
    fn add(&mut self, rate: TransferRate) {
        if self.last.len() == WINDOW {
            self.last.pop_front();
        }
        self.last.push_back(rate);
        let mut sorted: Vec<TransferRate> = self.last.iter().copied().collect();
        sorted.sort_unstable_by_key(|rate| rate.slowness());
        self.sample = Sample {
            count: u32::try_from(sorted.len()).unwrap_or(u32::MAX),
            // Of an even number the faster of the two in the middle.
            median: sorted[(sorted.len() - 1) / 2],
        };
    }
}

fn position(names: &[Arc<str>], name: &str) -> Option<u8> {
    let at = names.iter().position(|known| &**known == name)?;
    u8::try_from(at).ok()
}

fn position_or_new(names: &mut Vec<Arc<str>>, name: &str, most: usize) -> Option<u8> {
    if let Some(at) = position(names, name) {
        return Some(at);
    }
    if names.len() >= most {
        return None;
    }
    names.push(Arc::from(name));
    position(names, name)
}

#[cfg(test)]
mod tests {
    use super::{GroupId, ObservedPulls, Sample, WINDOW};
    use crate::model::unit::TransferRate;

    fn rate(megabytes: u64) -> TransferRate {
        TransferRate::from_bytes_per_second(megabytes * 1_000_000).expect("in range")
    }

    #[test]
    fn the_median_stands_against_odd_pulls_and_follows_a_change() {
        let mut pulls = ObservedPulls::default();
        for number in 0..WINDOW {
            let odd = number % 5 == 0;
            pulls.add(GroupId(0), "r.io", rate(if odd { 5_000 } else { 25 }));
        }
        let known = |pulls: &ObservedPulls| {
            pulls.knowledge(GroupId(0), pulls.registry_id("r.io")).pair.median
        };
        assert_eq!(known(&pulls), rate(25));
        for _ in 0..=WINDOW / 2 {
            pulls.add(GroupId(0), "r.io", rate(10));
        }
        assert_eq!(known(&pulls), rate(10));
    }

    #[test]
    fn what_a_registry_does_is_not_anothers_and_counts_for_the_group() {
        let mut pulls = ObservedPulls::default();
        pulls.add(GroupId(1), "near.io", rate(100));
        let near = pulls.registry_id("near.io");
        assert_eq!(pulls.knowledge(GroupId(1), None).pair, Sample::default());
        assert_eq!(pulls.knowledge(GroupId(1), None).group.count, 1);
        assert_eq!(pulls.knowledge(GroupId(1), near).pair.median, rate(100));
        assert_eq!(pulls.knowledge(GroupId(0), near), super::Knowledge::default());
    }

    #[test]
    fn groups_and_registries_are_bounded() {
        let mut pulls = ObservedPulls::default();
        for number in 0..1_000 {
            let group = pulls.group_id(&format!("type-{number}"));
            pulls.add(group, &format!("r{number}.io"), rate(10));
        }
        assert_eq!(pulls.group_id("type-999"), GroupId(0));
        assert_ne!(pulls.group_id("type-7"), GroupId(0));
        assert!(pulls.pairs().count() <= 512, "{}", pulls.pairs().count());
    }
}
