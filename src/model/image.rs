//! Images as placement needs them: platform, ordered layers, and the names they go by.
//!
//! What a registry or a node says about images arrives here as plain facts; how facts about many
//! nodes fit together is [`crate::model::cluster`]'s.

use crate::model::unit::{Bytes, Time};

/// Operating system, architecture and, where told, its variant (OCI image index, `platform`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// `linux`, `windows`.
    pub os: String,
    /// `amd64`, `arm64`, `arm`.
    pub architecture: String,
    /// `v7`; empty where not told. `v8` of arm64 is the only one there is, and is left out.
    pub variant: String,
}

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Digest of the compressed blob.
    pub digest: String,
    /// Digest of the unpacked tar, where the image's config is known.
    pub diff_id: Option<String>,
    /// Compressed size. A layer's real size is never zero, but a source may not know it.
    pub compressed_bytes: Bytes,
}

/// One image for one platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// Digests that name it: its manifest first, then config and index digests where known.
    pub digests: Vec<String>,
    /// Canonical references that point, or once pointed, at it.
    pub references: Vec<String>,
    /// What it runs on.
    pub platform: Platform,
    /// Base first. Empty for an artifact without layers.
    pub layers: Vec<Layer>,
    /// When its references came to point at it; a later image with the same reference supersedes it.
    pub published_at: Time,
}

impl Platform {
    /// Parses `os/architecture[/variant]`; `None` unless it has two or three non-empty parts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (os, architecture) = (parts.next()?, parts.next()?);
        let variant = parts.next().unwrap_or_default();
        if os.is_empty() || architecture.is_empty() || parts.next().is_some() {
            return None;
        }
        Some(Self::new(os, architecture, variant))
    }

    /// The platform of these parts, in lower case.
    #[must_use]
    pub fn new(os: &str, architecture: &str, variant: &str) -> Self {
        let variant = if architecture == "arm64" && variant == "v8" { "" } else { variant };
        Self {
            os: os.to_ascii_lowercase(),
            architecture: architecture.to_ascii_lowercase(),
            variant: variant.to_ascii_lowercase(),
        }
    }

    /// Whether an image for `self` runs on a node of `node`: variants count only where both tell one.
    #[must_use]
    pub fn runs_on(&self, node: &Platform) -> bool {
        self.os == node.os
            && self.architecture == node.architecture
            && (self.variant == node.variant || self.variant.is_empty() || node.variant.is_empty())
    }
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}
