//! Benches of the simulator: pods a second on one core, by chance, by the scheduler, and with decisions.
//!
//! The shape: 200 images of 8 layers by Zipf's law in families that share four, a pod a minute a node, disks
//! that hold 80 of them. Aims at 1,000 nodes: 200,000 by chance alone, 40,000 with scheduler and decisions;
//! a million pods in one run under 1 GB; time that grows with pods and with nodes at most in proportion.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dunnage::model::image::{ImageFacts, Layer, Platform};
use dunnage::model::pod::PullPolicy;
use dunnage::model::unit::{Bytes, NANOS_PER_SECOND, Nanos, Time, TransferRate};
use dunnage::policy::Policy;
use dunnage::sim::catalogue::{Catalogue, ReferenceNumber};
use dunnage::sim::engine::Engine;
use dunnage::sim::extender::Dunnage;
use dunnage::sim::job::{Container, Job};
use dunnage::sim::random::Random;
use dunnage::sim::record::Record;
use dunnage::sim::resource::Resources;
use dunnage::sim::rival::choosing::{Chooser, Rule};
use dunnage::sim::scheduler::Scheduler;
use dunnage::sim::setup::{DiskSetup, NodeHardware, NodeSetup, Setup, ZoneNumber};
use dunnage::sim::view::Delayed;

const NODE_COUNTS: [usize; 5] = [100, 300, 1_000, 3_000, 10_000];
const PODS: usize = 50_000 / SHARE;
/// At 1,000 nodes.
const POD_COUNTS: [usize; 3] = [50_000 / SHARE, 200_000 / SHARE, 1_000_000 / SHARE];
/// Unoptimised, as part of the tests, all that matters is that it runs.
const SHARE: usize = if cfg!(debug_assertions) { 500 } else { 1 };
const IMAGES: usize = 200;
const LAYERS_PER_IMAGE: usize = 8;

fn image(number: usize) -> ImageFacts {
    let layer = |depth: usize| {
        let owner = if depth < LAYERS_PER_IMAGE / 2 { number / 8 } else { 10_000 + number };
        Layer {
            digest: format!("sha256:{:064x}", owner * LAYERS_PER_IMAGE + depth),
            diff_id: None,
            compressed_bytes: Bytes(10_000_000 + depth as u64 * 3_000_000),
        }
    };
    ImageFacts {
        digests: vec![format!("sha256:{:064x}", 1_000_000 + number)],
        references: vec![format!("registry.example/ci/image-{number}:v1")],
        platform: Platform::new("linux", "amd64", ""),
        layers: (0..LAYERS_PER_IMAGE).map(layer).collect(),
        published_at: Time(0),
    }
}

fn hardware() -> NodeHardware {
    let rate = |rate| TransferRate::from_bytes_per_second(rate).expect("in range");
    let disk = DiskSetup {
        bytes: Bytes(32_000_000_000),
        unpacked_per_mille: 2_500,
        high_percent: 85,
        low_percent: 80,
        age_min: Nanos::from_seconds(120),
        interval: Nanos::from_seconds(300),
    };
    NodeHardware {
        link_down: rate(1_250_000_000),
        link_up: rate(1_250_000_000),
        unpack: rate(100_000_000),
        keeps_blobs: false,
        pulls_max: 1,
        layers_max: 1,
        disk: Some(disk),
    }
}

fn node(number: usize) -> NodeSetup {
    NodeSetup {
        name: format!("node-{number}"),
        zone: ZoneNumber(u16::try_from(number % 3).unwrap_or(0)),
        capacity: Resources { cpu_millis: 16_000, memory: Bytes(64 << 30) },
        pods_max: 110,
        hardware: hardware(),
        preloaded: Vec::new(),
        joins_at: Nanos(0),
        leaves_at: None,
    }
}

/// An image, the first ones likeliest.
fn draw_image(random: &mut Random) -> u32 {
    let weight = |rank: usize| 1_000_000 / (rank as u64 + 1);
    let mut left = random.below((0..IMAGES).map(weight).sum());
    let rank = (0..IMAGES).find(|&rank| match left.checked_sub(weight(rank)) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    });
    u32::try_from(rank.unwrap_or(0)).unwrap_or(0)
}

fn jobs(node_count: usize, pod_count: usize) -> Vec<Job> {
    let mut random = Random::new(1, 1);
    let between = 60 * NANOS_PER_SECOND / node_count as u64;
    let job = |number: usize| {
        let container = Container {
            reference: ReferenceNumber(draw_image(&mut random)),
            pull_policy: PullPolicy::IfNotPresent,
            is_init: false,
        };
        Job {
            name: format!("pod-{number}").into(),
            containers: [container].into(),
            requests: Resources {
                cpu_millis: 1000 + 500 * random.below(4),
                memory: Bytes(2 << 30),
            },
            arrives_at: Nanos(between * number as u64),
            runs_for: Nanos::from_seconds(60 + random.below(200)),
            ..Job::default()
        }
    };
    (0..pod_count).map(job).collect()
}

fn setup(node_count: usize, pod_count: usize) -> Setup {
    Setup {
        name: "bench".to_owned(),
        seed: 1,
        epoch: Time(1_700_000_000_000_000_000),
        catalogue: Catalogue::new((0..IMAGES).map(image).collect()),
        nodes: (0..node_count).map(node).collect(),
        zones: ["a", "b", "c"].map(str::to_owned).to_vec(),
        jobs: jobs(node_count, pod_count),
        ..Setup::default()
    }
}

fn with_decisions(setup: &Setup) -> Record {
    let policy = Policy::named("default").expect("comes with the program");
    let extender = Delayed::new(Dunnage::new(setup, policy), &setup.view);
    Engine::new(setup).run(&mut Scheduler::with(setup, extender, 1))
}

fn nodes(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("nodes");
    group.sample_size(10);
    for count in NODE_COUNTS {
        let setup = setup(count, PODS);
        group.throughput(Throughput::Elements(PODS as u64));
        group.bench_function(BenchmarkId::new("random", count), |b| {
            let run = || Engine::new(&setup).run(&mut Chooser::new(Rule::Random, &setup));
            b.iter(|| black_box(run()));
        });
        group.bench_function(BenchmarkId::new("scheduler", count), |b| {
            b.iter(|| black_box(Engine::new(&setup).run(&mut Scheduler::alone(&setup))));
        });
        group.bench_function(BenchmarkId::new("scheduler and decisions", count), |b| {
            b.iter(|| black_box(with_decisions(&setup)));
        });
    }
    group.finish();
}

fn pods(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("pods");
    group.sample_size(10);
    for count in POD_COUNTS {
        let setup = setup(1_000, count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("scheduler and decisions", count), |b| {
            b.iter(|| black_box(with_decisions(&setup)));
        });
    }
    group.finish();
}

criterion_group!(benches, nodes, pods);
criterion_main!(benches);
