//! Scenario files: read with every file that they name, and made into setups.
//!
//! Paths in a scenario are relative to it. What is wrong is told with the file and line that are to blame.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cmd::files::placed;
use crate::edge::dataset;
use crate::sim::data::{Data, Shape};
use crate::sim::scenario::Scenario;
use crate::sim::setup::Setup;
use crate::sim::workload::{Scale, build};

/// A scenario with the rows of its files: setups of any seed and scale come out of it.
#[derive(Debug)]
pub struct Loaded {
    /// Its name: the file's, without folder and extension.
    pub name: String,
    /// As written.
    pub scenario: Scenario,
    path: PathBuf,
    data: Data,
}

impl Loaded {
    /// The scenario in a file.
    ///
    /// # Errors
    /// If it, or a file that it names, cannot be read or is refused.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("scenario {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(path, &text, |shape, name, data| {
            Ok(dataset::read(shape, name, &folder.join(name), data)?)
        })
    }

    /// The scenario of a text, which is or could be in a file; `read` reads what files it names.
    ///
    /// # Errors
    /// If it, or a file that it names, is refused.
    pub fn parse(
        path: &Path,
        text: &str,
        read: impl Fn(Shape, &str, &mut Data) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let shown = path.display();
        let scenario = Scenario::parse(text)
            .map_err(|error| anyhow::anyhow!("scenario {}", placed(&shown.to_string(), &error)))?;
        let mut data = Data::default();
        let files: BTreeSet<_> = scenario.files().into_iter().collect();
        for (shape, name) in files {
            read(shape, name, &mut data).with_context(|| format!("scenario {shown}"))?;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, scenario, path: path.to_owned(), data })
    }

    /// The setup of a seed; of the scenario's own where none is given.
    ///
    /// # Errors
    /// If the scenario asks for something that its data does not have.
    pub fn setup(&self, seed: Option<u64>, scale: Scale) -> anyhow::Result<Setup> {
        let seed = seed.unwrap_or(self.scenario.seed);
        build::setup(&self.name, &self.scenario, seed, scale, &self.data).map_err(|error| {
            let shown = self.path.display().to_string();
            anyhow::anyhow!("scenario {}", placed(&shown, &error))
        })
    }
}
