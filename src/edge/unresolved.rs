//! Which images' layers somebody should look up, and why some of them could not be.
//!
//! The extender and the page on one side, the resolver on the other. Offering never waits: it takes a
//! short lock and copies a few names. Where nobody resolves (`--resolve=off`, the demo) it does nothing.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use tokio::sync::Notify;

use crate::model::image::Platform;
use crate::model::pod::PodFacts;
use crate::model::reference::Reference;

/// Names that wait here at most, for the fraction of a second until the resolver takes them: more than a
/// scheduler asks for in that time. Of more the oldest are dropped, and counted.
const ASKED_MAX: usize = 1_024;
/// Reasons kept: each is some 200 bytes, and a page with more of them helps nobody.
const FAILURES_MAX: u64 = 10_000;
/// A reason that nobody has renewed for this long is no longer shown, and its image starts anew; twice
/// the longest pause between two attempts.
const FAILURE_AGE_MAX: Duration = Duration::from_secs(2 * 3600);

/// With whose pull secrets to ask: those a pod names, in its namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Holder {
    /// The pod's namespace.
    pub namespace: String,
    /// Its `imagePullSecrets`; those of its service account are among them, as the API server puts
    /// them there.
    pub secrets: Vec<String>,
}

/// An image to look up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Canonical reference.
    pub reference: String,
    /// What it has to run on.
    pub platform: Platform,
    /// Whose secrets may open the registry; `None` where none are used.
    pub holder: Option<Arc<Holder>>,
}

/// Why an image's layers are unknown.
#[derive(Clone, Debug)]
pub struct Failure {
    /// In words.
    pub reason: String,
    /// Attempts that failed one after the other.
    pub attempts: u32,
    /// Not to be tried before.
    pub retry_at: Instant,
}

/// A name, and with whose secrets to ask for it.
pub type Wish = (Arc<str>, Option<Arc<Holder>>);

#[derive(Debug, Default)]
struct Asked {
    oldest_first: VecDeque<Wish>,
    present: HashSet<Wish>,
    dropped: u64,
}

/// What was asked for, and what did not come of it.
#[derive(Debug)]
pub struct Unresolved {
    is_on: AtomicBool,
    uses_secrets: AtomicBool,
    asked: Mutex<Asked>,
    wake: Notify,
    /// By reference and platform.
    failures: Cache<(String, Platform), Arc<Failures>>,
}

/// Of one image, by whose secrets it was asked for with.
type Failures = BTreeMap<Option<Arc<Holder>>, Arc<Failure>>;

impl Default for Unresolved {
    fn default() -> Self {
        let weigh = |_: &(String, Platform), failures: &Arc<Failures>| {
            u32::try_from(failures.len()).unwrap_or(u32::MAX)
        };
        let failures = Cache::builder()
            .weigher(weigh)
            .max_capacity(FAILURES_MAX)
            .time_to_live(FAILURE_AGE_MAX)
            .build();
        Self {
            is_on: AtomicBool::default(),
            uses_secrets: AtomicBool::default(),
            asked: Mutex::default(),
            wake: Notify::default(),
            failures,
        }
    }
}

impl Unresolved {
    /// From now on offers are kept: somebody takes them. With secrets, also whose they are.
    pub fn turn_on(&self, uses_secrets: bool) {
        self.uses_secrets.store(uses_secrets, Ordering::Relaxed);
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// Whether anybody resolves.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Says that a pod wants its images, and later steps those that it names. Known ones are offered too: a
    /// tag may have moved.
    pub fn offer(&self, pod: &PodFacts) {
        if !self.is_on() {
            return;
        }
        let holder = self.holder(pod);
        let images = pod.images.iter().chain(pod.run.next_images.iter().flatten());
        let references = images.filter_map(|image| Reference::parse(&image.reference));
        let wishes: Vec<Wish> =
            references.map(|reference| (Arc::from(reference.as_str()), holder.clone())).collect();
        let mut asked = self.lock();
        let was_empty = asked.oldest_first.is_empty();
        wishes.into_iter().for_each(|wish| asked.push(wish));
        let wakes = was_empty && !asked.oldest_first.is_empty();
        drop(asked);
        if wakes {
            self.wake.notify_one();
        }
    }

    fn holder(&self, pod: &PodFacts) -> Option<Arc<Holder>> {
        let uses = self.uses_secrets.load(Ordering::Relaxed) && !pod.pull_secrets.is_empty();
        uses.then(|| {
            let (namespace, secrets) = (pod.namespace.clone(), pod.pull_secrets.clone());
            Arc::new(Holder { namespace, secrets })
        })
    }

    /// Waits until something is offered.
    pub async fn offered(&self) {
        self.wake.notified().await;
    }

    /// Everything offered since the last time, oldest first, and how many were dropped.
    pub fn take(&self) -> (VecDeque<Wish>, u64) {
        let asked = std::mem::take(&mut *self.lock());
        (asked.oldest_first, asked.dropped)
    }

    /// Why a target was not resolved, if it was not and that is still of interest.
    #[must_use]
    pub fn failure(&self, target: &Target) -> Option<Arc<Failure>> {
        self.failures.get(&key(target))?.get(&target.holder).cloned()
    }

    /// Notes why a target could not be resolved.
    pub fn note_failure(&self, target: Target, failure: Failure) {
        let key = key(&target);
        self.failures.entry(key).and_upsert_with(|before| {
            let mut failures = before.map(|entry| (**entry.value()).clone()).unwrap_or_default();
            // What is renewed is the whole: others' reasons do not live longer by that.
            failures.retain(|_, failure| failure.retry_at.elapsed() < FAILURE_AGE_MAX);
            failures.insert(target.holder, Arc::new(failure));
            Arc::new(failures)
        });
    }

    /// Forgets why an image could not be resolved, with whosever secrets: its layers are known now.
    pub fn note_success(&self, target: &Target) {
        self.failures.invalidate(&key(target));
    }

    /// Reference, platform and a reason for everything that could not be resolved, ordered; one where it
    /// was tried with several pods' secrets.
    #[must_use]
    pub fn reasons(&self) -> Vec<(String, String, String)> {
        let entry = |(of, failures): (Arc<(String, Platform)>, Arc<Failures>)| {
            let reason = failures.values().map(|failure| &failure.reason).min()?.clone();
            Some((of.0.clone(), of.1.to_string(), reason))
        };
        let mut reasons: Vec<_> = self.failures.iter().filter_map(entry).collect();
        reasons.sort_unstable();
        reasons
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    fn push(&mut self, wish: Wish) {
        if !self.present.insert(wish.clone()) {
            return;
        }
        self.oldest_first.push_back(wish);
        if self.oldest_first.len() > ASKED_MAX {
            if let Some(oldest) = self.oldest_first.pop_front() {
                self.present.remove(&oldest);
            }
            self.dropped += 1;
        }
    }
}

fn key(target: &Target) -> (String, Platform) {
    (target.reference.clone(), target.platform.clone())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::{ASKED_MAX, Failure, Holder, Target, Unresolved};
    use crate::model::image::Platform;
    use crate::model::pod::{PodFacts, PodImage};

    fn pod(references: impl Iterator<Item = String>) -> PodFacts {
        let images = references.map(|reference| PodImage { reference, ..PodImage::default() });
        PodFacts { images: images.collect(), ..PodFacts::default() }
    }

    #[test]
    fn offers_are_kept_once_up_to_a_bound_and_only_where_somebody_resolves() {
        let unresolved = Unresolved::default();
        unresolved.offer(&pod(["golang".to_owned()].into_iter()));
        assert_eq!(unresolved.take().0.len(), 0);
        unresolved.turn_on(false);
        unresolved.offer(&pod((0..2 * ASKED_MAX).map(|tag| format!("golang:{tag}"))));
        let last = format!("golang:{}", 2 * ASKED_MAX - 1);
        unresolved.offer(&pod([last, "a b".to_owned()].into_iter()));
        let (asked, dropped) = unresolved.take();
        assert_eq!((asked.len(), dropped), (ASKED_MAX, ASKED_MAX as u64));
        let oldest = format!("docker.io/library/golang:{ASKED_MAX}");
        assert_eq!(&*asked[0].0, oldest, "the oldest were dropped");
        assert_eq!(unresolved.take().0.len(), 0);
    }

    #[test]
    fn what_one_could_resolve_is_unresolved_for_nobody() {
        let unresolved = Unresolved::default();
        let target = |name: &str, secret: Option<&str>| Target {
            reference: name.to_owned(),
            platform: Platform::new("linux", "amd64", ""),
            holder: secret.map(|secret| {
                let secrets = vec![secret.to_owned()];
                Arc::new(Holder { namespace: "steps".to_owned(), secrets })
            }),
        };
        let fail = |target: Target, reason: &str| {
            let (reason, retry_at) = (reason.to_owned(), Instant::now());
            unresolved.note_failure(target, Failure { reason, attempts: 1, retry_at });
        };
        for secret in [None, Some("a"), Some("b")] {
            fail(target("r.io/x:1", secret), &format!("refused {secret:?}"));
            fail(target("r.io/y:1", secret), "gone");
        }
        let reasons = || {
            let reasons = unresolved.reasons();
            reasons.into_iter().map(|(name, _, reason)| format!("{name} {reason}")).collect()
        };
        let shown: Vec<String> = reasons();
        assert_eq!(shown, ["r.io/x:1 refused None", "r.io/y:1 gone"]);
        let of_b = unresolved.failure(&target("r.io/x:1", Some("b"))).expect("noted");
        assert_eq!(of_b.reason, "refused Some(\"b\")");
        unresolved.note_success(&target("r.io/x:1", Some("a")));
        let shown: Vec<String> = reasons();
        assert_eq!(shown, ["r.io/y:1 gone"]);
        assert!(unresolved.failure(&target("r.io/x:1", Some("b"))).is_none());
    }
}
