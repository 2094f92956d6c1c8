//! What a node receives over its link is what its pods' images lack on it.

use anyhow::Result;
use tokio::time::Instant;

use super::{assert_received, bytes_of_step};
use crate::testbed::real::{Cluster, ImageSpec, Layer, Options};
use crate::testbed::{Scheduler, SchedulerOptions};

const LARGE: Layer = Layer { seed: 1, bytes: 20_000_000 };
const SMALL: Layer = Layer { seed: 2, bytes: 5_000_000 };

#[tokio::test]
async fn a_node_receives_the_layers_that_it_lacks() -> Result<()> {
    let cluster = Cluster::start(&Options { nodes: 3, ..Options::default() }).await?;
    let _scheduler = Scheduler::start(cluster.plane(), SchedulerOptions::default()).await?;
    let app = cluster.registry().push(&ImageSpec::new("app", &[LARGE])).await?;
    let more = cluster.registry().push(&ImageSpec::new("more", &[LARGE, SMALL])).await?;
    let [large, small] = [more.layers[1].bytes, more.layers[2].bytes];
    for (node, count) in ["node-0", "node-1", "node-2"].into_iter().zip(1..) {
        assert_received(bytes_of_step(&cluster, node, &app.reference, count).await?, large);
    }
    assert_received(bytes_of_step(&cluster, "node-1", &app.reference, 4).await?, 0);
    assert_received(bytes_of_step(&cluster, "node-1", &more.reference, 5).await?, small);
    Ok(())
}

#[tokio::test]
async fn a_link_lets_its_rate_through() -> Result<()> {
    let rate = Some("50mbit".to_owned());
    let cluster = Cluster::start(&Options { nodes: 1, rate, ..Options::default() }).await?;
    let _scheduler = Scheduler::start(cluster.plane(), SchedulerOptions::default()).await?;
    let app = cluster.registry().push(&ImageSpec::new("app", &[LARGE])).await?;
    let started = Instant::now();
    let received = bytes_of_step(&cluster, "node-0", &app.reference, 1).await?;
    assert_received(received, app.layers[1].bytes);
    // No machine is so fast that more comes through: 20 MB at 6.25 MB/s.
    assert!(started.elapsed().as_secs_f64() > 3.0, "{:?}", started.elapsed());
    Ok(())
}
