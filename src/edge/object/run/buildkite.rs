//! Buildkite's agent-stack-k8s: one pod per job of a build.
//!
//! Source: buildkite/agent-stack-k8s `internal/controller/config/config.go`.

use super::{Marks, Told};

pub(super) const BUILD_URL: &str = "buildkite.com/build-url";
const JOB: &str = "buildkite.com/job-uuid";

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    let step = Some(marks.label(JOB)?);
    Some(Told { run: marks.annotation(BUILD_URL), step, ..Told::default() })
}
