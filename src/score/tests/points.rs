//! From signed raw points to what the answer carries, and which candidates get a row.

use super::{MB, decided, everywhere, policy, row};
use crate::score::{Candidates, decide};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{image, node, pod};

const TAG: &str = "r.io/a:1";

/// An image of 3.2 GB, 64 seconds; `cold` has nothing, `warm` all of it, `queued` waits long for others.
fn world() -> World {
    World::new()
        .image(image("a").layer("a", 3200 * MB).tagged(TAG))
        .image(image("b").layer("b", 3200 * MB).tagged("r.io/b:1"))
        .node(node("cold"))
        .node(node("warm").lists(&[TAG], 3200 * MB))
        .node(node("queued"))
        .pod(pod("other").wants("r.io/b:1").on("queued"))
}

fn points(world: &World, names: &[&str], unknown_count: usize) -> (Vec<(i8, u8)>, u8) {
    let nodes = names.iter().map(|name| world.id(name)).collect();
    let candidates = Candidates { nodes, unknown_count };
    let pod = pod("p").wants(TAG);
    let decision = decide(&pod, &candidates, world.cluster(), &policy(), world.now);
    assert_eq!(decision.unknown_count, unknown_count);
    let points = decision.rows.iter().map(|row| (row.raw, row.points));
    (points.collect(), decision.unknown_points)
}

#[test]
fn raw_points_are_signed_against_a_cold_idle_node() {
    let world = world();
    let decision = decided(&world, &pod("p").wants(TAG), &policy());
    assert_eq!(row(&world, &decision, "warm").raw, 10);
    assert_eq!(row(&world, &decision, "cold").raw, 0);
    assert_eq!(row(&world, &decision, "queued").raw, -10);
}

#[test]
fn the_answer_starts_at_the_lowest_or_ten_under_the_highest() {
    let world = world();
    assert_eq!(points(&world, &["cold", "warm"], 0).0, [(0, 0), (10, 10)]);
    assert_eq!(points(&world, &["cold", "queued"], 0).0, [(0, 10), (-10, 0)]);
    let all = points(&world, &["queued", "cold", "warm"], 0);
    assert_eq!(all.0, [(-10, 0), (0, 0), (10, 10)]);
}

#[test]
fn equal_candidates_get_no_points_at_all() {
    let world = world();
    assert_eq!(points(&world, &["warm"], 0), (vec![(10, 0)], 0));
    assert_eq!(points(&world, &["queued"], 0), (vec![(-10, 0)], 0));
}

#[test]
fn candidates_that_nobody_knows_count_as_cold_and_idle() {
    let world = world();
    assert_eq!(points(&world, &["warm"], 2), (vec![(10, 10)], 0));
    assert_eq!(points(&world, &["queued"], 1), (vec![(-10, 0)], 10));
    assert_eq!(points(&world, &["queued", "warm"], 1), (vec![(-10, 0), (10, 10)], 0));
}

#[test]
fn a_candidate_asked_about_twice_gets_one_row_and_rows_keep_the_order_asked() {
    let world = world();
    assert_eq!(points(&world, &["warm", "cold", "warm"], 0).0, [(10, 10), (0, 0)]);
    let decision = decided(&world, &pod("p").wants(TAG), &policy());
    let asked = everywhere(&world).nodes;
    assert_eq!(decision.rows.iter().map(|row| row.node).collect::<Vec<_>>(), asked);
}
