//! Concourse's jobs: a run is one build of a job, a pod for each get, put and task, stage after stage.
//!
//! Modelling choices: jobs of all pipelines are as likely as each other. A get that triggers its job and has
//! no `passed` finds a new version of its resource each time; every other get takes the newest version. A
//! version that an earlier build has fetched is not fetched again: its steps read the same volume, as
//! Concourse's resource caches do. A put makes a version of its resource. Hooks for failures do not run.
//! A task's caches are made by its first build and read by the later ones. Images that come with the worker
//! are not pulled.

use std::collections::BTreeMap;

use crate::model::volume::VolumeKind;
use crate::sim::data::{CiSystem, Step};
use crate::sim::setup::VolumeNumber;
use crate::sim::workload::draft::{Draft, DraftNumber, Drafter, Sheet};
use crate::sim::workload::join::Join;
use crate::sim::workload::volume::Sizes;

/// A volume with the pod that leaves it.
type Left = (VolumeNumber, DraftNumber);

/// The drafter of builds.
#[derive(Debug)]
pub struct Concourse<'a> {
    jobs: Vec<Vec<&'a Step>>,
    join: Join,
    sizes: Sizes,
    /// Newest version of each resource, by pipeline and name.
    versions: BTreeMap<(&'a str, &'a str), u32>,
    /// What earlier builds fetched, by pipeline, name and version.
    fetched: BTreeMap<(&'a str, &'a str, u32), Left>,
    /// Caches of tasks, by their name.
    caches: BTreeMap<String, Left>,
}

/// A build while it is drafted.
#[derive(Default)]
struct Build<'a> {
    number: usize,
    artifacts: BTreeMap<&'a str, Left>,
    /// Pods of the stage before.
    before: Vec<DraftNumber>,
    /// Pods of this stage.
    current: Vec<DraftNumber>,
    stage: u32,
}

/// The jobs among `steps`, each with its steps in order.
#[must_use]
pub fn jobs<'a>(steps: impl Iterator<Item = &'a Step>) -> Vec<Vec<&'a Step>> {
    let mut by_job: BTreeMap<(&str, &str), Vec<&Step>> = BTreeMap::new();
    for step in steps.filter(|step| step.system == CiSystem::Concourse && !step.on_failure) {
        by_job.entry((&step.pipeline, &step.job)).or_default().push(step);
    }
    let mut jobs: Vec<_> = by_job.into_values().collect();
    jobs.iter_mut().for_each(|steps| steps.sort_by_key(|step| (step.stage, step.seq)));
    jobs
}

impl<'a> Concourse<'a> {
    /// Builds of these jobs.
    #[must_use]
    pub fn new(jobs: Vec<Vec<&'a Step>>, join: Join, sizes: Sizes) -> Self {
        let (versions, fetched, caches) = Default::default();
        Self { jobs, join, sizes, versions, fetched, caches }
    }

    fn get(&mut self, step: &'a Step, build: &mut Build<'a>, sheet: &mut Sheet<'_>) {
        let resource = (step.pipeline.as_str(), step.name.as_str());
        let version = self.versions.entry(resource).or_default();
        if step.triggers && step.passed.is_empty() {
            *version += 1;
        }
        let key = (resource.0, resource.1, *version);
        if let Some(left) = self.fetched.get(&key) {
            build.artifacts.insert(&step.name, *left);
            return;
        }
        self.leave(key, self.pod(step, build), build, sheet);
    }

    /// What it puts is read from the steps before; what it made can be got by other jobs.
    fn put(&mut self, step: &'a Step, build: &mut Build<'a>, sheet: &mut Sheet<'_>) {
        let mut pod = self.pod(step, build);
        let before = build.before.iter().flat_map(|pod| sheet.pods[pod.0].produces.clone());
        let before: Vec<VolumeNumber> = before.collect();
        match step.inputs.is_empty() {
            true => pod.needs = before,
            false => build.read(&step.inputs, &mut pod),
        }
        let resource = (step.pipeline.as_str(), step.name.as_str());
        let version = self.versions.entry(resource).or_default();
        *version += 1;
        let key = (resource.0, resource.1, *version);
        self.leave(key, pod, build, sheet);
    }

    fn task(&mut self, step: &'a Step, build: &mut Build<'a>, sheet: &mut Sheet<'_>) {
        let mut pod = self.pod(step, build);
        build.read(&step.inputs, &mut pod);
        let own = DraftNumber(sheet.pods.len());
        let of_task = format!("{}/{}/{}", step.pipeline, step.job, step.name);
        for cache in &step.caches {
            let name = format!("{of_task}/{cache}");
            if let Some((volume, by)) = self.caches.get(&name) {
                pod.needs.push(*volume);
                pod.after.push(*by);
                continue;
            }
            let volume = sheet.volumes.version(&name, "1", VolumeKind::TaskCache, &self.sizes);
            pod.produces.push(volume);
            self.caches.insert(name, (volume, own));
        }
        let version = format!("build-{}-{}", build.number + 1, step.seq);
        for output in &step.outputs {
            let name = format!("{of_task}/{output}");
            let volume = sheet.volumes.version(&name, &version, VolumeKind::Output, &self.sizes);
            pod.produces.push(volume);
            build.artifacts.insert(output, (volume, own));
        }
        build.push(pod, sheet);
    }

    fn pod(&self, step: &Step, build: &Build<'a>) -> Draft {
        let image = step.image.as_ref().filter(|_| !step.is_builtin);
        Draft {
            step: format!("{}-{}", step.seq, step.name),
            images: image.and_then(|image| self.join.get(image)).into_iter().collect(),
            requests: step.requests,
            after: build.before.clone(),
            ..Draft::default()
        }
    }

    /// A pod leaves a version of a resource.
    fn leave(
        &mut self,
        key: (&'a str, &'a str, u32),
        mut pod: Draft,
        build: &mut Build<'a>,
        sheet: &mut Sheet<'_>,
    ) {
        let (name, version) = (format!("{}/{}", key.0, key.1), format!("v{}", key.2));
        let volume = sheet.volumes.version(&name, &version, VolumeKind::ResourceCache, &self.sizes);
        pod.produces.push(volume);
        let left = (volume, build.push(pod, sheet));
        self.fetched.insert(key, left);
        build.artifacts.insert(key.1, left);
    }
}

impl Drafter for Concourse<'_> {
    fn run(&mut self, number: usize, sheet: &mut Sheet<'_>) {
        let chosen = sheet.random.index(self.jobs.len());
        let steps = self.jobs.get(chosen).cloned().unwrap_or_default();
        let mut build = Build { number, ..Build::default() };
        for step in steps {
            build.reach(step.stage);
            match step.kind.as_str() {
                "get" => self.get(step, &mut build, sheet),
                "put" => self.put(step, &mut build, sheet),
                _ => self.task(step, &mut build, sheet),
            }
        }
    }
}

impl Build<'_> {
    /// The stage begins; one whose steps had nothing to do leaves the one before as it was.
    fn reach(&mut self, stage: u32) {
        if stage != self.stage && !self.current.is_empty() {
            self.before = std::mem::take(&mut self.current);
        }
        self.stage = stage;
    }

    fn push(&mut self, pod: Draft, sheet: &mut Sheet<'_>) -> DraftNumber {
        let number = sheet.push(pod);
        self.current.push(number);
        number
    }

    fn read(&self, inputs: &[String], pod: &mut Draft) {
        for (volume, by) in inputs.iter().filter_map(|input| self.artifacts.get(input.as_str())) {
            pod.needs.push(*volume);
            pod.after.push(*by);
        }
    }
}
