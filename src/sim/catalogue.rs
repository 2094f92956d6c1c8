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

/// A compressed blob, whatever lies under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobNumber(pub usize);

/// An image as pods name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReferenceNumber(pub u32);

/// All images that the registry of a simulated cluster serves, and what they are called there.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    images: Vec<Entry>,
    references: Vec<Reference>,
    /// Compressed bytes of each chain's own layer.
    chain_bytes: Vec<Bytes>,
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
    /// Base first.
    pub layers: Vec<EntryLayer>,
    /// Compressed bytes of all layers.
    pub bytes: Bytes,
    /// Place among all images by size, the largest first: the order in which kubelets list them.
    pub rank: usize,
}

/// A layer as a pull sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryLayer {
    /// On top of those below.
    pub chain: ChainNumber,
    /// Its compressed blob.
    pub blob: BlobNumber,
    /// Of the blob.
    pub bytes: Bytes,
    /// The layer below that has the same blob, if one has: moved with it, it is not moved again.
    pub twin: Option<usize>,
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
        let named = |image: &ImageFacts| !image.references.is_empty() && !image.digests.is_empty();
        let mut numbering = Numbering::default();
        let images = images.into_iter().filter(named).map(|facts| numbering.entry(facts));
        let mut images: Vec<_> = images.collect();
        let mut ranked: Vec<_> = (0..images.len()).collect();
        ranked.sort_by_key(|&number| std::cmp::Reverse(images[number].bytes));
        for (rank, number) in ranked.into_iter().enumerate() {
            images[number].rank = rank;
        }
        Self { images, references: Vec::new(), chain_bytes: numbering.chain_bytes }
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
        self.chain_bytes.len()
    }

    /// Compressed bytes of a chain's own layer.
    #[must_use]
    pub fn chain_bytes(&self, chain: ChainNumber) -> Bytes {
        self.chain_bytes[chain.0]
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

    /// Bytes of a layer that a pull of those from `depth` up moves: a digest that comes again moves once.
    #[must_use]
    pub fn bytes_fetched(&self, depth: usize, place: usize) -> Bytes {
        let layer = &self.layers[place];
        match layer.twin {
            Some(twin) if twin >= depth => Bytes(0),
            _ => layer.bytes,
        }
    }
}

/// Numbers for chains and blobs, as they come.
#[derive(Debug, Default)]
struct Numbering {
    chains: BTreeMap<(Option<ChainNumber>, BlobNumber), ChainNumber>,
    chain_bytes: Vec<Bytes>,
    blobs: BTreeMap<String, BlobNumber>,
}

impl Numbering {
    fn entry(&mut self, facts: ImageFacts) -> Entry {
        let mut layers: Vec<EntryLayer> = Vec::with_capacity(facts.layers.len());
        for layer in &facts.layers {
            let fresh = BlobNumber(self.blobs.len());
            let blob = *self.blobs.entry(layer.digest.clone()).or_insert(fresh);
            let twin = layers.iter().rposition(|below| below.blob == blob);
            let parent = layers.last().map(|below| below.chain);
            let bytes = layer.compressed_bytes;
            layers.push(EntryLayer { chain: self.chain(parent, blob, bytes), blob, bytes, twin });
        }
        let firsts = layers.iter().filter(|layer| layer.twin.is_none());
        let bytes = firsts.fold(Bytes(0), |sum, layer| sum + layer.bytes);
        Entry { facts, layers, bytes, rank: 0 }
    }

    fn chain(
        &mut self,
        parent: Option<ChainNumber>,
        blob: BlobNumber,
        bytes: Bytes,
    ) -> ChainNumber {
        let fresh = ChainNumber(self.chain_bytes.len());
        let number = *self.chains.entry((parent, blob)).or_insert(fresh);
        if number == fresh {
            self.chain_bytes.push(bytes);
        }
        number
    }
}

impl Reference {
    /// Whether it ever comes to mean something else.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.history.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Catalogue, ImageNumber, Reference, ReferenceNumber};
    use crate::model::unit::{Bytes, Nanos};
    use crate::sim::fixtures::image;

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
        let moved = |depth| [1, 2].map(|place| entry.bytes_fetched(depth, place));
        assert_eq!(moved(0), [Bytes(20_000_000), Bytes(0)]);
        assert_eq!(moved(1), [Bytes(20_000_000), Bytes(10_000_000)]);
    }

    #[test]
    fn the_largest_image_is_listed_first_and_equal_ones_as_they_came() {
        let images =
            vec![image("a", &[("a", 5)]), image("b", &[("b", 9)]), image("c", &[("c", 5)])];
        let catalogue = Catalogue::new(images);
        let ranks: Vec<_> = catalogue.images().map(|image| image.rank).collect();
        assert_eq!(ranks, [1, 0, 2]);
    }
}
