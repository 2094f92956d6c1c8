//! Worked examples of upstream's `image_locality_test.go`, 1.37.2, and what its cache keeps.

use super::{Images, image_locality, normalized_name};
use crate::model::unit::Bytes;
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::setup::NodeNumber;

/// Images by their size in mebibytes, which is also their name: as upstream's test names them.
type Sizes<'a> = &'a [u32];

fn listed(sizes: Sizes<'_>) -> Vec<(ReferenceNumber, Bytes)> {
    sizes.iter().map(|size| (ReferenceNumber(*size), Bytes(u64::from(*size) << 20))).collect()
}

fn bytes(images: &Images, pod: Sizes<'_>, node_count: usize) -> Vec<u64> {
    let pod: Vec<_> = pod.iter().copied().map(ReferenceNumber).collect();
    let mut bytes = vec![0; node_count];
    images.add_bytes(&pod, &mut bytes);
    bytes
}

fn numbers(count: usize) -> impl Iterator<Item = NodeNumber> {
    (0..u32::try_from(count).expect("few")).map(NodeNumber)
}

fn check(pod: Sizes<'_>, nodes: &[Sizes<'_>], expected: &[u64]) {
    let mut images = Images::default();
    images.count_nodes(nodes.len());
    numbers(nodes.len()).zip(nodes).for_each(|(node, sizes)| images.list(node, &listed(sizes)));
    numbers(nodes.len()).for_each(|node| images.refresh(node));
    let bytes = bytes(&images, pod, nodes.len());
    let scores: Vec<_> = bytes.into_iter().map(|sum| image_locality(sum, pod.len())).collect();
    assert_eq!(scores, expected, "{pod:?} on {nodes:?}");
}

#[test]
fn images_count_by_size_and_spread_as_upstream_has_it() {
    let (a, b): (Sizes<'_>, Sizes<'_>) = (&[40, 300, 2000], &[250, 10]);
    check(&[40, 250], &[a, b], &[0, 5]);
    check(&[40, 300], &[a, b], &[7, 0]);
    check(&[10, 4000], &[&[4000, 30], b], &[100, 0]);
    check(&[10, 4000], &[&[4000, 30], b, &[]], &[66, 0, 0]);
    check(&[300, 600, 900], &[&[600, 40, 900], &[300, 600, 900], &[]], &[32, 36, 0]);
    check(&[30, 40], &[&[20, 30, 40], &[4000, 30]], &[1, 0]);
    // Init containers' images and image volumes count like containers' images.
    check(&[30, 300], &[&[300, 600, 900], &[4000, 30]], &[6, 0]);
    check(&[300, 30], &[a, &[20, 30, 40]], &[6, 0]);
}

#[test]
fn a_common_image_counts_and_a_rare_one_does_not() {
    // (500,000,000 - 24,117,248) * 100 / 1,024,458,752
    assert_eq!(image_locality(500_000_000, 1), 46);
    // A 2 GiB image on one of 100 nodes: 21 MiB, under the least.
    assert_eq!(image_locality((2 << 30) / 100, 1), 0);
    assert_eq!(image_locality(5 << 30, 1), 100);
    assert_eq!(image_locality(1000 << 20, 2), 49);
    assert_eq!(image_locality(1000 << 20, 0), 0);
}

#[test]
fn the_first_node_says_how_large_an_image_is() {
    let mut images = Images::default();
    images.count_nodes(2);
    let name = ReferenceNumber(0);
    let (first, second) = (NodeNumber(0), NodeNumber(1));
    let check = |images: &mut Images, expected: [u64; 2]| {
        [first, second].into_iter().for_each(|node| images.refresh(node));
        assert_eq!(bytes(images, &[0], 2), expected);
    };
    images.list(first, &[(name, Bytes(100)), (name, Bytes(7))]);
    images.list(second, &[(name, Bytes(900))]);
    check(&mut images, [100, 100]);
    // Said again: still two nodes have it.
    images.list(first, &[(name, Bytes(300))]);
    check(&mut images, [100, 100]);
    // Gone from the first: the second is the only one, but has not said it anew.
    images.list(first, &[]);
    check(&mut images, [0, 50]);
    images.list(second, &[(name, Bytes(900))]);
    check(&mut images, [0, 450]);
}

#[test]
fn a_node_knows_how_many_have_its_images_from_its_last_change() {
    let mut images = Images::default();
    images.count_nodes(4);
    images.list(NodeNumber(0), &listed(&[40]));
    images.refresh(NodeNumber(0));
    images.list(NodeNumber(1), &listed(&[40]));
    images.refresh(NodeNumber(1));
    assert_eq!(bytes(&images, &[40], 4), [10 << 20, 20 << 20, 0, 0]);
    images.refresh(NodeNumber(0));
    assert_eq!(bytes(&images, &[40], 4), [20 << 20, 20 << 20, 0, 0]);
    // The number of nodes itself is always today's.
    images.count_nodes(8);
    assert_eq!(bytes(&images, &[40], 4), [10 << 20, 10 << 20, 0, 0]);
}

#[test]
fn names_are_normalised_as_upstream_has_it() {
    let digest = "root@sha256:4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2";
    for (name, expected) in [
        ("root", "root:latest"),
        ("gcr.io:5000/root", "gcr.io:5000/root:latest"),
        ("root:tag", "root:tag"),
        (digest, digest),
    ] {
        assert_eq!(normalized_name(name), expected);
    }
}
