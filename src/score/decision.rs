//! A decision as a value: numbers and reason codes per candidate, from which the answer, the log line,
//! the metrics and `explain` are all printed.
//!
//! Rows have a fixed size and live in buffers that are used again; words for them are made at the
//! edge, when somebody asks.

pub mod disk;
pub mod later;
mod neutral;
mod remarks;
pub mod volume;

use crate::cost::pull::PullRates;
use crate::model::cluster::node::NodeGist;
use crate::model::cluster::{ImageId, NodeId, PlatformId};
use crate::model::observed::GroupId;
use crate::model::unit::{Bytes, Nanos, PerMille, Time};
use crate::score::decision::disk::DiskVerdict;
use crate::score::decision::later::Later;
use crate::score::decision::volume::{VolumeRow, WantedVolume};
use crate::score::need::Need;
use crate::score::scratch::Scratch;

pub use neutral::Neutral;
use remarks::remarks;

/// What was decided for one pod.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// When.
    pub at: Time,
    /// Set if no node is preferred to another, with the reason; the rows are then empty.
    pub neutral: Option<Neutral>,
    /// What the pod wants, one entry per platform among the candidates; [`Row::group`] is the index.
    pub wanted: Vec<Wanted>,
    /// One per distinct known candidate, in the order asked.
    pub rows: Vec<Row>,
    /// What the pod's volumes and its run make of each row, in step with `rows`; empty for a pod with nothing
    /// of either that counts.
    pub volume_rows: Vec<VolumeRow>,
    /// The volumes that the pod needs, in its order.
    pub volumes: Vec<WantedVolume>,
    /// What was known of each of the pod's claims, in their order.
    pub disks: Vec<DiskVerdict>,
    /// What later steps of the pod's run want.
    pub later: Later,
    /// The cold node that pods of this kind shall meet on, if one was needed.
    pub home: Option<NodeId>,
    /// Candidates that the cluster does not know.
    pub unknown_count: usize,
    /// The points of each of those: as a cold, idle node.
    pub unknown_points: u8,
    pub(super) paces: Vec<Pace>,
    pub(super) terms: Terms,
    pub(super) needs: Vec<Need>,
    pub(super) scratch: Scratch,
}

/// How fast bytes come to candidates of one platform and one node group; [`Row::pace`] is the index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) platform: Option<PlatformId>,
    pub(super) node_group: GroupId,
    /// As [`Row::group`].
    pub(super) group: u8,
    pub(super) rates: PullRates,
}

/// The policy's numbers that turn rows into seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    pub(super) heat_per_waiting_pod: Nanos,
    pub(super) home_share: PerMille,
    /// Nodes that are ready later than this are no place to meet; see [`crate::score::home`].
    pub(super) ready_within: Nanos,
}

/// What was found out about one candidate: facts alone, from which [`Decision::parts`] makes seconds when
/// somebody asks. Nothing is text, so that 15,000 of them are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The candidate.
    pub node: NodeId,
    /// Index into [`Decision::wanted`].
    pub group: u8,
    /// Index of how fast bytes come here.
    pub(crate) pace: u8,
    /// Signed points on the policy's curve, -10 to 10.
    pub raw: i8,
    /// Points in the answer, 0 to 10; nodes with 0 are left out of it.
    pub points: u8,
    /// What else is to be said.
    pub reasons: Reasons,
    /// Its place in [`Decision::rows`]; past 65,535, more than any cluster has nodes, the last one.
    pub(crate) place: u16,
    /// Step pods that wait on the node.
    pub waiting_pods: u32,
    /// Step pods that were decided about and will most likely come here, in thousandths.
    pub expected_pods: PerMille,
    /// Compressed bytes that placing the pod here would move.
    pub missing: Bytes,
    /// Compressed bytes that are here as blobs: to be unpacked, but not downloaded.
    pub kept: Bytes,
    /// Compressed bytes it needs that are already on their way here.
    pub arriving: Bytes,
    /// Until the pulls in progress that it has to wait for are done.
    pub wait: Nanos,
}

/// The seconds of one candidate, part by part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Until the pulls in progress that the pod has to wait for are done.
    pub wait: Nanos,
    /// To fetch what is missing.
    pub fetch: Nanos,
    /// To unpack what is missing, and what is there as blobs.
    pub unpack: Nanos,
    /// Until missing volumes have come.
    pub stream: Nanos,
    /// Until disks are attached.
    pub attach: Nanos,
    /// The price of bytes that cross a zone, in seconds.
    pub money: Nanos,
    /// For the step pods that already wait here or are expected.
    pub heat: Nanos,
    /// Counted in its favour: pulls that meeting here avoids.
    pub credit: Nanos,
    /// Counted against it: streams that meeting where the volume is on its way already would avoid.
    pub avoidable: Nanos,
    /// Counted in its favour: that later steps of the run may follow here.
    pub company: Nanos,
    /// Counted in its favour: what later steps of the run will find here.
    pub lookahead: Nanos,
    /// Nanoseconds saved against a cold, idle node; negative for a loss.
    pub saved: i64,
}

/// What a pod wants on one platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of these candidates; `None` for nodes that tell none.
    pub platform: Option<PlatformId>,
    /// Compressed bytes of everything known, shared layers once.
    pub bytes: Bytes,
    /// Cost of a cold, idle node: of the fastest where they differ, so that none looks good for being slow.
    pub cold: Nanos,
    /// One verdict per image of the pod, in its order.
    pub verdicts: Vec<Verdict>,
    /// Stable hash of the heaviest cargo.
    pub home_key: u64,
    /// Bytes of the smallest image: what a cut list could hide.
    pub smallest: Bytes,
}

/// What is known of one of the pod's images on one platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its layers are known.
    Layers(ImageId),
    /// Only name and size: it counts as a whole.
    Whole(Bytes),
    /// A node holds it, but nobody tells its size: the policy's assumption counts.
    Unsized(Bytes),
    /// The same image and pull policy occurred before in the pod.
    Repeated,
    /// No node holds it and no source knows its layers: it counts nothing.
    Unknown,
    /// The text is no image reference.
    Unreadable,
}

remarks! {
    /// A set of remarks on a row.
    Reasons {
        /// The pull policy is `Never` and the node does not hold the reference: the container would fail.
        NEVER_PULLED = "never-pulled",
        /// Some cargo is on its way for another pod.
        ARRIVING = "arriving",
        /// Other pulls come first.
        QUEUED = "queued",
        /// Pods of this kind shall meet here.
        HOME = "home",
        /// The node's image list was cut and could hide an image of this size: charged as missing.
        LIST_CUT = "list-cut",
        /// The node holds a reference of the pod and will not ask the registry whether it moved.
        REFERENCE_HELD = "reference-held",
        /// It holds the reference, but was not seen to pull it with the pod's secret: asks the registry.
        REVERIFIES = "reverifies",
        /// The node tells no platform; images of any were taken.
        PLATFORM_UNTOLD = "platform-untold",
        /// Some layers are there compressed: they are unpacked, not downloaded.
        BLOBS_KEPT = "blobs-kept",
    }
}

impl Wanted {
    /// Whether anything about the pod's images is known.
    #[must_use]
    pub fn has_known_image(&self) -> bool {
        self.verdicts.iter().any(|verdict| {
            matches!(verdict, Verdict::Layers(_) | Verdict::Whole(_) | Verdict::Unsized(_))
        })
    }
}

impl Row {
    /// Step pods that wait here or are expected, whole ones.
    #[must_use]
    pub(super) fn pods_before(&self) -> u64 {
        u64::from(self.waiting_pods) + self.expected_pods.0 / 1000
    }
}

impl Parts {
    /// Seconds until the pod's cargo is on the node.
    #[must_use]
    pub fn delay(&self) -> Nanos {
        self.wait + self.fetch + self.unpack + self.stream + self.attach
    }

    /// That, what the step pods that already wait there and those that come later lose by it, the price, and
    /// streams to be avoided.
    #[must_use]
    pub fn cost(&self) -> Nanos {
        self.delay() + self.heat + self.money + self.avoidable
    }
}

impl Default for Row {
    fn default() -> Self {
        Self {
            node: NodeId(u32::MAX),
            group: 0,
            pace: 0,
            raw: 0,
            points: 0,
            reasons: Reasons::default(),
            place: 0,
            waiting_pods: 0,
            expected_pods: PerMille(0),
            missing: Bytes(0),
            kept: Bytes(0),
            arriving: Bytes(0),
            wait: Nanos(0),
        }
    }
}

impl Decision {
    pub(super) fn reset(&mut self, now: Time) {
        self.at = now;
        self.neutral = None;
        self.wanted.clear();
        self.rows.clear();
        self.volume_rows.clear();
        self.volumes.clear();
        self.disks.clear();
        self.later = Later::default();
        self.paces.clear();
        self.home = None;
        self.unknown_count = 0;
        self.unknown_points = 0;
    }

    /// The most points of any row; 0 without rows.
    pub(crate) fn most_points(&self) -> u8 {
        self.rows.iter().map(|row| row.points).max().unwrap_or(0)
    }

    /// Where the pod will most likely go if the scheduler heeds the answer: the candidates of most points,
    /// and of those the ones with the fewest step pods, because the other plugins spread what ties.
    pub fn best(&self) -> impl Iterator<Item = NodeId> {
        let most = self.most_points();
        let preferred = self.rows.iter().filter(move |row| row.points == most);
        let fewest = preferred.clone().map(Row::pods_before).min();
        preferred.filter(move |row| Some(row.pods_before()) == fewest).map(|row| row.node)
    }

    /// The seconds of a row.
    #[must_use]
    pub fn parts(&self, row: &Row) -> Parts {
        let rates = self.rates_of(row);
        let delay = self.delay(row);
        let volumes = self.volumes_of(row).copied().unwrap_or_default();
        Parts {
            wait: row.wait,
            fetch: rates.fetch.duration_of(row.missing),
            unpack: rates.unpack.duration_of(row.missing + row.kept),
            stream: volumes.stream,
            attach: volumes.attach,
            money: volumes.money,
            heat: self.terms.heat(row),
            credit: self.credit(row, delay),
            avoidable: volumes.avoidable,
            company: volumes.company,
            lookahead: volumes.lookahead,
            saved: self.saved(row, delay),
        }
    }

    /// Until the pod's cargo is on the node of a row.
    #[must_use]
    pub fn delay(&self, row: &Row) -> Nanos {
        let rates = self.rates_of(row);
        let layers = rates.duration_of(row.missing) + rates.unpack.duration_of(row.kept);
        row.wait + layers + self.volumes_of(row).map_or(Nanos(0), VolumeRow::delay)
    }

    /// What the pod's volumes make of a row; `None` for a pod without any.
    #[must_use]
    pub fn volumes_of(&self, row: &Row) -> Option<&VolumeRow> {
        self.volume_rows.get(usize::from(row.place))
    }

    /// Saved by a row of that delay; see [`Parts::saved`].
    pub(super) fn saved(&self, row: &Row, delay: Nanos) -> i64 {
        let gain = self.wanted_of(row).cold + self.credit(row, delay);
        let cost = delay + self.terms.heat(row);
        match self.volumes_of(row) {
            None => signed(gain) - signed(cost),
            Some(volumes) => signed(gain + volumes.gain()) - signed(cost + volumes.beside()),
        }
    }

    fn credit(&self, row: &Row, delay: Nanos) -> Nanos {
        if delay > self.terms.ready_within {
            return Nanos(0);
        }
        let missing = if self.home == Some(row.node) { row.missing } else { Bytes(0) };
        let rates = self.rates_of(row);
        self.terms.home_share.of(rates.duration_of(row.arriving + missing))
    }

    pub(super) fn rates_of(&self, row: &Row) -> PullRates {
        self.paces[usize::from(row.pace)].rates
    }

    /// What the pod wants on the platform of a row.
    #[must_use]
    pub fn wanted_of(&self, row: &Row) -> &Wanted {
        &self.wanted[usize::from(row.group)]
    }
}

impl Pace {
    /// Of nodes like this one; the rates are yet to be found out.
    pub(super) fn new(node: NodeGist, group: u8) -> Self {
        let rates = PullRates::default();
        Self { platform: node.platform, node_group: node.group, group, rates }
    }
}

impl Terms {
    fn heat(&self, row: &Row) -> Nanos {
        let one = self.heat_per_waiting_pod;
        let waiting = Nanos(one.0.saturating_mul(row.waiting_pods.into()));
        if row.expected_pods.0 == 0 { waiting } else { waiting + row.expected_pods.of(one) }
    }
}

fn signed(time: Nanos) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}
