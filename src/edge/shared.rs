//! What the edges share: the tracker behind a short lock, the policy, the clock, the metrics, the last
//! decisions and the health of the watches.
//!
//! Writers are the event sources; readers are requests. No lock is held across an await.
//! Who needs both takes the tracker's before `recent`, and never the other way round.

mod accuracy;
mod listener;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use crate::edge::clock::Clock;
use crate::edge::metrics::Metrics;
use crate::edge::recent::{Entry, Recent};
use crate::edge::shared::accuracy::Accuracy;
pub use crate::edge::shared::listener::Listener;
use crate::edge::unresolved::Unresolved;
use crate::model::pod::PodFacts;
use crate::model::unit::{Bytes, Nanos, Time};
use crate::policy::Policy;
use crate::policy::interest::Interest;
use crate::state::Tracker;
use crate::state::event::{Event, Kind};

/// Without any sign of life from the API server for this long, answers are neutral: three of the
/// contact checks have failed, and pods have been bound that we have not seen.
pub const CONTACT_LOST: Nanos = Nanos::from_seconds(60);

/// State shared by all tasks of the process.
#[derive(Debug, Default)]
pub struct Shared {
    tracker: RwLock<Tracker>,
    recent: Mutex<Recent>,
    health: Mutex<Health>,
    accuracy: Mutex<Accuracy>,
    /// The numbers.
    pub policy: Policy,
    /// Which pods are step pods.
    pub interest: Interest,
    /// Where `now` comes from.
    pub clock: Clock,
    /// All metrics.
    pub metrics: Metrics,
    /// Images whose layers are to be looked up.
    pub unresolved: Unresolved,
    /// Who hears of all events.
    pub listener: Listener,
}

/// How the sources of knowledge are doing.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// The nodes' watch.
    pub nodes: WatchHealth,
    /// The pods' watch.
    pub pods: WatchHealth,
    /// The watch of pods that are not bound. Without it only what pods name themselves is known of later
    /// steps.
    pub pending_pods: WatchHealth,
    /// The watch of agents' reports. Without it kubelets' lists count.
    pub inventories: WatchHealth,
    /// The watch of the layers that agents publish.
    pub manifests: WatchHealth,
    /// The watch of reports of pulls, without which nothing is learned and all else works.
    pub events: WatchHealth,
    /// The watches of what is behind claims, by kind. Without one of them less is known of volumes.
    pub storage: BTreeMap<&'static str, WatchHealth>,
    /// When the API server last answered anything; `None` before the first time, and where there is
    /// no API server (demo), which then cannot be lost.
    pub last_contact: Option<Time>,
}

/// How one watch is doing.
#[derive(Clone, Debug, Default)]
pub struct WatchHealth {
    /// It has listed everything once.
    pub synced: bool,
    /// What went wrong last, until it works again.
    pub error: Option<String>,
    /// The API server does not know the kind, which is an optional one.
    pub is_absent: bool,
}

impl Shared {
    /// State without knowledge.
    #[must_use]
    pub fn new(policy: Policy, interest: Interest, clock: Clock) -> Self {
        Self { policy, interest, clock, ..Self::default() }
    }

    /// The tracker to read from. Hold it shortly and never across an await.
    pub fn read(&self) -> RwLockReadGuard<'_, Tracker> {
        self.tracker.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The remembered decisions.
    pub fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The health of the sources.
    pub fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the last predictions did.
    pub fn accuracy(&self) -> MutexGuard<'_, Accuracy> {
        self.accuracy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node labels that the policy asks for.
    #[must_use]
    pub fn label_keys(&self) -> BTreeSet<String> {
        let learned = self.policy.learn.enabled.then(|| self.policy.learn.node_group_label.clone());
        let others = self.policy.other_order_labels.iter().map(|label| label.key.clone());
        others.chain(learned).collect()
    }

    /// Applies an event as of now, and accounts for pods that it shows bound.
    pub fn apply(&self, event: Event) {
        let bound = match &event {
            Event::PodApplied(PodFacts { uid, node: Some(node), .. }) => {
                Some((uid.clone(), node.clone()))
            }
            _ => None,
        };
        if let Event::ResyncEnded(kind) = event {
            self.health().watch(kind).synced = true;
        }
        let heard = self.listener.copy(&event);
        let mut tracker = self.tracker.write().unwrap_or_else(PoisonError::into_inner);
        // Read behind the lock, so that times go on as events do.
        let now = self.clock.now();
        tracker.apply(event, now);
        if let Some(event) = heard {
            self.listener.hear(&event, tracker.cluster(), now);
        }
        drop(tracker);
        if let Some((uid, node)) = bound {
            self.account_for(&uid, &node);
        }
    }

    /// Why no decision can be taken now, if so: nothing listed yet, or contact lost.
    #[must_use]
    pub fn blind(&self) -> Option<&'static str> {
        let health = self.health();
        if !health.nodes.synced || !health.pods.synced {
            return Some("not-synced");
        }
        let now = self.clock.now();
        let lost = health.last_contact.is_some_and(|last| now.since(last) > CONTACT_LOST);
        lost.then_some("stale")
    }

    fn account_for(&self, uid: &str, node: &str) {
        let Some(node) = self.read().cluster().node_id(node) else {
            return;
        };
        // Counted on a copy: it reads every row, and the next decision wants the lock.
        let Some(entry) = self.recent().note_bound(uid, node).cloned() else {
            return;
        };
        if let Some(row) = entry.chosen_row() {
            self.count_bytes(&entry, row);
        }
    }

    fn count_bytes(&self, entry: &Entry, row: &crate::score::decision::Row) {
        let metrics = &self.metrics;
        let most = entry.decision.rows.iter().map(|row| row.points).max().unwrap_or(0);
        let best = if row.points == most { "true" } else { "false" };
        metrics.bound.with_label_values(&[best]).inc();
        let wanted = entry.decision.wanted_of(row).bytes;
        metrics.wanted_bytes.inc_by(wanted.0);
        metrics.arriving_bytes.inc_by(row.arriving.0);
        metrics.present_bytes.inc_by((wanted - row.missing - row.arriving).0);
        if let Some(volumes) = entry.decision.volumes_of(row) {
            let wanted = entry.decision.volumes.iter().filter(|volume| volume.is_somewhere());
            let wanted = wanted.fold(Bytes(0), |sum, volume| sum + volume.bytes);
            metrics.volumes.count(wanted, volumes, entry.best_and_median_volume_bytes());
            metrics.disks.count(volumes);
        }
        let (least, median) = entry.best_and_median_bytes();
        for (node, bytes) in [("chosen", row.missing.0), ("best", least), ("median", median)] {
            metrics.move_bytes.with_label_values(&[node]).inc_by(bytes);
        }
    }
}

impl Health {
    /// The watch of a kind.
    pub fn watch(&mut self, kind: Kind) -> &mut WatchHealth {
        match kind {
            Kind::Nodes => &mut self.nodes,
            Kind::Pods => &mut self.pods,
            Kind::PendingPods => &mut self.pending_pods,
            Kind::Inventories => &mut self.inventories,
            Kind::Manifests => &mut self.manifests,
            _ => self.storage.entry(kind.name()).or_default(),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::named("default").expect("comes with the program")
    }
}
