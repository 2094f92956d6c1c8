//! What agents publish, read by the server from a real API server: the objects are written by the test.

mod pulling;

use std::time::Duration;

use anyhow::{Context, Result};
use dunnage::edge::inventory::image::{ImageLayer, ImageManifest, ImageSpec, object_name};
use dunnage::edge::inventory::node::{BlobRule, HeldImage, InventorySpec, NodeInventory};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::deploy::definitions::establish;
use crate::support::{Extender, extender_args};
use crate::testbed::{ControlPlane, NodeSpec, make_nodes};

const MB: u64 = 1_000_000;

fn digest(of: &str) -> String {
    dunnage::model::chain_id::sha256(of.as_bytes())
}

/// An image on the common base, with a layer of its own.
pub fn manifest(name: &str) -> ImageManifest {
    let layer = |of: &str, bytes| ImageLayer {
        digest: digest(of),
        bytes,
        diff_id: digest(&format!("diff of {of}")),
    };
    let spec = ImageSpec {
        digest: digest(name),
        config: digest(&format!("config of {name}")),
        platform: "linux/amd64".to_owned(),
        bytes: 1100 * MB,
        layer_count: 2,
        layers: vec![layer("base", 900 * MB), layer(&format!("top of {name}"), 200 * MB)],
        references: Vec::new(),
    };
    ImageManifest::new(&object_name(&spec.digest).expect("a name"), spec)
}

pub fn held(name: &str, unpacked: u64) -> HeldImage {
    HeldImage {
        manifest: digest(name),
        names: vec![format!("r.io/{name}:1")],
        layers: 2,
        unpacked,
        bytes: 1100 * MB,
        ..HeldImage::default()
    }
}

/// A report made now.
pub fn report(images: Vec<HeldImage>, valid: Duration) -> InventorySpec {
    InventorySpec {
        observed_at: Time(k8s_openapi::jiff::Timestamp::now()),
        valid_seconds: valid.as_secs(),
        agent_version: "0".to_owned(),
        containerd_version: "0".to_owned(),
        platform: "linux/amd64".to_owned(),
        snapshotter: "overlayfs".to_owned(),
        lazy: false,
        blobs: BlobRule::Discarded,
        disk: None,
        image_count: images.len() as u64,
        images,
        chains: Vec::new(),
        loose_blobs: Vec::new(),
        pulls: Vec::new(),
        unreadable: Vec::new(),
        volumes: Vec::new(),
        lists_volumes: false,
        volume_server: None,
        dropped: None,
    }
}

/// Two nodes of which kubelets tell nothing, and a server.
struct Stage {
    extender: Extender,
    plane: ControlPlane,
}

impl Stage {
    /// Without a home, nodes that are equally cold are equal.
    async fn set() -> Result<Self> {
        let plane = ControlPlane::start().await?;
        make_nodes(&plane.client(), &["a", "b"].map(NodeSpec::new)).await?;
        let flags = ["--resolve=off", "--policy=plain"];
        let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &flags).await?;
        extender.await_ready().await?;
        Ok(Self { extender, plane })
    }

    async fn publish(&self, name: &str) -> Result<()> {
        let manifests: Api<ImageManifest> = Api::all(self.plane.client());
        manifests.create(&PostParams::default(), &manifest(name)).await?;
        Ok(())
    }

    async fn report(&self, node: &str, spec: InventorySpec) -> Result<()> {
        let inventories: Api<NodeInventory> = Api::all(self.plane.client());
        let patch = Patch::Apply(NodeInventory::new(node, spec));
        inventories.patch(node, &PatchParams::apply("test").force(), &patch).await?;
        Ok(())
    }

    /// Waits until so many images are known to be on a node, all whole.
    async fn await_images(&mut self, node: &str, count: usize) -> Result<()> {
        let images = |text: &str| {
            let nodes: Value = serde_json::from_str(text).ok()?;
            let node = nodes["items"].as_array()?.iter().find(|item| item["name"] == node)?;
            node["images"].as_u64()
        };
        let wanted = Some(count as u64);
        self.extender.await_answer("/api/v1/nodes", |_, text| images(text) == wanted).await
    }

    /// Waits until the layers of so many images are known.
    async fn await_known(&mut self, count: usize) -> Result<()> {
        let wanted = format!("dunnage_index_entries{{kind=\"images\"}} {count}");
        self.extender.await_answer("/metrics", |_, text| text.lines().any(|l| l == wanted)).await
    }

    /// The nodes that are preferred for a pod of this image, with their points.
    async fn scores(&self, image: &str) -> Result<Vec<(String, i64)>> {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "steps", "uid": "1"},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]},
        });
        let names = ["a", "b"].map(str::to_owned);
        self.extender.prioritize(extender_args(&pod, &names)).await?.scores()
    }

    async fn preferred(&self, image: &str) -> Result<Vec<String>> {
        Ok(self.scores(image).await?.into_iter().map(|(node, _)| node).collect())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_agents_publish_decides_as_soon_as_it_is_there_and_no_longer() -> Result<()> {
    const LONG: Duration = Duration::from_secs(600);
    let mut stage = Stage::set().await?;
    let absent = |kind: &str| format!("[+]watch-{kind} ok: not installed");
    let both = [absent("inventories"), absent("manifests")];
    let told = |status, text: &str| status == 200 && both.iter().all(|line| text.contains(line));
    stage.extender.await_answer("/readyz?verbose", told).await?;
    assert!(stage.preferred("r.io/app:1").await?.is_empty());

    // The kinds come while the server runs, and with them an image that is whole on one node.
    establish(&stage.plane.client()).await?;
    stage.publish("app").await?;
    stage.publish("other").await?;
    stage.report("a", report(vec![held("app", 2)], LONG)).await?;
    stage.await_images("a", 1).await?;
    stage.await_known(2).await?;
    let found = |_, text: &str| {
        ["inventories", "manifests"].iter().all(|k| text.contains(&format!("[+]watch-{k} ok\n")))
    };
    stage.extender.await_answer("/readyz?verbose", found).await?;
    assert_eq!(stage.preferred("r.io/app:1").await?, ["a"]);
    // Another image on the same base: fewer points, but the same node.
    let by_digest = format!("r.io/other@{}", digest("other"));
    assert_eq!(stage.preferred(&by_digest).await?, ["a"]);

    // The other node has the base alone.
    stage.report("a", report(Vec::new(), LONG)).await?;
    stage.await_images("a", 0).await?;
    stage.report("b", report(vec![held("app", 1), held("not published", 2)], LONG)).await?;
    stage.await_images("b", 1).await?;
    assert_eq!(stage.preferred(&by_digest).await?, ["b"]);

    // A server that starts finds everything there; a report that is deleted ends.
    stage.extender.restart().await?;
    stage.extender.await_ready().await?;
    stage.await_images("b", 1).await?;
    stage.await_known(2).await?;
    assert_eq!(stage.preferred(&by_digest).await?, ["b"]);
    let inventories: Api<NodeInventory> = Api::all(stage.plane.client());
    inventories.delete("b", &DeleteParams::default()).await?;
    stage.await_images("b", 0).await?;
    assert!(stage.preferred(&by_digest).await?.is_empty());

    // So does one that is too old, by itself.
    stage.report("b", report(vec![held("app", 2)], Duration::from_secs(4))).await?;
    stage.await_images("b", 1).await?;
    assert_eq!(stage.preferred(&by_digest).await?, ["b"]);
    stage.await_images("b", 0).await?;
    assert!(stage.preferred(&by_digest).await?.is_empty());
    let kept = inventories.get_opt("b").await?.context("the object is still there")?;
    assert_eq!(kept.spec.images.len(), 1);
    Ok(())
}
