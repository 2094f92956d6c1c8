//! One reading of the store: names, blobs, documents, snapshots, pulls.
//!
//! What changes under the reader is read again next time: a blob that goes between two calls is a
//! document that is missing, not a failed reading. Documents are kept from one reading to the next, as a
//! digest has one content; in steady state a reading is six calls.

use std::collections::BTreeMap;

use prost_types::Timestamp;

use super::client::{Containerd, Error};
use super::proto::containerd::services::content::v1::{Info, Status};
use super::proto::containerd::services::snapshots::v1::Kind;
use crate::edge::inventory::document::{DOCUMENT_BYTES_MAX, Document};
use crate::edge::inventory::node::Pull;
use crate::edge::inventory::store::{Blob, Store};
use crate::model::chain_id::sha256;
use crate::model::image::Platform;
use crate::model::reference::is_digest;
use crate::model::unit::{Nanos, Time};

/// An ingest that has not grown for so long is a pull that broke off: containerd keeps it for a day, so
/// that a later pull can go on from there. This long where it came slowly; see [`stalled_after`].
const STALLED_AFTER_MAX: Nanos = Nanos::from_seconds(10);
/// And at least this long: a lost packet is sent again within it.
const STALLED_AFTER_MIN: Nanos = Nanos::from_seconds(3);
/// containerd writes that many bytes at once, and every write sets the ingest's time
/// (`core/content/helpers.go`, 2.4).
const WRITTEN_AT_ONCE: u64 = 1 << 20;
/// Writes that may be late before the next is taken for never to come.
const WRITES_MISSED_MAX: u64 = 3;
/// Labels by which containerd's garbage collector finds what a blob refers to (its `docs/gc.md`).
const REFERS_TO_CONTENT: &str = "containerd.io/gc.ref.content.";
const REFERS_TO_SNAPSHOT: &str = "containerd.io/gc.ref.snapshot.";

/// What to read.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Manifests of other platforms are left alone.
    pub platform: Platform,
    /// The snapshotter; by default the one that most images were unpacked by.
    pub snapshotter: Option<String>,
}

impl Containerd {
    /// Reads the whole store. Documents of `last` need not be read again.
    ///
    /// # Errors
    /// If containerd does not answer. What is wrong with one image is in the reading.
    pub async fn store(&self, scope: &Scope, last: &Store, now: Time) -> Result<Store, Error> {
        let mut store = Store { version: self.version().await?, ..Store::default() };
        for image in self.images().await? {
            let target = image.target.unwrap_or_default().digest;
            store.names.push((image.name, target));
        }
        store.names.sort();
        store.pulls = self.pulls(now).await?;
        store.blobs = self.blobs().await?.into_iter().map(blob).collect();
        self.read_documents(scope, last, &mut store).await?;
        let snapshotter = scope.snapshotter.as_deref().or(store.most_used_snapshotter());
        store.snapshotter = snapshotter.unwrap_or_default().to_owned();
        self.read_snapshots(&mut store).await?;
        Ok(store)
    }

    /// The pulls in progress alone.
    ///
    /// # Errors
    /// If containerd does not answer.
    pub async fn pulls(&self, now: Time) -> Result<Vec<Pull>, Error> {
        Ok(pulls(self.ingests().await?, now))
    }

    async fn read_snapshots(&self, store: &mut Store) -> Result<(), Error> {
        if store.snapshotter.is_empty() {
            return Ok(());
        }
        let snapshots = self.snapshots(&store.snapshotter).await?;
        let committed = snapshots.into_iter().filter(|snapshot| snapshot.kind() == Kind::Committed);
        store.chains = committed.map(|snapshot| snapshot.name).collect();
        store.root = self.root_of(&store.snapshotter).await?;
        Ok(())
    }

    /// Reads every document that names and parents lead to.
    async fn read_documents(
        &self,
        scope: &Scope,
        last: &Store,
        store: &mut Store,
    ) -> Result<(), Error> {
        let named = store.names.iter().map(|(_, target)| target);
        let parents = store.blobs.iter().filter(|(_, blob)| blob.is_parent);
        let mut open: Vec<String> =
            named.chain(parents.map(|(digest, _)| digest)).cloned().collect();
        while let Some(digest) = open.pop() {
            if store.documents.contains_key(&digest) {
                continue;
            }
            let Some(blob) = store.blobs.get(&digest) else {
                continue;
            };
            let document = match last.documents.get(&digest) {
                Some(Ok(document)) => Some(Ok(document.clone())),
                _ => self.read_document(&digest, blob.bytes).await?,
            };
            // Without one it went meanwhile.
            if let Some(document) = document {
                open.extend(children(&document, &scope.platform));
                store.documents.insert(digest, document);
            }
        }
        Ok(())
    }

    /// A document, or why it is none; nothing if it is gone.
    async fn read_document(
        &self,
        digest: &str,
        bytes: u64,
    ) -> Result<Option<Result<Document, String>>, Error> {
        if bytes > DOCUMENT_BYTES_MAX {
            let reason = format!("{bytes} bytes: expected at most {DOCUMENT_BYTES_MAX}");
            return Ok(Some(Err(reason)));
        }
        let read = match self.read(digest, bytes).await {
            Ok(read) => read,
            Err(Error::NotFound(_)) => return Ok(None),
            // Of this blob alone, as a file that cannot be opened.
            Err(Error::Refused { reason, .. }) => return Ok(Some(Err(reason))),
            Err(error) => return Err(error),
        };
        let is_whole = !digest.starts_with("sha256:") || sha256(&read) == digest;
        let torn = || Err("its content does not have this digest".to_owned());
        Ok(Some(if is_whole { Document::parse(&read) } else { torn() }))
    }
}

/// Documents that a document leads to: configs, and the manifests that may be of this platform.
fn children(document: &Result<Document, String>, platform: &Platform) -> Vec<String> {
    match document {
        Ok(Document::Index(entries)) => {
            let may_run =
                |told: &Option<Platform>| told.as_ref().is_none_or(|p| p.runs_on(platform));
            let entries = entries.iter().filter(|entry| may_run(&entry.platform));
            entries.map(|entry| entry.digest.clone()).collect()
        }
        Ok(Document::Manifest(manifest)) => vec![manifest.config.clone()],
        _ => Vec::new(),
    }
}

fn blob(info: Info) -> (String, Blob) {
    let is_parent = info.labels.keys().any(|label| label.starts_with(REFERS_TO_CONTENT));
    // Sorted, as hash maps have no order.
    let unpacked: BTreeMap<_, _> = info.labels.iter().collect();
    let mut by = unpacked.keys().filter_map(|label| label.strip_prefix(REFERS_TO_SNAPSHOT));
    // Old versions append the place of the reference: `overlayfs/0`.
    let snapshotter = by.next().and_then(|label| label.split('/').next()).map(str::to_owned);
    let bytes = u64::try_from(info.size).unwrap_or(0);
    (info.digest, Blob { bytes, is_parent, snapshotter })
}

/// Ingests that are pulls in progress, by digest.
fn pulls(ingests: Vec<Status>, now: Time) -> Vec<Pull> {
    let is_moving = |ingest: &Status| now.since(time(ingest.updated_at)) < stalled_after(ingest);
    let moving = ingests.into_iter().filter(is_moving);
    let mut pulls: Vec<Pull> = moving.filter_map(pull).collect();
    pulls.sort_by(|a, b| a.digest.cmp(&b.digest));
    pulls.dedup_by(|a, b| a.digest == b.digest);
    pulls
}

/// How long an ingest goes without a write at most, by how fast it came so far. One that another pull began
/// long ago seems slow, and is given the longest.
fn stalled_after(ingest: &Status) -> Nanos {
    let took = time(ingest.updated_at).since(time(ingest.started_at));
    let writes = u64::try_from(ingest.offset).unwrap_or(0) / WRITTEN_AT_ONCE;
    match took.0.checked_div(writes) {
        Some(each) => Nanos(each.saturating_mul(WRITES_MISSED_MAX))
            .clamp(STALLED_AFTER_MIN, STALLED_AFTER_MAX),
        None => STALLED_AFTER_MAX,
    }
}

fn time(time: Option<Timestamp>) -> Time {
    let Some(time) = time else { return Time::default() };
    let seconds = Nanos::from_seconds(u64::try_from(time.seconds).unwrap_or(0));
    Time(seconds.0).after(Nanos(u64::try_from(time.nanos).unwrap_or(0)))
}

/// An ingest's reference is its kind and what it will be: `layer-sha256:…`, or `layer-name@sha256:…`.
fn pull(ingest: Status) -> Option<Pull> {
    let reference = ingest.r#ref.rsplit('@').next().unwrap_or_default();
    let last = reference.split_once('-').map_or(reference, |(_, digest)| digest);
    let digest = [ingest.expected.as_str(), last].into_iter().find(|digest| is_digest(digest))?;
    Some(Pull {
        digest: digest.to_owned(),
        offset_bytes: u64::try_from(ingest.offset).unwrap_or(0),
        total_bytes: u64::try_from(ingest.total).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::{Info, Nanos, Status, Time, Timestamp, blob, pulls, stalled_after};

    fn ingest(reference: &str, updated_at: i64) -> Status {
        Status {
            r#ref: reference.to_owned(),
            started_at: None,
            updated_at: Some(Timestamp { seconds: updated_at, nanos: 0 }),
            offset: 5,
            total: 10,
            expected: String::new(),
        }
    }

    #[test]
    fn ingests_that_grow_are_pulls_and_others_broke_off() {
        let digest = |two: &str| format!("sha256:{}", two.repeat(32));
        let ingests = vec![
            ingest(&format!("layer-{}", digest("bb")), 95),
            ingest(&format!("layer-r.example/a-b@{}", digest("aa")), 99),
            ingest(&format!("layer-{}", digest("cc")), 80),
            ingest("upload-5", 99),
        ];
        let pulls = pulls(ingests, Time(100_000_000_000));
        let digests: Vec<_> = pulls.iter().map(|pull| pull.digest.clone()).collect();
        assert_eq!(digests, [digest("aa"), digest("bb")]);
        assert_eq!((pulls[0].offset_bytes, pulls[0].total_bytes), (5, 10));
    }

    #[test]
    fn the_faster_an_ingest_came_the_sooner_it_is_missed() {
        let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let after = |seconds: i64, mebibytes: i64| {
            let (started_at, updated_at) = (at(100), at(100 + seconds));
            stalled_after(&Status {
                started_at,
                updated_at,
                offset: mebibytes << 20,
                ..ingest("x", 0)
            })
        };
        let seconds = Nanos::from_seconds;
        assert_eq!([after(10, 1_000), after(20, 10)], [seconds(3), seconds(6)]);
        // Too slow, nothing written yet, begun an hour ago.
        assert_eq!([after(20, 2), after(1, 0), after(3_600, 100)], [seconds(10); 3]);
    }

    #[test]
    fn labels_tell_parents_and_the_snapshotter_of_a_config() {
        let of = |label: &str| {
            let labels = [(label.to_owned(), "x".to_owned())].into();
            blob(Info { digest: "d".to_owned(), size: 3, labels }).1
        };
        assert!(of("containerd.io/gc.ref.content.config").is_parent);
        assert!(!of("containerd.io/uncompressed").is_parent);
        let snapshotter = |label: &str| of(label).snapshotter;
        let overlayfs = Some("overlayfs".to_owned());
        assert_eq!(snapshotter("containerd.io/gc.ref.snapshot.overlayfs"), overlayfs);
        assert_eq!(snapshotter("containerd.io/gc.ref.snapshot.overlayfs/0"), overlayfs);
        assert_eq!(snapshotter("containerd.io/distribution.source.docker.io"), None);
    }
}
