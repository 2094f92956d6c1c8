//! That images from registries do not pile up: the tracker forgets those that nobody needs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::lookup::{Lookup, TAKEN_BACK_MAX, TOLD_MAX};
use super::queue::Queue;
use super::{Resolver, Settings};
use crate::edge::clock::Clock;
use crate::edge::shared::Shared;
use crate::model::chain_id::sha256;
use crate::model::image::{ImageFacts, Layer, Platform};
use crate::model::node::{NodeFacts, ReportedImage};
use crate::model::unit::{Bytes, Time};
use crate::policy::Policy;
use crate::policy::interest::Interest;
use crate::state::event::Event;

fn resolver() -> Resolver {
    let policy = Policy::named("default").expect("comes with the program");
    let shared = Arc::new(Shared::new(policy, Interest::default(), Clock::Real));
    let settings = Settings {
        docker_config: None,
        hosts_dir: None,
        secrets: None,
        tag_lifetime: Duration::from_secs(60),
    };
    let lookup = Arc::new(Lookup::new(settings, shared.clone()).expect("TLS"));
    Resolver {
        shared,
        lookup,
        queue: Queue::default(),
        workers: JoinSet::new(),
        with_secrets: false,
        all_seen_at: None,
    }
}

fn digest(image: usize) -> String {
    sha256(&image.to_be_bytes())
}

fn platform() -> Platform {
    Platform::new("linux", "amd64", "")
}

/// An image was found.
fn find(resolver: &Resolver, image: usize) {
    let layer = Layer {
        digest: sha256(format!("layer {image}").as_bytes()),
        diff_id: None,
        compressed_bytes: Bytes(1),
    };
    resolver.shared.apply(Event::ImageKnown(ImageFacts {
        digests: vec![digest(image)],
        references: vec![format!("r.io/image-{image}:1")],
        platform: platform(),
        layers: vec![layer],
        published_at: Time::default(),
    }));
    resolver.lookup.keep((digest(image), platform()));
}

fn knows(resolver: &Resolver, image: usize) -> bool {
    let tracker = resolver.shared.read();
    let cluster = tracker.cluster();
    let id = cluster.known_platform(&platform());
    id.is_some_and(|id| cluster.image_of(&digest(image), id).is_some())
}

#[test]
fn of_too_many_images_the_longest_known_are_forgotten_unless_a_node_has_them() {
    let resolver = resolver();
    let held = ReportedImage { names: vec![format!("r.io/image-0@{}", digest(0))], size_bytes: 1 };
    resolver.shared.apply(Event::NodeApplied(NodeFacts {
        name: "a".to_owned(),
        platform: platform(),
        labels: BTreeMap::new(),
        zone: String::new(),
        group: String::new(),
        kubelet_minor: 37,
        images: vec![held],
        ..NodeFacts::default()
    }));
    (0..TOLD_MAX).for_each(|image| find(&resolver, image));
    resolver.take_back();
    assert!((0..TOLD_MAX).all(|image| knows(&resolver, image)), "as many as there may be");
    find(&resolver, TOLD_MAX);
    find(&resolver, TOLD_MAX + 1);
    resolver.take_back();
    let forgotten: Vec<_> = (0..TOLD_MAX + 2).filter(|image| !knows(&resolver, *image)).collect();
    assert_eq!(forgotten, [1], "the first is on a node");
    // That one now counts as the last that was found, so that the next ones have their turn.
    assert_eq!(resolver.lookup.surplus(), [(digest(2), platform())]);
    (0..2 * TAKEN_BACK_MAX).for_each(|image| find(&resolver, TOLD_MAX + 2 + image));
    assert_eq!(resolver.lookup.surplus().len(), TAKEN_BACK_MAX, "at a time");
}
