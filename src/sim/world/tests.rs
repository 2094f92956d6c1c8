//! Physics by hand: a link and an unpacker of 100 MB/s each, nodes of four processors.

use super::pull::pull_time;
use super::{Change, Hardware, NodeNumber, PodNumber, World};
use crate::cost::pull::PullRates;
use crate::model::unit::{Bytes, Nanos, TransferRate};
use crate::sim::catalogue::{Catalogue, ImageNumber, tests::image};
use crate::sim::resource::Resources;
use crate::sim::workload::Job;

const HERE: NodeNumber = NodeNumber(0);

fn hardware(node_count: usize) -> Hardware {
    let rate = TransferRate::from_bytes_per_second(100_000_000).expect("in range");
    let capacity = Resources { cpu_millis: 4000, memory: Bytes(8 << 30) };
    Hardware { node_count, capacity, rates: PullRates { fetch: rate, unpack: rate } }
}

fn catalogue() -> Catalogue {
    Catalogue::new(vec![
        image("go", &[("base", 100), ("go", 200)]),
        image("rust", &[("base", 100), ("rust", 400)]),
    ])
}

fn job(images: &[usize], seconds: u64) -> Job {
    Job {
        name: "pod".to_owned(),
        run: 0,
        images: images.iter().copied().map(ImageNumber).collect(),
        arrives_at: Nanos(0),
        runs_for: Nanos::from_seconds(seconds),
        requests: Resources { cpu_millis: 1000, memory: Bytes(1 << 30) },
    }
}

fn started(world: &World<'_>, pod: usize) -> Option<Nanos> {
    world.records()[pod].started_at
}

#[test]
fn a_layer_is_fetched_while_the_one_below_is_unpacked() {
    let layers = [Bytes(100_000_000), Bytes(200_000_000)];
    assert_eq!(pull_time(&layers, hardware(1).rates), Nanos::from_seconds(5));
    assert_eq!(pull_time(&[], hardware(1).rates), Nanos(0));
}

#[test]
fn pulls_of_a_node_are_serial_and_move_only_what_is_not_there() {
    let (catalogue, jobs) = (catalogue(), [job(&[0], 10), job(&[1], 10), job(&[0], 10)]);
    let mut world = World::new(&catalogue, &jobs, hardware(1));
    (0..3).for_each(|pod| world.bind(PodNumber(pod), HERE));
    world.advance(Nanos::from_seconds(1000));
    // go: 5 s; rust, of which the base lies there: 4 s to fetch and 4 to unpack.
    assert_eq!(started(&world, 0), Some(Nanos::from_seconds(5)));
    assert_eq!(started(&world, 1), Some(Nanos::from_seconds(13)));
    // The third pod asked before its image was there, so it stands in line; then nothing is moved.
    assert_eq!(started(&world, 2), Some(Nanos::from_seconds(13)));
    assert_eq!(world.moved(), Bytes(700_000_000));
    assert_eq!(world.moved(), catalogue.distinct_bytes([ImageNumber(0), ImageNumber(1)]));
}

#[test]
fn a_pod_with_two_images_waits_for_both_and_a_warm_one_for_none() {
    let (catalogue, jobs) = (catalogue(), [job(&[0, 1], 10), job(&[1, 0], 10)]);
    let mut world = World::new(&catalogue, &jobs, hardware(1));
    world.bind(PodNumber(0), HERE);
    world.advance(Nanos::from_seconds(13));
    assert_eq!(started(&world, 0), Some(Nanos::from_seconds(13)));
    world.bind(PodNumber(1), HERE);
    assert_eq!(started(&world, 1), Some(Nanos::from_seconds(13)));
    assert_eq!(world.records()[1].present, Bytes(800_000_000));
    assert_eq!(world.records()[0].present, Bytes(0));
}

#[test]
fn nodes_pull_side_by_side_and_each_moves_its_own_bytes() {
    let (catalogue, jobs) = (catalogue(), [job(&[0], 10), job(&[0], 10)]);
    let mut world = World::new(&catalogue, &jobs, hardware(2));
    world.bind(PodNumber(0), NodeNumber(0));
    world.bind(PodNumber(1), NodeNumber(1));
    world.advance(Nanos::from_seconds(5));
    assert_eq!(started(&world, 0), started(&world, 1));
    assert_eq!(world.moved(), Bytes(600_000_000));
}

#[test]
fn room_is_taken_from_binding_to_the_end_and_then_given_back() {
    let (catalogue, jobs) = (catalogue(), [job(&[0], 10)]);
    let mut world = World::new(&catalogue, &jobs, hardware(1));
    world.bind(PodNumber(0), HERE);
    assert_eq!(world.free(HERE).cpu_millis, 3000);
    world.advance(Nanos::from_seconds(14));
    assert_eq!(world.free(HERE).cpu_millis, 3000);
    world.advance(Nanos::from_seconds(15));
    assert_eq!(world.free(HERE), hardware(1).capacity);
    assert_eq!(world.records()[0].ended_at, Some(Nanos::from_seconds(15)));
}

#[test]
fn watchers_hear_of_everything_in_order_and_of_images_within_ten_seconds() {
    let (catalogue, jobs) = (catalogue(), [job(&[0], 10)]);
    let mut world = World::new(&catalogue, &jobs, hardware(2));
    let pod = PodNumber(0);
    world.bind(pod, NodeNumber(1));
    world.advance(Nanos::from_seconds(1000));
    let seconds = Nanos::from_seconds;
    let images = vec![ImageNumber(0)];
    // The second of two nodes sends its status at 5 s, 15 s, ...; what came at 5 s waits for the next.
    let expected = [
        (seconds(0), Change::Bound { pod, node: NodeNumber(1) }),
        (seconds(5), Change::Started { pod }),
        (seconds(15), Change::Listed { node: NodeNumber(1), images }),
        (seconds(15), Change::Ended { pod }),
        (seconds(75), Change::Removed { pod }),
    ];
    assert_eq!(world.take_changes(), expected);
    assert_eq!(world.listed(NodeNumber(1)), [ImageNumber(0)]);
    assert_eq!(world.next_at(), None);
}

#[test]
#[should_panic(expected = "a pod is bound once")]
fn a_pod_is_on_one_node() {
    let (catalogue, jobs) = (catalogue(), [job(&[0], 10)]);
    let mut world = World::new(&catalogue, &jobs, hardware(2));
    world.bind(PodNumber(0), NodeNumber(0));
    world.bind(PodNumber(0), NodeNumber(1));
}
