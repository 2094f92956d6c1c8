//! Each thing that is needed and lies nowhere comes once.
//!
//! The weakest bound and the one that always holds: it is reached on disks without limits by pods that run
//! one after the other on one node.

use std::collections::BTreeSet;

use crate::model::unit::Bytes;
use crate::sim::bound::demand::Demand;
use crate::sim::job::JobNumber;
use crate::sim::setup::Setup;

/// Bytes of the layers that some pod needs and no node brings along.
#[must_use]
pub fn bytes(demand: &Demand) -> Bytes {
    let groups = demand.groups.iter().filter(|group| group.brought_at.is_empty());
    groups.fold(Bytes(0), |sum, group| sum + group.bytes())
}

/// Bytes of the named volumes that jobs which ran read, that only the registry has: no node holds them at
/// the start, no job makes them. Whoever reads such a volume first moves it.
#[must_use]
pub fn volumes(setup: &Setup, ran: impl IntoIterator<Item = JobNumber>) -> Bytes {
    let made: BTreeSet<_> = setup.jobs.iter().flat_map(|job| job.produces.iter()).collect();
    let jobs = ran.into_iter().filter_map(|number| setup.jobs.get(number.0 as usize));
    let needed: BTreeSet<_> = jobs.flat_map(|job| job.needs.iter()).collect();
    let only_pushed = needed.difference(&made).filter_map(|number| {
        let volume = setup.volumes.get(number.0 as usize)?;
        (volume.is_pushed && volume.holders.is_empty()).then_some(volume.bytes)
    });
    only_pushed.fold(Bytes(0), |sum, bytes| sum + bytes)
}
