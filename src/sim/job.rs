//! A pod to come: what it pulls, asks for, waits for, needs and makes.

use crate::model::pod::PullPolicy;
use crate::model::unit::Nanos;
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::resource::Resources;
use crate::sim::setup::VolumeNumber;

/// A job: its place in [`crate::sim::setup::Setup::jobs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobNumber(pub u32);

/// A step pod to come. A million of them must fit into memory several times: lists are boxed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// Name of the pod.
    pub name: Box<str>,
    /// The run it belongs to, by number.
    pub run: u32,
    /// What it starts, in the order of pulling.
    pub containers: Box<[Container]>,
    /// What it asks for.
    pub requests: Resources,
    /// It is not created before this.
    pub arrives_at: Nanos,
    /// Nor before all of these have ended well. Only earlier ones of the list, so that there is no cycle.
    pub after: Box<[JobNumber]>,
    /// From its start to its end.
    pub runs_for: Nanos,
    /// How often it fails, each time after `runs_for`, before it ends well; each time it is made anew.
    pub failures: u8,
    /// Volumes that it reads: it starts when they have come.
    pub needs: Box<[VolumeNumber]>,
    /// Volumes that lie on its node when it has ended well.
    pub produces: Box<[VolumeNumber]>,
    /// Images of later steps of its run that it names; empty where it names none.
    pub next: Box<[ReferenceNumber]>,
}

/// One container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its image, by name.
    pub reference: ReferenceNumber,
    /// When the kubelet asks the registry.
    pub pull_policy: PullPolicy,
    /// It is an init container's.
    pub is_init: bool,
}
