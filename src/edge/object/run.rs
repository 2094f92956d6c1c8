//! From a pod to its run, its step, and the volumes it reads and leaves.
//!
//! Annotations of `dunnage.dev` win over what a CI system writes on its pods, and that over the pod's owner.
//! One small file per system says which of its marks count. Pure and total: a mark that is odd, too long or
//! not there is untold, and costs a preference only. What the run is worth is not decided here.

mod annotation;
mod argo;
mod buildkite;
mod github_arc;
mod gitlab;
mod jenkins;
mod lighthouse;
mod owner;
mod prow;
mod tekton;
#[cfg(test)]
mod tests;
mod woodpecker;

pub use annotation::{BYTES_MAX, ENTRIES_MAX};

use crate::edge::object::{Controller, Named, PodObject, PodSpec};
use crate::model::run::{RunFacts, RunSource};
use crate::model::volume::VolumeFacts;

/// Annotations that are read of a pod. Every other is skipped unread.
pub const ANNOTATIONS: [&str; 11] = [
    annotation::RUN,
    annotation::NEXT_IMAGES,
    annotation::NEEDS,
    annotation::PRODUCES,
    argo::NODE_NAME,
    gitlab::JOB_ID,
    gitlab::JOB_NAME,
    jenkins::RUN_URL,
    jenkins::BUILD_URL,
    buildkite::BUILD_URL,
    prow::JOB,
];
/// Variables of containers that are read. Every other is skipped unread.
pub const VARIABLES: [&str; 2] = [argo::TEMPLATE, gitlab::PIPELINE_ID];

/// Argo joins the names of nested steps, each of up to 63 characters, by dots; nobody else comes near.
const NAME_BYTES_MAX: usize = 512;

/// From what can be read of its marks to what they tell; `None` for a pod of another system.
type Adapter = fn(&Marks<'_>) -> Option<Told>;

/// In the order of asking. Lighthouse and Prow start Tekton's pods: Lighthouse names the run better, Prow
/// worse. The owner is asked last, as every system has owners of its own.
const ADAPTERS: [(RunSource, Adapter); 10] = [
    (RunSource::Lighthouse, lighthouse::told),
    (RunSource::Tekton, tekton::told),
    (RunSource::Argo, argo::told),
    (RunSource::GitLab, gitlab::told),
    (RunSource::GitHubArc, github_arc::told),
    (RunSource::Jenkins, jenkins::told),
    (RunSource::Buildkite, buildkite::told),
    (RunSource::Woodpecker, woodpecker::told),
    (RunSource::Prow, prow::told),
    (RunSource::Owner, owner::told),
];

/// What one system's marks on a pod tell.
#[derive(Debug, Default)]
struct Told {
    run: Option<String>,
    step: Option<String>,
    needs: Vec<VolumeFacts>,
    produces: Vec<VolumeFacts>,
}

/// What may be read of a pod.
struct Marks<'a> {
    metadata: &'a dyn Named,
    spec: Option<&'a PodSpec>,
}

/// What a pod tells of its run.
pub fn run_facts<M: Named>(pod: &PodObject<M>) -> RunFacts {
    let marks = Marks { metadata: &pod.metadata, spec: pod.spec.as_ref() };
    let mut facts = adapted(&marks);
    annotation::put_over(&mut facts, &marks);
    facts
}

/// What the pod's system tells.
fn adapted(marks: &Marks<'_>) -> RunFacts {
    let told = ADAPTERS.iter().find_map(|(source, adapter)| Some((*source, adapter(marks)?)));
    let Some((source, Told { run, step, needs, produces })) = told else {
        return RunFacts::default();
    };
    let teller = |volumes: &[_]| if volumes.is_empty() { RunSource::Untold } else { source };
    let (needs_source, produces_source) = (teller(&needs), teller(&produces));
    RunFacts {
        source,
        run,
        step,
        needs,
        produces,
        needs_source,
        produces_source,
        ..RunFacts::default()
    }
}

impl<'a> Marks<'a> {
    /// Whether there is a label, whatever its value.
    fn has_label(&self, key: &str) -> bool {
        self.metadata.labels().is_some_and(|labels| labels.contains_key(key))
    }

    fn raw_label(&self, key: &str) -> Option<&'a str> {
        self.metadata.labels()?.get(key).map(String::as_str)
    }

    /// The name that a label has for a value.
    fn label(&self, key: &str) -> Option<String> {
        self.raw_label(key).and_then(name)
    }

    /// The name that the first of these labels has for a value.
    fn first_label(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.label(key))
    }

    fn raw_annotation(&self, key: &str) -> Option<&'a str> {
        self.metadata.annotation(key)
    }

    /// The name that an annotation has for a value.
    fn annotation(&self, key: &str) -> Option<String> {
        self.raw_annotation(key).and_then(name)
    }

    /// The value of a variable in the first container that has it, init containers first.
    fn variable(&self, name: &str) -> Option<&'a str> {
        let spec = self.spec?;
        let init = spec.init_containers.iter().flatten();
        let mut containers = init.chain(spec.containers.iter().flatten());
        containers.find_map(|container| container.env.as_ref()?.get(name))
    }

    fn controller(&self) -> Option<Controller<'a>> {
        self.metadata.controller()
    }
}

/// A text that can name a run or a step: one line of bounded length, not empty.
fn name(text: &str) -> Option<String> {
    let is_name = (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    is_name.then(|| text.to_owned())
}
