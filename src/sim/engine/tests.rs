//! Whole runs: the stock scheduler, and the decisions of the core on the events of the world.

use super::{Engine, Placeable};
use crate::cost::pull::PullRates;
use crate::model::pod::PodFacts;
use crate::model::unit::{Bytes, Time, TransferRate};
use crate::policy::Policy;
use crate::score::{Candidates, decide};
use crate::sim::catalogue::{Catalogue, tests::image};
use crate::sim::observe::{Observer, node_name};
use crate::sim::report::{Totals, table};
use crate::sim::resource::Resources;
use crate::sim::stock::Scheduler;
use crate::sim::workload::{self, Job, Settings};
use crate::sim::world::Hardware;
use crate::state::Tracker;
use crate::state::event::Event;

struct Scene {
    catalogue: Catalogue,
    jobs: Vec<Job>,
    hardware: Hardware,
    seed: u64,
}

fn scene(pod_count: usize, node_count: usize, seed: u64) -> Scene {
    let catalogue = Catalogue::new(vec![
        image("a", &[("base", 100), ("a", 1500)]),
        image("bb", &[("base", 100), ("tools", 600), ("b", 900)]),
        image("ccc", &[("base", 100), ("tools", 600), ("c", 300)]),
        image("dddd", &[("d", 700)]),
    ]);
    let jobs = workload::generate(&Settings { pod_count, node_count, seed }, &catalogue);
    let rate = TransferRate::from_bytes_per_second(100_000_000).expect("in range");
    let capacity = Resources { cpu_millis: 16_000, memory: Bytes(64 << 30) };
    let rates = PullRates { fetch: rate, unpack: rate };
    Scene { catalogue, jobs, hardware: Hardware { node_count, capacity, rates }, seed }
}

impl Scene {
    fn engine(&self) -> Engine<'_> {
        Engine::new(&self.catalogue, &self.jobs, self.hardware, Scheduler::new(self.seed))
    }

    fn stock(&self) -> Totals {
        let mut engine = self.engine();
        engine.run(|_, placeable| vec![None; placeable.candidates.len()]);
        Totals::of(engine.world(), &self.jobs, &self.catalogue)
    }

    fn dunnage(&self) -> Totals {
        let observer = Observer { catalogue: &self.catalogue, jobs: &self.jobs, epoch: Time(1) };
        let mut tracker = Tracker::default();
        for event in observer.first_list(self.hardware.node_count) {
            tracker.apply(event, Time(1));
        }
        let policy = Policy::named("default").expect("comes with the program");
        let mut engine = self.engine();
        engine.run(|engine, placeable| {
            for (at, change) in engine.take_changes() {
                tracker.apply(observer.event(&change, engine.world()), observer.time(at));
            }
            let now = observer.time(engine.world().now());
            tracker.apply(Event::TimePassed, now);
            points(self, placeable, &tracker, &policy, now)
        });
        Totals::of(engine.world(), &self.jobs, &self.catalogue)
    }
}

fn points(
    scene: &Scene,
    placeable: &Placeable,
    tracker: &Tracker,
    policy: &Policy,
    now: Time,
) -> Vec<Option<u8>> {
    let images = scene.jobs[placeable.pod.0].images.iter();
    let image = |number: &_| crate::model::pod::PodImage {
        reference: scene.catalogue.image(*number).reference().to_owned(),
        ..Default::default()
    };
    let pod = PodFacts { is_step: true, images: images.map(image).collect(), ..Default::default() };
    let cluster = tracker.cluster();
    let id = |node: &_| cluster.node_id(&node_name(*node)).expect("listed at the start");
    let nodes = placeable.candidates.iter().map(id).collect();
    let decision = decide(&pod, &Candidates { nodes, unknown_count: 0 }, cluster, policy, now);
    assert_eq!(decision.rows.len(), placeable.candidates.len(), "{:?}", decision.neutral);
    decision.rows.iter().map(|row| (row.points > 0).then_some(row.points)).collect()
}

#[test]
fn every_pod_starts_and_no_bytes_are_lost_or_made_up() {
    for (pods, nodes) in [(1, 2), (300, 10), (200, 120)] {
        let scene = scene(pods, nodes, 5);
        for totals in [scene.stock(), scene.dunnage()] {
            assert_eq!(totals.started, pods);
            assert!(totals.moved >= totals.least, "{totals:?}");
            assert!(totals.moved + totals.present <= totals.wanted, "{totals:?}");
        }
    }
}

#[test]
fn pods_wait_for_room_and_are_placed_once_there_is_some() {
    let mut scene = scene(300, 10, 5);
    scene.hardware.node_count = 2;
    let totals = scene.stock();
    assert_eq!(totals.started, 300);
    assert!(totals.mean_wait > crate::model::unit::Nanos::from_seconds(60), "{totals:?}");
}

#[test]
fn same_seed_same_report_to_the_byte() {
    let report = |seed| {
        let scene = scene(200, 12, seed);
        table(&[("stock", scene.stock()), ("dunnage", scene.dunnage())])
    };
    assert_eq!(report(3), report(3));
    assert_ne!(report(3), report(4));
}

#[test]
fn points_for_what_lies_there_save_bytes() {
    let scene = scene(300, 12, 7);
    let (stock, dunnage) = (scene.stock(), scene.dunnage());
    assert!(dunnage.moved < stock.moved, "{dunnage:?} {stock:?}");
}
