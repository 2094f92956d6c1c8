//! Disks that fill, and what kubelets remove.

use super::*;

/// Images a, b and c of 300 MB each on disks of so many.
fn cramped(megabytes: u64, jobs: Vec<Job>) -> Setup {
    let mut setup = setup(1, jobs);
    setup.catalogue =
        Catalogue::new(["a", "b", "c"].map(|name| image(name, &[(name, 300)])).to_vec());
    setup.nodes[0].hardware.disk = Some(disk(megabytes));
    setup
}

fn held(world: &World<'_>) -> Vec<usize> {
    world.nodes[0].store.images.iter().map(|held| held.image.0).collect()
}

#[test]
fn the_longest_unused_image_goes_when_the_disk_is_over_the_high_threshold() {
    let setup = cramped(1000, vec![job(&[0], 10), job(&[1], 400), job(&[2], 400)]);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(400));
    world.bind(pod(1), HERE);
    world.advance(seconds(410));
    assert_eq!(held(&world), [0, 1], "under the threshold nothing goes");
    world.advance(seconds(1500));
    assert_eq!(held(&world), [0, 1]);
    world.bind(pod(2), HERE);
    world.advance(seconds(1900));
    assert_eq!(held(&world), [1, 2]);
    assert_eq!(world.record().run.evicted, Bytes(300 * MEGABYTE));
}

#[test]
fn what_is_in_use_stays_and_a_pull_that_finds_no_room_is_tried_again_until_it_does() {
    let setup = cramped(700, vec![job(&[0], 500), job(&[1], 1000), job(&[2], 10)]);
    let mut world = begin(&setup);
    (0..3).for_each(|job| world.bind(pod(job), HERE));
    world.advance(seconds(400));
    assert_eq!(held(&world), [0, 1]);
    assert!(world.record().run.pulls_refused > 4, "10, 20, 40, ... seconds later");
    world.advance(seconds(2000));
    // The first pod ends at 506 s, and its object is there until 566 s; the pause is then 5 min at most.
    let started = started(&world, 2).expect("there is room at last");
    assert!(started > seconds(566) && started < seconds(1000), "{started:?}");
    assert!(!held(&world).contains(&0));
    assert_conserved(&world);
}

#[test]
fn an_image_that_is_larger_than_the_disk_ends_its_pod_after_an_hour() {
    let setup = cramped(200, vec![job(&[0], 10)]);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(3000));
    assert_eq!(finished(&mut world), []);
    world.advance(seconds(4000));
    assert_eq!(finished(&mut world), [(pod(0), Finish::ForGood(Outcome::DiskFull))]);
    assert_eq!(world.record().run.images.total(), Bytes(0));
}

#[test]
fn a_young_image_is_not_removed_and_layers_that_others_share_stay() {
    let mut setup = cramped(1000, vec![job(&[0], 10), job(&[1], 10)]);
    setup.catalogue = Catalogue::new(vec![
        image("go", &[("base", 100), ("go", 200)]),
        image("rust", &[("base", 100), ("rust", 700)]),
    ]);
    let mut world = begin(&setup);
    world.bind(pod(0), HERE);
    world.advance(seconds(200));
    world.bind(pod(1), HERE);
    world.advance(seconds(5000));
    // Both do not quite fit with the base counted once: 1000 of 1000, all of it over the threshold.
    assert_eq!(held(&world), [1], "the first one was the longest unused");
    assert_eq!(world.record().run.evicted, Bytes(200 * MEGABYTE), "the base is the other's too");
    assert_eq!(world.nodes[0].store.used, Bytes(800 * MEGABYTE));
}
