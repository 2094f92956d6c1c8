//! Why an answer prefers no node.

/// Why a whole answer is neutral.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Neutral {
    /// The pod has no containers and no image volumes.
    NoImages,
    /// None of the candidates is in the index.
    NoKnownCandidate,
    /// Nobody knows any of the pod's images.
    ImagesUnknown,
}

impl Neutral {
    /// The name in metrics, JSON and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoImages => "no-images",
            Self::NoKnownCandidate => "no-known-candidate",
            Self::ImagesUnknown => "images-unknown",
        }
    }
}
