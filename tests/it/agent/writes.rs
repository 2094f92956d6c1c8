//! What is written to the API server, how often, and by whom.

use std::time::Duration;

use anyhow::{Context, Result};
use dunnage::edge::inventory::image::{ImageManifest, object_name};
use dunnage::edge::inventory::node::NodeInventory;
use kube::Api;

use super::content::{Image, LAYER_BYTES};
use super::fake::{Content, Fake};
use super::rig::{Agent, await_inventory, names};
use crate::deploy::definitions::establish;
use crate::testbed::{ControlPlane, NodeSpec, make_nodes};

#[tokio::test(flavor = "multi_thread")]
async fn only_changes_are_written_and_not_more_often_than_the_interval() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    establish(&client).await?;
    make_nodes(&client, &[NodeSpec::new("node-1")]).await?;
    let socket = plane.dir().join("containerd.sock");
    let containerd = Fake::start(&socket, Content::default().with(&Image::new("r/0:1", &["x"])))?;
    let interval = Duration::from_secs(4);
    let flags = ["--interval=4s"];
    let mut agent =
        Agent::start(plane.dir(), plane.kubeconfig(), "node-1", &socket, &flags).await?;
    let first = await_inventory(&client, "node-1", |found| found.images.len() == 1).await?;
    assert_eq!(first.metadata.generation, Some(1));

    // Events without a change are read, and nothing is written.
    let readings = agent.metric("dunnage_agent_readings_total{result=\"ok\"}").await?;
    containerd.tell();
    let read_again = format!("dunnage_agent_readings_total{{result=\"ok\"}} {}\n", readings + 1.0);
    agent.await_answer("/metrics", |_, text| text.contains(&read_again)).await?;
    let inventories: Api<NodeInventory> = Api::all(client.clone());
    assert_eq!(inventories.get("node-1").await?.metadata.generation, Some(1));

    // A burst of changes is one write, or two where the first was written at once.
    let started = std::time::Instant::now();
    for number in 1..=30 {
        let image = Image::new(&format!("r/{number}:1"), &["x", &number.to_string()]);
        containerd.change(|content| content.add(&image));
        tokio::task::yield_now().await;
    }
    let last = await_inventory(&client, "node-1", |found| found.images.len() == 31).await?;
    let intervals = i64::try_from(started.elapsed().as_secs() / interval.as_secs())?;
    let writes = last.metadata.generation.context("no generation")? - 1;
    assert!((1..=intervals + 1).contains(&writes), "{writes} in {intervals} intervals");

    // A change that comes right after a write waits for the interval to pass.
    let add = |number: usize| {
        let image = Image::new(&format!("r/{number}:1"), &["x", &number.to_string()]);
        containerd.change(|content| content.add(&image));
    };
    add(31);
    await_inventory(&client, "node-1", |found| found.images.len() == 32).await?;
    let written = std::time::Instant::now();
    add(32);
    await_inventory(&client, "node-1", |found| found.images.len() == 33).await?;
    // The first was seen some moments after it was written.
    let least = interval - Duration::from_secs(1);
    assert!(written.elapsed() >= least, "again after {:?}", written.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_is_published_once_by_whoever_has_it_first() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    establish(&client).await?;
    make_nodes(&client, &[NodeSpec::new("node-1"), NodeSpec::new("node-2")]).await?;
    let socket = plane.dir().join("containerd.sock");
    let images: Vec<_> = (0..5)
        .map(|number| Image::new(&format!("r/{number}:1"), &["base", &number.to_string()]))
        .collect();
    let content = images.iter().fold(Content::default(), Content::with);
    let _containerd = Fake::start(&socket, content)?;
    let start = |node| Agent::start(plane.dir(), plane.kubeconfig(), node, &socket, &[]);
    let mut agents = [start("node-1").await?, start("node-2").await?];
    for (agent, node) in agents.iter_mut().zip(["node-1", "node-2"]) {
        await_inventory(&client, node, |found| names(found).len() == 5).await?;
        let done = |text: &str| {
            let of = |result: &str| {
                let name =
                    format!("dunnage_agent_writes_total{{kind=\"manifest\",result=\"{result}\"}} ");
                let value = text.lines().find_map(|line| line.strip_prefix(&name));
                value.and_then(|value| value.parse::<u64>().ok()).unwrap_or(0)
            };
            of("ok") + of("exists") == 5
        };
        agent.await_answer("/metrics", |_, text| done(text)).await?;
    }
    let mut created = 0.0;
    for agent in &agents {
        let name = "dunnage_agent_writes_total{kind=\"manifest\",result=\"ok\"}";
        created += agent.metric(name).await?;
    }
    assert_eq!(created, 5.0);
    let manifests: Api<ImageManifest> = Api::all(client);
    for image in &images {
        let name = object_name(&image.digest()).context("a name")?;
        let spec = manifests.get(&name).await?.spec;
        let layers: Vec<_> = spec.layers.iter().map(|layer| layer.digest.clone()).collect();
        assert_eq!(layers, image.layers);
        assert_eq!((spec.bytes, spec.references), (2 * LAYER_BYTES, vec![image.name.clone()]));
    }
    Ok(())
}
