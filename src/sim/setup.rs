//! All that a run of the simulator is made of: nodes, what the registry serves, volumes, jobs, and how late
//! the scheduler and the policy see what happens.
//!
//! Values only, already checked by whoever read the scenario ([`crate::sim::scenario`]): numbers index the
//! lists of the same [`Setup`]. What happens to them is [`crate::sim::world`]'s.

use std::borrow::Cow;

use crate::model::unit::{Bytes, Nanos, Time, TransferRate};
use crate::model::volume::VolumeKind;
use crate::sim::catalogue::{Catalogue, ImageNumber};
use crate::sim::job::{Job, JobNumber};
use crate::sim::resource::Resources;

/// A node: its place in [`Setup::nodes`], or after those if the cluster grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeNumber(pub u32);

/// A zone of the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneNumber(pub u16);

/// A volume: its place in [`Setup::volumes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeNumber(pub u32);

/// One run of the simulator.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// What the scenario is called.
    pub name: String,
    /// Chance comes from it, by purpose: see [`crate::sim::random`].
    pub seed: u64,
    /// What time zero is called.
    pub epoch: Time,
    /// What the registry serves.
    pub catalogue: Catalogue,
    /// Nodes, those that join later among them.
    pub nodes: Vec<NodeSetup>,
    /// Nodes that an autoscaler adds and takes away.
    pub scaling: Option<Scaling>,
    /// Names of the zones; empty for a cluster without.
    pub zones: Vec<String>,
    /// Where images come from.
    pub registry: RegistrySetup,
    /// What a pod's start takes beside moving bytes.
    pub start: StartSetup,
    /// How late what happens is seen.
    pub view: ViewSetup,
    /// Volumes that jobs need or make.
    pub volumes: Vec<VolumeSetup>,
    /// Pods to come, by `arrives_at`.
    pub jobs: Vec<Job>,
    /// By job, the node that it was bound to when it was recorded; empty if none was, or not among these.
    pub recorded: Vec<NodeNumber>,
    /// What a report must say of it: what of the data was left out.
    pub notes: Vec<String>,
}

impl Setup {
    /// What a node is called: one that an autoscaler added, by the prefix and its number.
    #[must_use]
    pub fn node_name(&self, node: NodeNumber) -> Cow<'_, str> {
        match (self.nodes.get(node.0 as usize), &self.scaling) {
            (Some(setup), _) => Cow::Borrowed(setup.name.as_str()),
            (None, Some(scaling)) => Cow::Owned(format!("{}{}", scaling.template.name, node.0 + 1)),
            (None, None) => Cow::Owned(format!("node-{}", node.0 + 1)),
        }
    }

    /// A job; panics on a number of another setup.
    #[must_use]
    pub fn job(&self, number: JobNumber) -> &Job {
        &self.jobs[number.0 as usize]
    }
}

/// A node as it is when it joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSetup {
    /// Its name, unique.
    pub name: String,
    /// Where it is.
    pub zone: ZoneNumber,
    /// What it has for pods.
    pub capacity: Resources,
    /// Pods at a time (kubelet's `maxPods`, 110).
    pub pods_max: u32,
    /// Its links and its disk.
    pub hardware: NodeHardware,
    /// Images that lie there when it joins.
    pub preloaded: Vec<ImageNumber>,
    /// When it becomes ready.
    pub joins_at: Nanos,
    /// When it is drained: its pods are evicted and made anew elsewhere, and it is gone.
    pub leaves_at: Option<Nanos>,
}

/// What moving bytes takes on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeHardware {
    /// Of its link, towards it.
    pub link_down: TransferRate,
    /// Of its link, from it: what others stream from it.
    pub link_up: TransferRate,
    /// In compressed bytes, of one layer at a time.
    pub unpack: TransferRate,
    /// Compressed blobs stay after unpacking (`discard_unpacked_layers` is false).
    pub keeps_blobs: bool,
    /// Images pulled at once: 1 is kubelet's default, `serializeImagePulls: true`.
    pub pulls_max: u32,
    /// Layers of a pull fetched at once: containerd's `max_concurrent_downloads`, 3.
    pub layers_max: u32,
    /// The image disk; `None` never fills.
    pub disk: Option<DiskSetup>,
}

/// A disk for images, and kubelet's garbage collection of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSetup {
    /// Its size, in the bytes that images take on it: see [`Self::unpacked_per_mille`].
    pub bytes: Bytes,
    /// Bytes that an image takes for each thousand compressed ones.
    pub unpacked_per_mille: u64,
    /// Above this share collection begins (`imageGCHighThresholdPercent`, 85).
    pub high_percent: u8,
    /// Until this share is left (`imageGCLowThresholdPercent`, 80).
    pub low_percent: u8,
    /// Images younger than this are left (`imageMinimumGCAge`, 2 min).
    pub age_min: Nanos,
    /// Time between two looks at the disk (kubelet: 5 min).
    pub interval: Nanos,
}

/// Where images and, as a last resort, volumes come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistrySetup {
    /// All nodes share it; `None`: nodes' links are the only limit.
    pub egress: Option<TransferRate>,
    /// Its zone; `None`: in every zone, so that nothing from it crosses one.
    pub zone: Option<ZoneNumber>,
    /// Nodes that hold a layer serve it to others of their zone first (Spegel, Dragonfly).
    pub peers: bool,
}

/// What the start of a pod takes beside its volumes and images; nothing, if nobody says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StartSetup {
    /// From when its volumes are there until its first image is asked for: its sandbox.
    pub sandbox: Nanos,
    /// From when its last image is there until it is seen to run: its containers, and the kubelet's look at
    /// them.
    pub containers: Nanos,
}

/// How late the scheduler and the policy see what happens, as in life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewSetup {
    /// A kubelet writes its node's status that often (10 s).
    pub status_interval: Nanos,
    /// And lists its images anew that often (30 s).
    pub list_interval: Nanos,
    /// Images in a list, the largest (50).
    pub listed_images_max: u32,
    /// How late a policy sees that a pod was bound, started, ended; the scheduler itself knows its own
    /// binds.
    pub pod_delay: Nanos,
    /// How late a policy sees everything that nodes tell, on top of the intervals.
    pub node_delay: Nanos,
    /// Agents report what is on nodes, layer by layer, that often; `None`: no agents.
    pub agents: Option<Nanos>,
    /// Layers of images are known (by the registry, or by manifest files); else only names and sizes.
    pub layers_known: bool,
}

impl Default for ViewSetup {
    /// As kubelets do it, seen at once, without agents.
    fn default() -> Self {
        Self {
            status_interval: Nanos::from_seconds(10),
            list_interval: Nanos::from_seconds(30),
            listed_images_max: 50,
            pod_delay: Nanos(0),
            node_delay: Nanos(0),
            agents: None,
            layers_known: true,
        }
    }
}

/// Nodes that come when pods find no room, and go when idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// What each is like; `name` is a prefix, `joins_at` and `leaves_at` are not used.
    pub template: NodeSetup,
    /// Zones in which they come, in turn; empty: that of the template.
    pub zones: Vec<ZoneNumber>,
    /// At most so many at a time.
    pub nodes_max: u32,
    /// From the first pod that finds no room until its node is ready.
    pub boot: Nanos,
    /// A node without pods goes after so long.
    pub idle: Nanos,
}

/// A volume that jobs need or make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeSetup {
    /// Names it and its version.
    pub key: String,
    /// What it is.
    pub kind: VolumeKind,
    /// Its size.
    pub bytes: Bytes,
    /// Nodes where it lies at the start.
    pub holders: Vec<NodeNumber>,
    /// The registry has it from the start, or from when it is made (`put --push`).
    pub is_pushed: bool,
}
