//! Each formula on an example worked by hand.

use std::collections::BTreeSet;

use super::{Told, ToldNode, node, resources};
use crate::model::unit::{Bytes, Nanos};
use crate::sim::random::Random;
use crate::sim::rival::bounded::Ring;
use crate::sim::rival::hindsight::{Victim, cost};
use crate::sim::rival::{
    Distance, concourse, greedy, hindsight, lrscheduler, pack, random, skippy, spread, stork,
};
use crate::sim::setup::NodeNumber;

const MEGABYTE: u64 = 1_000_000;

/// Nodes chosen with many seeds.
fn chosen(choose: impl Fn(&mut Random) -> Option<usize>) -> BTreeSet<usize> {
    (0..64).filter_map(|seed| choose(&mut Random::new(seed, 0))).collect()
}

#[test]
fn greedy_wants_every_image_reported_or_bound_before() {
    let with = |listed: [bool; 2], bound: [bool; 2]| ToldNode {
        listed: listed.to_vec(),
        bound: bound.to_vec(),
        ..ToldNode::default()
    };
    let nodes = vec![
        with([true, true], [false, false]),
        with([true, false], [false, true]),
        with([true, false], [true, false]),
    ];
    let view = Told { image_bytes: vec![1, 1], nodes, ..Told::default() };
    assert_eq!([0, 1, 2].map(|node| greedy::points(&view, node)), [10, 10, 0]);
}

#[test]
fn concourse_counts_inputs_and_not_bytes_and_breaks_ties_by_containers() {
    let with = |listed, held: [bool; 2], pods| ToldNode {
        listed: vec![listed],
        copies: held.iter().map(|is_held| is_held.then_some((Distance::Node, 1))).collect(),
        pods,
        ..ToldNode::default()
    };
    let volume_bytes = vec![3_000_000_000, 1000];
    let all = |nodes| Told {
        image_bytes: vec![1],
        volume_bytes: volume_bytes.clone(),
        nodes,
        ..Told::default()
    };
    // Three gigabytes are one input, an image and a kilobyte are two.
    let view = all(vec![with(false, [true, false], 0), with(true, [false, true], 9)]);
    assert_eq!([0, 1].map(|node| concourse::inputs_present(&view, node)), [1, 2]);
    assert_eq!(chosen(|random| concourse::choose(&view, random)), BTreeSet::from([1]));
    let view = all(vec![with(true, [false; 2], 5), with(false, [false, true], 4)]);
    assert_eq!(chosen(|random| concourse::choose(&view, random)), BTreeSet::from([1]));
    let view = all(vec![with(true, [false; 2], 4), with(false, [false, true], 4)]);
    assert_eq!(chosen(|random| concourse::choose(&view, random)), BTreeSet::from([0, 1]));
}

#[test]
fn stork_sums_how_near_volumes_are_and_drowns_all_others() {
    let near = |first, second| ToldNode {
        copies: [first, second].map(|distance: Option<_>| Some((distance?, 1))).to_vec(),
        ..ToldNode::default()
    };
    let nodes = vec![
        near(Some(Distance::Node), Some(Distance::Zone)),
        near(Some(Distance::Rack), Some(Distance::Region)),
        near(Some(Distance::Elsewhere), None),
        near(Some(Distance::Node), Some(Distance::Node)),
    ];
    let view = Told { volume_bytes: vec![1, 1], nodes, ..Told::default() };
    let points = [0, 1, 2, 3].map(|node| stork::points(&view, node));
    assert_eq!(points, [125, 60, 5, 200]);
    // In-tree plugins give 1,200 together.
    assert_eq!(points[3] * stork::UNITS_PER_POINT, 10_000);
}

#[test]
fn lrscheduler_scores_a_ratio_by_two_weights() {
    let all = resources(4000, 8000);
    let with = |free, present: u64| ToldNode {
        layer_bytes_present: present * MEGABYTE,
        ..node(all, free)
    };
    let nodes = vec![
        // Free and balanced: 37 doubled.
        with(all, 300),
        // 0.6 of the processors are not less than 0.6.
        with(resources(2000, 8000), 300),
        // Half of the processors and 0.1 of the memory are 0.2 apart.
        with(resources(2400, 7200), 300),
        // 0.15 apart is balanced.
        with(resources(2400, 6400), 300),
        // 11 MB are ten binary ones, which are not more than ten.
        with(all, 11),
        with(all, 400),
    ];
    let requests = resources(400, 0);
    let view = Told { requests, layer_bytes: 400 * MEGABYTE, nodes, ..Told::default() };
    let points = [0, 1, 2, 3, 4, 5].map(|node| lrscheduler::points(&view, node));
    assert_eq!(points, [74, 18, 18, 74, 0, 100]);
    let nothing = Told { layer_bytes: 0, ..view };
    assert_eq!(lrscheduler::points(&Told { nodes: vec![with(all, 0)], ..nothing }, 0), 0);
}

#[test]
fn skippy_scales_seconds_over_the_candidates() {
    let scaled: Vec<u64> = skippy::scaled_to_most(&[2, 10, 12]).collect();
    assert_eq!(scaled, [10, 3, 1]);
    let scaled: Vec<u64> = skippy::scaled_to_range(&[2, 10, 12]).collect();
    assert_eq!(scaled, [10, 2, 0]);
    let with = |listed, copy, registry_bytes_per_second| ToldNode {
        listed: vec![listed],
        copies: vec![copy],
        registry_bytes_per_second,
        ..ToldNode::default()
    };
    let slow = Some((Distance::Zone, 10 * MEGABYTE));
    // Pulls of 0, 6 and 12 s; data in 10, 10 and 0 s.
    let nodes = vec![
        with(true, slow, 100 * MEGABYTE),
        with(false, slow, 100 * MEGABYTE),
        with(false, Some((Distance::Node, 10 * MEGABYTE)), 50 * MEGABYTE),
    ];
    let view = Told {
        image_bytes: vec![600 * MEGABYTE],
        volume_bytes: vec![100 * MEGABYTE],
        nodes,
        ..Told::default()
    };
    assert_eq!(skippy::points(&view), [10, 5, 10]);
}

#[test]
fn spread_takes_the_least_taken_and_pack_the_most() {
    let all = resources(4000, 8000);
    let mut nodes = vec![
        // With the pod: half of the processors, 3/4 of the memory, a quarter of the processors.
        node(all, resources(3000, 8000)),
        node(all, resources(4000, 2000)),
        node(all, resources(4000, 8000)),
    ];
    let view = |nodes| Told { requests: resources(1000, 0), nodes, ..Told::default() };
    let told = view(nodes.clone());
    assert_eq!(chosen(|random| spread::choose(&told, random)), BTreeSet::from([2]));
    assert_eq!(chosen(|random| pack::choose(&told, random)), BTreeSet::from([1]));
    nodes[0] = nodes[2].clone();
    let told = view(nodes);
    assert_eq!(chosen(|random| spread::choose(&told, random)), BTreeSet::from([0, 2]));
    let none = view(Vec::new());
    assert_eq!(spread::choose(&none, &mut Random::new(0, 0)), None);
}

#[test]
fn random_takes_any_node_with_room_even_if_few_have() {
    let with_room = BTreeSet::from([3, 77]);
    let choose =
        |random: &mut Random| random::choose(100, random, |node| with_room.contains(&node));
    assert_eq!(chosen(choose), with_room);
    assert_eq!(random::choose(100, &mut Random::new(0, 0), |_| false), None);
    assert_eq!(random::choose(0, &mut Random::new(0, 0), |_| true), None);
}

fn ring(nodes: u32) -> Ring {
    let mut ring = Ring::default();
    (0..nodes).for_each(|node| ring.add(NodeNumber(node)));
    ring
}

#[test]
fn a_node_bears_a_quarter_more_than_its_share() {
    let ring = ring(10);
    assert!(ring.bears(9, 79));
    assert!(!ring.bears(10, 79));
    assert!(ring.bears(u64::from(u32::MAX), 0), "the first is let in anywhere");
}

#[test]
fn equal_keys_fill_one_node_before_the_next_and_no_other_moves() {
    let mut ring = ring(5);
    let mut load = [0_u64; 5];
    for total in 0..100 {
        let on = |node: NodeNumber| load[node.0 as usize];
        let node = ring.choose(42, total, |_| true, on).expect("all have room");
        load[node.0 as usize] += 1;
    }
    // 1.25 * 100 / 5 is 25. Only the first node may take a pod before all may take one, the fourth in all.
    load.sort_unstable();
    assert_eq!(load, [3, 24, 24, 24, 25]);
    let free = |_: NodeNumber| 0;
    let homes = |ring: &mut Ring| -> Vec<_> {
        let keys = (0..1000_u64).map(|key| key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        keys.map(|key| ring.choose(key, 0, |_| true, free)).collect()
    };
    let before = homes(&mut ring);
    ring.remove(NodeNumber(2));
    let after = homes(&mut ring);
    for (before, after) in before.into_iter().zip(after) {
        assert!(before == after || before == Some(NodeNumber(2)), "{before:?} to {after:?}");
    }
}

#[test]
fn if_no_node_bears_more_the_first_on_the_ring_does() {
    let mut ring = ring(3);
    let home = ring.choose(7, 0, |_| true, |_| 0);
    assert_eq!(ring.choose(7, 10, |_| true, |_| 99), home);
    assert_eq!(ring.choose(7, 10, |_| false, |_| 0), None);
}

#[test]
fn hindsight_charges_for_what_will_be_missed() {
    let victim = |megabytes, next_use, copies| Victim {
        bytes: Bytes(megabytes * MEGABYTE),
        next_use,
        copies,
    };
    let victims = [victim(80, None, 1), victim(60, Some(Nanos(9)), 2)];
    assert_eq!(cost(Bytes(100 * MEGABYTE), victims), Bytes(130 * MEGABYTE));
    let costs = [5, 3, 3, 3].map(Bytes);
    assert_eq!(hindsight::choose(&costs, |node| [0, 2, 1, 1][node]), Some(2));
    assert_eq!(hindsight::choose(&[], |_| 0), None);
}
