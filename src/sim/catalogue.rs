//! The images of a simulated cluster, with their chains numbered so that nodes can hold them.
//!
//! Built apart from the tracker's tables on purpose: the world must not share a mistake with what is
//! measured in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::image::ImageFacts;
use crate::model::unit::{Bytes, Nanos};

/// An image of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageNumber(pub usize);

/// A layer on top of its parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainNumber(pub usize);

/// An image as pods name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferenceNumber(pub u32);

/// All images that the registry of a simulated cluster serves, and what they are called there.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    images: Vec<Entry>,
    references: Vec<Reference>,
    chain_count: usize,
}

/// A name, and what it means from when on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// As pods write it.
    pub name: String,
    /// By time, at least one; before the first it means the first.
    pub history: Vec<(Nanos, ImageNumber)>,
}

/// One image.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As a source of manifests tells it.
    pub facts: ImageFacts,
    /// Base first, one per layer.
    pub chains: Vec<ChainNumber>,
    /// Compressed bytes of all layers.
    pub bytes: Bytes,
}

impl Catalogue {
    /// The catalogue of these images. Those without a reference or a digest cannot be asked for, and
    /// are left out; the first reference of each of the others means it for ever.
    #[must_use]
    pub fn new(images: Vec<ImageFacts>) -> Self {
        let mut catalogue = Self::without_references(images);
        let named = catalogue.images.iter().enumerate();
        let fixed = named.map(|(number, entry)| Reference {
            name: entry.reference().to_owned(),
            history: vec![(Nanos(0), ImageNumber(number))],
        });
        catalogue.references = fixed.collect();
        catalogue
    }

    /// The catalogue of these images, all of them with a reference and a digest, by names that move: the
    /// histories' numbers are those of the images as given.
    #[must_use]
    pub fn with_references(images: Vec<ImageFacts>, references: Vec<Reference>) -> Self {
        Self { references, ..Self::without_references(images) }
    }

    fn without_references(images: Vec<ImageFacts>) -> Self {
        let mut numbers = BTreeMap::new();
        let named = |image: &ImageFacts| !image.references.is_empty() && !image.digests.is_empty();
        let images = images.into_iter().filter(named).map(|facts| {
            let mut parent = None;
            let chains = facts.layers.iter().map(|layer| {
                let fresh = ChainNumber(numbers.len());
                let number = *numbers.entry((parent, layer.digest.clone())).or_insert(fresh);
                parent = Some(number);
                number
            });
            let chains = chains.collect();
            let bytes = bytes_of(&facts, 0).into_iter().fold(Bytes(0), |a, b| a + b);
            Entry { facts, chains, bytes }
        });
        let images = images.collect();
        Self { images, references: Vec::new(), chain_count: numbers.len() }
    }

    /// A name; panics on a number of another catalogue.
    #[must_use]
    pub fn reference(&self, number: ReferenceNumber) -> &Reference {
        &self.references[number.0 as usize]
    }

    /// Every name, by number.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Number of distinct chains.
    #[must_use]
    pub fn chain_count(&self) -> usize {
        self.chain_count
    }

    /// An image; panics on a number of another catalogue.
    #[must_use]
    pub fn image(&self, number: ImageNumber) -> &Entry {
        &self.images[number.0]
    }

    /// Every image, in the order given.
    pub fn images(&self) -> impl Iterator<Item = &Entry> {
        self.images.iter()
    }

    /// Bytes of the layers that these images consist of, each digest once: no placement can move less
    /// into an empty cluster.
    #[must_use]
    pub fn distinct_bytes(&self, used: impl IntoIterator<Item = ImageNumber>) -> Bytes {
        let used: BTreeSet<ImageNumber> = used.into_iter().collect();
        let layers = used.iter().flat_map(|number| &self.image(*number).facts.layers);
        let sizes: BTreeMap<&str, Bytes> =
            layers.map(|layer| (layer.digest.as_str(), layer.compressed_bytes)).collect();
        sizes.into_values().fold(Bytes(0), |sum, bytes| sum + bytes)
    }
}

impl Reference {
    /// What it means at a time.
    #[must_use]
    pub fn at(&self, time: Nanos) -> ImageNumber {
        let later = self.history.partition_point(|(from, _)| *from <= time);
        self.history[later.saturating_sub(1)].1
    }
}

impl Entry {
    /// The tag's reference, as pods name it.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.facts.references[0]
    }

    /// `repository@digest`, as nodes name it.
    #[must_use]
    pub fn by_digest(&self) -> String {
        let reference = self.reference();
        let repository = reference.rsplit_once(':').map_or(reference, |(path, _)| path);
        format!("{repository}@{}", self.facts.digests[0])
    }

    /// Bytes of each layer from `depth` up that a pull moves: a digest that comes again moves once.
    #[must_use]
    pub fn bytes_beyond(&self, depth: usize) -> Vec<Bytes> {
        bytes_of(&self.facts, depth)
    }
}

fn bytes_of(facts: &ImageFacts, depth: usize) -> Vec<Bytes> {
    let mut seen = BTreeSet::new();
    let layers = facts.layers.iter().skip(depth);
    let moved = layers.map(|layer| match seen.insert(&layer.digest) {
        true => layer.compressed_bytes,
        false => Bytes(0),
    });
    moved.collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Catalogue, ImageNumber, Reference, ReferenceNumber};
    use crate::model::image::{ImageFacts, Layer, Platform};
    use crate::model::unit::{Bytes, Nanos, Time};

    /// An image of layers given as name and megabytes.
    pub(crate) fn image(name: &str, layers: &[(&str, u64)]) -> ImageFacts {
        let digest = |text: &str| format!("sha256:{text:0>64}");
        ImageFacts {
            digests: vec![digest(
                &name.bytes().map(|byte| format!("{byte:x}")).collect::<String>(),
            )],
            references: vec![format!("registry.example/{name}:1")],
            platform: Platform::new("linux", "amd64", ""),
            layers: layers
                .iter()
                .map(|(name, megabytes)| Layer {
                    digest: digest(name),
                    diff_id: None,
                    compressed_bytes: Bytes(megabytes * 1_000_000),
                })
                .collect(),
            published_at: Time(0),
        }
    }

    #[test]
    fn a_layer_is_another_chain_on_other_parents_but_the_same_bytes() {
        let catalogue = Catalogue::new(vec![
            image("one", &[("a", 10), ("b", 20)]),
            image("two", &[("a", 10), ("c", 5), ("b", 20)]),
        ]);
        assert_eq!(catalogue.chain_count(), 4);
        let (one, two) = (ImageNumber(0), ImageNumber(1));
        assert_eq!(catalogue.distinct_bytes([one, two, one]), Bytes(35_000_000));
        assert_eq!(catalogue.image(two).bytes, Bytes(35_000_000));
    }

    #[test]
    fn a_name_means_what_it_last_came_to_mean() {
        let images = vec![image("one", &[("a", 10)]), image("two", &[("b", 10)])];
        let history = vec![(Nanos(5), ImageNumber(0)), (Nanos(9), ImageNumber(1))];
        let moving = Reference { name: "one:latest".to_owned(), history };
        let catalogue = Catalogue::with_references(images, vec![moving]);
        let reference = catalogue.reference(ReferenceNumber(0));
        let meant = [0, 5, 8, 9, 10].map(|time| reference.at(Nanos(time)).0);
        assert_eq!(meant, [0, 0, 0, 1, 1]);
    }

    #[test]
    fn a_digest_that_comes_again_moves_once() {
        let catalogue = Catalogue::new(vec![image("one", &[("a", 10), ("b", 20), ("a", 10)])]);
        let entry = catalogue.image(ImageNumber(0));
        assert_eq!(entry.bytes, Bytes(30_000_000));
        assert_eq!(entry.bytes_beyond(1), [Bytes(20_000_000), Bytes(10_000_000)]);
    }
}
