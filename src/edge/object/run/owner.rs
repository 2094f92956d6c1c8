//! Pods of no known system: those that one object made are one run, as those of a Job.

use super::{Marks, Told};

/// What these make runs for ever and is no run.
const SERVICES: [&str; 5] =
    ["ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Node"];
/// Of an indexed Job, since Kubernetes 1.28.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    let owner = marks.controller().filter(|owner| !SERVICES.contains(&owner.kind))?;
    let run = super::name(owner.uid)?;
    Some(Told { run: Some(run), step: marks.label(INDEX), ..Told::default() })
}
