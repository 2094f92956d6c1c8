//! What a reference means now: which image, which record, how many bytes.
//!
//! Read-only questions about names, shared by the tracker (for pulls) and by scoring. Whether a node
//! may keep an older image under the same tag is a matter of pull policy, and [`crate::score`]'s.

use crate::model::cluster::{Cluster, DigestId, ImageId, PlatformId, RecordId, ReferenceId};
use crate::model::image::Platform;
use crate::model::unit::Bytes;

/// The ids a canonical reference has in a cluster; `None` where nobody has named it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameIds {
    /// Of the reference as a whole.
    pub reference: Option<ReferenceId>,
    /// Of the digest, if the reference has one.
    pub digest: Option<DigestId>,
}

impl Cluster {
    /// The ids of a canonical reference.
    #[must_use]
    pub fn name_ids(&self, canonical: &str) -> NameIds {
        let digest = canonical.split_once('@').and_then(|(_, digest)| self.digest_id(digest));
        NameIds { reference: self.reference_id(canonical), digest }
    }

    /// The image that a reference means today on a platform, if its layers are known.
    ///
    /// By digest where it has one; else the newest image that a source of images gives the tag; else
    /// the image of the newest digest that a node reports for it.
    #[must_use]
    pub fn current_image(&self, name: NameIds, platform: Option<PlatformId>) -> Option<ImageId> {
        if let Some(digest) = name.digest {
            return self.newest_on(platform, self.digest(digest).images.iter().copied());
        }
        let reference = name.reference?;
        let known = self.newest_on(platform, self.reference(reference).images.iter().copied());
        known.or_else(|| {
            // The record can be a node's that tells no platform, and so takes images of any.
            let image = self.record(self.newest_record(name, platform)?).image;
            self.newest_on(platform, image.into_iter())
        })
    }

    /// The image with a manifest's digest, if its layers are known for a platform.
    #[must_use]
    pub fn image_of(&self, manifest: &str, platform: PlatformId) -> Option<ImageId> {
        let manifest = self.digest_id(manifest)?;
        let mut images = self.digest(manifest).images.iter().copied();
        images.find(|&id| {
            let image = self.image(id);
            image.digests.first() == Some(&manifest) && image.platform == platform
        })
    }

    /// The id of a platform that a node or an image has told.
    #[must_use]
    pub fn known_platform(&self, platform: &Platform) -> Option<PlatformId> {
        let at = self.platforms.iter().position(|known| known == platform)?;
        u32::try_from(at).ok().map(PlatformId)
    }

    /// The record of a name on a platform that was first reported last; ties go to the digest that more
    /// nodes hold whole, then to the greater one, then to the greater platform.
    #[must_use]
    pub fn newest_record(&self, name: NameIds, platform: Option<PlatformId>) -> Option<RecordId> {
        self.records_of(name, platform).max_by_key(|&id| {
            let record = self.record(id);
            // Nodes tell one digest in many words: which of its layers they keep, or by what names.
            let digest = record.digests.first();
            let holders = digest.map_or(&record.holders, |&id| &self.digest(id).holders);
            let text = digest.map(|&digest| self.digest_text(digest));
            let own = record.platform.map(|id| self.platform(id));
            (record.first_seen, holders.len(), text, own)
        })
    }

    /// The largest size a node of the platform reports for a name; zero if none tells one.
    #[must_use]
    pub fn reported_size(&self, name: NameIds, platform: Option<PlatformId>) -> Bytes {
        self.records_of(name, platform).map(|id| self.record(id).size).max().unwrap_or_default()
    }

    /// The most recently published of `images` that runs on `platform`; ties go to the greater
    /// manifest digest. A node that tells no platform takes any.
    #[must_use]
    pub fn newest_on(
        &self,
        platform: Option<PlatformId>,
        images: impl Iterator<Item = ImageId>,
    ) -> Option<ImageId> {
        let node = platform.map(|id| self.platform(id));
        let runs = |image: &Platform| node.is_none_or(|node| image.runs_on(node));
        images.filter(|&id| runs(self.platform(self.image(id).platform))).max_by_key(|&id| {
            let image = self.image(id);
            let manifest = image.digests.first().map(|&digest| self.digest_text(digest));
            (image.published_at, manifest)
        })
    }

    fn records_of(
        &self,
        name: NameIds,
        platform: Option<PlatformId>,
    ) -> impl Iterator<Item = RecordId> {
        let of_digest = name.digest.map(|id| self.digest(id).records.as_slice());
        let of_reference = name.reference.map(|id| self.reference(id).records.as_slice());
        let records = of_digest.or(of_reference).unwrap_or_default();
        records.iter().copied().filter(move |&id| {
            let own = self.record(id).platform;
            own == platform || own.is_none() || platform.is_none()
        })
    }
}
