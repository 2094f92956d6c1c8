//! What is missing, broken or half written is said, waited for and made up for; the agent never ends.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Node;
use kube::Api;

use super::content::Image;
use super::fake::{Content, Fake};
use super::rig::{Agent, await_inventory, names};
use crate::deploy::definitions::establish;
use crate::testbed::{ControlPlane, NodeSpec, Signal, make_nodes};

/// Nothing else listens there, as the directory is the test's own.
const SOCKET: &str = "containerd.sock";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_and_waited_for() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    let socket = plane.dir().join(SOCKET);
    let mut agent = Agent::start(plane.dir(), plane.kubeconfig(), "node-1", &socket, &[]).await?;
    agent.await_complaint("cannot reach containerd at").await?;
    let _containerd = Fake::start(&socket, Content::default().with(&Image::new("r/a:1", &["x"])))?;
    agent.await_complaint("node \"node-1\" is not in the cluster").await?;
    make_nodes(&client, &[NodeSpec::new("node-1")]).await?;
    agent.await_complaint("does not know NodeInventory: apply deploy/crds.yaml").await?;
    establish(&client).await?;

    let inventory = await_inventory(&client, "node-1", |found| found.images.len() == 1).await?;
    agent.await_answer("/readyz", |status, _| status == 200).await?;
    let node = Api::<Node>::all(client).get("node-1").await?;
    let owners = inventory.metadata.owner_references.context("no owner")?;
    let owner = (owners[0].kind.as_str(), Some(owners[0].uid.as_str()));
    assert_eq!(owner, ("Node", node.metadata.uid.as_deref()));
    agent.process().signal(Signal::TERM)?;
    let ended = agent.process().exited(std::time::Duration::from_secs(10)).await?;
    assert_eq!(ended.code(), Some(0), "{}", agent.process().log_tail());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_containerd_is_read_anew_and_a_torn_image_costs_itself_alone() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    establish(&client).await?;
    make_nodes(&client, &[NodeSpec::new("node-1")]).await?;
    let socket = plane.dir().join(SOCKET);
    let (a, b) = (Image::new("r/a:1", &["base", "a"]), Image::new("r/b:1", &["base", "b"]));
    let mut containerd = Fake::start(&socket, Content::default().with(&a))?;
    let mut agent = Agent::start(plane.dir(), plane.kubeconfig(), "node-1", &socket, &[]).await?;
    await_inventory(&client, "node-1", |found| names(found) == ["r/a:1"]).await?;

    containerd.stop();
    agent.await_complaint("cannot reach containerd at").await?;
    let whole = Content::default().with(&a).with(&b);
    let mut torn = whole.clone();
    let manifest = &mut torn.blobs.get_mut(&b.digest()).context("no manifest")?.0;
    manifest.truncate(manifest.len() / 2);
    containerd.restart(torn)?;
    let found = await_inventory(&client, "node-1", |found| !found.unreadable.is_empty()).await?;
    assert_eq!(names(&found.spec), ["r/a:1"]);
    assert_eq!(found.spec.unreadable[0].name, "r/b:1");
    assert!(found.spec.unreadable[0].reason.contains("does not have this digest"));
    agent.await_answer("/readyz", |status, _| status == 200).await?;

    containerd.change(|content| *content = whole);
    let both = |found: &_| names(found).len() == 2;
    let found = await_inventory(&client, "node-1", both).await?;
    assert!(found.spec.unreadable.is_empty());
    assert!(found.spec.images.iter().all(|image| image.unpacked == 2));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_is_followed_without_events_and_ends_with_it() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    establish(&client).await?;
    make_nodes(&client, &[NodeSpec::new("node-1")]).await?;
    let socket = plane.dir().join(SOCKET);
    let image = Image::new("r/a:1", &["base", "a"]);
    let mut content = Content::default().with(&Image::new("r/pause:1", &["pause"]));
    content.add_documents(&image);
    content.chains.push(image.chains[0].clone());
    content.add_pull(&image.layers[1], 250_000, 1_000_000);
    let containerd = Fake::start(&socket, content)?;
    let _agent = Agent::start(plane.dir(), plane.kubeconfig(), "node-1", &socket, &[]).await?;
    let found = await_inventory(&client, "node-1", |found| !found.pulls.is_empty()).await?.spec;
    assert_eq!(found.pulls[0].digest, image.layers[1]);
    assert_eq!((found.pulls[0].offset_bytes, found.pulls[0].total_bytes), (250_000, 1_000_000));
    let nameless = found.images.iter().find(|image| image.names.is_empty()).context("no image")?;
    assert_eq!((nameless.manifest.as_str(), nameless.unpacked), (&*image.digest(), 1));

    // It broke off: the ingest stays, and grows no more.
    await_inventory(&client, "node-1", |found| found.pulls.is_empty()).await?;
    drop(containerd);
    Ok(())
}
