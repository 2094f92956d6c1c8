//! What the registry serves, out of image layers and tag histories, and what pods call it.
//!
//! Modelling choices: without a history a name means its newest image for ever; a move of a tag to a
//! manifest that the layer data does not have is left out; images of node lists, of which no layers are
//! known, are one layer each, of the bytes that the runtime told. Only images that some name means, or that
//! lie on a node, are kept.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use crate::model::image::{ImageFacts, Layer, Platform};
use crate::model::reference::Reference as Name;
use crate::model::unit::{Nanos, Time};
use crate::sim::catalogue::{Catalogue, ImageNumber, Reference, ReferenceNumber};
use crate::sim::data::{Data, NodeImage, TagMove};
use crate::sim::scenario::image::{ImageSource, TagKeys};
use crate::sim::scenario::{Error, refuse};
use crate::sim::workload::chance;

/// The catalogue while it is made.
#[derive(Debug, Default)]
pub struct Images<'a> {
    images: Vec<ImageFacts>,
    /// By manifest digest.
    numbers: BTreeMap<String, ImageNumber>,
    references: Vec<Reference>,
    /// By canonical name.
    named: BTreeMap<String, ReferenceNumber>,
    /// Other names, which become references when a pod uses them.
    aliases: BTreeMap<String, &'a ImageFacts>,
    /// References to join by rank: all but aliases.
    ranked_len: usize,
}

impl<'a> Images<'a> {
    /// The names of a scenario's sources.
    ///
    /// # Errors
    /// If a source has no image for the platform.
    pub fn new(
        sources: &[Spanned<ImageSource>],
        platform: &Platform,
        seed: u64,
        data: &'a Data,
    ) -> Result<Self, Error> {
        let mut images = Self::default();
        for source in sources {
            let before = images.references.len();
            images.add(&source.value, platform, seed, data);
            if images.references.len() == before {
                let reason = format!("{}: no image for {platform}", source.value.manifests);
                return Err(refuse(source, reason));
            }
        }
        images.ranked_len = images.references.len();
        Ok(images)
    }

    /// Names to be joined by rank.
    #[must_use]
    pub fn ranked_len(&self) -> usize {
        self.ranked_len
    }

    /// A name, if it is one of the data's; as written, with a tag or without.
    pub fn by_name(&mut self, written: &str) -> Option<ReferenceNumber> {
        let name = Name::parse(written)?;
        if let Some(number) = self.named.get(name.as_str()) {
            return Some(*number);
        }
        let facts = *self.aliases.get(name.as_str())?;
        let image = self.image(facts);
        Some(self.name(name.as_str(), vec![(Nanos(0), image)]))
    }

    /// The name of a number.
    #[must_use]
    pub fn reference(&self, number: ReferenceNumber) -> &Reference {
        &self.references[number.0 as usize]
    }

    /// The image that lies on a node by itself.
    pub fn of_node(&mut self, image: &NodeImage, platform: &Platform) -> ImageNumber {
        let name = image.tags.iter().find_map(|tag| Name::parse(tag));
        let facts = ImageFacts {
            digests: vec![image.id.clone()],
            references: vec![
                name.map_or_else(|| image.id.clone(), |name| name.as_str().to_owned()),
            ],
            platform: platform.clone(),
            layers: vec![Layer {
                digest: image.id.clone(),
                diff_id: None,
                compressed_bytes: image.bytes,
            }],
            published_at: Time(0),
        };
        self.image(&facts)
    }

    /// The catalogue.
    #[must_use]
    pub fn finish(self) -> Catalogue {
        Catalogue::with_references(self.images, self.references)
    }

    fn add(&mut self, source: &ImageSource, platform: &Platform, seed: u64, data: &'a Data) {
        let manifests = data.manifests.get(&source.manifests).map_or(&[][..], Vec::as_slice);
        let wanted =
            |name: &str| source.containing.as_ref().is_none_or(|part| name.contains(part.as_str()));
        let fitting = manifests.iter().filter(|image| image.platform.runs_on(platform));
        let mut names: Vec<(String, Vec<(Nanos, &ImageFacts)>)> = match &source.tags {
            Some(tags) => {
                let moves = data.tag_moves.get(&tags.file).map_or(&[][..], Vec::as_slice);
                let moves = moves.iter().filter(|change| change.platform.runs_on(platform));
                histories(tags, fitting, moves)
            }
            None => self.newest(fitting),
        };
        names.retain(|(name, _)| wanted(name) && !self.named.contains_key(name));
        if let Some(most) = source.names_max {
            let purpose = format!("images/{}", source.manifests);
            chance::stream(seed, &purpose).shuffle(&mut names);
            names.truncate(most.0 as usize);
            names.sort_by(|a, b| a.0.cmp(&b.0));
        }
        for (name, history) in names {
            let history = history.into_iter().map(|(at, facts)| (at, self.image(facts)));
            let history = history.collect();
            self.name(&name, history);
        }
    }

    /// Each image's first name with the newest image of that name; the other names are noted.
    fn newest(
        &mut self,
        images: impl Iterator<Item = &'a ImageFacts>,
    ) -> Vec<(String, Vec<(Nanos, &'a ImageFacts)>)> {
        let mut newest: BTreeMap<&str, &ImageFacts> = BTreeMap::new();
        for image in images {
            let mut names = image.references.iter();
            let first = names.next().into_iter();
            let later = |known: &ImageFacts| known.published_at <= image.published_at;
            for name in first {
                if newest.get(name.as_str()).is_none_or(|known| later(known)) {
                    newest.insert(name, image);
                }
            }
            for name in names {
                if self.aliases.get(name).is_none_or(|known| later(known)) {
                    self.aliases.insert(name.clone(), image);
                }
            }
        }
        let fixed = |(name, image): (&str, _)| (name.to_owned(), vec![(Nanos(0), image)]);
        newest.into_iter().map(fixed).collect()
    }

    fn image(&mut self, facts: &ImageFacts) -> ImageNumber {
        let digest = facts.digests.first().cloned().unwrap_or_default();
        if let Some(number) = self.numbers.get(&digest) {
            return *number;
        }
        let number = ImageNumber(self.images.len());
        self.images.push(facts.clone());
        self.numbers.insert(digest, number);
        number
    }

    fn name(&mut self, name: &str, history: Vec<(Nanos, ImageNumber)>) -> ReferenceNumber {
        let number = ReferenceNumber(u32::try_from(self.references.len()).unwrap_or(u32::MAX));
        self.references.push(Reference { name: name.to_owned(), history });
        self.named.insert(name.to_owned(), number);
        number
    }
}

/// What each name came to mean within the span, by name: one meaning at time zero for those that had one.
fn histories<'a>(
    tags: &TagKeys,
    images: impl Iterator<Item = &'a ImageFacts>,
    moves: impl Iterator<Item = &'a TagMove>,
) -> Vec<(String, Vec<(Nanos, &'a ImageFacts)>)> {
    let by_digest: BTreeMap<&str, &ImageFacts> =
        images.filter_map(|image| Some((image.digests.first()?.as_str(), image))).collect();
    let mut sorted: Vec<&TagMove> = moves.collect();
    sorted.sort_by_key(|change| change.at);
    let from = tags.from.0;
    let mut histories: BTreeMap<&str, Vec<(Nanos, &ImageFacts)>> = BTreeMap::new();
    for change in sorted {
        let Some(image) = by_digest.get(change.manifest.as_str()) else {
            continue;
        };
        let since = change.at.since(from);
        if since > tags.span.0 {
            continue;
        }
        let at = Nanos(since.0 / tags.faster.0);
        let history = histories.entry(&change.reference).or_default();
        if history.last().is_some_and(|(last, _)| *last == at) {
            history.pop();
        }
        history.push((at, image));
    }
    histories.into_iter().map(|(name, history)| (name.to_owned(), history)).collect()
}
