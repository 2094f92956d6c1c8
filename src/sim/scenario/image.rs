//! The part of a scenario about images: files of layers, and how tags move.

use serde::Deserialize;

use crate::sim::data::Shape;
use crate::sim::scenario::value::{Count, Factor, Moment, Span};

/// One source of images.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageSource {
    /// Their layers.
    pub manifests: String,
    /// How their tags move; without it each name means its newest image for ever.
    pub tags: Option<TagKeys>,
    /// Only names that contain this text.
    pub containing: Option<String>,
    /// Only so many names, chosen by chance; all where it is not given.
    pub names_max: Option<Count>,
}

/// A history of tags, and what part of it is used.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TagKeys {
    /// The history.
    pub file: String,
    /// Time zero: what moved before has moved.
    pub from: Moment,
    /// What moves later than so long after that does not move.
    #[serde(rename = "for")]
    pub span: Span,
    /// By how much the time between moves is pressed together.
    #[serde(default)]
    pub faster: Factor,
}

impl ImageSource {
    pub(super) fn files(&self) -> impl Iterator<Item = (Shape, &str)> {
        let tags = self.tags.as_ref().map(|tags| (Shape::TagMoves, tags.file.as_str()));
        std::iter::once((Shape::Manifests, self.manifests.as_str())).chain(tags)
    }
}
