//! The run of a pod as JSON: what it belongs to, what it reads and leaves, and who told.

use serde::{Deserialize, Serialize};

use crate::model::pod::PodImage;
use crate::model::run::RunFacts;
use crate::model::volume::VolumeFacts;

/// What a pod tells of its run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Who told of run and step: `annotations`, a CI system, `owner`; `untold`.
    pub source: String,
    /// Names the run within the pod's namespace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<String>,
    /// Names the step within the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step: Option<String>,
    /// Volumes that it reads.
    pub needs: Vec<VolumeView>,
    /// Who told of those.
    pub needs_source: String,
    /// Volumes that it makes.
    pub produces: Vec<VolumeView>,
    /// Who told of those.
    pub produces_source: String,
    /// Images of later steps that it names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_images: Option<Vec<String>>,
    /// What is wrong with its annotations.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub malformed: Option<String>,
}

/// A volume as a pod names it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VolumeView {
    /// Names it and its version.
    pub key: String,
    /// `resource-cache`, `task-cache`, `output`, `other`.
    pub kind: String,
    /// Its size, where the pod tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
}

impl RunView {
    /// The view; `None` for a pod that tells nothing.
    #[must_use]
    pub fn of(run: &RunFacts) -> Option<Self> {
        (*run != RunFacts::default()).then(|| Self {
            source: run.source.name().to_owned(),
            run: run.run.clone(),
            step: run.step.clone(),
            needs: run.needs.iter().map(VolumeView::of).collect(),
            needs_source: run.needs_source.name().to_owned(),
            produces: run.produces.iter().map(VolumeView::of).collect(),
            produces_source: run.produces_source.name().to_owned(),
            next_images: run.next_images.as_ref().map(|images| references(images)),
            malformed: run.malformed.clone(),
        })
    }
}

fn references(images: &[PodImage]) -> Vec<String> {
    images.iter().map(|image| image.reference.clone()).collect()
}

impl VolumeView {
    fn of(volume: &VolumeFacts) -> Self {
        Self {
            key: volume.key.clone(),
            kind: volume.kind.name().to_owned(),
            bytes: volume.bytes.map(|bytes| bytes.0),
        }
    }
}
