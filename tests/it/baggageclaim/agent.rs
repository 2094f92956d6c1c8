//! The agent asks the baggageclaim of its node, and neither its absence nor its return costs anything else.

use anyhow::{Result, bail};

use super::client::{Client, archive};
use super::fake::Fake;
use super::{KEY, KIND, MIB};
use crate::agent::content::Image;
use crate::agent::fake::{Content, Fake as Containerd};
use crate::agent::rig::{Agent, await_inventory};
use crate::deploy::definitions::establish;
use crate::testbed::{ControlPlane, NodeSpec, make_nodes};

/// Waits until the agent has so many volumes in a state.
async fn await_volumes(agent: &mut Agent, state: &str, count: u32) -> Result<()> {
    let line = format!("dunnage_agent_baggageclaim_volumes{{state=\"{state}\"}} {count}\n");
    agent.await_answer("/metrics", |_, text| text.contains(&line)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_asks_the_baggageclaim_of_its_node() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    establish(&client).await?;
    make_nodes(&client, &[NodeSpec::new("node-1")]).await?;
    let socket = plane.dir().join("containerd.sock");
    let content = Content::default().with(&Image::new("r/a:1", &["x"]));
    let _containerd = Containerd::start(&socket, content)?;
    let fake = Fake::start().await?;
    let server = Client::new(fake.url.clone());
    let flag = format!("--baggageclaim={}", fake.url);
    let mut agent =
        Agent::start(plane.dir(), plane.kubeconfig(), "node-1", &socket, &[&flag]).await?;
    await_volumes(&mut agent, "held", 0).await?;

    let handle = server.create_empty("a", None).await?;
    server.stream_in(&handle, &archive(&[("a", MIB)]), None).await?.expect(204)?;
    server.set(&handle, KIND, "output").await?.expect(204)?;
    server.set(&handle, KEY, "run-7/a").await?.expect(204)?;
    await_volumes(&mut agent, "held", 1).await?;
    agent.await_answer("/readyz", |_, text| text.contains("[+]baggageclaim ok\n")).await?;
    let found = await_inventory(&client, "node-1", |found| !found.volumes.is_empty()).await?;
    let [volume] = found.spec.volumes.as_slice() else { bail!("{:?}", found.spec.volumes) };
    assert_eq!((&*volume.key, &*volume.kind), ("run-7/a", "output"));
    assert!(volume.bytes >= MIB as u64, "{volume:?}");
    assert!(found.spec.lists_volumes);

    // Gone for a while, as in an upgrade: what it held is on the disk, and containerd's report goes on.
    drop(fake);
    let reason = "[-]baggageclaim: baggageclaim at http://127.0.0.1:";
    agent.await_answer("/readyz", |status, text| status == 200 && text.contains(reason)).await?;
    await_volumes(&mut agent, "held", 1).await?;
    let found = await_inventory(&client, "node-1", |found| !found.lists_volumes).await?.spec;
    assert_eq!((found.images.len(), found.volumes.len()), (1, 1));
    Ok(())
}
