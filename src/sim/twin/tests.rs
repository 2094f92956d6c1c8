//! The parts together: from nodes and pods to the node that is picked.

use super::{Requests, SCORE_PER_POINT, Scores, Twin, TwinNode, TwinPod};
use crate::model::unit::Bytes;
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::random::Random;
use crate::sim::resource::Resources;
use crate::sim::setup::{NodeNumber, ZoneNumber};

fn of(cpus: u64, gibs: u64) -> Resources {
    Resources { cpu_millis: cpus * 1000, memory: Bytes(gibs << 30) }
}

fn node(cpus: u64, gibs: u64) -> TwinNode {
    TwinNode { zone: ZoneNumber(0), allocatable: of(cpus, gibs), pods_max: 110 }
}

fn requests(cpus: u64, gibs: u64) -> Requests {
    Requests::new(of(cpus, gibs), 1)
}

#[test]
fn a_pod_goes_where_most_is_free_unless_an_extender_says_otherwise() {
    let mut twin = Twin::new(1);
    (0..3).for_each(|number| twin.add_node(NodeNumber(number), node(16, 64)));
    twin.assume(NodeNumber(0), requests(4, 16));
    twin.assume(NodeNumber(2), requests(2, 8));
    let pod = TwinPod { requests: requests(2, 8), images: &[] };
    assert_eq!(twin.candidates(pod.requests).len(), 3);
    assert_eq!(twin.choose(&pod, &[]), Some(NodeNumber(1)));
    // 62 and 87 are free, and balance stays: three points are worth more than the difference.
    let added = [Some(3 * SCORE_PER_POINT), None, Some(0)];
    assert_eq!(twin.choose(&pod, &added), Some(NodeNumber(0)));
    let expected = Scores {
        node: NodeNumber(0),
        taint_toleration: 300,
        least_allocated: 62,
        balanced_allocation: 75,
        image_locality: 0,
        extender: Some(30),
        total: 467,
    };
    assert_eq!(twin.scores(&pod, &added)[0], expected);
}

#[test]
fn a_common_image_outweighs_a_little_room() {
    let mut twin = Twin::new(1);
    let name = ReferenceNumber(5);
    (0..4).for_each(|number| twin.add_node(NodeNumber(number), node(16, 64)));
    for number in 1..3 {
        twin.list_images(NodeNumber(number), &[(name, Bytes(1000 << 20))]);
    }
    twin.assume(NodeNumber(1), requests(2, 8));
    let pod = TwinPod { requests: requests(2, 8), images: &[name] };
    twin.candidates(pod.requests);
    assert_eq!(twin.choose(&pod, &[]), Some(NodeNumber(2)));
    let locality: Vec<_> = twin.scores(&pod, &[]).iter().map(|s| s.image_locality).collect();
    assert_eq!(locality, [0, 48, 48, 0]);
    // Gone with its node.
    twin.remove_node(NodeNumber(2));
    twin.candidates(pod.requests);
    assert_eq!(twin.choose(&pod, &[]), Some(NodeNumber(1)));
}

#[test]
fn a_single_candidate_is_taken_and_without_one_there_is_no_choice() {
    let mut twin = Twin::new(1);
    let pod = TwinPod { requests: requests(2, 8), images: &[] };
    assert!(twin.candidates(pod.requests).is_empty());
    assert_eq!(twin.choose(&pod, &[]), None);
    twin.add_node(NodeNumber(7), node(2, 8));
    assert_eq!(twin.candidates(pod.requests), [NodeNumber(7)]);
    assert_eq!(twin.choose(&pod, &[]), Some(NodeNumber(7)));
    twin.assume(NodeNumber(7), pod.requests);
    assert!(twin.candidates(pod.requests).is_empty());
}

#[test]
fn pods_of_a_node_that_left_count_when_it_comes_back_until_they_are_released() {
    let mut twin = Twin::new(1);
    let number = NodeNumber(0);
    twin.add_node(number, node(2, 8));
    twin.assume(number, requests(2, 8));
    twin.remove_node(number);
    twin.add_node(number, node(2, 8));
    assert!(twin.candidates(requests(1, 1)).is_empty());
    twin.release(number, requests(2, 8));
    assert_eq!(twin.candidates(requests(1, 1)), [number]);
}

/// What a busy cluster does to a twin, by chance.
fn stir(
    twin: &mut Twin,
    random: &mut Random,
    nodes: u32,
    placed: &mut Vec<(NodeNumber, Requests)>,
) {
    let number = NodeNumber(u32::try_from(random.below(u64::from(nodes))).expect("few"));
    match random.below(10) {
        0 => twin.remove_node(number),
        1 => twin.add_node(number, node(8 + 8 * random.below(3), 32)),
        2..5 => {
            let images = (0..random.below(30)).map(|_| {
                let name = u32::try_from(random.below(40)).expect("few");
                (ReferenceNumber(name), Bytes(random.below(2 << 30)))
            });
            twin.list_images(number, &images.collect::<Vec<_>>());
        }
        _ if !placed.is_empty() => {
            let (node, requests) = placed.swap_remove(random.index(placed.len()));
            twin.release(node, requests);
        }
        _ => {}
    }
}

#[test]
fn the_choice_is_always_one_of_the_highest_totals_and_a_seed_repeats_it() {
    let run = |seed| {
        let (mut twin, mut random) = (Twin::new(seed), Random::new(9, 9));
        (0..130).for_each(|number| twin.add_node(NodeNumber(number), node(16, 64)));
        let (mut placed, mut chosen) = (Vec::new(), Vec::new());
        for _ in 0..1500 {
            stir(&mut twin, &mut random, 130, &mut placed);
            let requests = requests(random.below(5), random.below(9));
            let image = |at: usize| ReferenceNumber(7 * u32::try_from(at).expect("few"));
            let images: Vec<_> = (0..random.index(4)).map(image).collect();
            let pod = TwinPod { requests, images: &images };
            let count = twin.candidates(requests).len();
            let point = |_| (random.below(3) > 0).then(|| random.below(4) * SCORE_PER_POINT);
            let added: Vec<_> = (0..count).map(point).collect();
            let scores = twin.scores(&pod, &added);
            let best = scores.iter().map(|scores| scores.total).max();
            let node = twin.choose(&pod, &added);
            let own = scores.iter().find(|scores| Some(scores.node) == node);
            assert_eq!(own.map(|scores| scores.total), best);
            if let Some(node) = node {
                twin.assume(node, requests);
                placed.push((node, requests));
            }
            chosen.push(node);
        }
        chosen
    };
    let chosen = run(3);
    assert!(chosen.iter().flatten().count() > 1000, "most pods find a node");
    assert_eq!(chosen, run(3));
    assert_ne!(chosen, run(4));
}
