//! GitLab Runner's Kubernetes executor: one pod per job.
//!
//! Source: GitLab Runner's documentation of the executor, default labels and annotations. The pipeline is on
//! no label of its own: it is in the environment, or under a label that many operators add.

use super::{Marks, Told};

pub(super) const JOB_ID: &str = "job.runner.gitlab.com/id";
pub(super) const JOB_NAME: &str = "job.runner.gitlab.com/name";
pub(super) const PIPELINE_ID: &str = "CI_PIPELINE_ID";
/// By `pod_labels` in the runner's configuration.
const PIPELINE_LABEL: &str = "pipeline_id";
/// Runners put these on since 15.11; the annotation is older.
const OF_GITLAB: [&str; 2] = ["job.runner.gitlab.com/pod", "manager.runner.gitlab.com/name"];

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    let is_gitlab = marks.raw_annotation(JOB_ID).is_some()
        || OF_GITLAB.iter().any(|label| marks.has_label(label));
    if !is_gitlab {
        return None;
    }
    let run = marks.variable(PIPELINE_ID).and_then(super::name);
    let run = run.or_else(|| marks.label(PIPELINE_LABEL));
    Some(Told { run, step: marks.annotation(JOB_NAME), ..Told::default() })
}
