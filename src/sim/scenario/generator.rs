//! The part of a scenario about generated work: which jobs, when they come, how long they take, what they
//! ask for.

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::sim::data::Shape;
use crate::sim::scenario::value::{Count, Cpu, Factor, Moment, Size, Span};
use crate::sim::scenario::{Error, refuse};

/// A generator.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Generator {
    /// Its runs, pods and volumes are named after it.
    pub name: String,
    /// Which jobs a run consists of.
    pub jobs: Jobs,
    /// At most so many runs; not for Prow, whose schedule ends by itself, though it may be given.
    pub runs: Option<Count>,
    /// No run begins once there are so many pods, and the last one is cut there.
    pub pods_max: Option<Count>,
    /// When runs come; not for Prow, which has a schedule.
    pub arrivals: Option<Arrivals>,
    /// The first time of all; at the start.
    #[serde(default)]
    pub start: Span,
    /// How long a pod takes; 30s to 3m.
    #[serde(default)]
    pub durations: Durations,
    /// What a pod asks for, where the data does not tell; as Kubernetes' own CI.
    #[serde(default)]
    pub requests: Requests,
    /// Sizes of the volumes that steps hand on.
    #[serde(default)]
    pub volumes: GeneratedVolumes,
    /// Of a thousand attempts of pods, so many fail.
    #[serde(default)]
    pub failures_per_mille: u16,
    /// When kubelets ask the registry.
    #[serde(default)]
    pub pull_policy: PullPolicyKey,
    /// Pods name the images of later steps of their run, as by the annotation `dunnage.dev/next-images`.
    #[serde(default)]
    pub next_images: bool,
}

/// Which jobs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Jobs {
    /// Equal pods at once, as a build matrix: from 1 to so many, of one image each run.
    Matrix {
        /// Pods of a run, at most; 8.
        fan_out_max: Option<Count>,
    },
    /// Jobs of Prow, as its schedule starts them.
    Prow {
        /// The jobs.
        jobs: String,
        /// Their starts.
        starts: String,
        /// From when on in the schedule; its beginning.
        #[serde(default)]
        from: Span,
        /// And for how long.
        #[serde(rename = "for")]
        span: Span,
        /// By how much time is pressed together.
        #[serde(default)]
        faster: Factor,
    },
    /// Jobs of Concourse pipelines, one a run.
    Concourse(Pipelines),
    /// Tekton's pipeline runs.
    Tekton(Pipelines),
    /// Argo's workflows.
    Argo(Pipelines),
}

/// Pipelines out of a file of steps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Pipelines {
    /// The steps.
    pub steps: String,
    /// Only pipelines whose name contains one of these; all where there are none.
    #[serde(default)]
    pub containing: Vec<String>,
}

/// When runs come.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Arrivals {
    /// By chance, at a rate: so long apart on average.
    Poisson {
        /// The mean of the gaps.
        every: Span,
    },
    /// By chance, all of them within so long.
    Within(Span),
    /// Always so long apart.
    Every(Span),
    /// All at once.
    AtOnce {},
    /// As the pods of openb were created.
    Openb {
        /// The pods.
        pods: String,
        /// Left out at the beginning.
        #[serde(default)]
        skip: usize,
        /// By how much time is pressed together.
        #[serde(default)]
        faster: Factor,
    },
    /// As commits were merged.
    Merges {
        /// The merges.
        file: String,
        /// Of these repositories; all where there are none.
        #[serde(default)]
        repositories: Vec<String>,
        /// From then on.
        from: Moment,
        /// By how much time is pressed together.
        #[serde(default)]
        faster: Factor,
    },
}

/// How long pods run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Durations {
    /// From one to the other, one length as likely as another.
    Between(Span, Span),
    /// As PyTorch's test units.
    TestSeconds {
        /// The units.
        file: String,
        /// Longer ones take so long.
        at_most: Option<Span>,
    },
    /// As the pods of openb ran.
    Openb {
        /// The pods.
        pods: String,
        /// Longer ones take so long.
        at_most: Option<Span>,
    },
}

impl Default for Durations {
    /// Build and test jobs are short.
    fn default() -> Self {
        let seconds = |seconds| Span(crate::model::unit::Nanos::from_seconds(seconds));
        Self::Between(seconds(30), seconds(180))
    }
}

/// What pods ask for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Requests {
    /// As the 6,247 jobs of Kubernetes' own CI do.
    #[default]
    Typical,
    /// Always the same.
    Equal {
        /// Processors.
        cpu: Cpu,
        /// Memory.
        memory: Size,
    },
    /// As the pods of openb did.
    Openb {
        /// The pods.
        pods: String,
    },
}

/// Volumes that steps leave.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct GeneratedVolumes {
    /// From the least to the most bytes, each doubling as likely as another.
    pub bytes: (Size, Size),
    /// The registry has them as soon as they are made.
    pub pushed: bool,
}

impl Default for GeneratedVolumes {
    /// From a small checkout to a build tree.
    fn default() -> Self {
        let size = |bytes| Size(crate::model::unit::Bytes(bytes));
        Self { bytes: (size(8 << 20), size(1 << 30)), pushed: true }
    }
}

/// When kubelets ask the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum PullPolicyKey {
    /// As the API server fills it in: always for `latest`, else unless it is there.
    #[default]
    #[serde(rename = "byTag")]
    ByTag,
    /// Unless it is there.
    IfNotPresent,
    /// At each start.
    Always,
}

/// Names of Kubernetes objects are of these letters.
fn is_name(text: &str) -> bool {
    let inside = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    inside && !text.is_empty() && text.len() <= 40 && !text.starts_with('-')
}

impl Generator {
    pub(super) fn files(&self) -> impl Iterator<Item = (Shape, &str)> {
        let jobs = self.jobs.files();
        let arrivals = self.arrivals.iter().filter_map(Arrivals::file);
        let durations = match &self.durations {
            Durations::Between(..) => None,
            Durations::TestSeconds { file, .. } => Some((Shape::TestSeconds, file.as_str())),
            Durations::Openb { pods, .. } => Some((Shape::OpenbPods, pods.as_str())),
        };
        let requests = match &self.requests {
            Requests::Openb { pods } => Some((Shape::OpenbPods, pods.as_str())),
            Requests::Typical | Requests::Equal { .. } => None,
        };
        jobs.into_iter().chain(arrivals).chain(durations).chain(requests)
    }

    pub(super) fn check(generator: &Spanned<Self>) -> Result<(), Error> {
        let keys = &generator.value;
        let has_schedule = matches!(keys.jobs, Jobs::Prow { .. });
        let (low, high) = (keys.volumes.bytes.0.0, keys.volumes.bytes.1.0);
        let backwards = matches!(&keys.durations, Durations::Between(from, to) if from.0 > to.0);
        let reason = match () {
            () if !is_name(&keys.name) => "name: expected up to 40 of a-z, 0-9 and -",
            () if has_schedule && keys.arrivals.is_some() => {
                "arrivals: Prow's jobs have a schedule; leave this out"
            }
            () if !has_schedule && keys.arrivals.is_none() => "expected arrivals",
            () if !has_schedule && keys.runs.is_none() && keys.pods_max.is_none() => {
                "expected runs or podsMax"
            }
            () if keys.failures_per_mille > 500 => "failuresPerMille: expected 0 to 500",
            () if low > high => "volumes.bytes: expected the smaller one first",
            () if backwards => "durations.between: expected the shorter one first",
            () => return Ok(()),
        };
        Err(refuse(generator, reason))
    }
}

impl Jobs {
    fn files(&self) -> Vec<(Shape, &str)> {
        match self {
            Self::Matrix { .. } => Vec::new(),
            Self::Prow { jobs, starts, .. } => {
                vec![(Shape::ProwJobs, jobs), (Shape::ProwStarts, starts)]
            }
            Self::Concourse(pipelines) | Self::Tekton(pipelines) | Self::Argo(pipelines) => {
                vec![(Shape::Steps, &pipelines.steps)]
            }
        }
    }
}

impl Arrivals {
    fn file(&self) -> Option<(Shape, &str)> {
        match self {
            Self::Openb { pods, .. } => Some((Shape::OpenbPods, pods)),
            Self::Merges { file, .. } => Some((Shape::Merges, file)),
            Self::Poisson { .. } | Self::Within(_) | Self::Every(_) | Self::AtOnce {} => None,
        }
    }
}
