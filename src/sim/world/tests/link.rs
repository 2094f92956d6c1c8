//! Links that are shared: by pulls side by side, by nodes at one registry, by peers.

use super::*;
use crate::sim::setup::RegistrySetup;

fn one_layer(names: &[(&str, u64)]) -> Catalogue {
    Catalogue::new(names.iter().map(|(name, size)| image(name, &[(name, *size)])).collect())
}

#[test]
fn pulls_side_by_side_share_the_link_and_the_last_one_has_it_alone() {
    let mut setup = setup(1, vec![job(&[0], 10), job(&[1], 10)]);
    setup.catalogue = one_layer(&[("a", 100), ("b", 300)]);
    setup.nodes[0].hardware.pulls_max = 2;
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.bind(pod(1), HERE);
    world.advance(seconds(100));
    // 100 MB at 50 MB/s, then 1 s to unpack.
    assert_eq!(started(&world, 0), Some(seconds(3)));
    // 100 of 300 MB by then; the rest at 100 MB/s, and 3 s to unpack.
    assert_eq!(started(&world, 1), Some(seconds(7)));
    assert_conserved(&world);
}

#[test]
fn a_layer_that_another_pull_brings_is_waited_for_and_not_moved_twice() {
    let mut setup = setup(1, vec![job(&[0], 10), job(&[1], 10), job(&[0], 10)]);
    setup.nodes[0].hardware.pulls_max = 3;
    let mut world = begin(&setup);
    (0..3).for_each(|job| world.bind(pod(job), HERE));
    world.advance(seconds(100));
    assert_eq!(world.record().run.images.registry, Bytes(700 * MEGABYTE));
    // The third pod has nothing of its own to pull, and its image when the first one has.
    assert_eq!(started(&world, 2), started(&world, 0));
    assert!(started(&world, 1) > started(&world, 0));
    assert_conserved(&world);
}

#[test]
fn nodes_share_a_registry_that_is_too_slow_for_all() {
    let mut setup = setup(4, (0..4).map(|_| job(&[0], 10)).collect());
    setup.catalogue = one_layer(&[("a", 200)]);
    setup.registry = RegistrySetup { egress: Some(rate(100)), ..RegistrySetup::default() };
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.bind(pod(1), THERE);
    world.advance(seconds(2));
    world.bind(pod(2), NodeNumber(2));
    world.bind(pod(3), NodeNumber(3));
    world.advance(seconds(100));
    // Two at 50 MB/s for 2 s, four at 25 until the first two are through, then two at 50; 2 s to unpack.
    let starts = [0, 1, 2, 3].map(|job| started(&world, job));
    assert_eq!(starts, [8, 8, 10, 10].map(|at| Some(seconds(at))));
    assert_conserved(&world);
}

#[test]
fn a_registry_that_is_fast_enough_changes_nothing() {
    let mut setup = setup(2, vec![job(&[0], 10), job(&[1], 10)]);
    let run = |setup: &Setup| {
        let mut world = begin(setup);
        world.bind(pod(0), HERE);
        world.bind(pod(1), THERE);
        world.advance(seconds(100));
        world.record().clone()
    };
    let alone = run(&setup);
    setup.registry.egress = Some(rate(200));
    assert_eq!(run(&setup), alone);
}

#[test]
fn peers_of_the_zone_serve_what_they_hold_and_the_registry_the_rest() {
    let jobs = vec![job(&[0], 10), job(&[1], 10), job(&[1], 10)];
    let mut setup = setup(3, jobs);
    setup.registry.peers = true;
    setup.registry.zone = Some(ZoneNumber(0));
    setup.nodes[2].zone = ZoneNumber(1);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(50));
    world.bind(pod(1), THERE);
    world.bind(pod(2), NodeNumber(2));
    world.advance(seconds(100));
    let images = world.record().run.images;
    assert_eq!(images.peer, Bytes(100 * MEGABYTE), "the base, to the node of the same zone");
    assert_eq!(images.registry, Bytes((300 + 400 + 500) * MEGABYTE));
    assert_eq!(world.record().run.crossed_zone, Bytes(500 * MEGABYTE));
    assert_conserved(&world);
}

#[test]
fn what_came_from_a_peer_that_leaves_goes_on_from_elsewhere() {
    let mut setup = setup(2, vec![job(&[0], 10), job(&[0], 10)]);
    setup.registry.peers = true;
    setup.nodes[0].leaves_at = Some(Nanos(50_500_000_000));
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(50));
    world.bind(pod(1), THERE);
    world.advance(seconds(100));
    assert_eq!(started(&world, 1), Some(seconds(55)), "links are as fast");
    let images = world.record().run.images;
    assert_eq!(images.peer, Bytes(50 * MEGABYTE));
    assert_eq!(images.registry, Bytes(550 * MEGABYTE));
    assert_conserved(&world);
}
