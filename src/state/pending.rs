//! Pods of runs that wait to be bound, and with them what each run will still ask for.
//!
//! They come from a watch of their own, which can be ahead of the watch of bound pods or behind it: so both
//! are kept as told, and a pod counts in its run while only this one knows it. What its run's pods want
//! of a node is decided in [`crate::score`]; pods of no run, and pods that are no steps, are not kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::cluster::pending::{ComingImage, PendingPod};
use crate::model::cluster::{Cluster, ReferenceId, RunId};
use crate::model::pod::{PodFacts, PodPhase, PullPolicy};
use crate::model::reference::Reference;
use crate::state::Tracker;

/// Pods kept, some 300 bytes each: more than clusters that are known to work hold back, and what
/// whoever makes more pods loses is a preference.
pub(super) const PODS_MAX: usize = 20_000;
/// Images kept of a pod: more than people write into one; it bounds what a made-up pod can hold.
const POD_IMAGES_MAX: usize = 32;

impl Tracker {
    pub(super) fn apply_pending(&mut self, facts: &PodFacts) {
        self.remove_pending(&facts.uid);
        let run = facts.run.run.as_ref().filter(|run| !run.is_empty());
        let is_kept = facts.is_step && facts.node.is_none() && facts.phase == PodPhase::Waiting;
        let Some(run) = run.filter(|_| is_kept && self.cluster.pending.len() < PODS_MAX) else {
            return;
        };
        let images = facts.images.iter().filter_map(|image| {
            Some((Reference::parse(&image.reference)?.as_str().to_owned(), image.pull_policy))
        });
        let images: BTreeSet<_> = images.collect();
        let images = images.into_iter().take(POD_IMAGES_MAX);
        let cluster = &mut self.cluster;
        let pod = PendingPod {
            images: images
                .map(|(name, policy)| (cluster.acquire_reference(&name), policy))
                .collect(),
            run: cluster.acquire_run(&format!("{}/{run}", facts.namespace)),
            counts: false,
            resync_mark: self.pending_mark,
        };
        cluster.pending.insert(Arc::from(facts.uid.as_str()), pod);
        cluster.recount_pending(&facts.uid);
    }

    pub(super) fn remove_pending(&mut self, uid: &str) {
        let Some(pod) = self.cluster.pending.remove(uid) else { return };
        if pod.counts {
            self.cluster.uncount(pod.run, &pod.images);
        }
        self.cluster.release_run(pod.run);
        pod.images.into_iter().for_each(|(id, _)| self.cluster.release_reference(id));
    }

    /// Those that a list did not name are bound or gone.
    pub(super) fn end_unlisted_pending(&mut self) {
        let mark = self.pending_mark;
        let gone = self.cluster.pending.iter().filter(|(_, pod)| pod.resync_mark < mark);
        for uid in gone.map(|(uid, _)| uid.clone()).collect::<Vec<_>>() {
            self.remove_pending(&uid);
        }
    }
}

impl Cluster {
    /// Counts a pod in its run if it is pending and not bound, whichever of the two was told first.
    pub(super) fn recount_pending(&mut self, uid: &str) {
        let counts = self.pod_ids.get(uid).is_none();
        let Some(pod) = self.pending.get_mut(uid).filter(|pod| pod.counts != counts) else {
            return;
        };
        pod.counts = counts;
        let (run, images) = (pod.run, pod.images.clone());
        if counts {
            self.count(run, &images);
        } else {
            self.uncount(run, &images);
        }
    }

    fn count(&mut self, run: RunId, images: &[(ReferenceId, PullPolicy)]) {
        for image in images {
            let coming = self.coming_image(*image);
            *self.runs[run.index()].coming.entry(coming).or_default() += 1;
        }
    }

    fn uncount(&mut self, run: RunId, images: &[(ReferenceId, PullPolicy)]) {
        for image in images {
            let coming = self.coming_image(*image);
            let counts = &mut self.runs[run.index()].coming;
            if let Some(pods) = counts.get_mut(&coming) {
                *pods -= 1;
                if *pods == 0 {
                    counts.remove(&coming);
                }
            }
        }
    }

    fn coming_image(&self, (id, pull_policy): (ReferenceId, PullPolicy)) -> ComingImage {
        ComingImage { name: self.reference_name(id), pull_policy }
    }
}
