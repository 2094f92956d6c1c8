//! Of nodes that suit a first step the one is better where the rest of its run is warm.

use super::{MB, decided, policy, row};
use crate::model::pod::{PodFacts, PodImage, PullPolicy};
use crate::model::unit::{Bytes, Nanos, PerMille};
use crate::policy::Policy;
use crate::score::decision::Decision;
use crate::score::decision::later::LaterTold;
use crate::score::decision::volume::VolumeReasons;
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pinned, pod};

const CLONE: &str = "r.io/clone:1";
const BUILD: &str = "r.io/build:1";
const TEST: &str = "r.io/test:1";

fn step(uid: &str, reference: &str) -> PodFacts {
    pod(uid).of_run("run").wants(reference)
}

/// Everybody knows a small image for the first step, and two for later ones on one base: `base` has that,
/// `warm` one of the two whole, `cold` nothing.
fn nodes() -> World {
    let based = |name: &str| image(name).layer("base", 200 * MB);
    let world = World::new()
        .image(image("clone").layer("clone", 50 * MB).tagged(CLONE))
        .image(based("build").layer("build", 300 * MB).tagged(BUILD))
        .image(based("test").layer("test", 100 * MB).tagged(TEST))
        .image(based("only base").tagged("r.io/base:1"));
    let holding = |name: &str, image: &str| node(name).lists(&[&pinned("r.io/x", image)], MB);
    world.node(holding("base", "only base")).node(holding("warm", "build")).node(node("cold"))
}

/// The same while later steps of the run are pending, as the first one is.
fn world() -> World {
    nodes()
        .pending(step("first", CLONE))
        .pending(step("build", BUILD))
        .pending(step("test", TEST))
        .pending(step("test again", TEST))
}

fn first() -> PodFacts {
    step("first", CLONE)
}

fn credits(world: &World, decision: &Decision, nodes: &[&str]) -> Vec<u64> {
    let millis = |node: &&str| decision.parts(row(world, decision, node)).lookahead.0 / 1_000_000;
    nodes.iter().map(millis).collect()
}

const ALL: [&str; 3] = ["base", "warm", "cold"];

#[test]
fn the_first_step_prefers_the_node_where_the_rest_is_warm() {
    let world = world();
    let decision = decided(&world, &first(), &policy());
    // 600 MB in all, as the base counts once; 50 MB are a second, and half of that counts.
    assert_eq!(decision.later.wanted[0].bytes, Bytes(600 * MB));
    assert_eq!(decision.later.wanted[0].cold, Nanos::from_seconds(12));
    assert_eq!(credits(&world, &decision, &ALL), [2000, 5000, 0]);
    let points = ALL.map(|node| row(&world, &decision, node).points);
    assert!(points[1] > points[0] && points[0] > points[2], "{points:?}");
    let is_said = |node: &&str| {
        let volumes = decision.volumes_of(row(&world, &decision, node)).expect("credited");
        volumes.reasons.has(VolumeReasons::LATER_HERE)
    };
    assert_eq!(ALL.iter().map(is_said).collect::<Vec<_>>(), [true, true, false]);
    // The pod's own costs are as ever.
    assert!(decision.rows.iter().all(|row| row.missing == Bytes(50 * MB)));
}

#[test]
fn it_is_told_what_later_steps_want_and_how_many_of_them() {
    let later = decided(&world(), &first(), &policy()).later;
    assert_eq!(later.told, LaterTold::PendingPods);
    let references: Vec<_> = later.images.iter().map(|image| &*image.reference).collect();
    assert_eq!((references, later.pods), (vec![BUILD, TEST], vec![1, 2]));
}

#[test]
fn switched_off_it_changes_nothing() {
    let mut off = policy();
    off.run.lookahead.share = PerMille(0);
    let with = decided(&world(), &first(), &off);
    let without = decided(&nodes(), &first(), &policy());
    assert_eq!((&with.rows, with.volume_rows.len()), (&without.rows, 0));
    assert_eq!(with.later.told, LaterTold::Nobody);
}

#[test]
fn layers_that_the_pod_itself_brings_count_for_it_alone() {
    let world = nodes().pending(step("build", BUILD));
    let decision = decided(&world, &step("first", TEST), &policy());
    assert_eq!(decision.later.wanted[0].bytes, Bytes(300 * MB));
    // The base of `base` is worth its seconds to the pod, and nothing more to later steps.
    assert_eq!(credits(&world, &decision, &["base", "warm"]), [0, 3000]);
    assert_eq!(row(&world, &decision, "base").missing, Bytes(100 * MB));
}

/// A node that has the first step's image too, of so many megabytes, and nothing of the rest.
fn with_own(megabytes: u64) -> World {
    let own = image("own").layer("own", megabytes * MB).tagged("r.io/own:1");
    world().image(own).node(node("own").lists(&[&pinned("r.io/own", "own")], MB))
}

fn best(world: &World, pod: &PodFacts, policy: &Policy) -> String {
    let decision = decided(world, pod, policy);
    let best = decision.rows.iter().max_by_key(|row| row.raw).expect("rows");
    world.cluster().node(best.node).name.to_string()
}

#[test]
fn its_own_cost_decides_but_for_the_policys_slack() {
    let asked = step("first", "r.io/own:1");
    // Two seconds for the pod itself against five for the others: that much it may lose.
    assert_eq!(best(&with_own(100), &asked, &policy()), "warm");
    // Three are too much, whatever the others gain.
    assert_eq!(best(&with_own(150), &asked, &policy()), "own");
    let mut generous = policy();
    generous.run.lookahead.slack_share = PerMille(1000);
    assert_eq!(best(&with_own(150), &asked, &generous), "warm");
    // Not by more than it is worth.
    assert_eq!(best(&with_own(400), &asked, &generous), "own");
}

#[test]
fn a_quarter_of_a_large_pods_seconds_is_slack() {
    let own = |name: &str| image(name).layer("large", 900 * MB);
    let wanted = own("large").layer("top", 100 * MB).tagged("r.io/large:1");
    // Without its top layer two seconds of twenty are missing.
    let world = world().image(wanted).image(own("bottom").tagged("r.io/bottom:1"));
    let both = [pinned("r.io/bottom", "bottom"), pinned("r.io/x", "build")];
    let world = world
        .node(node("whole").lists(&[&pinned("r.io/large", "large")], MB))
        .node(node("most").lists(&[&both[0]], MB).lists(&[&both[1]], MB));
    let asked = step("first", "r.io/large:1");
    assert_eq!(best(&world, &asked, &policy()), "most");
    let mut strict = policy();
    (strict.run.lookahead.slack_share, strict.run.lookahead.slack_min) = (PerMille(99), Nanos(0));
    assert_eq!(best(&world, &asked, &strict), "whole");
}

#[test]
fn it_is_seen_where_every_node_has_a_large_image_of_the_pod() {
    let large = image("large").layer("large", 9_000 * MB).tagged("r.io/large:1");
    let world = ALL.into_iter().fold(world().image(large), |world, name| {
        let held = node(name).lists(&[&pinned("r.io/large", "large")], MB);
        let held =
            if name == "warm" { held.lists(&[&pinned("r.io/x", "build")], MB) } else { held };
        world.node(held)
    });
    let decision = decided(&world, &step("first", "r.io/large:1"), &policy());
    let points = |node: &str| row(&world, &decision, node).points;
    assert!(points("warm") > points("cold"), "{} {}", points("warm"), points("cold"));
}

#[test]
fn what_the_pod_names_wins_over_what_is_pending() {
    let world = world();
    let mut named = first();
    let image = PodImage { reference: TEST.to_owned(), ..PodImage::default() };
    named.run.next_images = Some(vec![image]);
    let decision = decided(&world, &named, &policy());
    assert_eq!(decision.later.told, LaterTold::Annotation);
    assert_eq!(credits(&world, &decision, &ALL), [2000, 2000, 0]);
    // Also for a pod of no run; and an empty list says that nothing follows.
    named.run.run = None;
    assert_eq!(credits(&world, &decided(&world, &named, &policy()), &ALL), [2000, 2000, 0]);
    named.run.next_images = Some(Vec::new());
    assert!(decided(&world, &named, &policy()).volume_rows.is_empty());
}

#[test]
fn only_other_images_of_pending_pods_of_the_run_count() {
    let waits = |pods: Vec<PodFacts>| pods.into_iter().fold(nodes(), World::pending);
    let mut elsewhere = step("build", BUILD);
    elsewhere.namespace = "other".to_owned();
    let other_run = pod("build").of_run("other").wants(BUILD);
    let unknown = step("x", "r.io/never-heard-of:1");
    let bound = waits(vec![step("build", BUILD)]).pod(step("build", BUILD).on("cold"));
    let worlds = [
        // As in a wide step: the pod itself and others of the same image.
        waits(vec![first(), step("second", CLONE), step("third", CLONE)]),
        waits(vec![elsewhere, other_run]),
        waits(vec![unknown]),
        bound,
    ];
    for (at, world) in worlds.into_iter().enumerate() {
        let decision = decided(&world, &first(), &policy());
        let counted = decision.volume_rows.iter().any(|volumes| volumes.lookahead.0 > 0);
        assert!(!counted, "{at}");
        // Nothing is kept of it beside the rows, but where a node gains by the bound one's company.
        assert!(decision.volume_rows.is_empty() || at == 3, "{at}");
    }
}

#[test]
fn a_node_without_room_gains_nothing() {
    let mut world = world();
    for number in 0..policy().run.waiting_pods_max {
        let decision = decided(&world, &first(), &policy());
        assert_eq!(credits(&world, &decision, &ALL), [2000, 5000, 0], "{number} wait");
        world = world.pod(pod(&format!("w{number}")).wants("r.io/other:1").on("warm"));
    }
    let decision = decided(&world, &first(), &policy());
    assert_eq!(credits(&world, &decision, &ALL), [2000, 0, 0]);
}

#[test]
fn each_platform_has_layers_of_its_own() {
    let arm = image("arm").layer("arm", 400 * MB).tagged(BUILD).runs("linux/arm64");
    let clone = image("arm clone").layer("arm clone", 50 * MB).tagged(CLONE).runs("linux/arm64");
    let warm = node("arm warm").runs("linux/arm64").lists(&[&pinned("r.io/x", "arm")], MB);
    let world = world().image(arm).image(clone).node(warm).node(node("arm").runs("linux/arm64"));
    let decision = decided(&world, &first(), &policy());
    let nodes = ["base", "warm", "cold", "arm warm", "arm"];
    assert_eq!(credits(&world, &decision, &nodes), [2000, 5000, 0, 4000, 0]);
    assert_eq!(decision.later.wanted.len(), decision.wanted.len());
    assert!(decision.rows.iter().all(|row| row.missing == Bytes(50 * MB)));
}

#[test]
fn what_is_moved_again_at_every_start_counts_by_its_layers() {
    let world = nodes().pending(pod("build").of_run("run").pulls(PullPolicy::Always, BUILD));
    let decision = decided(&world, &first(), &policy());
    assert_eq!(credits(&world, &decision, &ALL), [2000, 5000, 0]);
}
