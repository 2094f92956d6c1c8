//! What the agent says of a real containerd is what that containerd does: bytes are counted on the node's
//! link.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use dunnage::edge::inventory::image::{ImageManifest, object_name};
use dunnage::edge::inventory::node::{BlobRule, InventorySpec};
use dunnage::model::chain_id::chain_ids;
use kube::{Api, Client};
use tokio::process::Command;
use tokio::time::timeout;

use super::rig::{Agent, PATIENCE, await_inventory, names};
use crate::cluster::{assert_received, bytes_of_step};
use crate::deploy::definitions::establish;
use crate::testbed::real::{Cluster, ImageSpec, Layer, Options, Pushed, Stored, sleeping};
use crate::testbed::{PodSpec, Scheduler, SchedulerOptions, make_pods, node_binary};

const NODE: &str = "node-0";

/// Layers of sizes that cannot be taken for each other or for noise.
fn layer(seed: u64) -> Layer {
    Layer { seed, bytes: 3_000_000 + usize::try_from(seed).unwrap_or(0) * 4_000_000 }
}

fn image(name: &str, seeds: &[u64]) -> ImageSpec {
    let layers: Vec<_> = seeds.iter().map(|seed| layer(*seed)).collect();
    ImageSpec::new(name, &layers)
}

async fn start_agent(cluster: &Cluster) -> Result<Agent> {
    establish(&cluster.client()).await?;
    let socket = cluster.node(NODE)?.containerd_socket();
    let plane = cluster.plane();
    Agent::start(plane.dir(), plane.kubeconfig(), NODE, &socket, &[]).await
}

#[tokio::test]
async fn what_it_says_where_blobs_are_kept_is_what_containerd_reuses() -> Result<()> {
    what_it_says_is_what_containerd_reuses(false).await
}

#[tokio::test]
async fn what_it_says_where_blobs_are_discarded_is_what_containerd_reuses() -> Result<()> {
    what_it_says_is_what_containerd_reuses(true).await
}

/// Pulls an image that shares the first layers of one that is there, one that shares a later layer only,
/// and one that shares none: each time the node receives what its inventory says it lacks.
async fn what_it_says_is_what_containerd_reuses(discard_unpacked_layers: bool) -> Result<()> {
    let options = Options { nodes: 1, discard_unpacked_layers, ..Options::default() };
    let cluster = Cluster::start(&options).await?;
    let _scheduler = Scheduler::start(cluster.plane(), SchedulerOptions::default()).await?;
    let _agent = start_agent(&cluster).await?;
    let client = cluster.client();
    let pulls = [
        ("first", vec![1, 2]),
        ("prefix", vec![1, 3]),
        ("later", vec![4, 2]),
        ("nothing", vec![5]),
        ("again", vec![1, 2]),
    ];
    let mut lacked = Vec::new();
    let mut inventory = await_whole(&client, "registry.testbed/pause:1").await?;
    for (count, (name, seeds)) in (1..).zip(pulls) {
        let image = cluster.registry().push(&image(name, &seeds)).await?;
        let missing = missing_bytes(&client, &inventory, &image).await?;
        let received = bytes_of_step(&cluster, NODE, &image.reference, count).await?;
        assert_received(received, missing);
        lacked.push(missing);
        inventory = await_whole(&client, &image.reference).await?;
    }
    let bytes = |seed| layer(seed).bytes as u64;
    // The layer that two images have in different places: a download where blobs are discarded.
    let moved = if discard_unpacked_layers { bytes(2) } else { 0 };
    let wanted = [bytes(1) + bytes(2), bytes(3), bytes(4) + moved, bytes(5), 0];
    for (lacked, wanted) in lacked.into_iter().zip(wanted) {
        // A packed layer is a little larger than its file.
        ensure!((wanted..=wanted + wanted / 100).contains(&lacked), "{lacked} for {wanted}");
    }
    let rule = if discard_unpacked_layers { BlobRule::Discarded } else { BlobRule::Kept };
    assert_eq!((inventory.blobs, inventory.snapshotter.as_str()), (rule, "overlayfs"));
    assert!(inventory.disk.is_some_and(|disk| disk.free_bytes > 0), "{:?}", inventory.disk);
    assert!(inventory.unreadable.is_empty(), "{:?}", inventory.unreadable);
    Ok(())
}

/// The inventory once an image is on the node whole, its manifest is published, and nothing moves.
async fn await_whole(client: &Client, reference: &str) -> Result<InventorySpec> {
    let is_whole = |found: &InventorySpec| {
        let named = |name: &String| name == reference;
        let image = found.images.iter().find(|image| image.names.iter().any(named));
        found.pulls.is_empty() && image.is_some_and(|image| image.unpacked == image.layers)
    };
    let inventory = await_inventory(client, NODE, is_whole).await?.spec;
    let manifests: Api<ImageManifest> = Api::all(client.clone());
    for image in &inventory.images {
        let name = object_name(&image.manifest).context("a name")?;
        let published = |found: Option<&ImageManifest>| found.is_some();
        let awaited = kube::runtime::wait::await_condition(manifests.clone(), &name, published);
        timeout(PATIENCE, awaited).await.context("a manifest was not published")??;
    }
    Ok(inventory)
}

/// What the node lacks of an image, by its inventory as a reader reads it.
async fn missing_bytes(client: &Client, inventory: &InventorySpec, image: &Pushed) -> Result<u64> {
    let mut chains: BTreeSet<String> = inventory.chains.iter().cloned().collect();
    let mut blobs: BTreeSet<String> = inventory.loose_blobs.iter().cloned().collect();
    let manifests: Api<ImageManifest> = Api::all(client.clone());
    for held in &inventory.images {
        let name = object_name(&held.manifest).context("a name")?;
        let layers = manifests.get(&name).await?.spec.layers;
        let diff_ids = layers.iter().map(|layer| layer.diff_id.as_str());
        chains.extend(chain_ids(diff_ids).into_iter().take(usize::try_from(held.unpacked)?));
        let kept = (0..).zip(layers).filter(|(place, _)| match (&held.blobs, inventory.blobs) {
            (Some(places), _) => places.contains(place),
            (None, rule) => rule == BlobRule::Kept,
        });
        blobs.extend(kept.map(|(_, layer)| layer.digest));
    }
    let diff_ids = image.layers.iter().map(|layer| layer.diff_id.as_str());
    let wanted = chain_ids(diff_ids);
    let unpacked = wanted.iter().take_while(|chain| chains.contains(*chain)).count();
    let is_missing = |layer: &&Stored| !blobs.contains(&layer.digest);
    Ok(image.layers[unpacked..].iter().filter(is_missing).map(|layer| layer.bytes).sum())
}

#[tokio::test]
async fn a_pull_is_seen_while_it_lasts_and_a_removed_image_is_gone() -> Result<()> {
    let rate = Some("40mbit".to_owned());
    let cluster = Cluster::start(&Options { nodes: 1, rate, ..Options::default() }).await?;
    let _scheduler = Scheduler::start(cluster.plane(), SchedulerOptions::default()).await?;
    let mut agent = start_agent(&cluster).await?;
    let client = cluster.client();
    // 23 MB take five seconds, the agent looks each second.
    let app = cluster.registry().push(&image("app", &[5])).await?;
    let pod = sleeping(PodSpec::new("step", &app.reference), 1);
    make_pods(&client, "default", [pod]).await?;
    let large = &app.layers[1];
    let is_pulled = |found: &InventorySpec| found.pulls.iter().any(|p| p.digest == large.digest);
    let found = await_inventory(&client, NODE, is_pulled).await?.spec;
    let pull = found.pulls.iter().find(|pull| pull.digest == large.digest).context("gone")?;
    assert_eq!(pull.total_bytes, large.bytes);
    assert!(pull.offset_bytes < pull.total_bytes, "{pull:?}");
    let begun = found.images.iter().find(|image| image.manifest == app.digest);
    let begun = begun.context("the image is not told before it is whole")?;
    assert!(begun.names.is_empty() && begun.unpacked < begun.layers, "{begun:?}");

    let whole = await_whole(&client, &app.reference).await?;
    let held = whole.images.iter().find(|image| image.manifest == app.digest).context("no app")?;
    let events = agent.metric("dunnage_agent_events_total").await?;
    ensure!(events > 1.0, "containerd told of no change");
    let manifests: Api<ImageManifest> = Api::all(client.clone());
    let manifest = manifests.get(&object_name(&held.manifest).context("a name")?).await?;
    // CRI also knows it by the digest of its config.
    let names_of_app = [&held.names[..], &[manifest.spec.config]].concat();
    remove(&cluster, &names_of_app).await?;
    let is_gone = |found: &InventorySpec| {
        !names(found).contains(&app.reference.as_str()) && found.image_count < whole.image_count
    };
    await_inventory(&client, NODE, is_gone).await?;
    agent.process().ensure_running()
}

/// Removes an image by its names, and what only it held.
async fn remove(cluster: &Cluster, names: &[String]) -> Result<()> {
    let mut command = Command::new(node_binary("ctr").await?);
    command.arg("--address").arg(cluster.node(NODE)?.containerd_socket());
    command.args(["--namespace", "k8s.io", "images", "rm", "--sync"]).args(names);
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ctr: {said}");
    Ok(())
}
