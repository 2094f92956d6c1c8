//! What later steps of a pod's run want, as far as it was known when the pod was decided about.

use crate::model::pod::PodImage;
use crate::score::decision::Wanted;

/// What later steps want beyond the pod's own images.
#[derive(Clone, Debug, Default)]
pub struct Later {
    /// Who told of them.
    pub told: LaterTold,
    /// Their images, each once.
    pub images: Vec<PodImage>,
    /// How many pods want each, in step with `images`; empty where the pod's annotation tells.
    pub pods: Vec<u32>,
    /// In step with [`crate::score::decision::Decision::wanted`]: bytes and cold seconds are those of layers
    /// that the pod itself does not bring. Empty where lookahead is switched off or nothing is told.
    pub wanted: Vec<Wanted>,
}

/// Who told what later steps want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LaterTold {
    /// Nobody.
    #[default]
    Nobody,
    /// The pod itself, by an annotation.
    Annotation,
    /// Pods of the run that are not bound yet.
    PendingPods,
}

impl LaterTold {
    /// As in views and texts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Annotation => "annotation",
            Self::PendingPods => "pending-pods",
        }
    }
}
