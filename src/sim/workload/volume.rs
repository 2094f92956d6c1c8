//! Volumes that generated steps leave and read.
//!
//! Modelling choice: no public data tells sizes of artifacts, so each has one of chance by its name, the
//! same in every run and version of it.

use std::collections::BTreeMap;

use crate::model::unit::Bytes;
use crate::model::volume::VolumeKind;
use crate::sim::scenario::generator::GeneratedVolumes;
use crate::sim::setup::{VolumeNumber, VolumeSetup};
use crate::sim::workload::chance;

/// All volumes of a setup while it is made.
#[derive(Debug, Default)]
pub struct Volumes {
    all: Vec<VolumeSetup>,
    by_key: BTreeMap<String, VolumeNumber>,
}

/// How the volumes of one generator are sized.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The seed.
    pub seed: u64,
    /// From the least to the most.
    pub bytes: (Bytes, Bytes),
    /// The registry has them as soon as they are made.
    pub is_pushed: bool,
}

impl Sizes {
    /// The sizes of these keys.
    #[must_use]
    pub fn new(keys: &GeneratedVolumes, seed: u64) -> Self {
        Self { seed, bytes: (keys.bytes.0.0, keys.bytes.1.0), is_pushed: keys.pushed }
    }
}

impl Volumes {
    /// A volume as it is; one of the same key stays as it was.
    pub fn insert(&mut self, volume: VolumeSetup) -> VolumeNumber {
        if let Some(number) = self.by_key.get(&volume.key) {
            return *number;
        }
        let number = VolumeNumber(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.by_key.insert(volume.key.clone(), number);
        self.all.push(volume);
        number
    }

    /// The volume `name` in its version `version`, made when it is first asked for.
    pub fn version(
        &mut self,
        name: &str,
        version: &str,
        kind: VolumeKind,
        sizes: &Sizes,
    ) -> VolumeNumber {
        let mut random = chance::stream(sizes.seed, &format!("volumes/{name}"));
        let bytes = Bytes(chance::size(&mut random, sizes.bytes.0.0, sizes.bytes.1.0));
        let key = format!("{name}@{version}");
        let is_pushed = sizes.is_pushed;
        self.insert(VolumeSetup { key, kind, bytes, holders: Vec::new(), is_pushed })
    }

    /// The list, by number.
    #[must_use]
    pub fn finish(self) -> Vec<VolumeSetup> {
        self.all
    }
}
