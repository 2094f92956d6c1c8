//! Scenarios: text in, checked values out. A scenario says what a cluster is like and what comes to it.
//!
//! A scenario is data (`simulations/*.yaml`): what each key means is written at the fields here and
//! below. As with policies, unknown and repeated keys are refused with line and caret, and a value without
//! sense with its line. Files are only named here; rows arrive as [`crate::sim::data::Data`], and what is
//! made of both is [`crate::sim::workload`]'s.

pub mod generator;
pub mod image;
pub mod node;
pub mod value;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::sim::data::Shape;
use crate::sim::scenario::generator::Generator;
use crate::sim::scenario::image::ImageSource;
use crate::sim::scenario::node::{NodeGroup, ScalingKeys};
use crate::sim::scenario::value::{Interval, Moment, Rate, Size, Span};

/// A scenario as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Scenario {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    /// What it is meant to show.
    pub about: String,
    /// What in it is real data and what is modelled.
    pub choices: Choices,
    /// The seed, unless one is given with the run.
    #[serde(default)]
    pub seed: u64,
    /// What time zero is called; the beginning of the tag histories or the trace where it is not given.
    pub epoch: Option<Moment>,
    /// What the registry serves.
    #[serde(default)]
    pub images: Vec<Spanned<ImageSource>>,
    /// Of the images, those for the platform that all nodes have; linux/amd64.
    pub platform: Option<Spanned<String>>,
    /// Zones by name; empty for a cluster without.
    #[serde(default)]
    pub zones: Vec<String>,
    /// The nodes, in groups; may be empty with a trace, which has its own.
    #[serde(default)]
    pub nodes: Vec<Spanned<NodeGroup>>,
    /// Nodes that come and go with the pods.
    pub scaling: Option<Spanned<ScalingKeys>>,
    /// Where images come from.
    pub registry: Option<Spanned<RegistryKeys>>,
    /// What a pod's start takes beside moving bytes.
    #[serde(default)]
    pub start: StartKeys,
    /// How late what happens is seen.
    #[serde(default)]
    pub view: ViewKeys,
    /// Volumes that are there at the start.
    #[serde(default)]
    pub volumes: Vec<Spanned<VolumeKeys>>,
    /// The workload: what was recorded.
    pub trace: Option<Spanned<String>>,
    /// Or what is generated.
    #[serde(default)]
    pub generate: Vec<Spanned<Generator>>,
}

/// What in a scenario is real and what is not, by what it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Choices {
    /// Taken from data, and from which.
    #[serde(default)]
    pub data: BTreeMap<String, String>,
    /// Made up or joined, and how.
    #[serde(default)]
    pub modelled: BTreeMap<String, String>,
}

/// Keys of [`crate::sim::setup::RegistrySetup`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RegistryKeys {
    /// All nodes share it; without it their links are the only limit.
    pub egress_bytes_per_second: Option<Rate>,
    /// Its zone; without it, it is in every zone.
    pub zone: Option<String>,
    /// Nodes serve layers to others of their zone first.
    #[serde(default)]
    pub peers: bool,
}

/// Keys of [`crate::sim::setup::StartSetup`]. A constant that no placement changes: 0s, unless waits are held
/// against those of a cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StartKeys {
    /// Before its images; 0s. With containerd 2.4 and a bridge 200ms.
    #[serde(default)]
    pub sandbox: Span,
    /// After its images; 0s. The same: 100ms.
    #[serde(default)]
    pub containers: Span,
}

/// Keys of [`crate::sim::setup::ViewSetup`]; those not given are as kubelets do it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ViewKeys {
    /// Between two statuses of a node.
    pub status_interval: Option<Interval>,
    /// Between two lists of its images.
    pub list_interval: Option<Interval>,
    /// Images in a list.
    pub listed_images_max: Option<u32>,
    /// How late policies see pods.
    pub pod_delay: Option<Span>,
    /// How late policies see what nodes tell.
    pub node_delay: Option<Span>,
    /// Between two reports of agents; without it there are none.
    pub agents: Option<Interval>,
    /// Layers are known.
    pub layers_known: Option<bool>,
}

/// A volume that is there at the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct VolumeKeys {
    /// Names it and its version.
    pub key: String,
    /// `resource-cache`, `task-cache`, `output` or `other`.
    #[serde(default)]
    pub kind: VolumeKindKey,
    /// Its size.
    pub bytes: Size,
    /// Nodes by name.
    #[serde(default)]
    pub holders: Vec<String>,
    /// The registry has it.
    #[serde(default)]
    pub pushed: bool,
}

/// As [`crate::model::volume::VolumeKind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "named as what they stand for")]
pub enum VolumeKindKey {
    ResourceCache,
    TaskCache,
    Output,
    #[default]
    Other,
}

/// Why a scenario was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not YAML, or not the keys of a scenario; with line, column and the offending line.
    #[error("{0}")]
    Text(Box<serde_saphyr::Error>),
    /// A value makes no sense beside the others, or beside the data.
    #[error("line {line}: {reason}")]
    Sense {
        /// Of the value, counted from 1.
        line: u64,
        /// What was found, and what to do.
        reason: String,
    },
}

/// The refusal of a value.
pub(crate) fn refuse<T>(at: &Spanned<T>, reason: impl Into<String>) -> Error {
    Error::Sense { line: at.referenced.line(), reason: reason.into() }
}

impl Scenario {
    /// The scenario in `text`.
    ///
    /// # Errors
    /// If it is none; see [`Error`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let scenario: Self =
            serde_saphyr::from_str(text).map_err(|error| Error::Text(Box::new(error)))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Every file that it names, with what it must hold; a file named twice comes twice.
    #[must_use]
    pub fn files(&self) -> Vec<(Shape, &str)> {
        let mut files: Vec<(Shape, &str)> = Vec::new();
        self.images.iter().for_each(|source| files.extend(source.value.files()));
        self.nodes.iter().for_each(|group| files.extend(group.value.files()));
        self.scaling.iter().for_each(|scaling| files.extend(scaling.value.template.value.files()));
        self.generate.iter().for_each(|generator| files.extend(generator.value.files()));
        files.extend(self.trace.iter().map(|trace| (Shape::Trace, trace.value.as_str())));
        files
    }

    fn check(&self) -> Result<(), Error> {
        expect_text(&self.api_version, "apiVersion", "dunnage.dev/v1alpha1")?;
        expect_text(&self.kind, "kind", "Scenario")?;
        match &self.trace {
            Some(trace) if !self.generate.is_empty() || !self.images.is_empty() => {
                let reason = "trace: has images and pods of its own; leave out images and generate";
                return Err(refuse(trace, reason));
            }
            None if self.generate.is_empty() => {
                let reason = "expected a workload: give trace or generate";
                return Err(refuse(&self.kind, reason));
            }
            None if self.images.is_empty() => {
                return Err(refuse(&self.kind, "expected images: what the registry serves"));
            }
            None if self.nodes.is_empty() && self.scaling.is_none() => {
                return Err(refuse(&self.kind, "expected nodes or scaling"));
            }
            _ => {}
        }
        self.generate.iter().try_for_each(Generator::check)?;
        let template = self.scaling.iter().map(|scaling| &scaling.value.template);
        self.nodes.iter().chain(template).try_for_each(NodeGroup::check)?;
        unique(self.generate.iter().map(|generator| (generator, &generator.value.name)))?;
        unique(self.nodes.iter().map(|group| (group, &group.value.prefix)))
    }
}

fn expect_text(found: &Spanned<String>, key: &str, wanted: &str) -> Result<(), Error> {
    if found.value == wanted {
        return Ok(());
    }
    Err(refuse(found, format!("{key}: expected {wanted}, not {:?}", found.value)))
}

/// Pods, nodes and volumes are named after them.
fn unique<'a, T: 'a>(
    names: impl Iterator<Item = (&'a Spanned<T>, &'a String)>,
) -> Result<(), Error> {
    let mut seen = std::collections::BTreeSet::new();
    for (at, name) in names {
        if !seen.insert(name) {
            return Err(refuse(at, format!("{name:?} is the name of another one, too")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
