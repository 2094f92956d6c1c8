//! On any view: points in their range, the same for equal nodes, and nothing panics.

use proptest::prelude::{Just, Strategy, any};
use proptest::{
    bool, collection, option, prop_assert, prop_assert_eq, prop_oneof, proptest, sample,
};

use super::{Told, ToldNode};
use crate::model::unit::Bytes;
use crate::sim::random::Random;
use crate::sim::resource::Resources;
use crate::sim::rival::{Distance, concourse, greedy, lrscheduler, pack, skippy, spread, stork};

const DISTANCES: [Distance; 5] =
    [Distance::Node, Distance::Rack, Distance::Zone, Distance::Region, Distance::Elsewhere];

/// Sizes of any kind, absurd ones too.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), 0..1_000_000_u64, any::<u64>()]
}

fn resources() -> impl Strategy<Value = Resources> {
    (size(), size())
        .prop_map(|(cpu_millis, memory)| Resources { cpu_millis, memory: Bytes(memory) })
}

fn node(images: usize, volumes: usize) -> impl Strategy<Value = ToldNode> {
    let copy = option::of((sample::select(&DISTANCES[..]), size()));
    let held = (collection::vec(bool::ANY, images), collection::vec(bool::ANY, images));
    let copies = collection::vec(copy, volumes);
    let room = (resources(), resources());
    (room, 0..200_u64, held, size(), copies, size()).prop_map(|told| {
        let ((capacity, free), pods, (listed, bound), layer_bytes_present, copies, rate) = told;
        let registry_bytes_per_second = rate;
        ToldNode {
            capacity,
            free,
            pods,
            listed,
            bound,
            layer_bytes_present,
            copies,
            registry_bytes_per_second,
        }
    })
}

/// Any view, the last node of which is the same as its first.
fn told() -> impl Strategy<Value = Told> {
    let sizes = || collection::vec(size(), 0..4);
    (sizes(), sizes(), size(), resources()).prop_flat_map(|(images, volumes, layers, requests)| {
        let nodes = collection::vec(node(images.len(), volumes.len()), 1..6);
        nodes.prop_map(move |mut nodes| {
            nodes.push(nodes[0].clone());
            Told {
                requests,
                image_bytes: images.clone(),
                layer_bytes: layers,
                volume_bytes: volumes.clone(),
                nodes,
            }
        })
    })
}

proptest! {
    #[test]
    fn points_are_in_their_range_and_equal_for_equal_nodes(told in told()) {
        let last = told.nodes.len() - 1;
        let skippy = skippy::points(&told);
        let stork_most = 100 * told.volume_bytes.len().max(1) as u64;
        prop_assert_eq!(skippy.len(), told.nodes.len());
        for (node, skippy) in skippy.iter().enumerate() {
            prop_assert!([0, 10].contains(&greedy::points(&told, node)));
            prop_assert!((5..=stork_most).contains(&stork::points(&told, node)));
            prop_assert!(lrscheduler::points(&told, node) <= 100);
            prop_assert!(*skippy <= 20);
        }
        prop_assert_eq!(greedy::points(&told, 0), greedy::points(&told, last));
        prop_assert_eq!(stork::points(&told, 0), stork::points(&told, last));
        prop_assert_eq!(lrscheduler::points(&told, 0), lrscheduler::points(&told, last));
        prop_assert_eq!(skippy[0], skippy[last]);
    }

    #[test]
    fn a_node_is_chosen_by_all_and_equal_ones_have_the_same_chance(
        told in told(),
        seed in any::<u64>(),
    ) {
        let last = told.nodes.len() - 1;
        for choose in [spread::choose::<Told>, pack::choose::<Told>, concourse::choose::<Told>] {
            let chosen = choose(&told, &mut Random::new(seed, 0));
            prop_assert!(chosen.is_some_and(|node| node <= last));
            if told.nodes.iter().all(|node| *node == told.nodes[0]) {
                let seeds = 0..64;
                let firsts = seeds.filter(|seed| {
                    choose(&told, &mut Random::new(*seed, 0)) == Some(0)
                });
                prop_assert!(firsts.count() < 64);
            }
        }
    }
}
