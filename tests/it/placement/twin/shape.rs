//! A cluster of unequal nodes and pods of unequal steps, by chance from a seed.

use std::collections::BTreeMap;

use dunnage::sim::random::Random;
use k8s_openapi::api::core::v1::{
    Container, ImageVolumeSource, Pod, PodSpec, ResourceRequirements, Volume,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;

use crate::testbed::{Image, NodeSpec};

/// Images of the cluster: some on most nodes, some on few.
const IMAGES: usize = 20;
/// Nodes without one of these are in no zone.
const ZONES: [&str; 3] = ["a", "b", "c"];

fn pick<'a, T>(random: &mut Random, list: &'a [T]) -> &'a T {
    &list[random.index(list.len())]
}

/// What pods call an image; every fourth has no tag.
fn name(image: usize) -> String {
    let tag = if image.is_multiple_of(4) { "" } else { ":v1" };
    format!("registry.example:5000/ci/image-{image}{tag}")
}

/// An image as a node lists it: tagged, every third by a second name, too; every fifth of a size that
/// nodes do not agree about.
fn listed(random: &mut Random, image: usize) -> Image {
    let tag = if image.is_multiple_of(4) { ":latest" } else { "" };
    let digest = format!("registry.example:5000/ci/image-{image}@sha256:{image:064x}");
    let mut names = vec![digest, format!("{}{tag}", name(image))];
    if image.is_multiple_of(3) {
        names.push(format!("mirror.example/ci/image-{image}:v1"));
    }
    let doubt = if image.is_multiple_of(5) { random.below(400 << 20) } else { 0 };
    let bytes = (20 << 20) + (image as u64 * image as u64 * (9 << 20)) + doubt;
    Image { names, bytes: i64::try_from(bytes).expect("a few gigabytes") }
}

/// Whether a node that is asked at random holds an image.
fn is_held(random: &mut Random, image: usize) -> bool {
    random.below(6) < [5, 1, 2, 3][image % 4]
}

/// Nodes of five sizes in three zones, some in none; every tenth takes few pods.
pub fn nodes(random: &mut Random, count: usize) -> Vec<NodeSpec> {
    let node = |at: usize| {
        let mut node = NodeSpec::new(&format!("node-{at:03}"));
        node.cpu = (*pick(random, &["4", "8", "16", "32", "64"])).to_owned();
        node.memory = (*pick(random, &["16Gi", "30Gi", "64Gi", "250Gi"])).to_owned();
        node.pods = if at.is_multiple_of(10) { 6 } else { 110 };
        if let Some(zone) = ZONES.get(random.index(7) / 2) {
            node.labels.insert("topology.kubernetes.io/zone".to_owned(), (*zone).to_owned());
        }
        let held: Vec<_> = (0..IMAGES).filter(|image| is_held(random, *image)).collect();
        node.images = held.into_iter().map(|image| listed(random, image)).collect();
        node
    };
    (0..count).map(node).collect()
}

/// A node loses an image, or gets one.
pub fn change_images(random: &mut Random, node: &mut NodeSpec) {
    let image = random.index(IMAGES);
    let image = listed(random, image);
    let known = node.images.iter().position(|other| other.names == image.names);
    match known {
        Some(at) => drop(node.images.remove(at)),
        None => node.images.push(image),
    }
}

/// A step of one to three containers, with or without init containers; some ask for nothing, some mount an
/// image.
pub fn pod(random: &mut Random, number: usize) -> Pod {
    let asks = random.below(20) > 0;
    let init = random.index(3);
    let containers = 1 + random.index(3);
    let init = (0..init).map(|at| container(random, &format!("init-{at}"), asks)).collect();
    let steps = (0..containers).map(|at| container(random, &format!("step-{at}"), asks)).collect();
    let volume = (random.below(8) == 0).then(|| Volume {
        name: "model".to_owned(),
        image: Some(ImageVolumeSource {
            reference: Some(name(random.index(IMAGES))),
            ..ImageVolumeSource::default()
        }),
        ..Volume::default()
    });
    Pod {
        metadata: ObjectMeta { name: Some(format!("step-{number:04}")), ..ObjectMeta::default() },
        spec: Some(PodSpec {
            init_containers: Some(init),
            containers: steps,
            volumes: Some(volume.into_iter().collect()),
            restart_policy: Some("Never".to_owned()),
            ..PodSpec::default()
        }),
        status: None,
    }
}

fn container(random: &mut Random, container: &str, asks: bool) -> Container {
    let mut requests = BTreeMap::new();
    let cpu = *pick(random, &["", "0", "100m", "250m", "1", "2", "3500m"]);
    let memory = *pick(random, &["", "100M", "512Mi", "2Gi", "7Gi"]);
    for (resource, amount) in [("cpu", cpu), ("memory", memory)] {
        if asks && !amount.is_empty() {
            requests.insert(resource.to_owned(), Quantity(amount.to_owned()));
        }
    }
    Container {
        name: container.to_owned(),
        image: Some(name(random.index(IMAGES))),
        resources: Some(ResourceRequirements {
            requests: Some(requests),
            ..ResourceRequirements::default()
        }),
        ..Container::default()
    }
}
