//! Prow: one pod per job; what a job starts by itself, as OpenShift's ci-operator does, has its build's
//! number too.
//!
//! Source: kubernetes-sigs/prow `pkg/kube/prowjob.go` and `pkg/pod-utils/decorate`.

use super::{Marks, Told};

/// The number is empty until a job has one; the id is the job object's name.
const RUN: [&str; 2] = ["prow.k8s.io/build-id", "prow.k8s.io/id"];
/// As a label it is cut at 63 characters, as an annotation it is whole.
pub(super) const JOB: &str = "prow.k8s.io/job";

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    let run = marks.first_label(&RUN)?;
    let step = marks.annotation(JOB).or_else(|| marks.label(JOB));
    Some(Told { run: Some(run), step, ..Told::default() })
}
