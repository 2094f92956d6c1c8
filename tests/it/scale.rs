//! A large cluster on a real API server: memory, and time from start to ready; what many agents cost it.
//!
//! In every test run with 500 nodes; `SCALE_NODES=5000` makes it the full size of the promise: 5,000 nodes
//! of 100 images, 50,000 distinct layers, under 150 MB resident, ready within 10 s.

mod fleet;
mod reports;
mod spent;

use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use crate::support::Extender;
use crate::testbed::{ControlPlane, Image, NodeSpec, make_nodes};

const IMAGES_PER_NODE: usize = 100;
const LAYERS_PER_IMAGE: usize = 10;
/// The promise at full size, and what a tenth of it may take besides the program itself.
const RESIDENT_KB_MAX: u64 = 150_000;

fn digest(kind: &str, number: usize) -> String {
    format!("sha256:{:0>64x}", dunnage::model::cluster::stable_hash(&format!("{kind}-{number}")))
}

fn node(number: usize, images: usize) -> NodeSpec {
    let mut node = NodeSpec::new(&format!("node-{number:05}"));
    let image = |slot: usize| {
        let image = (number * 37 + slot * 61) % images;
        let by_digest = format!("r.io/image-{image}@{}", digest("manifest", image));
        let mut held = Image::new(&by_digest, 300_000_000);
        held.names.push(format!("r.io/image-{image}:v1"));
        held
    };
    node.images = (0..IMAGES_PER_NODE).map(image).collect();
    node
}

fn manifests(images: usize) -> String {
    let line = |image: usize| {
        let digest_at = |depth| digest("layer", image * LAYERS_PER_IMAGE + depth);
        let layer = |depth| json!({ "digest": digest_at(depth), "size": 30_000_000 });
        let layers: Vec<_> = (0..LAYERS_PER_IMAGE).map(layer).collect();
        let line = json!({ "image": format!("r.io/image-{image}:v1"), "platform": "linux/amd64",
            "manifest": digest("manifest", image), "layers": layers });
        format!("{line}\n")
    };
    (0..images).map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_cluster_fits_in_little_memory() -> Result<()> {
    let nodes: usize = std::env::var("SCALE_NODES").map_or(Ok(500), |text| text.parse())?;
    // As many distinct layers as ten a node.
    let images = nodes;
    let plane = ControlPlane::start().await?;
    let specs: Vec<_> = (0..nodes).map(|number| node(number, images)).collect();
    make_nodes(&plane.client(), &specs).await?;
    let file = plane.dir().join("manifests.jsonl");
    std::fs::write(&file, manifests(images))?;
    let flag = format!("--manifests={}", file.display());
    let start = Instant::now();
    let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &[&flag]).await?;
    extender.await_ready().await?;
    let ready = start.elapsed();
    let resident = spent::peak_resident_kb(extender.process().pid())?;
    println!("{nodes} nodes: ready after {ready:?}, peak resident {resident} kB");
    let chains = extender.metric("dunnage_index_entries{kind=\"chains\"}").await?;
    assert_eq!(chains, (images * LAYERS_PER_IMAGE) as f64);
    assert!(resident < RESIDENT_KB_MAX, "{resident} kB resident");
    Ok(())
}
