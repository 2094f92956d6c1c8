//! What a node receives over its link is what its pods' images lack on it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use super::NAMESPACE;
use crate::testbed::real::{Cluster, ImageSpec, Layer, Options, await_ended, sleeping};
use crate::testbed::{
    PodSpec, Scheduler, SchedulerOptions, make_namespace, make_pods,
};

/// Many times what a pull and a step of a second take, on a machine that compiles.
const SOON: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_node_receives_what_it_lacks() -> Result<()> {
    let cluster = Cluster::start(&Options { nodes: 2, ..Options::default() }).await?;
    let scheduler = Scheduler::start(cluster.plane(), SchedulerOptions::default()).await?;
    make_namespace(&cluster.client(), NAMESPACE).await?;
    let image = cluster.registry().push(&ImageSpec::new("app", &[Layer { seed: 1, bytes: 20_000_000 }])).await?;
    let before = cluster.node("node-0")?.rx_bytes()?;
    let mut pod = PodSpec::new("first", &image.reference);
    pod.node_selector = BTreeMap::from([("kubernetes.io/hostname".to_owned(), "node-0".to_owned())]);
    make_pods(&cluster.client(), NAMESPACE, [sleeping(pod, 1)]).await?;
    let steps = await_ended(&cluster.client(), NAMESPACE, 1, SOON).await?;
    let got = cluster.node("node-0")?.rx_bytes()? - before;
    eprintln!("{steps:?} {got}");
    scheduler.stop();
    Ok(())
}
