//! Watches pods that are not bound yet: what their runs will still ask for.
//!
//! Optional: without it only what a pod's own annotation names is known of later steps. On a task of its own,
//! because a burst of new pods must not delay the news of where the ones before it went. A pod that is bound
//! leaves this watch as deleted, and comes with the other one before or after.

use std::sync::Arc;

use kube::core::ObjectMeta;
use kube::{Api, Client};

use crate::edge::object::PodObject;
use crate::edge::object::convert::{is_step, pod_facts};
use crate::edge::shared::Shared;
use crate::edge::watch::follow;
use crate::model::pod::PodFacts;
use crate::state::event::{Event, Kind};

/// The API server keeps an index of it: what it sends is the backlog alone.
const UNBOUND_PODS: &str = "spec.nodeName=";

/// Watches until cancelled; not at all where the policy does not look ahead.
pub(super) async fn run(client: Client, shared: Arc<Shared>) {
    if shared.policy.run.lookahead.share.0 == 0 {
        return;
    }
    let applied = |pod: PodObject<ObjectMeta>| {
        let is_step = is_step(&pod, &shared.interest);
        applied(pod_facts(pod, is_step), &shared)
    };
    let removed = |pod: PodObject<ObjectMeta>| removed(pod_facts(pod, false).uid, &shared);
    let api: Api<PodObject<ObjectMeta>> = Api::all(client);
    follow(api, (Kind::PendingPods, UNBOUND_PODS), &shared, applied, removed).await;
}

/// What a pod that was added or changed means; nothing for one of no run, which most are in some clusters:
/// for those the tracker is not locked.
fn applied(facts: PodFacts, shared: &Shared) -> Option<Event> {
    if !facts.is_step || facts.run.run.is_none() {
        return removed(facts.uid, shared);
    }
    // Layers that nobody knows by the time that an earlier step is decided about do not count.
    shared.unresolved.offer(&facts);
    Some(Event::PendingPodApplied(facts))
}

fn removed(uid: String, shared: &Shared) -> Option<Event> {
    let is_known = shared.read().cluster().is_pending(&uid);
    is_known.then_some(Event::PendingPodRemoved { uid })
}

#[cfg(test)]
mod tests {
    use super::{applied, removed};
    use crate::edge::shared::Shared;
    use crate::model::pod::PodFacts;

    fn pod(uid: &str, run: Option<&str>, is_step: bool) -> PodFacts {
        let mut facts = PodFacts { uid: uid.to_owned(), is_step, ..PodFacts::default() };
        facts.run.run = run.map(str::to_owned);
        facts
    }

    #[test]
    fn steps_of_a_run_are_kept_until_they_go_or_are_none_any_more() {
        let shared = Shared::default();
        let kept = |shared: &Shared| shared.read().cluster().is_pending("a");
        assert!(applied(pod("a", None, true), &shared).is_none());
        assert!(applied(pod("a", Some("r"), false), &shared).is_none());
        shared.apply(applied(pod("a", Some("r"), true), &shared).expect("an event"));
        assert!(kept(&shared) && removed("b".to_owned(), &shared).is_none());
        shared.apply(applied(pod("a", None, true), &shared).expect("its labels changed"));
        assert!(!kept(&shared));
        shared.apply(applied(pod("a", Some("r"), true), &shared).expect("an event"));
        shared.apply(removed("a".to_owned(), &shared).expect("an event"));
        assert!(!kept(&shared));
    }
}
