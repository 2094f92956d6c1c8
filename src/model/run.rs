//! Runs: the step pods of one pipeline run, and what they hand to each other.

use crate::model::pod::PodImage;
use crate::model::volume::VolumeFacts;

/// Images of later steps that count. Pipelines that people write have fewer steps than that after one; each
/// costs a walk over its layers in a decision.
pub const NEXT_IMAGES_MAX: usize = 32;

/// What a pod tells of the run it belongs to; empty for a pod of no run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFacts {
    /// Who told of the run and the step.
    pub source: RunSource,
    /// Names the run within the pod's namespace; `None` for a pod of no run.
    pub run: Option<String>,
    /// Names the step within the run.
    pub step: Option<String>,
    /// Volumes it reads, each key once.
    pub needs: Vec<VolumeFacts>,
    /// Volumes it makes, each key once.
    pub produces: Vec<VolumeFacts>,
    /// Who told of those that it reads.
    pub needs_source: RunSource,
    /// Who told of those that it makes.
    pub produces_source: RunSource,
    /// Images that later steps of the run will want, where the pod itself names them; without, those of the
    /// run's pods that are not bound yet count.
    pub next_images: Option<Vec<PodImage>>,
    /// What is wrong with its annotations, in words for who wrote them; those count as if absent.
    pub malformed: Option<String>,
}

impl RunFacts {
    /// The volumes that stay on the pod's node when it has ended: those it makes, but for Argo's artifacts,
    /// which go to a blob store and nowhere else.
    #[must_use]
    pub fn left_on_node(&self) -> &[VolumeFacts] {
        if self.produces_source == RunSource::Argo { &[] } else { &self.produces }
    }
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
    /// The volumes that the pod mounts.
    Mounts,
}

impl RunSource {
    /// As in views and texts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untold => "untold",
            Self::Annotations => "annotations",
            Self::Tekton => "tekton",
            Self::Argo => "argo",
            Self::GitLab => "gitlab",
            Self::GitHubArc => "github-arc",
            Self::Jenkins => "jenkins",
            Self::Lighthouse => "lighthouse",
            Self::Buildkite => "buildkite",
            Self::Woodpecker => "woodpecker",
            Self::Prow => "prow",
            Self::Owner => "owner",
            Self::Mounts => "mounts",
        }
    }
}
