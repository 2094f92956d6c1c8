//! Lighthouse of Jenkins X: labels that it puts on its PipelineRuns, which Tekton hands on to pods.
//!
//! Source: jenkins-x/lighthouse `pkg/util/constants.go`. A job of Lighthouse is one PipelineRun, so the name
//! of its activity (organisation, repository, branch, number) means the same run as Tekton's uid.

use super::{Marks, Told};

const RUN: &str = "lighthouse.jenkins-x.io/activityName";
const STEP: [&str; 2] = ["tekton.dev/pipelineTask", "lighthouse.jenkins-x.io/context"];

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    let run = marks.label(RUN)?;
    Some(Told { run: Some(run), step: marks.first_label(&STEP), ..Told::default() })
}
