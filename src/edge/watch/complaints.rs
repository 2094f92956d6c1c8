//! Tells whoever made a pod that its annotations are malformed: one Event, a warning, on the pod.
//!
//! From watched pods only, so that no scheduling request waits for it, and whether or not answers are sent.
//! The Event has a name made of the pod's uid: a second replica, or this process after a restart, finds it
//! there and leaves it. Slow on purpose; what cannot be queued or posted is counted, and tried again when the
//! pod changes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, PostParams};
use kube::core::ObjectMeta;
use kube::{Client, Error};
use moka::sync::Cache;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::edge::cause::with_causes;
use crate::edge::shared::Shared;
use crate::model::chain_id::sha256;
use crate::model::pod::PodFacts;

/// Complaints that wait: a minute's worth. Whoever makes more pods with the same mistake learns of it from
/// these.
const WAITING_MAX: usize = 300;
/// Between two posts: five a second is a tenth of what the API server's clients may send by default.
const PAUSE: Duration = Duration::from_millis(200);
/// Pods remembered as told of: a uid each. One that is forgotten costs a request that finds the Event there.
const TOLD_MAX: u64 = 10_000;
/// Attempts at one Event, the pause doubling from the first: an API server that restarts is back by then.
const ATTEMPTS_MAX: u32 = 4;
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// The API's own limit (`pkg/apis/core/validation/events.go`).
const NOTE_BYTES_MAX: usize = 1024;
/// Of names of objects.
const NAME_BYTES_MAX: usize = 253;

/// What is to be said of which pod.
#[derive(Debug)]
pub(super) struct Complaint {
    namespace: String,
    name: String,
    uid: String,
    text: String,
}

/// Where watched pods are looked at.
#[derive(Debug)]
pub(super) struct Complaints {
    waiting: Sender<Complaint>,
    told: Cache<String, ()>,
}

impl Complaints {
    /// With the end that [`post`] takes from.
    pub(super) fn new() -> (Self, Receiver<Complaint>) {
        let (waiting, taking) = channel(WAITING_MAX);
        (Self { waiting, told: Cache::new(TOLD_MAX) }, taking)
    }

    /// Queues what there is to say of a pod, if it has not been said. Never waits.
    pub(super) fn note(&self, pod: &PodFacts, shared: &Shared) {
        let Some(text) = &pod.run.malformed else { return };
        // Who made a pod that has ended looks at the next one.
        if pod.phase.is_over() || !self.told.entry_by_ref(&pod.uid).or_insert(()).is_fresh() {
            return;
        }
        let complaint = Complaint {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            text: text.clone(),
        };
        if self.waiting.try_send(complaint).is_err() {
            self.told.invalidate(&pod.uid);
            count(shared, "dropped");
        }
    }
}

fn count(shared: &Shared, result: &str) {
    shared.metrics.complaints.with_label_values(&[result]).inc();
}

/// Posts what is queued, for ever.
pub(super) async fn post(
    client: Client,
    mut waiting: Receiver<Complaint>,
    complaints: &Complaints,
    shared: Arc<Shared>,
) {
    let mut said = None;
    while let Some(complaint) = waiting.recv().await {
        match post_one(&client, &complaint, &shared).await {
            Ok(result) => {
                said = None;
                count(&shared, result);
            }
            Err(error) => {
                complaints.told.invalidate(&complaint.uid);
                count(&shared, "failed");
                let reason = with_causes(&error);
                if said.as_ref() != Some(&reason) {
                    tracing::warn!(reason, "cannot post Events about malformed annotations");
                    said = Some(reason);
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Posts one, patiently; says what came of it.
async fn post_one(
    client: &Client,
    complaint: &Complaint,
    shared: &Shared,
) -> Result<&'static str, Error> {
    let events: Api<Event> = Api::namespaced(client.clone(), &complaint.namespace);
    let mut attempts = 1;
    loop {
        let event = event(complaint, shared.clock.now().0);
        match events.create(&PostParams::default(), &event).await {
            Ok(_) => return Ok("posted"),
            Err(Error::Api(status)) if status.is_already_exists() => return Ok("known"),
            Err(error) => match pause_after(&error, attempts) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            },
        }
        attempts += 1;
    }
}

/// How long to wait after so many attempts, of which the last was answered so; `None` to give up, at once
/// where asking again would be answered the same: no right, no such namespace any more.
fn pause_after(error: &Error, attempts: u32) -> Option<Duration> {
    let is_final = matches!(error, Error::Api(status)
        if (400..500).contains(&status.code) && status.code != 429);
    let goes_on = !is_final && attempts < ATTEMPTS_MAX;
    goes_on.then(|| FIRST_RETRY * (1 << (attempts - 1)))
}

fn event(complaint: &Complaint, now_nanos: u64) -> Event {
    let Complaint { namespace, name, uid, text } = complaint;
    let mut note = format!("{text}. The pod is placed without this preference");
    cut(&mut note, NOTE_BYTES_MAX);
    let now = Timestamp::from_nanosecond(now_nanos.into()).unwrap_or_default();
    Event {
        metadata: ObjectMeta {
            name: Some(event_name(name, uid)),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        type_: Some("Warning".to_owned()),
        reason: Some("MalformedAnnotation".to_owned()),
        action: Some("ReadAnnotations".to_owned()),
        note: Some(note),
        regarding: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            namespace: Some(namespace.clone()),
            name: Some(name.clone()),
            uid: Some(uid.clone()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some("dunnage.dev/extender".to_owned()),
        reporting_instance: Some("dunnage".to_owned()),
        ..Event::default()
    }
}

/// The same for the same pod, whoever posts it; another for a pod that has its name later.
fn event_name(pod: &str, uid: &str) -> String {
    let hash = sha256(uid.as_bytes());
    let hash = &hash["sha256:".len()..][..16];
    let mut name = pod.to_owned();
    cut(&mut name, NAME_BYTES_MAX - 1 - hash.len());
    let name = name.trim_end_matches(['.', '-']);
    format!("{name}.{hash}")
}

/// Cut to so many bytes.
fn cut(text: &mut String, bytes_max: usize) {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use kube::Error;
    use kube::core::Status;

    use super::{ATTEMPTS_MAX, Complaint, Complaints, WAITING_MAX, event, event_name, pause_after};
    use crate::edge::shared::Shared;
    use crate::model::pod::PodFacts;
    use crate::model::pod::PodPhase;

    fn pod(number: usize) -> PodFacts {
        let mut pod = PodFacts { uid: number.to_string(), ..PodFacts::default() };
        pod.run.malformed = Some("wrong".to_owned());
        pod
    }

    fn dropped(shared: &Shared) -> u64 {
        shared.metrics.complaints.with_label_values(&["dropped"]).get()
    }

    #[test]
    fn a_pod_is_told_of_once_and_an_ended_or_sound_one_never() {
        let (shared, (complaints, mut waiting)) = (Shared::default(), Complaints::new());
        complaints.note(&PodFacts::default(), &shared);
        complaints.note(&PodFacts { phase: PodPhase::Ended, ..pod(0) }, &shared);
        assert!(waiting.try_recv().is_err());
        for _ in 0..3 {
            complaints.note(&pod(1), &shared);
        }
        assert_eq!(waiting.try_recv().expect("one").uid, "1");
        assert!(waiting.try_recv().is_err());
        assert_eq!(dropped(&shared), 0);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_may_come_again() {
        let (shared, (complaints, mut waiting)) = (Shared::default(), Complaints::new());
        for number in 0..=WAITING_MAX {
            complaints.note(&pod(number), &shared);
        }
        assert_eq!(dropped(&shared), 1);
        assert_eq!(waiting.try_recv().expect("the first").uid, "0");
        complaints.note(&pod(WAITING_MAX), &shared);
        assert_eq!((waiting.len(), dropped(&shared)), (WAITING_MAX, 1));
    }

    #[test]
    fn only_what_may_be_answered_otherwise_is_asked_again_each_time_later_and_not_for_ever() {
        let seconds = |code: u16, attempts: u32| {
            let error = Error::Api(Status { code, ..Status::default() }.boxed());
            pause_after(&error, attempts).map(|pause| pause.as_secs())
        };
        for code in [400, 403, 404] {
            assert_eq!(seconds(code, 1), None, "{code}");
        }
        for code in [429, 500, 503] {
            let pauses: Vec<_> =
                (1..ATTEMPTS_MAX).map(|attempts| seconds(code, attempts)).collect();
            assert_eq!(pauses, [Some(2), Some(4), Some(8)], "{code}");
            assert_eq!(seconds(code, ATTEMPTS_MAX), None, "{code}");
        }
        let silent = Error::Service(std::io::Error::other("connection refused").into());
        assert_eq!(pause_after(&silent, 1).map(|pause| pause.as_secs()), Some(2));
    }

    #[test]
    fn names_and_notes_keep_within_the_limits_of_the_api() {
        let long = "a.".repeat(126) + "a";
        let name = event_name(&long, "u");
        assert!(name.len() <= 253 && !name.contains(".."), "{name}");
        assert_ne!(event_name("a", "1"), event_name("a", "2"));
        assert_eq!(event_name("a", "1"), event_name("a", "1"));
        let text = "é".repeat(600);
        let complaint =
            Complaint { namespace: String::new(), name: long, uid: "u".to_owned(), text };
        assert_eq!(event(&complaint, 1).note.expect("a note").len(), 1024);
    }
}
