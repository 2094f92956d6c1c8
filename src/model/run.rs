//! Runs: the step pods of one pipeline run, and what they hand to each other.

use crate::model::volume::VolumeFacts;

/// What a pod tells of the run it belongs to; empty for a pod of no run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// Who told.
    pub source: RunSource,
    /// Names the run within the pod's namespace; `None` for a pod of no run.
    pub run: Option<String>,
    /// Names the step within the run.
    pub step: Option<String>,
    /// Volumes it reads, each key once.
    pub needs: Vec<VolumeFacts>,
    /// Volumes it leaves on its node, each key once.
    pub produces: Vec<VolumeFacts>,
}

/// Who told what a pod's run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names of CI systems")]
pub enum RunSource {
    /// Nobody.
    #[default]
    Untold,
    /// Annotations of `dunnage.dev`.
    Annotations,
    Tekton,
    Argo,
    GitLab,
    GitHubArc,
    Jenkins,
    Lighthouse,
    Buildkite,
    Woodpecker,
    Prow,
    /// The object that owns the pod, as a Job.
    Owner,
}
