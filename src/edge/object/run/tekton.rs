//! Tekton: labels that its controller puts on the pods of task runs.
//!
//! Source: tektoncd/pipeline `pkg/apis/pipeline/register.go`. Workspaces are claims, which are read
//! elsewhere; results and parameters are references, not bytes.

use super::{Marks, Told};

/// The uid is there since 0.63; a run's name can come again. A task run without a pipeline is a run of its
/// own.
const RUN: [&str; 4] = [
    "tekton.dev/pipelineRunUID",
    "tekton.dev/pipelineRun",
    "tekton.dev/taskRunUID",
    "tekton.dev/taskRun",
];
const STEP: [&str; 2] = ["tekton.dev/pipelineTask", "tekton.dev/task"];

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    let run = marks.first_label(&RUN)?;
    Some(Told { run: Some(run), step: marks.first_label(&STEP), ..Told::default() })
}
