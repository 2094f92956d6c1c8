//! Rows of the data sets that a scenario names, as plain facts: no format, no file.
//!
//! One row type a shape. Reading them is [`crate::edge::dataset`]'s; what is made of them, with each
//! modelling choice, is [`crate::sim::workload`]'s.

use std::collections::BTreeMap;

use crate::model::image::{ImageFacts, Platform};
use crate::model::unit::{Bytes, Nanos, Time};
use crate::sim::resource::Resources;
use crate::sim::trace::Recording;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// [`ImageFacts`]: JSON lines, as `serve --manifests` takes them.
    Manifests,
    /// [`TagMove`]: JSON lines.
    TagMoves,
    /// [`NodeImages`]: JSON lines.
    NodeImages,
    /// [`Step`]: JSON lines.
    Steps,
    /// [`ProwJob`]: JSON lines.
    ProwJobs,
    /// [`ProwStart`]: CSV.
    ProwStarts,
    /// [`OpenbPod`]: CSV.
    OpenbPods,
    /// [`Resources`]: CSV.
    OpenbNodes,
    /// [`Nanos`]: CSV.
    TestSeconds,
    /// [`Merge`]: CSV.
    Merges,
    /// [`Recording`]: JSON lines.
    Trace,
}

/// The rows of every file that a scenario names, by the name it gives them.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "one field a shape, named as it")]
pub struct Data {
    pub manifests: BTreeMap<String, Vec<ImageFacts>>,
    pub tag_moves: BTreeMap<String, Vec<TagMove>>,
    pub node_images: BTreeMap<String, Vec<NodeImages>>,
    pub steps: BTreeMap<String, Vec<Step>>,
    pub prow_jobs: BTreeMap<String, Vec<ProwJob>>,
    pub prow_starts: BTreeMap<String, Vec<ProwStart>>,
    pub openb_pods: BTreeMap<String, Vec<OpenbPod>>,
    pub openb_nodes: BTreeMap<String, Vec<Resources>>,
    pub test_seconds: BTreeMap<String, Vec<Nanos>>,
    pub merges: BTreeMap<String, Vec<Merge>>,
    pub traces: BTreeMap<String, Recording>,
}

/// A tag came to mean another manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// When.
    pub at: Time,
    /// The name with the tag, canonical.
    pub reference: String,
    /// For which platform.
    pub platform: Platform,
    /// Digest of the manifest.
    pub manifest: String,
}

/// What a kind of node holds when it is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeImages {
    /// The kind.
    pub sku: String,
    /// Its release.
    pub version: String,
    /// The images.
    pub images: Vec<NodeImage>,
}

/// An image of which no layers are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeImage {
    /// Digest of its config.
    pub id: String,
    /// As the runtime told it.
    pub bytes: Bytes,
    /// Names with tags, as written.
    pub tags: Vec<String>,
}

/// A CI system that [`Step`]s are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their names")]
pub enum CiSystem {
    Concourse,
    Tekton,
    Argo,
}

/// One step of a pipeline, with its image where the source told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whose.
    pub system: CiSystem,
    /// File of the pipeline.
    pub pipeline: String,
    /// Job (Concourse), pipeline task (Tekton), template (Argo).
    pub job: String,
    /// Its own name.
    pub name: String,
    /// `get`, `put`, `task`, `step`, `sidecar`, `container`, `script` or `dag`.
    pub kind: String,
    /// Order within the job.
    pub seq: u32,
    /// Concourse: steps of one stage may run at once.
    pub stage: u32,
    /// As written; `None` where the source does not tell, and for an Argo `dag` line.
    pub image: Option<String>,
    /// The worker has it: nothing is pulled.
    pub is_builtin: bool,
    /// Concourse: a new version of the resource starts the job.
    pub triggers: bool,
    /// Concourse: jobs that a version must have passed.
    pub passed: Vec<String>,
    /// Concourse: runs only when the job has failed or was ended.
    pub on_failure: bool,
    /// Tekton: runs after all other tasks.
    pub is_finally: bool,
    /// Artifacts that it reads.
    pub inputs: Vec<String>,
    /// Artifacts that it leaves.
    pub outputs: Vec<String>,
    /// Concourse: caches of the task.
    pub caches: Vec<String>,
    /// Tekton's workspaces and Argo's mounts: one folder of the run.
    pub shared: Vec<String>,
    /// Tekton's `run_after`, and the names in Argo's `depends`.
    pub after: Vec<String>,
    /// Argo's `dag` lines: the template that it starts.
    pub template: Option<String>,
    /// What it asks for, where the source tells.
    pub requests: Option<Resources>,
}

/// A job of Prow: one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProwJob {
    /// Repository of the configuration, and name: what a start is told by.
    pub name: (String, String),
    /// Its image, as written.
    pub image: String,
    /// What it asks for; nothing where it does not tell.
    pub requests: Resources,
}

/// A start of a periodic job of Prow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProwStart {
    /// Since the beginning of the schedule.
    pub at: Nanos,
    /// See [`ProwJob::name`].
    pub job: (String, String),
}

/// A pod of the openb cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenbPod {
    /// What it asked for.
    pub requests: Resources,
    /// When it was created, since the trace began.
    pub created_at: Nanos,
    /// From being scheduled to being deleted; `None` where it was never scheduled.
    pub ran_for: Option<Nanos>,
}

/// A commit came to a main line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Of which repository.
    pub repository: String,
    /// When.
    pub at: Time,
}
