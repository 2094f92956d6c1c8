//! Benches of the simulator's scheduler: one pod, from the search for nodes to its being assumed, on clusters
//! that are half full, where another pod ends for each that is placed.
//!
//! Of 200 images each node lists 50; pods have two or three of them and come in eight sizes. `lists` is what
//! a kubelet's list of images costs that changes by one.

use std::collections::VecDeque;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dunnage::model::unit::Bytes;
use dunnage::sim::catalogue::ReferenceNumber;
use dunnage::sim::random::Random;
use dunnage::sim::resource::Resources;
use dunnage::sim::setup::{NodeNumber, ZoneNumber};
use dunnage::sim::twin::{Requests, SCORE_PER_POINT, Twin, TwinNode, TwinPod};

const NODE_COUNTS: [u32; 3] = [100, 1_000, 5_000];
const IMAGES: u32 = 200;
const IMAGES_PER_NODE: u32 = 50;
/// Pods on a node on average: of the mean size they fill half of it.
const PODS_PER_NODE: usize = 8;

struct Rig {
    twin: Twin,
    pods: Vec<(Requests, Vec<ReferenceNumber>)>,
    placed: VecDeque<(NodeNumber, Requests)>,
    next: usize,
}

fn list(node: u32) -> Vec<(ReferenceNumber, Bytes)> {
    let held = (0..IMAGES_PER_NODE).map(|slot| (node * 7 + slot * 13) % IMAGES);
    held.map(|image| (ReferenceNumber(image), Bytes(u64::from(image) * 9_000_000))).collect()
}

fn pod(random: &mut Random) -> (Requests, Vec<ReferenceNumber>) {
    let size = 1 + random.below(8);
    let asked = Resources { cpu_millis: size * 250, memory: Bytes(size << 29) };
    let image = |_| ReferenceNumber(u32::try_from(random.below(200)).expect("below 200"));
    let images: Vec<_> = (0..2 + size % 2).map(image).collect();
    (Requests::new(asked, 1), images)
}

impl Rig {
    fn new(nodes: u32) -> Self {
        let mut twin = Twin::new(1);
        let mut random = Random::new(1, 1);
        for number in 0..nodes {
            let allocatable = Resources { cpu_millis: 16_000, memory: Bytes(64 << 30) };
            let zone = ZoneNumber(u16::try_from(number % 3).expect("three"));
            twin.add_node(NodeNumber(number), TwinNode { zone, allocatable, pods_max: 110 });
            twin.list_images(NodeNumber(number), &list(number));
        }
        let pods = (0..1000).map(|_| pod(&mut random)).collect();
        let mut rig = Self { twin, pods, placed: VecDeque::new(), next: 0 };
        let count = nodes as usize * PODS_PER_NODE;
        for _ in 0..count {
            rig.place(&[]);
        }
        rig
    }

    fn place(&mut self, points: &[Option<u64>]) -> NodeNumber {
        let (requests, images) = &self.pods[self.next];
        self.next = (self.next + 1) % self.pods.len();
        let pod = TwinPod { requests: *requests, images };
        let count = self.twin.candidates(*requests).len();
        let node = self.twin.choose(&pod, &points[..count.min(points.len())]);
        let node = node.expect("half of the cluster is free");
        self.twin.assume(node, *requests);
        self.placed.push_back((node, *requests));
        node
    }

    fn end_oldest(&mut self) {
        if let Some((node, requests)) = self.placed.pop_front() {
            self.twin.release(node, requests);
        }
    }
}

fn pods(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("twin");
    for count in NODE_COUNTS {
        let mut rig = Rig::new(count);
        let named = |at: u64| at.is_multiple_of(5).then_some(at % 3 * SCORE_PER_POINT);
        let points: Vec<_> = (0..u64::from(count)).map(named).collect();
        for (name, points) in [("pod", &[] as &[_]), ("pod with points", &points)] {
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter(|| {
                    rig.end_oldest();
                    black_box(rig.place(black_box(points)))
                });
            });
        }
        let (with, without) = (list(3), list(3)[1..].to_vec());
        let mut on = false;
        group.bench_function(BenchmarkId::new("lists", count), |b| {
            b.iter(|| {
                on = !on;
                rig.twin.list_images(NodeNumber(3), black_box(if on { &without } else { &with }));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pods);
criterion_main!(benches);
