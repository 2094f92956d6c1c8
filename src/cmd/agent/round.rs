//! One round of the agent: look whether anything may have changed, read, write if it did.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as ApiTime;

use super::baggageclaim::Source;
use super::pace::{Backoff, Pace};
use super::volumes::Volumes;
use crate::edge::clock::Clock;
use crate::edge::containerd::disk::disk;
use crate::edge::containerd::read::Scope;
use crate::edge::containerd::{Containerd, Error};
use crate::edge::inventory::bound::{INVENTORY_BYTES_MAX, fit};
use crate::edge::inventory::change::differs;
use crate::edge::inventory::image::ImageSpec;
use crate::edge::inventory::node::{Dropped, InventorySpec, StoredVolume};
use crate::edge::inventory::publish::{self, Publisher};
use crate::edge::inventory::report::{About, report};
use crate::edge::inventory::store::Store;
use crate::edge::probe::AgentHealth;
use crate::model::unit::Time;

/// Manifests published in a second of the interval: 300 images of a new node within three minutes, and
/// of a thousand new nodes at once no more than the API server takes.
const MANIFESTS_PER_SECOND: u64 = 2;

/// What a round works with.
pub struct Node {
    pub containerd: Containerd,
    pub baggageclaim: Option<Source>,
    pub volumes: Option<Volumes>,
    pub publisher: Publisher,
    pub scope: Scope,
    pub pace: Pace,
    pub health: Arc<AgentHealth>,
    pub clock: Clock,
}

/// How long to wait for the next round: in any case, and longer unless something changes.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    pub least: Duration,
    pub more: Duration,
}

/// The rounds of an agent, and what it remembers from one to the next.
pub struct Round {
    pub node: Node,
    store: Store,
    volumes: Vec<StoredVolume>,
    /// Whether the volume store could be read.
    is_listed: bool,
    manifests: Vec<ImageSpec>,
    published: Option<InventorySpec>,
    /// When the store was read, as the inventory tells it.
    observed_at: Time,
    /// The same, and when the inventory was written, by a clock that nobody sets.
    read_at: Option<Instant>,
    written_at: Option<Instant>,
    backoff: Backoff,
    is_stale: bool,
}

/// Why a round failed.
enum Failure {
    Containerd(Error),
    ApiServer(publish::Error),
}

impl Round {
    /// Before the first round.
    pub fn new(node: Node) -> Self {
        Self {
            node,
            store: Store::default(),
            volumes: Vec::new(),
            is_listed: false,
            manifests: Vec::new(),
            published: None,
            observed_at: Time::default(),
            read_at: None,
            written_at: None,
            backoff: Backoff::default(),
            is_stale: true,
        }
    }

    /// The store has changed since it was read.
    pub fn read_again(&mut self) {
        self.is_stale = true;
    }

    /// One round; gives the pause after it.
    pub async fn run(&mut self) -> Pause {
        match self.attempt().await {
            Ok(wrote) => {
                self.backoff = Backoff::default();
                let pause = self.node.pace.pause();
                // An unwritten round leaves the interval unused: the next change may be written at once.
                if wrote {
                    Pause { least: pause, more: Duration::ZERO }
                } else {
                    Pause { least: Duration::ZERO, more: pause }
                }
            }
            Err(failure) => {
                // What was read is as good as it was where only writing failed.
                self.is_stale |= matches!(failure, Failure::Containerd(_));
                self.complain(&failure);
                Pause { least: self.backoff.next_pause(), more: Duration::ZERO }
            }
        }
    }

    /// Whether something was written.
    async fn attempt(&mut self) -> Result<bool, Failure> {
        let now = self.node.clock.now();
        let heartbeat = self.node.pace.heartbeat();
        let is_due = is_over(self.read_at, heartbeat);
        if self.is_stale || is_due || self.is_pulling(now).await? {
            self.read(now).await?;
        }
        if let Some(baggageclaim) = &mut self.node.baggageclaim {
            baggageclaim.read(self.node.pace.interval, &self.node.health).await;
        }
        if let Some(volumes) = &self.node.volumes {
            let listed = volumes.list().await;
            self.is_listed = listed.is_some();
            self.volumes = listed.unwrap_or_default();
        }
        let inventory = self.inventory();
        let is_new = self.published.as_ref().is_none_or(|published| differs(published, &inventory));
        let may_write = is_over(self.written_at, self.node.pace.interval);
        let writes = may_write && (is_new || is_over(self.written_at, heartbeat));
        if writes {
            self.write(inventory).await?;
        }
        let more_to_publish = self.publish_manifests(now).await?;
        self.node.health.checks().api_server = Ok(());
        Ok(writes || more_to_publish)
    }

    /// Pulls make no events until a layer is there.
    async fn is_pulling(&mut self, now: Time) -> Result<bool, Failure> {
        let pulls = self.node.containerd.pulls(now).await.map_err(Failure::Containerd)?;
        Ok(pulls != self.store.pulls)
    }

    async fn read(&mut self, now: Time) -> Result<(), Failure> {
        // Before the reading: what changes during it is read again.
        self.is_stale = false;
        let store = self.node.containerd.store(&self.node.scope, &self.store, now).await;
        self.store = store.map_err(Failure::Containerd)?;
        self.observed_at = now;
        self.read_at = Some(Instant::now());
        self.node.health.metrics.readings.with_label_values(&["ok"]).inc();
        self.node.health.checks().containerd = Ok(());
        Ok(())
    }

    fn inventory(&mut self) -> InventorySpec {
        let nanos = i128::from(self.observed_at.0);
        let about = About {
            observed_at: ApiTime(Timestamp::from_nanosecond(nanos).unwrap_or_default()),
            valid_seconds: self.node.pace.valid_seconds(),
            platform: self.node.scope.platform.clone(),
            disk: disk(self.store.root.as_deref()),
        };
        let mut report = report(&self.store, about);
        self.manifests = report.manifests;
        report.inventory.volumes.clone_from(&self.volumes);
        let volumes = self.node.volumes.as_ref();
        let mut sources = volumes.map(|_| self.is_listed).into_iter().collect::<Vec<_>>();
        if let Some(baggageclaim) = &self.node.baggageclaim {
            baggageclaim.add_to(&mut report.inventory.volumes);
            sources.push(baggageclaim.is_complete());
        }
        report.inventory.lists_volumes = !sources.is_empty() && !sources.contains(&false);
        report.inventory.volume_server = volumes.and_then(|volumes| volumes.url.clone());
        fit(report.inventory, INVENTORY_BYTES_MAX)
    }

    async fn write(&mut self, inventory: InventorySpec) -> Result<(), Failure> {
        let written = self.node.publisher.inventory(inventory.clone()).await;
        self.count("inventory", if written.is_ok() { "ok" } else { "error" }, 1);
        written.map_err(Failure::ApiServer)?;
        self.measure(&inventory);
        self.published = Some(inventory);
        self.written_at = Some(Instant::now());
        Ok(())
    }

    /// Whether there are more to publish.
    async fn publish_manifests(&mut self, now: Time) -> Result<bool, Failure> {
        let count_max = (self.node.pace.interval.as_secs() * MANIFESTS_PER_SECOND).max(1);
        let count_max = usize::try_from(count_max).unwrap_or(usize::MAX);
        let written = self.node.publisher.manifests(&self.manifests, count_max, now).await;
        let open = self.node.publisher.open_count(&self.manifests, now);
        self.node.health.metrics.open_manifests.set(gauge(open));
        match written {
            Ok(written) => {
                self.count("manifest", "ok", written.created);
                self.count("manifest", "exists", written.existing);
                Ok(open > 0)
            }
            Err(error) => {
                self.count("manifest", "error", 1);
                Err(Failure::ApiServer(error))
            }
        }
    }

    fn count(&self, kind: &str, result: &str, count: usize) {
        let writes = &self.node.health.metrics.writes;
        writes.with_label_values(&[kind, result]).inc_by(count as u64);
    }

    fn measure(&self, inventory: &InventorySpec) {
        let metrics = &self.node.health.metrics;
        metrics.images.set(i64::try_from(inventory.image_count).unwrap_or(i64::MAX));
        metrics.unreadable.set(gauge(inventory.unreadable.len()));
        metrics
            .inventory_bytes
            .set(gauge(serde_json::to_vec(inventory).map_or(0, |json| json.len())));
        let dropped = inventory.dropped.clone().unwrap_or_default();
        let Dropped { names, pulls, unreadable, loose_blobs, chains, volumes, images, .. } =
            dropped;
        for (kind, count) in [
            ("names", names),
            ("pulls", pulls),
            ("unreadable", unreadable),
            ("loose-blobs", loose_blobs),
            ("chains", chains),
            ("volumes", volumes),
            ("images", images),
        ] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            metrics.dropped.with_label_values(&[kind]).set(count);
        }
    }

    /// Says once what is wrong, and again when it is something else.
    fn complain(&self, failure: &Failure) {
        let mut checks = self.node.health.checks();
        let (check, reason) = match failure {
            Failure::Containerd(error) => {
                self.node.health.metrics.readings.with_label_values(&["error"]).inc();
                (&mut checks.containerd, error.to_string())
            }
            Failure::ApiServer(error) => (&mut checks.api_server, error.to_string()),
        };
        if check.as_ref().err() != Some(&reason) {
            tracing::warn!("{reason}; trying again");
        }
        *check = Err(reason);
    }
}

/// Whether so much time has gone since; also if it never was.
fn is_over(since: Option<Instant>, wait: Duration) -> bool {
    since.is_none_or(|since| since.elapsed() >= wait)
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
