//! One generator's pods: runs drafted one after the other, each given its time, durations and failures.
//!
//! Modelling choices: drafts know nothing of time, so that the k-th run is the same whenever it comes; a
//! pod fails by chance independently of all else, at most three times.

use serde_saphyr::Spanned;

use crate::model::pod::PullPolicy;
use crate::model::unit::Nanos;
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::data::{CiSystem, Data, Step};
use crate::sim::job::Container;
use crate::sim::random::Random;
use crate::sim::resource::Resources;
use crate::sim::scenario::generator::{Generator, Jobs, Pipelines, PullPolicyKey};
use crate::sim::scenario::{Error, refuse};
use crate::sim::workload::concourse::{self, Concourse};
use crate::sim::workload::dag::{self, Graphs, Pipeline};
use crate::sim::workload::draft::{Draft, Drafter, Sheet};
use crate::sim::workload::image::Images;
use crate::sim::workload::join::Join;
use crate::sim::workload::matrix::{self, Matrix};
use crate::sim::workload::prow::Prow;
use crate::sim::workload::volume::{Sizes, Volumes};
use crate::sim::workload::{Scale, argo, arrival, chance, duration, later, request, tekton};

/// A pod of a generator with its time; `after` are places in the same list.
#[derive(Clone, Debug)]
pub struct Timed {
    /// The pod.
    pub draft: Draft,
    /// Its run among this generator's.
    pub run: usize,
    /// When it comes.
    pub arrives_at: Nanos,
    /// How long it runs.
    pub runs_for: Nanos,
    /// How often it fails first.
    pub failures: u8,
    /// What it asks for.
    pub requests: Resources,
}

/// A workload of more pods is none that one machine simulates.
const PODS_MAX: usize = 10_000_000;
/// Controllers give up after some retries (`backoffLimit`, Tekton's `retries`); more would say nothing new.
const FAILURES_MAX: u8 = 3;
/// A pipeline of the data has up to 51 steps; runs without pods must not go on for ever.
const RUNS_MAX: usize = 10_000_000;

/// A drafter, with the times of its runs where it has a schedule.
type Scheduled<'a> = (Box<dyn Drafter + 'a>, Option<Vec<Nanos>>);

/// What all generators draw from.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The seed of all.
    pub seed: u64,
    /// Full or small.
    pub scale: Scale,
    /// Rows.
    pub data: &'a Data,
}

impl Sources<'_> {
    /// The pods of a generator, by time.
    ///
    /// # Errors
    /// If the data does not have what it asks for.
    pub fn pods(
        &self,
        generator: &Spanned<Generator>,
        images: &mut Images<'_>,
        volumes: &mut Volumes,
    ) -> Result<Vec<Timed>, Error> {
        self.timed(&generator.value, images, volumes).map_err(|reason| refuse(generator, reason))
    }

    fn timed(
        &self,
        keys: &Generator,
        images: &mut Images<'_>,
        volumes: &mut Volumes,
    ) -> Result<Vec<Timed>, String> {
        let (mut drafter, schedule) = self.drafter(keys, images)?;
        let runs = self.stream(keys, "runs");
        let mut sheet = Sheet { pods: Vec::new(), volumes, random: runs };
        let ends = self.draft(keys, schedule.as_ref().map(Vec::len), &mut *drafter, &mut sheet);
        if sheet.pods.is_empty() {
            return Err(
                "its runs have no pods: is there anything of that kind in the data?".to_owned()
            );
        }
        let times = match (&keys.arrivals, schedule) {
            (_, Some(times)) => times,
            (Some(arrivals), None) => {
                arrival::times(arrivals, ends.len(), &mut self.stream(keys, "arrivals"), self.data)?
            }
            (None, None) => return Err("expected arrivals".to_owned()),
        };
        self.place(keys, sheet.pods, &ends, &times)
    }

    /// Drafts runs until there are enough; gives the number of pods after each.
    fn draft(
        &self,
        keys: &Generator,
        scheduled: Option<usize>,
        drafter: &mut dyn Drafter,
        sheet: &mut Sheet<'_>,
    ) -> Vec<usize> {
        let scaled = |count: u32| self.scale.of(count) as usize;
        let pods_max = keys.pods_max.map_or(PODS_MAX, |most| scaled(most.0));
        let runs_max = keys.runs.map_or(RUNS_MAX, |most| scaled(most.0));
        let scheduled =
            scheduled.map_or(RUNS_MAX, |runs| u32::try_from(runs).map_or(RUNS_MAX, scaled));
        let mut ends = Vec::new();
        let mut empty = 0;
        for number in 0..runs_max.min(scheduled) {
            let before = sheet.pods.len();
            if before >= pods_max || empty > 100 {
                break;
            }
            drafter.run(number, sheet);
            empty = if sheet.pods.len() == before { empty + 1 } else { 0 };
            sheet.pods.truncate(pods_max);
            if keys.next_images {
                let run = before..sheet.pods.len();
                later::name_images(&mut sheet.pods, run);
            }
            ends.push(sheet.pods.len());
        }
        ends
    }

    fn place(
        &self,
        keys: &Generator,
        pods: Vec<Draft>,
        ends: &[usize],
        times: &[Nanos],
    ) -> Result<Vec<Timed>, String> {
        let durations = duration::Draw::new(&keys.durations, self.data)?;
        let requests = request::Draw::new(&keys.requests, self.data)?;
        let mut for_durations = self.stream(keys, "durations");
        let mut for_requests = self.stream(keys, "requests");
        let mut for_failures = self.stream(keys, "failures");
        let mut run = 0;
        let timed = pods.into_iter().enumerate().map(|(number, draft)| {
            while ends[run] <= number {
                run += 1;
            }
            let drawn = requests.draw(&mut for_requests);
            Timed {
                run,
                arrives_at: keys.start.0 + times[run],
                runs_for: durations.draw(&mut for_durations),
                failures: failures(keys.failures_per_mille, &mut for_failures),
                requests: draft.requests.unwrap_or(drawn),
                draft,
            }
        });
        Ok(timed.collect())
    }

    fn drafter<'b>(
        &'b self,
        keys: &'b Generator,
        images: &mut Images<'_>,
    ) -> Result<Scheduled<'b>, String> {
        let mut random = self.stream(keys, "images");
        let sizes = Sizes::new(&keys.volumes, self.seed);
        Ok(match &keys.jobs {
            Jobs::Matrix { fan_out_max } => {
                let fan_out_max = fan_out_max.map_or(matrix::FAN_OUT_MAX, |most| most.0);
                let requests = request::Draw::new(&keys.requests, self.data)?;
                (Box::new(Matrix::new(images, fan_out_max, requests, &mut random)), None)
            }
            Jobs::Prow { jobs, starts, from, span, faster } => {
                let jobs = self.data.prow_jobs.get(jobs).map_or(&[][..], Vec::as_slice);
                let starts = self.data.prow_starts.get(starts).map_or(&[][..], Vec::as_slice);
                let part = (from.0, span.0, faster.0);
                let prow = Prow::new(jobs, starts, part, images, &mut random);
                let times = prow.times();
                (Box::new(prow), Some(times))
            }
            Jobs::Concourse(pipelines) => {
                let jobs = concourse::jobs(self.steps(pipelines));
                let pulled = jobs.iter().flatten().filter(|step| !step.is_builtin);
                let names = pulled.filter_map(|step| step.image.as_deref());
                let join = Join::new(names, images, &mut random);
                (Box::new(Concourse::new(jobs, join, sizes)), None)
            }
            Jobs::Tekton(pipelines) => {
                let pipelines =
                    dag::pipelines(self.steps(pipelines), CiSystem::Tekton, tekton::tasks);
                (graphs(pipelines, sizes, images, random)?, None)
            }
            Jobs::Argo(pipelines) => {
                let pipelines = dag::pipelines(self.steps(pipelines), CiSystem::Argo, argo::tasks);
                (graphs(pipelines, sizes, images, random)?, None)
            }
        })
    }

    fn steps<'b>(&'b self, pipelines: &'b Pipelines) -> impl Iterator<Item = &'b Step> {
        let rows = self.data.steps.get(&pipelines.steps).map_or(&[][..], Vec::as_slice);
        let wanted = &pipelines.containing;
        rows.iter().filter(move |step| {
            wanted.is_empty() || wanted.iter().any(|part| step.pipeline.contains(part.as_str()))
        })
    }

    fn stream(&self, keys: &Generator, purpose: &str) -> Random {
        chance::stream(self.seed, &format!("{}/{purpose}", keys.name))
    }
}

fn graphs(
    pipelines: Vec<Pipeline>,
    sizes: Sizes,
    images: &mut Images<'_>,
    mut random: Random,
) -> Result<Box<dyn Drafter>, String> {
    let sorted: Vec<Pipeline> =
        pipelines.into_iter().map(Pipeline::sorted).collect::<Result<_, _>>()?;
    let tasks = sorted.iter().flat_map(|pipeline| &pipeline.tasks);
    let names = tasks.flat_map(|task| task.images.iter().map(String::as_str));
    let join = Join::new(names, images, &mut random);
    Ok(Box::new(Graphs::new(sorted, join, sizes)))
}

fn failures(per_mille: u16, random: &mut Random) -> u8 {
    let mut failures = 0;
    while failures < FAILURES_MAX && random.below(1000) < u64::from(per_mille) {
        failures += 1;
    }
    failures
}

/// The container of an image.
#[must_use]
pub fn container(
    reference: ReferenceNumber,
    policy: PullPolicyKey,
    images: &Images<'_>,
) -> Container {
    let is_latest = images.reference(reference).name.ends_with(":latest");
    let pull_policy = match policy {
        PullPolicyKey::Always => PullPolicy::Always,
        PullPolicyKey::ByTag if is_latest => PullPolicy::Always,
        PullPolicyKey::ByTag | PullPolicyKey::IfNotPresent => PullPolicy::IfNotPresent,
    };
    Container { reference, pull_policy, is_init: false }
}
