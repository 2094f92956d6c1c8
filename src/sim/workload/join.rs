//! Which image stands for an image of the job data that the layer data does not know.
//!
//! Modelling choice: a name that the layer data knows is itself. The others, from the most used to the
//! least, take the places of the layer data's names in a seeded order, round and round if there are more. No
//! public data tells how popular the images of the layer data are, so their order is chance; sweep seeds.

use std::collections::BTreeMap;

use crate::sim::catalogue::ReferenceNumber;
use crate::sim::random::Random;
use crate::sim::workload::image::Images;

/// Names of the job data, by what stands for them.
#[derive(Clone, Debug, Default)]
pub struct Join {
    by_name: BTreeMap<String, ReferenceNumber>,
}

impl Join {
    /// The join of these names, each as often as it is used. Without images nothing is joined.
    pub fn new<'a>(
        used: impl Iterator<Item = &'a str>,
        images: &mut Images<'_>,
        random: &mut Random,
    ) -> Self {
        let mut uses: BTreeMap<&str, u64> = BTreeMap::new();
        for name in used {
            *uses.entry(name).or_default() += 1;
        }
        let mut by_use: Vec<_> = uses.into_iter().collect();
        by_use.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        let mut places = ranked(images, random).into_iter().cycle();
        let mut by_name = BTreeMap::new();
        for (name, _) in by_use {
            if let Some(number) = images.by_name(name).or_else(|| places.next()) {
                by_name.insert(name.to_owned(), number);
            }
        }
        Self { by_name }
    }

    /// What stands for a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ReferenceNumber> {
        self.by_name.get(name).copied()
    }
}

/// The names of the layer data in an order of chance.
pub fn ranked(images: &Images<'_>, random: &mut Random) -> Vec<ReferenceNumber> {
    let numbers = 0..u32::try_from(images.ranked_len()).unwrap_or(u32::MAX);
    let mut ranked: Vec<_> = numbers.map(ReferenceNumber).collect();
    random.shuffle(&mut ranked);
    ranked
}
