//! Runs of pipelines that are graphs of tasks, one pod a task: what Tekton's and Argo's have in common.
//!
//! Modelling choices: a folder that several tasks share (a workspace, a mount) is left by the first of them
//! and read by the others; a task that takes artifacts reads all that the tasks directly before it left;
//! pipelines are as likely as each other.

use std::collections::BTreeMap;

use crate::model::volume::VolumeKind;
use crate::sim::data::{CiSystem, Step};
use crate::sim::resource::Resources;
use crate::sim::setup::VolumeNumber;
use crate::sim::workload::draft::{Draft, DraftNumber, Drafter, Sheet};
use crate::sim::workload::join::Join;
use crate::sim::workload::volume::Sizes;

/// A pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pipeline {
    /// Its file.
    pub name: String,
    /// Its tasks.
    pub tasks: Vec<Task>,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// Unique in the pipeline.
    pub name: String,
    /// In the order of pulling, as written.
    pub images: Vec<String>,
    /// What it asks for, where that is told.
    pub requests: Option<Resources>,
    /// Tasks by name; such as the pipeline does not have count as done.
    pub after: Vec<String>,
    /// Folders of the run.
    pub shared: Vec<String>,
    /// It reads what the tasks before it left.
    pub takes_artifacts: bool,
    /// Artifacts that it leaves.
    pub outputs: Vec<String>,
}

/// The drafter of graphs.
#[derive(Debug)]
pub struct Graphs {
    /// With their tasks in an order in which each comes after those that it waits for.
    pipelines: Vec<Pipeline>,
    join: Join,
    sizes: Sizes,
}

/// The pipelines of a system among `steps`, in the order of their names; those without a task are none.
pub fn pipelines<'a>(
    steps: impl Iterator<Item = &'a Step>,
    system: CiSystem,
    tasks: fn(&[&Step]) -> Vec<Task>,
) -> Vec<Pipeline> {
    let mut by_file: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in steps.filter(|step| step.system == system) {
        by_file.entry(&step.pipeline).or_default().push(step);
    }
    let pipelines = by_file
        .into_iter()
        .map(|(name, steps)| Pipeline { name: name.to_owned(), tasks: tasks(&steps) });
    pipelines.filter(|pipeline| !pipeline.tasks.is_empty()).collect()
}

impl Pipeline {
    /// With its tasks in an order in which each comes after those that it waits for, else as written.
    ///
    /// # Errors
    /// If tasks wait for each other.
    pub fn sorted(mut self) -> Result<Self, String> {
        let mut sorted: Vec<Task> = Vec::with_capacity(self.tasks.len());
        while !self.tasks.is_empty() {
            let waits = |task: &Task| self.tasks.iter().any(|left| task.after.contains(&left.name));
            let Some(next) = self.tasks.iter().position(|task| !waits(task)) else {
                let names: Vec<_> = self.tasks.iter().map(|task| task.name.as_str()).collect();
                let names = names.join(", ");
                return Err(format!("pipeline {}: {names} wait for each other", self.name));
            };
            sorted.push(self.tasks.remove(next));
        }
        Ok(Self { name: self.name, tasks: sorted })
    }
}

impl Graphs {
    /// Runs of these pipelines, already sorted; at least one.
    #[must_use]
    pub fn new(pipelines: Vec<Pipeline>, join: Join, sizes: Sizes) -> Self {
        Self { pipelines, join, sizes }
    }
}

impl Drafter for Graphs {
    fn run(&mut self, number: usize, sheet: &mut Sheet<'_>) {
        let chosen = sheet.random.index(self.pipelines.len());
        let Some(pipeline) = self.pipelines.get(chosen) else {
            return;
        };
        let mut run =
            Run { number, graphs: self, pipeline, done: BTreeMap::new(), shared: BTreeMap::new() };
        for task in &pipeline.tasks {
            run.draft(task, sheet);
        }
    }
}

/// A run while it is drafted.
struct Run<'a> {
    number: usize,
    graphs: &'a Graphs,
    pipeline: &'a Pipeline,
    done: BTreeMap<&'a str, DraftNumber>,
    /// Folders, with the pod that left each.
    shared: BTreeMap<&'a str, (VolumeNumber, DraftNumber)>,
}

impl<'a> Run<'a> {
    fn draft(&mut self, task: &'a Task, sheet: &mut Sheet<'_>) {
        let after = task.after.iter().filter_map(|name| self.done.get(name.as_str()));
        let mut pod = Draft {
            step: task.name.clone(),
            images: task.images.iter().filter_map(|image| self.graphs.join.get(image)).collect(),
            requests: task.requests,
            after: after.copied().collect(),
            ..Draft::default()
        };
        if task.takes_artifacts {
            let left = pod.after.iter().flat_map(|before| sheet.pods[before.0].produces.clone());
            pod.needs.extend(left);
        }
        for output in &task.outputs {
            let name = format!("{}/{}/{output}", self.pipeline.name, task.name);
            pod.produces.push(self.volume(&name, sheet));
        }
        let own = DraftNumber(sheet.pods.len());
        for folder in &task.shared {
            self.share(folder, own, &mut pod, sheet);
        }
        self.done.insert(&task.name, own);
        sheet.push(pod);
    }

    fn share(&mut self, folder: &'a str, own: DraftNumber, pod: &mut Draft, sheet: &mut Sheet<'_>) {
        if let Some((volume, by)) = self.shared.get(folder) {
            pod.needs.push(*volume);
            pod.after.push(*by);
            return;
        }
        let volume = self.volume(&format!("{}/{folder}", self.pipeline.name), sheet);
        self.shared.insert(folder, (volume, own));
        pod.produces.push(volume);
    }

    fn volume(&self, name: &str, sheet: &mut Sheet<'_>) -> VolumeNumber {
        let version = format!("run-{}", self.number + 1);
        sheet.volumes.version(name, &version, VolumeKind::Output, &self.graphs.sizes)
    }
}
