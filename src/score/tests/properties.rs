//! What holds for every decision on every cluster.

use proptest::prelude::*;

use super::naive::{Lack, Told};
use super::{by_name, decided, everywhere, policy, same_rows};
use crate::model::image::ImageFacts;
use crate::model::inventory::Kept;
use crate::model::node::NodeFacts;
use crate::model::pod::{PodFacts, PodPhase};
use crate::model::unit::Bytes;
use crate::policy::Policy;
use crate::score::decision::{Neutral, Reasons};
use crate::score::scratch::Scratch;
use crate::score::{Question, decide, decide_into};
use crate::state::fixtures::agent::{any_inventory, as_agent, inventory};
use crate::state::fixtures::universe::{any_bound_pod, any_image, any_node, any_wishes};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{cases, pod};

/// A cluster and what it was told.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) images: Vec<ImageFacts>,
    pub(super) nodes: Vec<NodeFacts>,
    pub(super) bound: Vec<PodFacts>,
    pub(super) world: World,
    pub(super) pod: PodFacts,
}

/// Up to 140 nodes, so that bitmaps have up to three words, the last one part full.
pub(super) fn any_case() -> impl Strategy<Value = Case> {
    let nodes = prop_oneof![1..6_usize, 60..140_usize];
    let nodes = nodes.prop_flat_map(|count| {
        let nodes: Vec<_> = (0..count).map(|at| any_node(Just(format!("n{at}")))).collect();
        nodes
    });
    let images = prop::collection::vec(any_image(), 0..12);
    let uid = (0..8_usize).prop_map(|at| format!("u{at}"));
    let node = (0..70_usize).prop_map(|at| format!("n{at}"));
    let bound = prop::collection::vec(any_bound_pod(uid, node), 0..8);
    (images, nodes, bound, any_wishes(), any::<bool>()).prop_map(
        |(images, nodes, bound, wishes, secret)| {
            let mut pod = pod("asked");
            for (policy, reference) in wishes {
                pod = pod.pulls(policy, &reference);
            }
            if secret {
                pod = pod.with_secret("other");
            }
            Case { world: told(&images, &nodes, &bound), images, nodes, bound, pod }
        },
    )
}

/// The cluster after these events. Bound pods only wait here, so that lists alone say what is held.
fn told(images: &[ImageFacts], nodes: &[NodeFacts], bound: &[PodFacts]) -> World {
    told_to(World::new(), images, nodes, bound)
}

pub(super) fn told_to(
    mut world: World,
    images: &[ImageFacts],
    nodes: &[NodeFacts],
    bound: &[PodFacts],
) -> World {
    let (early, late) = images.split_at(images.len() / 2);
    world = early.iter().cloned().fold(world, World::image);
    world = nodes.iter().cloned().fold(world, World::node);
    for facts in bound {
        let mut facts = facts.clone();
        facts.phase = PodPhase::Waiting;
        facts.images.iter_mut().for_each(|image| image.image_id = None);
        if nodes.iter().any(|node| Some(&node.name) == facts.node.as_ref()) {
            world = world.pod(facts);
        }
    }
    late.iter().cloned().fold(world, World::image)
}

/// What is known of each image in the end: a config once known stays known.
pub(super) fn latest(images: &[ImageFacts]) -> Vec<ImageFacts> {
    let mut latest: Vec<ImageFacts> = Vec::new();
    for facts in images {
        match latest.iter_mut().find(|known| known.digests == facts.digests) {
            Some(known) if known.layers.iter().any(|layer| layer.diff_id.is_some()) => {}
            Some(known) => *known = facts.clone(),
            None => latest.push(facts.clone()),
        }
    }
    latest
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn every_row_misses_what_a_walk_over_its_layers_says(case in any_case()) {
        let policy = policy();
        let Case { nodes, world, pod, .. } = &case;
        let images = latest(&case.images);
        let told = Told { images: &images, cluster: world.cluster(), policy: &policy };
        let decision = decided(world, pod, &policy);
        if decision.neutral == Some(Neutral::ImagesUnknown) || pod.images.is_empty() {
            prop_assert!(decision.rows.is_empty());
            return Ok(());
        }
        prop_assert_eq!(decision.rows.len(), nodes.len());
        for row in &decision.rows {
            let name = &*world.cluster().node(row.node).name;
            let node = nodes.iter().find(|node| node.name == name).expect("was told");
            let found = Lack {
                bytes: row.missing + row.arriving,
                never_pulled: row.reasons.has(Reasons::NEVER_PULLED),
            };
            prop_assert_eq!(told.lack(pod, node), found, "{:?} {:?}", row, node);
            prop_assert!(row.arriving.0 == 0 || !world.pulls(name).is_empty());
        }
    }

    #[test]
    fn raw_is_within_ten_of_zero_and_points_are_from_zero_to_ten(case in any_case()) {
        let policy = Policy::named("default").expect("comes with the program");
        let decision = decided(&case.world, &case.pod, &policy);
        for row in &decision.rows {
            prop_assert!((-10..=10).contains(&row.raw) && row.points <= 10, "{:?}", row);
        }
    }

    #[test]
    fn another_cached_image_never_costs_a_node_points(
        case in any_case(),
        which in any::<prop::sample::Index>(),
    ) {
        let Case { images, nodes, pod, .. } = case;
        prop_assume!(!images.is_empty());
        let before = told(&images, &nodes, &[]);
        let cached = &images[which.index(images.len())];
        let name = format!("cache.io/it@{}", cached.digests[0]);
        let mut richer = nodes.clone();
        richer[0] = richer[0].clone().lists(&[&name], 1);
        let after = told(&images, &richer, &[]);
        let rows = [before, after].map(|world| by_name(&world, &decided(&world, &pod, &policy())));
        for ((name, poorer), (_, richer)) in rows[0].iter().zip(&rows[1]) {
            prop_assert!(poorer.0.raw <= richer.0.raw, "{name}: {poorer:?} {richer:?}");
        }
    }

    #[test]
    fn an_order_of_candidates_or_of_ids_never_reaches_the_answer(
        case in any_case(),
        turn in any::<prop::sample::Index>(),
    ) {
        let Case { images, mut nodes, bound, world, pod } = case;
        let policy = Policy::named("default").expect("comes with the program");
        let asked = decided(&world, &pod, &policy);
        let mut turned = everywhere(&world);
        turned.nodes.rotate_left(turn.index(nodes.len()));
        turned.nodes.reverse();
        let again = decide(&pod, &turned, world.cluster(), &policy, world.now);
        same_rows(&by_name(&world, &asked), &by_name(&world, &again))?;
        nodes.reverse();
        let other = told(&images, &nodes, &bound);
        let elsewhere = decided(&other, &pod, &policy);
        same_rows(&by_name(&world, &asked), &by_name(&other, &elsewhere))?;
    }

    #[test]
    fn kubelets_agents_and_a_mix_of_both_that_tell_the_same_decide_the_same(
        case in any_case(),
        agents in prop::collection::vec(any::<(bool, bool)>(), 140),
    ) {
        let Case { images, nodes, bound, mut world, pod } = case;
        let policy = Policy::named("default").expect("comes with the program");
        let kubelets = by_name(&world, &decided(&world, &pod, &policy));
        for (node, (has_agent, lists_too)) in nodes.iter().zip(agents) {
            // At the kubelet's limit its list says less than an agent's.
            if has_agent && node.images.len() < 50 {
                // Before any pod was bound, so that it says nothing of pulls.
                world = world.report(&node.name, as_agent(node, 8_999).believed(3600));
                if !lists_too {
                    let unlisted = NodeFacts { images: Vec::new(), ..node.clone() };
                    world = world.node(unlisted);
                }
            }
        }
        same_rows(&kubelets, &by_name(&world, &decided(&world, &pod, &policy)))?;
        // The other way round: agents first.
        let told = nodes.iter().fold(World::new(), |world, node| {
            let believed = node.images.len() < 50;
            let facts = as_agent(node, if believed { 8_999 } else { 0 });
            world.report(&node.name, facts.believed(3600))
        });
        let world = told_to(told, &images, &nodes, &bound);
        same_rows(&kubelets, &by_name(&world, &decided(&world, &pod, &policy)))?;
    }

    #[test]
    fn blobs_that_are_kept_save_their_download_and_nothing_else(
        case in any_case(),
        reports in prop::collection::vec(any_inventory(), 1..6),
    ) {
        let Case { images, nodes, bound, world, pod } = case;
        let mut without = told(&images, &nodes, &bound);
        let mut with = world;
        for (at, facts) in reports.into_iter().enumerate() {
            let node = &nodes[at % nodes.len()].name;
            let mut bare = facts.clone();
            bare.loose_blobs.clear();
            bare.images.iter_mut().for_each(|image| image.kept = Kept::Nothing);
            (with, without) = (with.report(node, facts), without.report(node, bare));
        }
        let rows = |world| by_name(world, &decided(world, &pod, &policy()));
        for ((name, kept), (_, bare)) in rows(&with).iter().zip(&rows(&without)) {
            prop_assert_eq!(bare.0.kept, Bytes(0));
            prop_assert_eq!(kept.0.missing + kept.0.kept, bare.0.missing, "{}", name);
            prop_assert_eq!(kept.0.arriving, bare.0.arriving);
            prop_assert_eq!(kept.0.reasons.has(Reasons::BLOBS_KEPT), kept.0.kept.0 > 0);
            prop_assert!(kept.0.raw >= bare.0.raw);
        }
    }

    #[test]
    fn bytes_that_have_come_never_cost_a_node_points(
        case in any_case(),
        reports in prop::collection::vec(any_inventory(), 1..6),
        come in 0..=1_000_u64,
    ) {
        let Case { images, nodes, bound, world, pod } = case;
        let (mut early, mut late) = (told(&images, &nodes, &bound), world);
        for (at, facts) in reports.into_iter().enumerate() {
            let node = &nodes[at % nodes.len()].name;
            let mut more = facts.clone();
            for left in more.pulls.iter_mut().filter_map(|pull| pull.left.as_mut()) {
                left.0 -= left.0 * come / 1_000;
            }
            (early, late) = (early.report(node, facts), late.report(node, more));
        }
        let rows = |world| by_name(world, &decided(world, &pod, &policy()));
        for ((name, before), (_, after)) in rows(&early).iter().zip(&rows(&late)) {
            prop_assert_eq!(before.0.missing, after.0.missing, "{}", name);
            prop_assert_eq!(before.0.arriving, after.0.arriving, "{}", name);
            prop_assert!(after.1.cost() <= before.1.cost(), "{name}: {before:?} {after:?}");
            prop_assert!(after.0.raw >= before.0.raw, "{name}: {before:?} {after:?}");
        }
    }

    #[test]
    fn whatever_an_agent_says_only_shifts_points_and_nothing_of_it_stays(
        case in any_case(),
        lies in prop::collection::vec(any_inventory(), 1..6),
    ) {
        let Case { nodes, world, pod, .. } = case;
        let policy = Policy::named("default").expect("comes with the program");
        let before = decided(&world, &pod, &policy);
        let mut lied_to = lies.iter().enumerate().fold(world, |world, (at, lie)| {
            world.report(&nodes[at % nodes.len()].name, lie.clone())
        });
        let decision = decided(&lied_to, &pod, &policy);
        let has_rows = decision.neutral.is_none();
        prop_assert_eq!(decision.rows.len(), if has_rows { nodes.len() } else { 0 });
        for row in &decision.rows {
            prop_assert!((-10..=10).contains(&row.raw) && row.points <= 10, "{:?}", row);
        }
        // What is too old is as good as never said.
        for node in &nodes {
            lied_to = lied_to.report(&node.name, inventory(0));
        }
        let after = decided(&lied_to, &pod, &policy);
        prop_assert_eq!(after.neutral, before.neutral);
        same_rows(&by_name(&lied_to, &before), &by_name(&lied_to, &after))?;
    }

    #[test]
    fn without_home_names_of_nodes_mean_nothing(case in any_case()) {
        let Case { images, mut nodes, mut bound, world, pod } = case;
        let asked = decided(&world, &pod, &policy());
        let renamed = |name: &str| format!("x{name}");
        nodes.iter_mut().for_each(|node| node.name = renamed(&node.name));
        bound.iter_mut().for_each(|pod| pod.node = pod.node.as_deref().map(renamed));
        let other = told(&images, &nodes, &bound);
        let again = by_name(&other, &decided(&other, &pod, &policy()));
        let back = again.into_iter().map(|(name, row)| (name[1..].to_owned(), row)).collect();
        same_rows(&by_name(&world, &asked), &back)?;
    }

    #[test]
    fn a_used_buffer_and_a_second_look_give_the_same(case in any_case(), other in any_case()) {
        let policy = Policy::named("default").expect("comes with the program");
        let fresh = decided(&case.world, &case.pod, &policy);
        let mut used = decided(&other.world, &other.pod, &policy);
        let mut scratch = Scratch::default();
        let mut candidates = everywhere(&case.world);
        candidates.nodes.extend_from_within(..);
        for _ in 0..2 {
            decide_into(&mut used, &mut scratch, &Question {
                pod: &case.pod,
                candidates: &candidates,
                cluster: case.world.cluster(),
                policy: &policy,
                now: case.world.now,
            });
            prop_assert_eq!(&used.rows, &fresh.rows);
            prop_assert_eq!(&used.wanted, &fresh.wanted);
            prop_assert_eq!((used.neutral, used.home), (fresh.neutral, fresh.home));
        }
    }
}
