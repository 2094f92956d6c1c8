//! Demands whose least is known by thought: the bounds reach it.

use super::{parts, pod, room};
use crate::model::unit::{Bytes, Nanos};
use crate::sim::bound::demand::{Demand, Parts, Pod, Room};
use crate::sim::bound::tests::exact;
use crate::sim::bound::{all, compulsory, pooled, replica};
use crate::sim::resource::Resources;

/// Compulsory, pooled in order, pooled, replica.
fn check(parts: Parts, expected: [u64; 4]) {
    let found = all(&Demand::new(parts)).map(|bound| bound.bytes.0);
    assert_eq!(found, expected);
}

/// The largest bound is the true least.
fn check_tight(parts: Parts, least: u64) {
    assert_eq!(exact::least_bytes(&parts), Some(least));
    let bounds = all(&Demand::new(parts));
    assert_eq!(bounds.iter().map(|bound| bound.bytes.0).max(), Some(least));
}

#[test]
fn pods_one_after_the_other_on_a_large_disk_pull_each_layer_once() {
    let pods = vec![pod(0, 0, 1), pod(1, 1, 2), pod(0, 2, 3)];
    let parts = parts(&[10, 5, 7], &[&[0, 1], &[0, 2]], pods, vec![room(4, None), room(4, None)]);
    check(parts.clone(), [22, 22, 22, 22]);
    check_tight(parts, 22);
}

#[test]
fn pods_that_do_not_fit_on_one_node_pull_once_per_node() {
    let pods = (0..5).map(|at| pod(0, at, 10)).collect();
    let parts = parts(&[10], &[&[0]], pods, vec![room(2, None); 3]);
    check(parts.clone(), [10, 10, 10, 30]);
    check_tight(parts, 30);
}

#[test]
fn ten_pods_at_four_a_node_need_three_nodes() {
    let pods = (0..10).map(|_| pod(0, 0, 10)).collect();
    let demand = Demand::new(parts(&[100], &[&[0]], pods, vec![room(4, None); 5]));
    assert_eq!(replica::bytes(&demand), Bytes(300));
}

#[test]
fn a_pod_that_ends_as_another_is_bound_makes_room_for_it() {
    let pods = vec![pod(0, 0, 5), pod(0, 5, 9)];
    check(parts(&[10], &[&[0]], pods, vec![room(1, None); 2]), [10; 4]);
}

#[test]
fn large_pods_need_a_node_each_though_their_sum_would_fit_on_fewer() {
    let requests = Resources { cpu_millis: 3000, memory: Bytes(0) };
    let pods = (0..4).map(|_| Pod { requests, ..pod(0, 0, 10) }).collect();
    check(parts(&[10], &[&[0]], pods, vec![room(4, None); 4]), [10, 10, 10, 40]);
}

#[test]
fn the_scarcest_of_memory_and_pods_counts_too() {
    let memory = Bytes(100);
    let capacity = Resources { cpu_millis: 64_000, memory: Bytes(250) };
    let by_memory = Room { capacity, ..room(0, None) };
    let requests = Resources { cpu_millis: 0, memory };
    let pods: Vec<Pod> = (0..4).map(|_| Pod { requests, ..pod(0, 0, 10) }).collect();
    check(parts(&[10], &[&[0]], pods.clone(), vec![by_memory; 3]), [10, 10, 10, 20]);
    let by_pods = Room { pods_max: 1, ..room(64, None) };
    let pods = pods.into_iter().map(|pod| Pod { requests: Resources::default(), ..pod }).collect();
    check(parts(&[10], &[&[0]], pods, vec![by_pods; 5]), [10, 10, 10, 40]);
}

#[test]
fn what_nodes_bring_along_need_not_come() {
    let pods = (0..3).map(|_| pod(0, 5, 10)).collect();
    let mut parts = parts(&[10], &[&[0]], pods, vec![room(1, None); 3]);
    parts.layers[0].brought_at = vec![Nanos(0), Nanos(7)];
    check(parts.clone(), [0, 0, 0, 10]);
    // A node that joins too late has not helped who started before.
    parts.layers[0].brought_at = vec![Nanos(7)];
    check(parts, [0, 10, 10, 20]);
}

#[test]
fn a_disk_for_one_image_swaps_two_that_alternate() {
    let pods = vec![pod(0, 0, 1), pod(1, 2, 3), pod(0, 4, 5), pod(1, 6, 7)];
    let parts = parts(&[6, 6], &[&[0], &[1]], pods, vec![room(1, Some(10))]);
    check(parts.clone(), [12, 24, 24, 12]);
    check_tight(parts, 24);
}

#[test]
fn the_shortest_gaps_are_kept() {
    // Three equal images in turn, room for two: of the gaps, each two starts long, half can be kept.
    let pods = (0..9).map(|turn: u64| pod((turn % 3) as usize, 2 * turn, 2 * turn + 1));
    let cargos: [&[usize]; 3] = [&[0], &[1], &[2]];
    let parts = parts(&[6, 6, 6], &cargos, pods.collect(), vec![room(1, Some(12))]);
    let least = exact::least_bytes(&parts);
    assert_eq!(least, Some(36));
    let bound = pooled::bytes(&Demand::new(parts));
    assert!(bound.0 > 27 && bound.0 <= 36, "{bound:?}");
}

#[test]
fn layers_in_use_leave_no_room_that_the_order_alone_would_give() {
    // One runs all the time, so that the other two cannot both stay; by starts alone all is short.
    let pods = vec![pod(0, 0, 100), pod(1, 1, 2), pod(2, 3, 4), pod(1, 5, 6)];
    let cargos: [&[usize]; 3] = [&[0], &[1], &[2]];
    let parts = parts(&[6, 6, 6], &cargos, pods, vec![room(2, Some(12))]);
    check(parts.clone(), [18, 18, 24, 18]);
    check_tight(parts, 24);
}

#[test]
fn a_disk_counts_while_its_node_is_there() {
    let pods = vec![pod(0, 0, 1), pod(1, 2, 3), pod(0, 4, 5)];
    let late = Room { joins_at: Nanos(3), ..room(1, Some(10)) };
    let gone = Room { leaves_at: Some(Nanos(1)), ..room(1, Some(10)) };
    let rooms = vec![room(1, Some(10)), late, gone];
    let cargos: [&[usize]; 2] = [&[0], &[1]];
    check(parts(&[6, 6], &cargos, pods.clone(), rooms), [12, 18, 18, 12]);
    check(parts(&[6, 6], &cargos, pods, vec![room(1, Some(10)); 2]), [12, 12, 12, 12]);
}

#[test]
fn only_what_is_needed_counts() {
    let demand = Demand::new(parts(&[10, 5], &[&[0], &[1]], vec![pod(1, 0, 1)], Vec::new()));
    assert_eq!(compulsory::bytes(&demand), Bytes(5));
    check(Parts::default(), [0; 4]);
}
