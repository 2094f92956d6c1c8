//! What the pods are and when they come: runs of equal step pods of one pipeline, from a seed.
//!
//! A run is a fan-out: all its pods come at once and use one image, as the jobs of a build matrix do.
//! Popularity is skewed by Zipf's law over the images in a seeded order; runs arrive as a Poisson process
//! (so many independent uniform times over a span are one). Integers only: no library's logarithm can
//! change a figure.

pub mod argo;
pub mod arrival;
pub mod build;
pub mod chance;
pub mod concourse;
pub mod dag;
pub mod draft;
pub mod duration;
pub mod generate;
pub mod image;
pub mod join;
pub mod matrix;
pub mod node;
pub mod prow;
pub mod request;
pub mod tekton;
pub mod volume;

use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, NANOS_PER_SECOND, Nanos};
use crate::sim::catalogue::{Catalogue, ImageNumber, ReferenceNumber};
use crate::sim::job::{Container, Job};
use crate::sim::random::Random;
use crate::sim::resource::Resources;

/// How much of a scenario is built: a small one, for a first look or a test, has a share of its nodes,
/// runs and pods, but at least one of each, and the same time between arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Of a thousand.
    pub per_mille: u32,
}

impl Scale {
    /// All of it.
    pub const FULL: Self = Self { per_mille: 1000 };

    /// What is left of so many.
    #[must_use]
    pub fn of(self, count: u32) -> u32 {
        let scaled = (u64::from(count) * u64::from(self.per_mille)).div_ceil(1000);
        u32::try_from(scaled).unwrap_or(u32::MAX)
    }
}

/// What to generate.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Number of pods.
    pub pod_count: usize,
    /// Number of nodes that the pods are meant for: more nodes, more pods a minute.
    pub node_count: usize,
    /// Seed: same settings, same pods.
    pub seed: u64,
}

/// Two pods a minute for each node: with these durations and sizes, nodes are some 40% full.
const NANOS_PER_NODE_AND_POD: u64 = 30 * NANOS_PER_SECOND;
/// Pods of one run.
const FAN_OUT_MAX: u64 = 8;
/// Seconds that a run's pods take at least, and how much longer at most: build and test jobs are short.
const SECONDS_MIN: u64 = 30;
const SECONDS_MORE: u64 = 150;
/// Thousandths of a processor that a step asks for, one as likely as the other: as the 6,247 jobs of
/// Kubernetes' own CI do (2026-08). Four in ten ask for nothing, which the scheduler counts as 100.
const CPU_MILLIS: [u64; 10] = [100, 100, 100, 100, 1000, 2000, 2000, 4000, 4000, 4000];
/// Memory for each processor.
const GIBS_PER_CPU: [u64; 3] = [2, 4, 6];
/// Keeps this stream apart from others of the same seed.
const PURPOSE: u64 = 1;

/// The pods, by time of arrival; none without images.
#[must_use]
pub fn generate(settings: &Settings, catalogue: &Catalogue) -> Vec<Job> {
    let mut random = Random::new(settings.seed, PURPOSE);
    let mut ranked: Vec<_> = (0..catalogue.len()).map(ImageNumber).collect();
    random.shuffle(&mut ranked);
    let span =
        NANOS_PER_NODE_AND_POD * settings.pod_count as u64 / settings.node_count.max(1) as u64;
    let mut runs = Vec::new();
    let mut pods_left = settings.pod_count;
    while pods_left > 0 && !ranked.is_empty() {
        let mut run = draw_run(&mut random, &ranked, span);
        run.pod_count = run.pod_count.min(pods_left);
        pods_left -= run.pod_count;
        runs.push(run);
    }
    // A stable sort: runs of the same nanosecond stay in the order drawn.
    runs.sort_by_key(|run| run.arrives_at);
    let numbered = runs.iter().enumerate();
    numbered.flat_map(|(number, run)| jobs_of(run, number, catalogue)).collect()
}

struct Run {
    image: ImageNumber,
    pod_count: usize,
    arrives_at: Nanos,
    runs_for: Nanos,
    requests: Resources,
}

fn draw_run(random: &mut Random, ranked: &[ImageNumber], span: u64) -> Run {
    let cpu_millis = CPU_MILLIS[random.index(CPU_MILLIS.len())];
    let gibs_per_cpu = GIBS_PER_CPU[random.index(GIBS_PER_CPU.len())];
    let memory = ((cpu_millis * gibs_per_cpu) << 30) / 1000;
    let more = random.below(SECONDS_MORE * NANOS_PER_SECOND);
    Run {
        image: ranked[draw_rank(random, ranked.len())],
        pod_count: 1 + usize::try_from(random.below(FAN_OUT_MAX)).unwrap_or(0),
        arrives_at: Nanos(random.below(span)),
        runs_for: Nanos::from_seconds(SECONDS_MIN) + Nanos(more),
        requests: Resources { cpu_millis, memory: Bytes(memory) },
    }
}

/// A rank below `len`, the first one likeliest: rank r with a weight of 1 / (r + 1).
fn draw_rank(random: &mut Random, len: usize) -> usize {
    let weight = |rank: usize| 1_000_000 / (rank as u64 + 1);
    let mut left = random.below((0..len).map(weight).sum());
    for rank in 0..len {
        match left.checked_sub(weight(rank)) {
            Some(rest) => left = rest,
            None => return rank,
        }
    }
    0
}

fn jobs_of(run: &Run, number: usize, catalogue: &Catalogue) -> impl Iterator<Item = Job> {
    let reference = catalogue.image(run.image).reference();
    let tag = reference.rsplit_once(':').map_or(reference, |(_, tag)| tag);
    let pipeline = tag.replace(['.', '_'], "-").to_ascii_lowercase();
    let container = Container {
        // The catalogue of the demo calls each image by its own name alone.
        reference: ReferenceNumber(u32::try_from(run.image.0).unwrap_or(u32::MAX)),
        pull_policy: PullPolicy::IfNotPresent,
        is_init: false,
    };
    (1..=run.pod_count).map(move |step| Job {
        name: format!("{pipeline}-{}-{step}", number + 1).into(),
        run: u32::try_from(number).unwrap_or(u32::MAX),
        containers: Box::new([container]),
        arrives_at: run.arrives_at,
        runs_for: run.runs_for,
        requests: run.requests,
        ..Job::default()
    })
}

#[cfg(test)]
mod tests {
    use super::{Settings, draw_rank, generate};
    use crate::model::unit::Nanos;
    use crate::sim::catalogue::{Catalogue, tests::image};
    use crate::sim::random::Random;

    fn catalogue() -> Catalogue {
        let names = ["base.1", "build_2", "test"];
        Catalogue::new(names.map(|name| image(name, &[(name, 10)])).to_vec())
    }

    fn settings(seed: u64) -> Settings {
        Settings { pod_count: 500, node_count: 10, seed }
    }

    #[test]
    fn same_seed_same_pods_and_another_seed_others() {
        let jobs = generate(&settings(1), &catalogue());
        assert_eq!(jobs, generate(&settings(1), &catalogue()));
        assert_ne!(jobs, generate(&settings(2), &catalogue()));
    }

    #[test]
    fn as_many_pods_as_asked_by_arrival_over_the_span_with_names_of_their_own() {
        let jobs = generate(&settings(3), &catalogue());
        assert_eq!(jobs.len(), 500);
        assert!(jobs.is_sorted_by_key(|job| job.arrives_at));
        let last = jobs.last().map(|job| job.arrives_at).expect("pods");
        assert!(last > Nanos::from_seconds(1400) && last <= Nanos::from_seconds(1500));
        let mut names: Vec<_> = jobs.iter().map(|job| &job.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 500);
        assert!(
            names.iter().all(|name| name.bytes().all(|b| b == b'-' || b.is_ascii_alphanumeric()))
        );
    }

    #[test]
    fn pods_of_a_run_come_at_once_and_are_equal() {
        let jobs = generate(&settings(4), &catalogue());
        for pair in jobs.windows(2).filter(|pair| pair[0].run == pair[1].run) {
            let expected = super::Job { name: pair[1].name.clone(), ..pair[0].clone() };
            assert_eq!(pair[1], expected);
        }
        assert!(jobs.last().is_some_and(|job| job.run < 250), "runs have several pods");
    }

    #[test]
    fn the_first_rank_is_drawn_twice_as_often_as_the_second() {
        let mut random = Random::new(5, 0);
        let mut drawn = [0u32; 3];
        for _ in 0..11_000 {
            drawn[draw_rank(&mut random, 3)] += 1;
        }
        // Of eleven draws six, three and two, within some four standard deviations.
        for (drawn, expected) in drawn.into_iter().zip([6000, 3000, 2000]) {
            assert!(drawn.abs_diff(expected) < 220, "{drawn} of {expected}");
        }
    }

    #[test]
    fn nothing_comes_of_no_images() {
        assert!(generate(&settings(1), &Catalogue::default()).is_empty());
    }
}
