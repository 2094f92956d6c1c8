//! Nodes: names, platforms, kubelet versions and every reported image survive.

use std::collections::BTreeSet;

use dunnage::edge::object::NodeObject;
use dunnage::edge::object::convert::node_facts;
use dunnage::model::node::NodeFacts;

use super::node_objects;

fn facts(name: &str) -> Vec<NodeFacts> {
    let keys = BTreeSet::from(["kubernetes.io/hostname".to_owned()]);
    let facts = |node: NodeObject| node_facts(node, &keys);
    node_objects(name).into_iter().map(facts).collect()
}

/// Name, platform, kubelet's minor version, images, names of images, bytes of images.
type Sketch<'a> = (&'a str, &'a str, u16, usize, usize, u64);

fn check(name: &str, expected: &[Sketch<'_>]) {
    let nodes = facts(name);
    let platforms: Vec<_> = nodes.iter().map(|node| node.platform.to_string()).collect();
    let found: Vec<Sketch<'_>> = nodes
        .iter()
        .zip(&platforms)
        .map(|(node, platform)| {
            let names = node.images.iter().map(|image| image.names.len()).sum();
            let bytes = node.images.iter().map(|image| image.size_bytes).sum();
            let images = node.images.len();
            (&*node.name, &**platform, node.kubelet_minor, images, names, bytes)
        })
        .collect();
    assert_eq!(found, expected, "{name}");
}

const SIX: [Sketch<'_>; 6] = [
    ("repldev-marc", "linux/amd64", 16, 2, 2, 1_510_624_404),
    ("biggernode-3i745", "linux/amd64", 19, 37, 74, 4_429_152_356),
    ("pool-yd23sqk7u-3i7i7", "linux/amd64", 19, 30, 60, 2_617_335_973),
    ("pool-yd23sqk7u-3i7it", "linux/amd64", 19, 30, 60, 2_700_730_179),
    ("pool-yd23sqk7u-3i7v3", "linux/amd64", 19, 27, 54, 2_336_570_827),
    ("smallnode-3i74t", "linux/amd64", 19, 27, 54, 2_336_570_827),
];

#[test]
fn every_image_of_real_nodes_is_counted() {
    check("nodes/troubleshoot-bundle-6-nodes.json", &SIX);
    let seventh = ("ip-172-31-21-92", "linux/x86_64", 29, 26, 44, 3_877_834_217);
    let seven: Vec<_> = SIX.into_iter().chain([seventh]).collect();
    check("nodes/troubleshoot-7-nodes.json", &seven);
}

#[test]
fn a_node_as_yaml_and_of_an_old_kubelet_decodes() {
    let nodes = facts("nodes/apimachinery-gce-node.yaml");
    let [node] = nodes.as_slice() else { panic!("one node") };
    assert_eq!(node.kubelet_minor, 11);
    assert_eq!(node.platform.to_string(), "linux/amd64");
    assert_eq!(node.images.len(), 25);
    assert!(node.images.iter().all(|image| !image.names.is_empty() && image.size_bytes > 0));
    assert_eq!(node.labels.len(), 1, "only the label that was asked for: {:?}", node.labels);
}

#[test]
fn a_node_with_every_field_set_decodes() {
    for version in ["HEAD", "v1.33.0"] {
        let name = format!("full-api/{version}/core.v1.Node.json");
        let platform = "operatingsystemvalue/architecturevalue";
        check(&name, &[("nameValue", platform, 0, 1, 1, 2)]);
    }
}

#[test]
fn kubelets_report_images_largest_first() {
    for name in ["nodes/troubleshoot-7-nodes.json", "nodes/apimachinery-gce-node.yaml"] {
        for node in facts(name) {
            let sizes = node.images.iter().map(|image| image.size_bytes);
            assert!(sizes.is_sorted_by(|a, b| a >= b), "{}", node.name);
        }
    }
}

#[test]
fn a_node_without_anything_is_a_node_without_facts() {
    for json in ["{}", r#"{"metadata":{"name":"a"},"status":null}"#] {
        let node: NodeObject = serde_json::from_str(json).expect(json);
        assert!(node_facts(node, &BTreeSet::new()).images.is_empty());
    }
}
