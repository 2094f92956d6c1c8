//! What later steps of a pod's run want as JSON.

use serde::{Deserialize, Serialize};

use crate::edge::view::legend::Legend;
use crate::edge::view::{WantedView, want};
use crate::score::decision::later::{Later, LaterTold};

/// What later steps want beyond the pod's own images.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaterView {
    /// Who told: `annotation` of the pod, or `pending-pods` of its run.
    pub source: String,
    /// How many pods that are not bound yet want each image, in the order of `images` in `wanted`; empty for
    /// an annotation.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub pods: Vec<u32>,
    /// Per platform, in the order of the decision's `wanted`: bytes and seconds are those of layers that the
    /// pod does not bring itself.
    pub wanted: Vec<WantedView>,
}

impl LaterView {
    /// The view; `None` where nobody told anything, or nobody was asked.
    #[must_use]
    pub fn of(later: &Later, legend: &Legend) -> Option<Self> {
        (later.told != LaterTold::Nobody).then(|| Self {
            source: later.told.name().to_owned(),
            pods: later.pods.clone(),
            wanted: later.wanted.iter().map(|w| want(w, &later.images, legend)).collect(),
        })
    }
}
