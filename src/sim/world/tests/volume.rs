//! Volumes: made on one node, needed on another.

use super::*;
use crate::sim::setup::{VolumeNumber, VolumeSetup};

/// Two jobs without images that need the one volume, on three nodes, the last one in another zone.
fn scene(volume: VolumeSetup) -> Setup {
    let needs = || Job { needs: [VolumeNumber(0)].into(), ..job(&[], 10) };
    let mut setup = setup(
        3,
        vec![needs(), needs(), Job { produces: [VolumeNumber(0)].into(), ..job(&[], 10) }],
    );
    setup.volumes = vec![volume];
    setup.nodes[2].zone = ZoneNumber(1);
    setup
}

#[test]
fn a_volume_that_is_there_costs_nothing_and_one_of_the_zone_its_bytes() {
    let setup = scene(volume("app", &[0], false));
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.bind(pod(1), THERE);
    assert_eq!(started(&world, 0), Some(Nanos(0)));
    world.advance(seconds(100));
    assert_eq!(started(&world, 1), Some(seconds(5)));
    let run = &world.record().run;
    assert_eq!((run.volumes.peer, run.crossed_zone), (Bytes(500 * MEGABYTE), Bytes(0)));
    assert_eq!(world.record().pods[1].streamed, Bytes(500 * MEGABYTE));
    assert_conserved(&world);
}

#[test]
fn a_holder_serves_two_at_half_the_speed_and_bytes_that_cross_a_zone_are_counted() {
    let setup = scene(volume("app", &[0], false));
    let mut world = begin(&setup);
    world.bind(pod(0), THERE);
    world.bind(pod(1), NodeNumber(2));
    world.advance(seconds(100));
    assert_eq!((started(&world, 0), started(&world, 1)), (Some(seconds(10)), Some(seconds(10))));
    let run = &world.record().run;
    assert_eq!((run.volumes.zone, run.crossed_zone), (Bytes(500_000_000), Bytes(500_000_000)));
}

#[test]
fn two_pods_of_a_node_wait_for_one_stream() {
    let setup = scene(volume("app", &[0], false));
    let mut world = begin(&setup);
    world.bind(pod(0), THERE);
    world.advance(seconds(2));
    world.bind(pod(1), THERE);
    world.advance(seconds(100));
    assert_eq!((started(&world, 0), started(&world, 1)), (Some(seconds(5)), Some(seconds(5))));
    assert_eq!(world.record().run.volumes.total(), Bytes(500 * MEGABYTE));
}

#[test]
fn a_volume_is_had_from_where_it_was_made_and_pushed_ones_from_the_registry_after_that() {
    for (is_pushed, streamed) in [(false, 0), (true, 500 * MEGABYTE)] {
        let mut setup = scene(volume("app", &[], is_pushed));
        setup.nodes[0].leaves_at = Some(seconds(20));
        let mut world = begin(&setup);
        world.bind(pod(0), THERE);
        assert_eq!(world.record().run.volumes_missing, 1, "nobody has made it yet");
        world.bind(pod(2), HERE);
        world.advance(seconds(30));
        world.bind(pod(1), THERE);
        world.advance(seconds(100));
        assert_eq!(world.record().run.volumes.registry, Bytes(streamed));
        let missing = if is_pushed { 1 } else { 2 };
        assert_eq!(world.record().run.volumes_missing, missing, "its node took it away");
        assert_conserved(&world);
    }
}

#[test]
fn a_stream_goes_on_from_elsewhere_and_one_that_cannot_is_done_without() {
    for (holders, arrives) in [(&[0, 2][..], 5), (&[0], 2)] {
        let mut setup = scene(volume("app", holders, false));
        setup.nodes[0].leaves_at = Some(seconds(2));
        let mut world = begin(&setup);
        world.bind(pod(0), THERE);
        world.advance(seconds(100));
        assert_eq!(started(&world, 0), Some(seconds(arrives)));
        assert_conserved(&world);
    }
}
