//! Watches of different kinds overtake each other: the order of events of different objects is chance, and
//! must not reach the cluster.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::check_all;
use crate::model::cluster::Cluster;
use crate::model::inventory::InventoryFacts;
use crate::model::pod::PodFacts;
use crate::state::event::Event;
use crate::state::fixtures::universe::any_pending_pod;
use crate::state::fixtures::volume::{any_run, any_volume_report};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{at, cases, node, pod};

const NODES: [&str; 3] = ["n0", "n1", "n2"];

/// The events of each object, in their order.
fn any_histories() -> impl Strategy<Value = Vec<Vec<Event>>> {
    let pods: Vec<_> = (0..6).map(any_life).collect();
    let reports: Vec<_> = NODES.into_iter().map(any_reports).collect();
    let moves: Vec<_> = NODES.into_iter().map(any_zones).collect();
    let pending: Vec<_> = (0..6).map(any_wait).collect();
    (pods, pending, reports, moves)
        .prop_map(|(pods, pending, reports, moves)| [pods, pending, reports, moves].concat())
}

/// A pod from binding to deletion, as far as it comes; some steps are missed by who watches.
fn any_life(number: usize) -> impl Strategy<Value = Vec<Event>> {
    let stages = prop::collection::vec(any::<bool>(), 4);
    (0..NODES.len(), any_run(), stages, 9_000..10_000_u64).prop_map(
        move |(at_node, run, seen, bound)| {
            let facts = || PodFacts {
                run: run.clone(),
                ..pod(&format!("p{number}")).on(NODES[at_node]).bound(bound)
            };
            let ended = facts().ended(bound + 50);
            let stages = [facts(), facts().running(), ended].map(Event::PodApplied);
            let removed = Event::PodRemoved { uid: format!("p{number}") };
            let events = stages.into_iter().chain([removed]).zip(seen);
            events.filter(|(_, seen)| *seen).map(|(event, _)| event).collect()
        },
    )
}

/// What the watch of unbound pods tells of a pod: as often as it changes, and that it is one no more.
fn any_wait(number: usize) -> impl Strategy<Value = Vec<Event>> {
    let uid = move || format!("p{number}");
    let waits = prop::collection::vec(any_pending_pod(Just(uid())), 0..3);
    (waits, any::<bool>()).prop_map(move |(waits, goes)| {
        let waits = waits.into_iter().map(Event::PendingPodApplied);
        let goes = goes.then(|| Event::PendingPodRemoved { uid: uid() });
        waits.chain(goes).collect()
    })
}

fn any_reports(name: &'static str) -> impl Strategy<Value = Vec<Event>> {
    let event = move |facts: Option<InventoryFacts>| match facts {
        Some(facts) => Event::InventoryReported { node: name.to_owned(), facts },
        None => Event::InventoryRemoved { node: name.to_owned() },
    };
    prop::collection::vec(prop::option::weighted(0.8, any_volume_report()).prop_map(event), 0..4)
}

fn any_zones(name: &'static str) -> impl Strategy<Value = Vec<Event>> {
    let zone = prop_oneof![Just(""), Just("x"), Just("y")];
    let event = move |zone| Event::NodeApplied(node(name).in_zone(zone));
    prop::collection::vec(zone.prop_map(event), 1..3)
}

/// One interleaving, by which object comes next, of objects on nodes that are known: a pod that went
/// before its node was told leaves nothing.
fn applied(mut histories: Vec<Vec<Event>>, picks: &[prop::sample::Index]) -> World {
    histories.iter_mut().for_each(|history| history.reverse());
    let mut world = NODES.into_iter().map(node).fold(World::new(), World::node);
    let mut picks = picks.iter().cycle();
    loop {
        histories.retain(|history| !history.is_empty());
        if histories.is_empty() {
            return world;
        }
        let at = picks.next().map_or(0, |pick| pick.index(histories.len()));
        if let Some(event) = histories[at].pop() {
            world = world.then(event);
            check_all(&world);
        }
    }
}

/// All that is known of volumes and runs, by names.
fn told(cluster: &Cluster) -> BTreeMap<String, String> {
    let name = |id| cluster.node(id).name.to_string();
    let key = |id: u32| cluster.volume_ids.key(id).map(ToString::to_string).unwrap_or_default();
    let mut told = BTreeMap::new();
    for (at, volume) in (0..).zip(&cluster.volumes).filter(|(at, _)| !key(*at).is_empty()) {
        let mut holders: Vec<_> = volume.holders.iter().map(name).collect();
        holders.sort_unstable();
        let streams = volume.streams.iter();
        let streams: Vec<_> = streams.map(|s| (name(s.to), s.from.map(name), s.begun_at)).collect();
        let text = format!("{holders:?} {streams:?} {:?} {:?}", volume.bytes(), volume.kind());
        told.insert(format!("volume {}", key(at)), text);
    }
    for (at, run) in (0..).zip(&cluster.runs) {
        if let Some(name) = cluster.run_ids.key(at) {
            told.insert(format!("run {name}"), format!("{:?}", run.coming));
        }
    }
    for (id, node) in cluster.nodes_by_name() {
        let table = &node.volumes;
        let placed = table.placed.iter().map(|placed| {
            let reported = placed.reported.map(|held| (held.bytes, held.kind));
            let since = (placed.wanted_at, placed.last_used);
            (key(placed.volume.0), (reported, placed.users, since))
        });
        let placed: BTreeMap<_, _> = placed.collect();
        let run = |id: u32| cluster.run_ids.key(id).map(ToString::to_string);
        let mut runs: Vec<_> = table.runs.iter().map(|id| run(id.0)).collect();
        runs.sort_unstable();
        let text = format!("{placed:?} {runs:?} {} {:?}", table.uploads, node.waiting_step_pods);
        told.insert(format!("node {}", name(id)), text);
    }
    told
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn an_order_of_events_of_different_objects_never_reaches_the_cluster(
        histories in any_histories(),
        one in prop::collection::vec(any::<prop::sample::Index>(), 40),
        other in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let worlds = [one, other].map(|picks| applied(histories.clone(), &picks));
        prop_assert_eq!(worlds[0].now, at(10_000));
        prop_assert_eq!(told(worlds[0].cluster()), told(worlds[1].cluster()));
        let later = worlds.map(|world| world.pass(700).pass(2_000));
        prop_assert_eq!(told(later[0].cluster()), told(later[1].cluster()));
    }
}
