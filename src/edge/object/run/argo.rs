//! Argo Workflows: the workflow by label and owner, the step by annotation, artifacts by the template that
//! every pod carries.
//!
//! Source: argoproj/argo-workflows `workflow/common/common.go`, `workflow/controller/workflowpod.go`,
//! `workflow/executor/executor.go` and `docs/initless-pod.md`. Artifacts are volumes of the kind `output`
//! under the address they have in the blob store. A template over 128 KB is elsewhere and reads
//! `offloaded`: then the run is known and the artifacts are not.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Marks, Told};
use crate::model::volume::{VolumeFacts, VolumeKind, key_fault};

const WORKFLOW: &str = "workflows.argoproj.io/workflow";
pub(super) const NODE_NAME: &str = "workflows.argoproj.io/node-name";
pub(super) const TEMPLATE: &str = "ARGO_TEMPLATE";

/// Artifacts of one step that are read, of each direction. People write up to nine inputs; of more, those
/// behind are the smaller loss.
const ARTIFACTS_MAX: usize = 64;

pub(super) fn told(marks: &Marks<'_>) -> Option<Told> {
    let workflow = marks.label(WORKFLOW)?;
    // A name can come again, a uid cannot.
    let owner = marks.controller().filter(|owner| owner.kind == "Workflow");
    let run = owner.and_then(|owner| super::name(owner.uid)).unwrap_or(workflow);
    let template = marks.variable(TEMPLATE).and_then(|json| serde_json::from_str(json).ok());
    let template: Template = template.unwrap_or_default();
    let archive = template.archive_location.unwrap_or_default();
    Some(Told {
        run: Some(run),
        step: marks.annotation(NODE_NAME),
        needs: volumes(template.inputs, |artifact| artifact.address(&archive)),
        produces: volumes(template.outputs, |artifact| {
            artifact.address(&archive).or_else(|| artifact.default_address(&archive))
        }),
    })
}

fn volumes(
    artifacts: Option<Artifacts>,
    address: impl Fn(&Artifact) -> Option<String>,
) -> Vec<VolumeFacts> {
    let artifacts = artifacts.and_then(|list| list.artifacts).unwrap_or_default();
    let mut seen = BTreeSet::new();
    let keys = artifacts.iter().filter_map(address).filter(|key| key_fault(key).is_none());
    let keys = keys.filter(|key| seen.insert(key.clone())).take(ARTIFACTS_MAX);
    keys.map(|key| VolumeFacts { key, kind: VolumeKind::Output, bytes: None }).collect()
}

/// A template as the controller writes it, as much as is needed.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Template {
    inputs: Option<Artifacts>,
    outputs: Option<Artifacts>,
    /// Where an artifact goes that does not say where: an artifact without a name.
    archive_location: Option<Artifact>,
}

#[derive(Deserialize)]
struct Artifacts {
    artifacts: Option<Vec<Artifact>>,
}

/// An artifact, and its place in one of the stores that have buckets and keys.
#[derive(Default, Deserialize)]
struct Artifact {
    name: Option<String>,
    path: Option<String>,
    archive: Option<Archive>,
    s3: Option<Place>,
    gcs: Option<Place>,
    oss: Option<Place>,
    azure: Option<Place>,
}

/// How an artifact is packed; without any it is a tar, compressed.
#[derive(Deserialize)]
struct Archive {
    none: Option<IgnoredAny>,
    zip: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Place {
    #[serde(alias = "container")]
    bucket: Option<String>,
    #[serde(alias = "blob")]
    key: Option<String>,
}

impl Artifact {
    /// The store, by the scheme of its addresses, and the place in it.
    fn place(&self) -> Option<(&'static str, &Place)> {
        let places =
            [("s3", &self.s3), ("gs", &self.gcs), ("oss", &self.oss), ("azure", &self.azure)];
        places.into_iter().find_map(|(scheme, place)| Some((scheme, place.as_ref()?)))
    }

    /// Where it is, as `s3://bucket/key`. Who gives a key without a bucket means the archive's.
    fn address(&self, archive: &Self) -> Option<String> {
        let (scheme, place) = self.place()?;
        let key = filled(place.key.as_ref())?;
        let (scheme, bucket) = match filled(place.bucket.as_ref()) {
            Some(bucket) => (scheme, bucket),
            None => archive.bucket()?,
        };
        Some(format!("{scheme}://{bucket}/{key}"))
    }

    fn bucket(&self) -> Option<(&'static str, &str)> {
        let (scheme, place) = self.place()?;
        Some((scheme, filled(place.bucket.as_ref())?))
    }

    /// Where it goes without a key of its own: into the archive's folder, by the name of its file.
    fn default_address(&self, archive: &Self) -> Option<String> {
        let (scheme, bucket) = archive.bucket()?;
        let (_, place) = archive.place()?;
        let folder = filled(place.key.as_ref())?.trim_end_matches('/');
        Some(format!("{scheme}://{bucket}/{folder}/{}", self.file_name()?))
    }

    /// Of the file that is uploaded, as `stageArchiveFile` names it.
    fn file_name(&self) -> Option<String> {
        let name = filled(self.name.as_ref())?;
        match &self.archive {
            Some(Archive { none: Some(_), .. }) => {
                let path = filled(self.path.as_ref())?.trim_end_matches('/');
                path.rsplit('/').next().filter(|base| !base.is_empty()).map(str::to_owned)
            }
            Some(Archive { zip: Some(_), .. }) => Some(format!("{name}.zip")),
            _ => Some(format!("{name}.tgz")),
        }
    }
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}
