//! GitHub's Actions Runner Controller: runner pods, and in its Kubernetes mode the pods they start.
//!
//! Source: actions/actions-runner-controller and actions/runner-container-hooks. What a runner starts names
//! the runner's pod and nothing else; so a run is what one runner does, which is one job.

use super::{Marks, Told};

const STARTED_BY: &str = "runner-pod";
const SCALE_SET: &str = "actions.github.com/scale-set-name";
/// Listeners carry the scale set's label too, and run no job.
const COMPONENT: (&str, &str) = ("app.kubernetes.io/component", "runner");

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    let run = marks.label(STARTED_BY).or_else(|| runner(marks))?;
    Some(Told { run: Some(run), ..Told::default() })
}

fn runner(marks: &Marks<'_>) -> Option<String> {
    let is_runner = marks.has_label(SCALE_SET) && marks.raw_label(COMPONENT.0) == Some(COMPONENT.1);
    is_runner.then(|| marks.metadata.name()).and_then(super::name)
}
