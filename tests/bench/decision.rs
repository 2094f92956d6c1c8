//! Benches of the scheduling path: decide, apply, decode, encode, at 100 to 15,000 nodes.
//!
//! The shape is a heavy one: 50 images a node, a pod of 5 containers with 8 layers each of which the nodes
//! hold different parts. `decode + decide + encode` is to cost no more than twice `decode + encode`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dunnage::edge::extender::lookup::Lookup;
use dunnage::edge::extender::wire::{self, Asked};
use dunnage::model::image::{ImageFacts, Layer, Platform};
use dunnage::model::node::{NodeFacts, ReportedImage};
use dunnage::model::pod::{PodFacts, PodImage};
use dunnage::model::run::NEXT_IMAGES_MAX;
use dunnage::model::unit::{Bytes, Time};
use dunnage::policy::Policy;
use dunnage::policy::interest::Interest;
use dunnage::score::decision::Decision;
use dunnage::score::scratch::Scratch;
use dunnage::score::{Question, decide_into};
use dunnage::state::Tracker;
use dunnage::state::event::{Event, Kind};
use serde_json::json;

/// A small cluster, the scheduler's largest sample, and clusters that send every node.
const NODE_COUNTS: [usize; 4] = [100, 780, 5_000, 15_000];
const IMAGES_PER_NODE: usize = 50;
const LAYERS_PER_IMAGE: usize = 8;
/// Distinct images of the cluster: each node holds an eighth of them.
const IMAGES: usize = 400;
const NOW: Time = Time(1_700_000_000_000_000_000);

fn digest(kind: &str, number: usize) -> String {
    format!("sha256:{:0>64x}", dunnage::model::cluster::stable_hash(&format!("{kind}-{number}")))
}

fn reference(image: usize) -> String {
    format!("registry.example/ci/image-{image}:v1")
}

/// Images in families of eight that share their first four layers.
fn image(number: usize) -> ImageFacts {
    let layer = |depth: usize| {
        let shared = depth < LAYERS_PER_IMAGE / 2;
        let owner = if shared { number / 8 } else { 10_000 + number };
        Layer {
            digest: digest("layer", owner * LAYERS_PER_IMAGE + depth),
            diff_id: None,
            compressed_bytes: Bytes(20_000_000 + depth as u64 * 1_000_000),
        }
    };
    ImageFacts {
        digests: vec![digest("manifest", number)],
        references: vec![reference(number)],
        platform: Platform::new("linux", "amd64", ""),
        layers: (0..LAYERS_PER_IMAGE).map(layer).collect(),
        published_at: Time(0),
    }
}

fn node(number: usize) -> NodeFacts {
    let held = |slot: usize| {
        let image = (number * 7 + slot * 13) % IMAGES;
        let by_digest = format!("registry.example/ci/image-{image}@{}", digest("manifest", image));
        ReportedImage { names: vec![by_digest, reference(image)], size_bytes: 200_000_000 }
    };
    NodeFacts {
        name: node_name(number),
        platform: Platform::new("linux", "amd64", ""),
        images: (0..IMAGES_PER_NODE).map(held).collect(),
        ..NodeFacts::default()
    }
}

fn node_name(number: usize) -> String {
    format!("node-{number:05}.internal")
}

fn tracker(nodes: usize) -> Tracker {
    let mut tracker = Tracker::default();
    (0..IMAGES).for_each(|number| tracker.apply(Event::ImageKnown(image(number)), NOW));
    (0..nodes).for_each(|number| tracker.apply(Event::NodeApplied(node(number)), NOW));
    tracker.apply(Event::ResyncEnded(Kind::Nodes), NOW);
    tracker.apply(Event::ResyncEnded(Kind::Pods), NOW);
    tracker
}

/// A request as the scheduler writes it, for a pod of five containers of one family and others.
fn body(nodes: usize) -> String {
    let containers: Vec<_> = [0, 1, 9, 100, 205]
        .iter()
        .map(|&image| {
            let env: Vec<_> = (0..20)
                .map(|n| json!({ "name": format!("VARIABLE_{n}"), "value": "some value" }))
                .collect();
            json!({ "name": format!("step-{image}"), "image": reference(image), "env": env,
                "imagePullPolicy": "Always", "terminationMessagePath": "/tekton/termination" })
        })
        .collect();
    let names: Vec<_> = (0..nodes).map(node_name).collect();
    let pod = json!({
        "metadata": { "name": "step", "namespace": "ci",
            "uid": "56ed9f01-e5a7-4342-8bee-d220bb7b947e",
            "labels": { "tekton.dev/taskRun": "run" } },
        "spec": { "containers": containers, "restartPolicy": "Never" },
        "status": { "phase": "Pending" },
    });
    format!(r#"{{"Pod":{pod},"Nodes":null,"NodeNames":{}}}"#, json!(names))
}

fn decode(body: &str) -> Box<wire::Request<'_>> {
    match wire::decode(body.as_bytes(), &Interest::Steps).expect("a valid request") {
        Asked::ForStep(request) => request,
        Asked::ForOther => panic!("the pod is a step pod"),
    }
}

/// The same pod, of a run whose later steps want as many more images as count.
fn looking_ahead(pod: &PodFacts) -> PodFacts {
    let image = |number| PodImage { reference: reference(300 + number), ..PodImage::default() };
    let mut pod = pod.clone();
    pod.run.next_images = Some((0..NEXT_IMAGES_MAX).map(image).collect());
    pod
}

fn path(bench: &mut Criterion) {
    let policy = Policy::default();
    let mut group = bench.benchmark_group("path");
    for count in NODE_COUNTS {
        let tracker = tracker(count);
        let cluster = tracker.cluster();
        let body = body(count);
        let request = decode(&body);
        let mut lookup = Lookup::default();
        let (candidates, _) = lookup.find(&request.node_names, cluster);
        let (pod, policy, now) = (&request.pod, &policy, NOW);
        let question = Question { pod, candidates: &candidates, cluster, policy, now };
        let (mut decision, mut scratch) = (Decision::default(), Scratch::default());
        decide_into(&mut decision, &mut scratch, &question);
        assert!(decision.neutral.is_none() && decision.rows.iter().any(|row| row.points > 0));

        group.throughput(Throughput::Elements(count as u64));
        let id = |name| BenchmarkId::new(name, count);
        group.bench_function(id("decode"), |b| b.iter(|| black_box(decode(black_box(&body)))));
        group.bench_function(id("decide"), |b| {
            b.iter(|| decide_into(black_box(&mut decision), &mut scratch, black_box(&question)));
        });
        group.bench_function(id("look up and decide"), |b| {
            b.iter(|| {
                let (candidates, _) = lookup.find(&request.node_names, cluster);
                let question = Question { candidates: &candidates, ..question };
                decide_into(black_box(&mut decision), &mut scratch, &question);
            });
        });
        let ahead = looking_ahead(pod);
        let ahead = Question { pod: &ahead, ..question };
        group.bench_function(id("decide and look ahead"), |b| {
            let mut decision = Decision::default();
            b.iter(|| decide_into(black_box(&mut decision), &mut scratch, black_box(&ahead)));
        });
        group.bench_function(id("encode"), |b| {
            b.iter(|| black_box(wire::answer(black_box(&decision), cluster, &[])));
        });
    }
    group.finish();
}

/// A node status that changes by one image, on a node of 100 images.
fn apply(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("apply");
    for count in NODE_COUNTS {
        let mut tracker = tracker(count);
        let mut with = node(3);
        with.images.extend(node(4).images);
        let mut without = with.clone();
        without.images.pop();
        group.bench_function(BenchmarkId::new("node status change", count), |b| {
            let mut on = false;
            b.iter_batched(
                || {
                    on = !on;
                    Event::NodeApplied(if on { with.clone() } else { without.clone() })
                },
                |event| tracker.apply(event, NOW),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, path, apply);
criterion_main!(benches);
