//! Events in, lines out, and the reader finds nothing wrong with them.

mod property;

use super::Recorder;
use crate::model::node::NodeFacts;
use crate::model::pod::PodImage;
use crate::model::unit::{Bytes, Nanos};
use crate::policy::Policy;
use crate::sim::setup::Setup;
use crate::sim::trace::entry::{Entry, Header};
use crate::sim::trace::names::Names;
use crate::sim::trace::read::{Finding, Reader};
use crate::sim::trace::{Recording, replay};
use crate::sim::workload::Scale;
use crate::sim::workload::volume::Volumes;
use crate::state::Tracker;
use crate::state::event::{Event, Kind};
use crate::state::fixtures::agent::inventory;
use crate::state::fixtures::{at, digest, image, node, pinned, pod};

/// A cluster that is recorded.
struct Scene {
    tracker: Tracker,
    recorder: Recorder,
    seconds: u64,
    entries: Vec<Entry>,
}

impl Scene {
    fn new() -> Self {
        let recorder = Recorder::new(Policy::default());
        Self { tracker: Tracker::default(), recorder, seconds: 1000, entries: Vec::new() }
    }

    /// Applies an event, a second after the last.
    fn event(&mut self, event: Event) {
        self.seconds += 1;
        self.tracker.apply(event.clone(), at(self.seconds));
        let (cluster, now) = (self.tracker.cluster(), at(self.seconds));
        self.recorder.observe(&event, cluster, now, &mut self.entries);
    }

    fn after(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        events.into_iter().for_each(|event| self.event(event));
        self
    }

    fn begun(mut self) -> Self {
        self.recorder.begin(self.tracker.cluster(), at(self.seconds), &mut self.entries);
        self
    }

    /// The lines by now, told by their kinds: what was told last comes last.
    fn kinds(&self) -> Vec<String> {
        let kind = |entry: &Entry| {
            let value = serde_json::to_value(entry).expect("an entry");
            value.as_object().and_then(|o| o.keys().next().cloned()).expect("one key")
        };
        self.entries.iter().map(kind).collect()
    }

    fn read(&self) -> (Recording, Vec<Finding>) {
        read(&lines(&self.entries, &Names::Plain), true)
    }

    fn whole(&self) -> Recording {
        let (recording, findings) = self.read();
        assert_eq!(findings, []);
        recording
    }
}

/// The setup that a replay makes of it.
fn replayed(scene: &Scene) -> Setup {
    let setup = replay::setup(&scene.whole(), Setup::default(), Volumes::default(), Scale::FULL);
    setup.expect("a setup")
}

fn lines(entries: &[Entry], names: &Names) -> Vec<Vec<u8>> {
    let header = Header {
        api_version: "dunnage.dev/v1alpha1".to_owned(),
        kind: "Trace".to_owned(),
        epoch: "2026-05-20T00:00:00Z".to_owned(),
    };
    let header = serde_json::to_vec(&header).expect("a header");
    let rest = entries
        .iter()
        .map(|entry| serde_json::to_vec(&names.write(entry.clone())).expect("an entry"));
    [header].into_iter().chain(rest).collect()
}

/// What a reader makes of lines, with an end or without.
fn read(lines: &[Vec<u8>], ends: bool) -> (Recording, Vec<Finding>) {
    let mut reader = Reader::new(&lines[0]).expect("a header");
    (2..).zip(&lines[1..]).for_each(|(number, line)| reader.take(number, line));
    if ends {
        let end = Entry::End { at_nanos: u64::MAX, lines: lines.len() as u64 };
        reader.take(lines.len() + 1, &serde_json::to_vec(&end).expect("an end"));
    }
    let (recording, findings, more) = reader.finish(lines.len());
    assert_eq!(more, 0);
    (recording, findings)
}

fn roomy(name: &str) -> NodeFacts {
    let memory = Bytes(64 << 30);
    NodeFacts { cpu_millis: 16_000, memory, pods_max: 110, is_ready: true, ..node(name) }
}

fn nodes(names: &[&str]) -> Vec<Event> {
    names.iter().map(|name| Event::NodeApplied(roomy(name))).collect()
}

#[test]
fn a_life_is_told_once_however_often_it_is_seen() {
    let step = || pod("p").wants("golang:1");
    let golang = image("golang").layer("l", 300).tagged("docker.io/library/golang:1");
    let life = [step(), step().on("a"), step().on("a").running(), step().on("a").ended(2000)];
    let again = life.clone().into_iter().chain([life[3].clone()]).map(Event::PodApplied);
    let scene = Scene::new().after(nodes(&["a"])).after([Event::ImageKnown(golang)]).begun();
    let scene = scene.after(again);
    let scene = scene.after([Event::ResyncStarted(Kind::Pods), Event::PodApplied(life[3].clone())]);
    let scene = scene.after([Event::ResyncEnded(Kind::Pods), Event::ResyncStarted(Kind::Nodes)]);
    let scene = scene.after(nodes(&["a"])).after([Event::ResyncEnded(Kind::Nodes)]);
    assert_eq!(
        scene.kinds(),
        ["node", "image", "tag", "pod", "bound", "started", "ended"],
        "{:#?}",
        scene.entries
    );
    let recording = scene.whole();
    let [pod] = &recording.pods[..] else { panic!("one pod") };
    assert_eq!(pod.created_at, Nanos::from_seconds(1));
    assert_eq!(pod.bound, Some((0, Nanos::from_seconds(2))));
    assert_eq!(
        (pod.started_at, pod.ended_at),
        (Some(Nanos(3_000_000_000)), Some(Nanos(4_000_000_000)))
    );
    assert!(!pod.has_failed);
}

#[test]
fn pods_that_fail_are_deleted_or_go_with_their_node_end_not_well() {
    let on = |name: &str| pod(name).on("a");
    let scene = Scene::new().after(nodes(&["a", "b"])).begun().after([
        Event::PodApplied(pod("pending")),
        Event::PodApplied(on("failed").running()),
        Event::PodApplied(on("failed").failed(2000)),
        Event::PodApplied(on("deleted").running()),
        Event::PodApplied(on("taken").running()),
        Event::PodApplied(pod("well").on("b").running()),
        Event::PodApplied(pod("well").on("b").ended(2000)),
        Event::PodRemoved { uid: "well".to_owned() },
        Event::PodRemoved { uid: "pending".to_owned() },
        Event::PodRemoved { uid: "deleted".to_owned() },
        Event::NodeRemoved { name: "a".to_owned() },
        Event::PodApplied(on("taken").failed(2000)),
        Event::PodRemoved { uid: "taken".to_owned() },
    ]);
    let recording = scene.whole();
    let fates: Vec<_> = recording
        .pods
        .iter()
        .map(|pod| (&*pod.name, pod.started_at.is_some(), pod.ended_at.is_some(), pod.has_failed))
        .collect();
    let expected = [
        ("pending", false, true, true),
        ("failed", true, true, true),
        ("deleted", true, true, true),
        ("taken", true, true, true),
        ("well", true, true, false),
    ];
    assert_eq!(fates, expected);
    assert_eq!(recording.nodes[0].leaves_at, recording.pods[3].ended_at);
}

#[test]
fn what_runs_at_the_start_takes_room_and_brings_nothing() {
    let running = pod("running").wants("golang:1").needs("in", Some(5)).produces("out", Some(7));
    let running = running.on("a").running();
    let waiting = pod("waiting").wants("golang:1").on("a");
    let mut server = pod("server").on("a").running().no_step();
    (server.cpu_millis, server.memory) = (6000, Bytes(1 << 30));
    let over = pod("over").on("a").ended(900);
    let before = [running, waiting, server, over, pod("pending")].map(Event::PodApplied);
    let recording = Scene::new().after(before).after(nodes(&["a"])).begun().whole();
    let told: Vec<_> = recording
        .pods
        .iter()
        .map(|pod| (&*pod.name, pod.containers.len(), pod.bound.is_some(), pod.started_at))
        .collect();
    let expected = [
        ("running", 0, true, Some(Nanos(0))),
        ("waiting", 1, true, None),
        ("pending", 0, false, None),
    ];
    assert_eq!(told, expected);
    assert_eq!(recording.pods[0].needs.len() + 2 * recording.pods[0].produces.len(), 2);
    let node = &recording.nodes[0];
    assert_eq!((node.capacity.cpu_millis, node.capacity.memory), (10_000, Bytes(63 << 30)));
    assert_eq!(node.pods_max, 109);
}

#[test]
fn an_image_is_an_estimate_until_its_layers_are_known() {
    let golang = image("golang").layer("l", 300).layer("m", 400);
    let golang = golang.tagged("docker.io/library/golang:1");
    let mut scene = Scene::new().after(nodes(&["a"])).begun();
    scene.event(Event::PodApplied(pod("p").wants("golang:1")));
    let image_of = |scene: &Scene| {
        let recording = scene.whole();
        let (_, history) = &recording.names[0];
        assert_eq!((history.len(), history[0].0), (1, Nanos::from_seconds(1)));
        let layers = &recording.images[history[0].1].layers;
        (layers.iter().map(|layer| layer.compressed_bytes.0).collect::<Vec<_>>(), recording)
    };
    assert_eq!(image_of(&scene).0, [0; 0]);
    let listing = roomy("a").lists(&["golang:1"], 650);
    scene = scene.after([Event::NodeApplied(listing), Event::TimePassed, Event::TimePassed]);
    assert_eq!(image_of(&scene).0, [650]);
    scene = scene.after([Event::ImageKnown(golang), Event::TimePassed, Event::TimePassed]);
    let (layers, recording) = image_of(&scene);
    assert_eq!(layers, [300, 400]);
    assert_eq!(recording.estimates.into_values().collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(scene.kinds().iter().filter(|kind| *kind == "tag").count(), 3);
}

#[test]
fn nodes_are_told_with_the_images_that_they_report() {
    let golang = image("golang").layer("l", 300).tagged("docker.io/library/golang:1");
    let held = pinned("docker.io/library/golang", "golang");
    let holding = roomy("a").lists(&[&held, "golang:1"], 290).lists(&["r.io/other:1"], 77);
    let scene = Scene::new().after([Event::ImageKnown(golang), Event::NodeApplied(holding)]);
    let late = roomy("late").lists(&["r.io/other:1"], 77);
    let unready = NodeFacts { is_ready: false, ..late.clone() };
    let scene = scene.begun().after([Event::NodeApplied(unready), Event::NodeApplied(late)]);
    let run = pod("p").wants("golang:1").on("a").running();
    let scene = scene.after([Event::PodApplied(run)]);
    let recording = scene.whole();
    assert_eq!(recording.nodes[0].images.len(), 2);
    assert_eq!(recording.nodes[1].joins_at, Nanos::from_seconds(2));
    let setup = replayed(&scene);
    let bytes = |node: usize| {
        let images = setup.nodes[node].preloaded.iter();
        images.map(|image| setup.catalogue.image(*image).bytes.0).sum::<u64>()
    };
    assert_eq!((bytes(0), bytes(1)), (377, 77));
    assert_eq!(setup.recorded, [crate::sim::setup::NodeNumber(0)]);
    let meant = setup.catalogue.reference(setup.jobs[0].containers[0].reference).at(Nanos(0));
    assert_eq!(setup.catalogue.image(meant).facts.digests[0], digest("golang"));
    assert_eq!(setup.notes.len(), 1, "{:?}", setup.notes);
}

#[test]
fn a_volume_is_told_with_its_holders_and_its_size_once_somebody_knows_it() {
    let maker = || pod("maker").produces("out", None).of_run("r").on("a");
    let reader = pod("reader").needs("out", None).needs("seed", Some(9)).of_run("r");
    let report = |key| Event::InventoryReported {
        node: "b".to_owned(),
        facts: inventory(1000).has_volume(key, 44).believed(9000),
    };
    let scene = Scene::new().after(nodes(&["a", "b"])).after([report("seed")]).begun().after([
        Event::PodApplied(maker()),
        Event::PodApplied(reader),
        Event::TimePassed,
        report("out"),
        Event::TimePassed,
        Event::TimePassed,
    ]);
    let recording = scene.whole();
    let volumes: Vec<_> = recording
        .volumes
        .iter()
        .map(|volume| (&*volume.key, volume.bytes.0, volume.holders.clone(), volume.is_estimate))
        .collect();
    assert_eq!(volumes, [("out", 44, vec![], false), ("seed", 44, vec![1], false)]);
    assert_eq!(recording.pods[0].run, recording.pods[1].run);
    assert_eq!(scene.kinds().iter().filter(|kind| *kind == "volume").count(), 3);
}

#[test]
fn images_of_later_steps_are_told_with_the_pod_that_names_them() {
    let mut first = pod("first").of_run("r");
    let reference = "golang:1".to_owned();
    first.run.next_images = Some(vec![PodImage { reference, ..PodImage::default() }]);
    let second = pod("second").wants("golang:1").of_run("r").on("a").running();
    let events = [first.on("a").running(), second].map(Event::PodApplied);
    let scene = Scene::new().after(nodes(&["a"])).begun().after(events);
    let setup = replayed(&scene);
    let [first, second] = &setup.jobs[..] else { panic!("two pods") };
    assert_eq!(*first.next, [second.containers[0].reference]);
    assert!(second.next.is_empty());
}

#[test]
fn pulls_are_told_of_nodes_that_were_told_with_how_long_they_took() {
    let pull = |node: &str, took: Option<u64>| Event::PullObserved {
        node: node.to_owned(),
        reference: "docker.io/library/golang:1".to_owned(),
        took: took.map(Nanos::from_seconds),
    };
    let scene = Scene::new().after(nodes(&["a"])).after([pull("a", Some(9))]).begun();
    let scene = scene.after([pull("a", Some(2)), pull("a", None), pull("nobody", Some(3))]);
    assert_eq!(scene.kinds(), ["node", "image", "tag", "pulled"]);
    assert_eq!(scene.whole().pulls, [Nanos::from_seconds(2)]);
    assert_eq!(scene.recorder.counts().pulls, 1);
    let notes = replayed(&scene.after([Event::PodApplied(pod("p").on("a").running())])).notes;
    let told = |note: &String| note.contains("told of 1 pulls, which took 2.0 s in the median");
    assert!(notes.iter().any(told), "{notes:?}");
}

#[test]
fn a_pod_that_overtakes_its_node_is_bound_when_the_node_is_told() {
    let scene = Scene::new().begun().after([
        Event::PodApplied(pod("p").on("a").running()),
        Event::PodApplied(pod("p").on("a").running()),
    ]);
    assert_eq!(scene.kinds(), ["pod"]);
    let scene = scene.after(nodes(&["a"]));
    assert_eq!(scene.kinds(), ["pod", "node", "bound", "started"]);
    scene.whole();
}
