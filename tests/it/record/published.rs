//! What agents publish and kubelets report, in a trace: layers of images, what lies on nodes, volumes, disks,
//! and pulls.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dunnage::edge::inventory::image::ImageManifest;
use dunnage::edge::inventory::node::{Disk, InventorySpec, NodeInventory, StoredVolume};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use super::cluster::{Cluster, KEY, step, with_volume};
use super::recording::{Recording, of_kind, validate};
use crate::deploy::definitions::establish;
use crate::inventory::{held, manifest, report};
use crate::learning;
use crate::testbed::Signal;

const HOLDER: &str = "secret-node-b";

/// A node with an image, a volume and a disk.
fn inventory() -> InventorySpec {
    let volume = StoredVolume {
        key: KEY.to_owned(),
        kind: "output".to_owned(),
        bytes: 44_000_000,
        last_used: None,
    };
    InventorySpec {
        volumes: vec![volume],
        lists_volumes: true,
        disk: Some(Disk { size_bytes: 150 << 30, free_bytes: 100 << 30 }),
        ..report(vec![held("app", 2)], Duration::from_secs(600))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_volumes_disks_and_pulls_are_as_nodes_tell_them() -> Result<()> {
    let mut cluster = Cluster::start().await?;
    let client = cluster.plane.client();
    establish(&client).await?;
    let published = manifest("app");
    let digest = published.spec.digest.clone();
    Api::<ImageManifest>::all(client.clone()).create(&PostParams::default(), &published).await?;
    let patch = Patch::Apply(NodeInventory::new(HOLDER, inventory()));
    let inventories: Api<NodeInventory> = Api::all(client.clone());
    inventories.patch(HOLDER, &PatchParams::apply("test").force(), &patch).await?;

    let flags = ["--names=plain"];
    let mut recording = Recording::start(&cluster.plane, "trace.jsonl", &flags).await?;
    let reader = with_volume(step("reader", "r.io/app:1"), "dunnage.dev/needs");
    cluster.place(vec![reader]).await?;
    recording.await_lines("bound", 1).await?;
    let bound = cluster.pods().get("reader").await?;
    learning::report(&cluster.plane, &bound, &learning::pulled("r.io/app:1", 7)).await?;
    recording.await_lines("pulled", 1).await?;
    recording.end(Signal::TERM).await?;
    validate(&recording.path)?;

    let lines = recording.lines()?;
    let nodes = of_kind(&lines, "node");
    let holder = nodes.iter().find(|node| node["name"] == HOLDER).context("told")?;
    assert_eq!(
        (&holder["images"], &holder["diskBytes"]),
        (&json!([digest]), &json!(150_u64 << 30))
    );
    let images = of_kind(&lines, "image");
    let image = images.iter().find(|image| image["digest"] == digest).context("told")?;
    ensure!(image["layers"].as_array().map(Vec::len) == Some(2), "{image}");
    ensure!(image["estimate"].is_null(), "{image}");
    let [pull] = of_kind(&lines, "pulled")[..] else { anyhow::bail!("one pull: {lines:?}") };
    assert_eq!(
        (&pull["node"], &pull["image"], &pull["tookNanos"]),
        (&json!(cluster.landed["reader"]), &json!("r.io/app:1"), &json!(7_000_000_000_u64))
    );
    let [volume] = of_kind(&lines, "volume")[..] else { anyhow::bail!("one volume: {lines:?}") };
    assert_eq!((&volume["holders"], &volume["bytes"]), (&json!([HOLDER]), &json!(44_000_000)));
    Ok(())
}
