//! Small clusters of all kinds, from a fixed seed: whatever they are, nothing is lost, nothing is full
//! beyond its size, and everything ends.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use super::*;
use crate::model::pod::PullPolicy;
use crate::sim::catalogue::{Catalogue, ImageNumber, Reference, ReferenceNumber};
use crate::sim::fixtures::{MEGABYTE, rate};
use crate::sim::job::Container;
use crate::sim::placement::{Asked, Change, ImageList, PodNumber};
use crate::sim::setup::{
    DiskSetup, NodeHardware, NodeNumber, RegistrySetup, VolumeSetup, ZoneNumber,
};

/// Layers of five images in MB: some with a common base, one with a layer twice.
const IMAGES: [&[(&str, u64)]; 5] = [
    &[("base", 100), ("a", 300)],
    &[("base", 100), ("b", 50), ("b2", 1)],
    &[("base", 100), ("b", 50), ("c", 500)],
    &[("d", 10), ("e", 20), ("d", 10)],
    &[("a", 300), ("base", 100)],
];

fn catalogue(move_at: u64) -> Catalogue {
    let images = IMAGES.iter().enumerate();
    let images = images.map(|(number, layers)| image(&format!("i{number}"), layers)).collect();
    let fixed = (0..5).map(|number| Reference {
        name: format!("registry.example/i{number}:1"),
        history: vec![(Nanos(0), ImageNumber(number))],
    });
    let moving = Reference {
        name: "registry.example/tools:latest".to_owned(),
        history: vec![
            (Nanos(0), ImageNumber(1)),
            (Nanos::from_seconds(move_at), ImageNumber(2)),
            (Nanos::from_seconds(move_at * 2), ImageNumber(0)),
        ],
    };
    Catalogue::with_references(images, fixed.chain([moving]).collect())
}

prop_compose! {
    fn any_node()(
        down in 1_u64..200, up in 1_u64..200, unpack in 1_u64..200, keeps_blobs: bool,
        pulls_max in 0_u32..4, layers_max in 0_u32..4,
        disk in prop::option::of(50_u64..1500), zone in 0_u16..3,
        cpus in 1_u64..5, pods_max in 0_u32..5,
        preloaded in prop::collection::vec(0_usize..5, 0..3),
        joins in prop_oneof![3 => Just(0), 1 => 0_u64..300],
        stays in prop::option::weighted(0.3, 1_u64..400),
    ) -> NodeSetup {
        let disk = disk.map(|megabytes| DiskSetup {
            unpacked_per_mille: 1300,
            low_percent: 60,
            ..fixtures::disk(megabytes)
        });
        let (link_down, link_up, unpack) = (rate(down), rate(up), rate(unpack));
        NodeSetup {
            name: String::new(),
            zone: ZoneNumber(zone),
            capacity: Resources { cpu_millis: cpus * 1000, memory: Bytes(8) },
            pods_max,
            hardware: NodeHardware {
                link_down,
                link_up,
                unpack,
                keeps_blobs,
                pulls_max,
                layers_max,
                disk,
            },
            preloaded: preloaded.into_iter().map(ImageNumber).collect(),
            joins_at: Nanos::from_seconds(joins),
            leaves_at: stays.map(|stays| Nanos::from_seconds(joins + stays)),
        }
    }
}

prop_compose! {
    fn any_job()(
        containers in prop::collection::vec((0_u32..6, 0..10_u8, any::<bool>()), 0..3),
        cpu_millis in 100_u64..5000, memory in 0_u64..5, arrives in 0_u64..500, runs in 0_u64..400,
        failures in prop_oneof![4 => Just(0), 1 => 1_u8..3],
        after in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        needs in prop::collection::vec(0_u32..4, 0..3),
        produces in prop::collection::vec(0_u32..4, 0..2),
    ) -> (Job, Vec<prop::sample::Index>) {
        let container = |(reference, policy, is_init): (u32, u8, bool)| Container {
            reference: ReferenceNumber(reference),
            pull_policy: match policy {
                0 => PullPolicy::Never,
                1..4 => PullPolicy::Always,
                _ => PullPolicy::IfNotPresent,
            },
            is_init,
        };
        let mut needs: Vec<_> = needs.into_iter().map(VolumeNumber).collect();
        needs.sort_unstable();
        needs.dedup();
        let job = Job {
            name: "pod".into(),
            containers: containers.into_iter().map(container).collect(),
            requests: Resources { cpu_millis, memory: Bytes(memory) },
            arrives_at: Nanos::from_seconds(arrives),
            runs_for: Nanos::from_seconds(runs),
            failures,
            needs: needs.into(),
            produces: produces.into_iter().map(VolumeNumber).collect(),
            ..Job::default()
        };
        (job, after)
    }
}

/// Megabytes, whether it is pushed, and holders.
fn any_volume() -> impl Strategy<Value = (u64, bool, Vec<u32>)> {
    (0_u64..500, any::<bool>(), prop::collection::vec(0_u32..5, 0..2))
}

prop_compose! {
    fn any_setup()(
        nodes in prop::collection::vec(any_node(), 1..6),
        jobs in prop::collection::vec(any_job(), 0..40),
        volumes in prop::collection::vec(any_volume(), 4),
        egress in prop::option::of(1_u64..300), peers: bool,
        registry_zone in prop::option::of(0_u16..3),
        delays in (0_u64..30, 0_u64..30), start in (0_u64..4, 0_u64..4),
        agents in prop::option::of(1_u64..60), layers_known: bool,
        scaling in prop::option::weighted(0.3, (any_node(), 0_u32..3, 0_u64..100, 0_u64..400)),
        move_at in 1_u64..300, seed: u64,
    ) -> Setup {
        let mut setup = Setup { seed, nodes, catalogue: catalogue(move_at), ..Setup::default() };
        let (egress, zone) = (egress.map(rate), registry_zone.map(ZoneNumber));
        setup.registry = RegistrySetup { egress, zone, peers };
        setup.zones = ["a", "b", "c"].map(str::to_owned).to_vec();
        for (number, node) in setup.nodes.iter_mut().enumerate() {
            node.name = format!("node-{number}");
        }
        for (number, (size, is_pushed, holders)) in (0..).zip(volumes) {
            let volume = volume(&format!("volume-{number}"), &holders, is_pushed);
            setup.volumes.push(VolumeSetup { bytes: Bytes(size * MEGABYTE), ..volume });
        }
        setup.jobs = in_order(jobs);
        setup.view.pod_delay = Nanos::from_seconds(delays.0);
        setup.view.node_delay = Nanos::from_seconds(delays.1);
        setup.start.sandbox = Nanos::from_seconds(start.0);
        setup.start.containers = Nanos::from_seconds(start.1);
        setup.view.agents = agents.map(Nanos::from_seconds);
        setup.view.layers_known = layers_known;
        setup.scaling = scaling.map(|(template, nodes_max, boot, idle)| Scaling {
            template: NodeSetup { name: "scaled-".to_owned(), ..template },
            zones: vec![ZoneNumber(0), ZoneNumber(2)],
            nodes_max,
            boot: Nanos::from_seconds(boot),
            idle: Nanos::from_seconds(idle),
        });
        setup
    }
}

fn in_order(mut jobs: Vec<(Job, Vec<prop::sample::Index>)>) -> Vec<Job> {
    jobs.sort_by_key(|(job, _)| job.arrives_at);
    let number = |index: prop::sample::Index, below: usize| {
        JobNumber(u32::try_from(index.index(below)).expect("few"))
    };
    let numbered = jobs.into_iter().enumerate();
    let placed = numbered.map(|(at, (job, after))| {
        let after = if at == 0 { Vec::new() } else { after };
        let after = after.into_iter().map(|index| number(index, at)).collect();
        Job { after, ..job }
    });
    placed.collect()
}

/// Passes everything on, and holds it against what must be so.
struct Witness<'a, P> {
    setup: &'a Setup,
    inner: P,
    /// Where each pod is.
    places: BTreeMap<PodNumber, NodeNumber>,
    /// What is taken of each node.
    nodes: BTreeMap<NodeNumber, (Resources, u32, Resources, u32)>,
    last: Nanos,
}

impl<P> Witness<'_, P> {
    /// The layers of what a node says it has, each once, fit on its disk.
    fn check_disk(&self, node: NodeNumber, images: &ImageList) {
        let template = self.setup.scaling.as_ref().map(|scaling| &scaling.template);
        let node = self.setup.nodes.get(node.0 as usize).or(template).expect("a node of the setup");
        let Some(disk) = node.hardware.disk else { return };
        let layers = images.iter().flat_map(|(image, _)| &self.setup.catalogue.image(image).layers);
        let layers: BTreeMap<_, _> = layers.map(|layer| (layer.chain, layer.bytes.0)).collect();
        let room = |bytes: u64| u128::from(bytes) * u128::from(disk.unpacked_per_mille) / 1000;
        let taken: u128 = layers.into_values().map(room).sum();
        assert!(taken <= u128::from(disk.bytes.0), "a disk is never over: {taken} of {disk:?}");
    }
}

impl<P: Placement> Placement for Witness<'_, P> {
    fn observe(&mut self, at: Nanos, change: &Change) {
        assert!(self.last <= at, "time goes on");
        self.last = at;
        match change {
            Change::NodeJoined { node, capacity, pods_max, .. } => {
                let none = Resources::default();
                let before = self.nodes.insert(*node, (*capacity, *pods_max, none, 0));
                assert!(before.is_none(), "a node joins once");
            }
            Change::NodeLeft { node } => {
                let (.., pods) = self.nodes.remove(node).expect("it was there");
                assert_eq!(pods, 0, "its pods have ended before");
            }
            Change::Bound { pod, node } => {
                assert!(self.places.insert(*pod, *node).is_none(), "a pod is on one node");
                let (capacity, pods_max, used, pods) = self.nodes.get_mut(node).expect("there");
                *used = used.with(self.setup.job(pod.job).requests);
                *pods += 1;
                assert!(capacity.holds(*used) && *pods <= *pods_max, "room is never exceeded");
            }
            Change::Ended { pod, node, .. } => {
                assert_eq!(self.places.remove(pod), Some(*node), "it ends where it was");
                let (_, _, used, pods) = self.nodes.get_mut(node).expect("there");
                *used = used.without(self.setup.job(pod.job).requests);
                *pods -= 1;
            }
            Change::Listed { node, images } => self.check_disk(*node, images),
            Change::Reported { node, report } => self.check_disk(*node, &report.images),
            _ => {}
        }
        self.inner.observe(at, change);
    }

    fn place(&mut self, at: Nanos, asked: Asked<'_>) -> Option<NodeNumber> {
        self.inner.place(at, asked)
    }
}

fn watched(setup: &Setup, inner: impl Placement) -> Record {
    let (places, nodes, last) = (BTreeMap::new(), BTreeMap::new(), Nanos(0));
    run(setup, &mut Witness { setup, inner, places, nodes, last })
}

fn check(setup: &Setup, record: &Record) {
    let mut moved = record.run.lost;
    for (number, pod) in record.pods.iter().enumerate() {
        assert_ne!(pod.outcome, Outcome::Pending, "job {number} ends: {pod:?}");
        assert!(pod.moved + pod.shared <= pod.wanted, "{pod:?}");
        assert!(pod.streamed <= pod.volumes_wanted, "{pod:?}");
        if pod.outcome == Outcome::Succeeded {
            let job = &setup.jobs[number];
            assert!(pod.attempts > u16::from(job.failures), "{pod:?}");
            assert!(pod.bound_at <= pod.started_at && pod.started_at <= pod.ended_at, "{pod:?}");
            assert!(pod.created_at <= pod.bound_at && pod.first_created_at <= pod.created_at);
            assert!(pod.first_created_at >= Some(job.arrives_at));
            for before in &job.after {
                let before = &record.pods[before.0 as usize];
                assert_eq!(before.outcome, Outcome::Succeeded);
                assert!(before.ended_at <= pod.first_created_at);
            }
        }
        moved = moved + pod.moved + pod.streamed;
    }
    assert_eq!(record.run.images.total() + record.run.volumes.total(), moved, "{record:?}");
}

proptest! {
    #![proptest_config(Config {
        cases: 300,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn whatever_the_cluster_is_everything_ends_and_nothing_is_lost(setup in any_setup()) {
        let random = watched(&setup, Chooser::new(Rule::Random, &setup));
        check(&setup, &random);
        let policy = Policy::named("default").expect("comes with the program");
        let ours = || {
            let extender = Delayed::new(Dunnage::new(&setup, policy.clone()), &setup.view);
            watched(&setup, Scheduler::with(&setup, extender, 1))
        };
        let record = ours();
        check(&setup, &record);
        prop_assert_eq!(record, ours(), "the same setup gives the same record");
    }
}
