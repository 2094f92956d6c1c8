//! Request bodies of a heavy kind: a pod of 5 containers of 8 layers each, and nodes of 50 images.
//!
//! Of one pod's images every node holds other parts, so that nearly every node is in the answer; another
//! pod's are whole on every hundredth node and on no other, so that few are.

use serde_json::{Value, json};

use crate::testbed::{Image, NodeSpec};

/// Images of which each node holds 50.
const IMAGES: usize = 400;
/// Images that only every hundredth node holds, beside those.
const RARE_IMAGES: std::ops::Range<usize> = IMAGES..IMAGES + 5;
/// Images of which every node holds some layers, or none, or all.
pub const SPREAD: [usize; 5] = [0, 1, 9, 100, 205];
/// Images that few nodes hold.
pub const RARE: [usize; 5] = [400, 401, 402, 403, 404];
const IMAGES_PER_NODE: usize = 50;
const LAYERS_PER_IMAGE: usize = 8;

/// The name of a node, as a cloud gives it.
pub fn node_name(number: usize) -> String {
    format!("ip-10-0-{}-{}.eu-central-1.compute.internal", number / 256, number % 256)
}

/// A node that holds 50 images.
pub fn node(number: usize) -> NodeSpec {
    let mut node = NodeSpec::new(&node_name(number));
    node.images =
        (0..IMAGES_PER_NODE).map(|slot| held((number * 7 + slot * 13) % IMAGES)).collect();
    if number.is_multiple_of(100) {
        node.images.splice(..RARE_IMAGES.len(), RARE_IMAGES.map(held));
    }
    node
}

fn held(image: usize) -> Image {
    let mut held = Image::new(&format!("r.io/image-{image}@{}", digest("manifest", image)), 0);
    held.names.push(reference(image));
    held.bytes = 200_000_000 + image as i64;
    held
}

/// The manifest lines of all images: families of eight share their first four layers.
pub fn manifests() -> String {
    let line = |image: usize| {
        let layer = |depth: usize| {
            let owner = if depth < LAYERS_PER_IMAGE / 2 { image / 8 } else { 10_000 + image };
            let digest = digest("layer", owner * LAYERS_PER_IMAGE + depth);
            json!({ "digest": digest, "size": 25_000_000 })
        };
        let layers: Vec<_> = (0..LAYERS_PER_IMAGE).map(layer).collect();
        let manifest = digest("manifest", image);
        let line = json!({ "image": reference(image), "platform": "linux/amd64",
            "manifest": manifest, "layers": layers });
        format!("{line}\n")
    };
    (0..RARE_IMAGES.end).map(line).collect()
}

/// A real Tekton step pod, as the scheduler sends it, with five containers of our images.
pub fn pod(images: [usize; 5]) -> Value {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/kube-objects/extender/composed/tekton-nodenames.json"
    );
    let text = std::fs::read_to_string(file).expect("a file of the repository");
    let mut pod = serde_json::from_str::<Value>(&text).expect("JSON")["Pod"].take();
    // The scheduler's informer drops these before it sends a pod.
    pod["metadata"].as_object_mut().expect("an object").remove("managedFields");
    let real = pod["spec"]["containers"][0].clone();
    let container = |image: &usize| {
        let mut container = real.clone();
        container["name"] = json!(format!("step-{image}"));
        container["image"] = json!(reference(*image));
        container["imagePullPolicy"] = json!("Always");
        container
    };
    let containers: Vec<_> = images.iter().map(container).collect();
    pod["spec"]["containers"] = json!(containers);
    pod["spec"]["initContainers"] = Value::Null;
    pod
}

/// A body with names only, its keys in the order of the scheduler's.
pub fn names(images: [usize; 5], count: usize) -> String {
    let names: Vec<_> = (0..count).map(node_name).collect();
    format!(r#"{{"Pod":{},"Nodes":null,"NodeNames":{}}}"#, pod(images), json!(names))
}

/// A body with whole nodes.
pub fn full(images: [usize; 5], count: usize) -> String {
    let items: Vec<_> =
        (0..count).map(|number| k8s_openapi::api::core::v1::Node::from(&node(number))).collect();
    let nodes = json!({ "metadata": {}, "items": items });
    format!(r#"{{"Pod":{},"Nodes":{nodes},"NodeNames":null}}"#, pod(images))
}

fn reference(image: usize) -> String {
    format!("r.io/image-{image}:v1")
}

fn digest(kind: &str, number: usize) -> String {
    format!("sha256:{:0>64x}", dunnage::model::cluster::stable_hash(&format!("{kind}-{number}")))
}
