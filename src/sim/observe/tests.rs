//! Numbers as the names and objects that a watcher would see.

use super::{Observer, uid};
use crate::model::pod::PodPhase;
use crate::model::unit::{Nanos, Time};
use crate::sim::catalogue::{Catalogue, ImageNumber, Reference, ReferenceNumber};
use crate::sim::fixtures::{image, job};
use crate::sim::job::JobNumber;
use crate::sim::placement::{Change, ImageList, PodNumber};
use crate::sim::setup::{NodeNumber, Setup, ZoneNumber};
use crate::state::event::Event;

const POD: PodNumber = PodNumber { job: JobNumber(0), attempt: 2 };

/// A name that moves at 5 ns from the first image to the second, and one of the first by digest.
fn setup() -> Setup {
    let images = vec![image("one", &[("a", 10)]), image("two", &[("b", 20)])];
    let by_digest = format!("registry.example/one@{}", images[0].digests[0]);
    let moving = vec![(Nanos(0), ImageNumber(0)), (Nanos(5), ImageNumber(1))];
    let fixed = vec![(Nanos(0), ImageNumber(0))];
    let names = [("registry.example/tools:1".to_owned(), moving), (by_digest, fixed)];
    let references = names.map(|(name, history)| Reference { name, history }).to_vec();
    let catalogue = Catalogue::with_references(images, references);
    let mut jobs = vec![job(&[1, 0])];
    jobs[0].containers[0].is_init = true;
    let zones = vec!["near".to_owned(), "far".to_owned()];
    Setup { epoch: Time(100), catalogue, zones, jobs, ..Setup::default() }
}

#[test]
fn the_uid_of_a_pod_has_the_form_of_one() {
    let pod = PodNumber { job: JobNumber(0x00ab_cdef), attempt: 0x123 };
    assert_eq!(uid(pod), "00000000-0000-4000-8123-000000abcdef");
}

#[test]
fn a_pod_tells_its_images_once_it_runs() {
    let setup = setup();
    let mut observer = Observer::new(&setup);
    let node = NodeNumber(0);
    let Event::PodApplied(bound) = observer.event(Nanos(7), &Change::Bound { pod: POD, node })
    else {
        panic!("a pod");
    };
    assert_eq!((bound.bound_at, bound.node.as_deref()), (Some(Time(107)), Some("node-1")));
    assert_eq!(bound.images.iter().map(|image| image.is_init).collect::<Vec<_>>(), [true, false]);
    assert!(bound.images.iter().all(|image| image.image_id.is_none()));
    let images = Some([ImageNumber(0), ImageNumber(1)].into());
    let pod = observer.pod(POD, Some(node), PodPhase::Running, &images);
    let ids: Vec<_> = pod.images.into_iter().filter_map(|image| image.image_id).collect();
    let expected = [0, 1].map(|image| setup.catalogue.image(ImageNumber(image)).by_digest());
    assert_eq!(ids, expected);
}

#[test]
fn a_pod_names_images_of_later_steps_where_it_is_told_to() {
    let mut setup = setup();
    let named = |setup: &Setup| {
        let pod = Observer::new(setup).pod(POD, None, PodPhase::Waiting, &None);
        let images = pod.run.next_images?;
        Some(images.into_iter().map(|image| image.reference).collect::<Vec<_>>())
    };
    assert_eq!(named(&setup), None);
    setup.jobs[0].next = [ReferenceNumber(0)].into();
    assert_eq!(named(&setup), Some(vec!["registry.example/tools:1".to_owned()]));
}

#[test]
fn a_node_lists_digests_before_tags_and_keeps_its_zone() {
    let setup = setup();
    let mut observer = Observer::new(&setup);
    let node = NodeNumber(0);
    let (capacity, pods_max, zone) = (Default::default(), 1, ZoneNumber(1));
    observer.event(Nanos(0), &Change::NodeJoined { node, zone, capacity, pods_max });
    let mut images = ImageList::default();
    images.push(ImageNumber(0), [0, 1].map(ReferenceNumber).into_iter());
    let listed = observer.event(Nanos(0), &Change::Listed { node, images: images.into() });
    let Event::NodeApplied(facts) = listed else { panic!("a node") };
    assert_eq!(facts.zone, "far");
    let names = &facts.images[0].names;
    assert_eq!((names.len(), names[1].as_str()), (2, "registry.example/tools:1"));
    assert!(names[0].contains('@'), "{names:?}");
}

#[test]
fn the_registry_tells_what_names_come_to_mean() {
    let mut setup = setup();
    let mut observer = Observer::new(&setup);
    assert_eq!(observer.first_list().len(), 2 + 2);
    assert!(observer.moved(Nanos(4)).is_none());
    let Some(Event::ImageKnown(facts)) = observer.moved(Nanos(5)) else { panic!("an image") };
    assert_eq!(facts.references, ["registry.example/tools:1"]);
    assert_eq!(facts.published_at, Time(105));
    assert!(observer.moved(Nanos(99)).is_none());
    setup.view.layers_known = false;
    let mut observer = Observer::new(&setup);
    assert_eq!((observer.first_list().len(), observer.moved(Nanos(99)).is_none()), (2, true));
}
