//! Woodpecker's Kubernetes backend: one pod per step of a workflow, over one claim.
//!
//! Source: woodpecker-ci/woodpecker `pipeline/backend/kubernetes/pod.go`. A task is one workflow's run.

use super::{Marks, Told};

const RUN: &str = "woodpecker-ci.org/task-uuid";
const STEP: &str = "woodpecker-ci.org/step";

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    let (run, step) = (marks.label(RUN), marks.label(STEP));
    (run.is_some() || step.is_some()).then(|| Told { run, step, ..Told::default() })
}
