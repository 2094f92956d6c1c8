//! Claims, what is behind them, and where that is, whatever comes first.

use proptest::prelude::*;

use crate::model::claim::{
    AccessMode, AttachState, ClaimFacts, DiskFacts, NodeDriverFacts, StorageObject,
};
use crate::model::storage::{DiskKind, Storage};
use crate::state::event::{Event, Kind};
use crate::state::fixtures::storage::{attachment, claim, class, disk, driver, unbound};
use crate::state::fixtures::world::World;
use crate::state::fixtures::{cases, node, pod};

/// Node, state and pods of each place of claim `data`, as they are to a pod that is nowhere.
fn places(world: &World) -> Vec<(&str, AttachState, u32)> {
    let disk = world.cluster().storage().disk("ci", "data", "asking");
    disk.places.into_iter().map(|place| (place.node, place.state, place.pods)).collect()
}

fn kind(world: &World) -> DiskKind {
    world.cluster().storage().disk("ci", "data", "asking").kind
}

#[test]
fn a_disk_is_where_it_is_attached_and_where_pods_use_it() {
    let world = World::new().with_data();
    assert_eq!((places(&world), kind(&world)), (vec![], DiskKind::OneNode));
    let world = world.storage(attachment("d", "a", AttachState::Attaching));
    assert_eq!(places(&world), [("a", AttachState::Attaching, 0)]);
    let world = world.storage(attachment("d", "a", AttachState::Attached));
    let world = world.pod(pod("p").claims("data").on("a").running());
    assert_eq!(places(&world), [("a", AttachState::Attached, 1)]);
    let world = world.pod(pod("p").claims("data").on("a").ended(1));
    assert_eq!(places(&world), [("a", AttachState::Attached, 0)]);
    let world = world.storage(attachment("d", "a", AttachState::Detaching));
    assert_eq!(places(&world), [("a", AttachState::Detaching, 0)]);
    let world = world.no_storage(attachment("d", "a", AttachState::Detaching));
    assert_eq!(places(&world), []);
}

#[test]
fn without_attachments_pods_tell_and_nobody_is_in_their_own_way() {
    let world = World::new().with_data().pod(pod("w").claims("data").on("a"));
    assert_eq!(places(&world), [("a", AttachState::Attaching, 1)]);
    let world = world.pod(pod("r").claims("data").on("b").running());
    let expected = [("a", AttachState::Attaching, 1), ("b", AttachState::Attached, 1)];
    assert_eq!(places(&world), expected);
    let own = world.cluster().storage().disk("ci", "data", "r").places;
    assert_eq!(own[1].pods, 0);
    // A deleted node takes its pods along only when the API server says so.
    let world = world.node(node("b")).no_node("b");
    assert_eq!(places(&world), expected);
    let world = world.no_pod("r").no_pod("w");
    assert_eq!(places(&world), []);
    assert_eq!(world.cluster().storage().users_of.len(), 0);
}

#[test]
fn a_claim_of_another_namespace_is_another_claim() {
    let mut other = pod("p").claims("data").on("a").running();
    other.namespace = "elsewhere".to_owned();
    assert_eq!(places(&World::new().with_data().pod(other)), []);
}

#[test]
fn an_unbound_claim_is_as_its_class_says_and_where_its_volume_shall_be_made() {
    let facts = unbound("data", "slow");
    let world = World::new().storage(StorageObject::Claim(facts.clone()));
    assert_eq!(kind(&world), DiskKind::Unknown);
    let world = world.storage(class("slow"));
    let disk = world.cluster().storage().disk("ci", "data", "");
    assert!(disk.waits_for_pod && disk.volume.is_none() && disk.kind == DiskKind::OneNode);
    let selected = ClaimFacts { selected_node: Some("a".to_owned()), ..facts };
    let world = world.storage(StorageObject::Claim(selected.clone()));
    assert_eq!(places(&world), [("a", AttachState::Attaching, 0)]);
    // Once there is a volume, where it was made says nothing of where it is.
    let bound = ClaimFacts { volume: Some("d".to_owned()), ..selected };
    let world = world.storage(StorageObject::Claim(bound));
    assert_eq!(places(&world), []);
}

#[test]
fn what_can_be_attached_to_whom_follows_the_attach_controller() {
    use AccessMode::{Many, OneNode, OnePod, ReadByMany};
    for (modes, expected) in [
        (&[OneNode][..], DiskKind::OneNode),
        (&[OnePod], DiskKind::OnePod),
        (&[Many], DiskKind::Shared),
        (&[OneNode, ReadByMany], DiskKind::Shared),
        (&[], DiskKind::Shared),
    ] {
        let world = World::new().with_data().storage(StorageObject::Volume(disk("d", modes)));
        assert_eq!(kind(&world), expected, "{modes:?}");
        let mounting = world.storage(driver("disk.example", false));
        assert_eq!(kind(&mounting), DiskKind::Mounted);
    }
    let share = DiskFacts { driver: None, ..disk("d", &[OneNode]) };
    let world = World::new().with_data().storage(StorageObject::Volume(share));
    assert_eq!(kind(&world), DiskKind::Mounted);
    assert_eq!(kind(&World::new()), DiskKind::Unknown);
}

#[test]
fn a_full_list_ends_what_it_does_not_name() {
    let mut world = World::new().with_data().storage(attachment("d", "a", AttachState::Attached));
    world = world.pod(pod("p").claims("data").on("b").running());
    world = world.resync(Kind::Attachments).resynced(Kind::Attachments);
    assert_eq!(places(&world), [("b", AttachState::Attached, 1)]);
    world = world.resync(Kind::Pods).resynced(Kind::Pods);
    assert_eq!(places(&world), []);
    world = world.resync(Kind::PersistentVolumes).resynced(Kind::PersistentVolumes);
    assert_eq!(kind(&world), DiskKind::Unknown);
    world = world.resync(Kind::Claims).resynced(Kind::Claims);
    assert_eq!(world.cluster().storage().sizes()[0], ("claims", 0));
}

#[test]
fn limits_of_drivers_are_known_by_node() {
    let limits = vec![("disk.example".to_owned(), Some(24)), ("free.example".to_owned(), None)];
    let facts = NodeDriverFacts { node: "a".to_owned(), limits };
    let world = World::new().storage(StorageObject::NodeDrivers(facts));
    let storage = world.cluster().storage();
    assert_eq!(storage.limit("a", "disk.example"), Some(24));
    assert_eq!(storage.limit("a", "free.example"), None);
    assert_eq!(storage.limit("b", "disk.example"), None);
}

/// What one object goes through, in its order.
type Life = Vec<Event>;

/// A life that ends or goes on; `None` stands for a deletion.
fn life(states: Vec<Option<StorageObject>>, names: StorageObject) -> Life {
    let event = |state: Option<StorageObject>| match state {
        Some(object) => Event::StorageApplied(object),
        None => Event::StorageRemoved(names.clone()),
    };
    states.into_iter().map(event).collect()
}

fn any_claim(at: usize) -> impl Strategy<Value = Life> {
    let state = (0..3_usize, any::<bool>()).prop_map(move |(volume, is_selected)| {
        let mut facts = unbound(&format!("c{at}"), "standard");
        facts.volume = (volume > 0).then(|| format!("d{volume}"));
        facts.selected_node = is_selected.then(|| "n1".to_owned());
        StorageObject::Claim(facts)
    });
    let names = claim(&format!("c{at}"), "");
    prop::collection::vec(prop::option::weighted(0.8, state), 0..4)
        .prop_map(move |states| life(states, names.clone()))
}

fn any_disk(at: usize) -> impl Strategy<Value = Life> {
    let modes = prop_oneof![Just(AccessMode::OneNode), Just(AccessMode::Many)];
    let name = format!("d{at}");
    let names = StorageObject::Volume(disk(&name, &[]));
    let state = modes.prop_map(move |mode| StorageObject::Volume(disk(&name, &[mode])));
    prop::collection::vec(prop::option::weighted(0.8, state), 0..3)
        .prop_map(move |states| life(states, names.clone()))
}

fn any_attachment(volume: usize, node: usize) -> impl Strategy<Value = Life> {
    let state = prop_oneof![
        Just(AttachState::Attaching),
        Just(AttachState::Attached),
        Just(AttachState::Detaching)
    ];
    let object = move |state| attachment(&format!("d{volume}"), &format!("n{node}"), state);
    prop::collection::vec(prop::option::weighted(0.7, state.prop_map(object)), 0..4)
        .prop_map(move |states| life(states, object(AttachState::Attached)))
}

fn any_pod(at: usize) -> impl Strategy<Value = Life> {
    let claims = prop::collection::btree_set(0..3_usize, 0..3);
    (claims, 0..3_usize, 0..4_usize, any::<bool>()).prop_map(move |(claims, node, upto, goes)| {
        let facts = pod(&format!("u{at}"));
        let facts = claims.into_iter().fold(facts, |facts, c| facts.claims(&format!("c{c}")));
        let bound = facts.clone().on(&format!("n{node}"));
        let states = [facts, bound.clone(), bound.clone().running(), bound.ended(1)];
        let mut life: Life = states.into_iter().take(upto + 1).map(Event::PodApplied).collect();
        if goes {
            life.push(Event::PodRemoved { uid: format!("u{at}") });
        }
        life
    })
}

fn any_node(at: usize) -> impl Strategy<Value = Life> {
    let name = format!("n{at}");
    (0..3_usize).prop_map(move |count| {
        let applied = Event::NodeApplied(node(&name));
        let removed = Event::NodeRemoved { name: name.clone() };
        [applied.clone(), removed, applied].into_iter().take(count).collect()
    })
}

/// What happens to some objects of every kind that tells where volumes are.
fn any_lives() -> impl Strategy<Value = Vec<Life>> {
    let claims = (any_claim(0), any_claim(1), any_claim(2));
    let disks = (any_disk(1), any_disk(2));
    let attachments = (any_attachment(1, 0), any_attachment(1, 1), any_attachment(2, 2));
    let pods = (any_pod(0), any_pod(1), any_pod(2), any_pod(3));
    let nodes = (any_node(0), any_node(1));
    (claims, disks, attachments, pods, nodes).prop_map(|(c, d, a, p, n)| {
        vec![c.0, c.1, c.2, d.0, d.1, a.0, a.1, a.2, p.0, p.1, p.2, p.3, n.0, n.1]
    })
}

/// Every life in its own order, one event after another from the lives that `order` names.
fn interleaved(lives: &[Life], order: &[usize]) -> Vec<Event> {
    let mut lives: Vec<_> = lives.iter().map(|life| life.iter().cloned()).collect();
    let mut events = Vec::new();
    for &at in order {
        let at = at % lives.len();
        events.extend(lives[at].next());
    }
    events.extend(lives.into_iter().flatten());
    events
}

fn storage_after(events: Vec<Event>) -> Storage {
    let world = events.into_iter().fold(World::new(), World::then);
    world.cluster().storage().clone()
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn any_order_of_the_same_events_that_keeps_each_objects_own_gives_the_same_storage(
        lives in any_lives(),
        orders in prop::array::uniform2(prop::collection::vec(0..14_usize, 0..60)),
    ) {
        let [first, second] = orders.map(|order| storage_after(interleaved(&lives, &order)));
        prop_assert_eq!(&first, &second);
    }

    #[test]
    fn kinds_that_are_listed_anew_side_by_side_end_the_same(
        lives in any_lives(),
        orders in prop::array::uniform2(prop::collection::vec(0..5_usize, 0..60)),
    ) {
        let of_kind = |from: usize, to: usize, kind: Kind| -> Life {
            let mut events = lives[from..to].concat();
            let list = vec![Event::ResyncStarted(kind), Event::ResyncEnded(kind)];
            events.splice(events.len() / 2..events.len() / 2, list);
            events
        };
        let kinds = [
            of_kind(0, 3, Kind::Claims),
            of_kind(3, 5, Kind::PersistentVolumes),
            of_kind(5, 8, Kind::Attachments),
            of_kind(8, 12, Kind::Pods),
            of_kind(12, 14, Kind::Nodes),
        ];
        let [first, second] = orders.map(|order| storage_after(interleaved(&kinds, &order)));
        prop_assert_eq!(first, second);
    }
}
