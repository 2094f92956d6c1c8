//! Disks as agents report them: a node whose disk the pod would fill costs what is pulled again for it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dunnage::edge::inventory::node::{Disk, InventorySpec};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{MB, Stage, digest, report};
use crate::deploy::definitions::establish;
use crate::support::client;

/// The pause between two questions to the server.
const PAUSE: Duration = Duration::from_millis(20);
/// Many times what a report takes to get there.
const PATIENCE: Duration = Duration::from_secs(60);

impl Stage {
    /// Seconds of pressure on nodes `a` and `b` for a pod of the image, as explained.
    async fn pressure(&self, image: &str) -> Result<[f64; 2]> {
        let pod = json!({
            "metadata": {"name": "p", "namespace": "steps", "uid": "1"},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]},
        });
        let url = format!("{}/api/v1/explain", self.extender.admin_url);
        let decision: Value = client().post(url).json(&pod).send().await?.json().await?;
        let of = |name: &str| {
            let mut nodes = decision["nodes"].as_array()?.iter();
            nodes.find(|node| node["node"] == name)?["pressureSeconds"].as_f64()
        };
        let told = || format!("no pressure is told: {decision}");
        Ok([of("a").with_context(told)?, of("b").with_context(told)?])
    }

    /// The same once the server has seen a report by which there is some.
    async fn await_pressure(&self, image: &str) -> Result<[f64; 2]> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pressure = self.pressure(image).await?;
            if pressure != [0.0, 0.0] {
                return Ok(pressure);
            }
            ensure!(Instant::now() < deadline, "no pressure after {PATIENCE:?}");
            sleep(PAUSE).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_disk_a_pod_would_fill_costs_more_where_the_policy_says_so() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let policy = dir.path().join("policy.yaml");
    let named = dunnage::policy::NAMED.iter().find(|(name, _)| *name == "plain");
    let (_, text) = named.context("no plain policy")?;
    fs::write(&policy, text.replace("refetchShare: 0", "refetchShare: 1"))?;
    let mut stage = Stage::set_by(&policy.display().to_string()).await?;
    establish(&stage.plane.client()).await?;
    stage.publish("app").await?;
    stage.extender.restart().await?;
    stage.extender.await_ready().await?;
    stage.await_known(1).await?;
    let app = format!("r.io/app@{}", digest("app"));
    assert_eq!(stage.pressure(&app).await?, [0.0, 0.0]);

    // 1,100 MB are 2,750 on a disk of 100 GB of which 85 and 50 are used: the first is collected.
    for (node, free) in [("b", 50_000), ("a", 15_000)] {
        let disk = Some(Disk { size_bytes: 100_000 * MB, free_bytes: free * MB });
        let spec = InventorySpec { disk, ..report(Vec::new(), Duration::from_secs(600)) };
        stage.report(node, spec).await?;
    }
    let [full, empty] = stage.await_pressure(&app).await?;
    // 7,750 MB must go down to 80 percent, 3,100 compressed: 62 seconds at 50 MB a second.
    ensure!((full - 62.0).abs() < 0.5 && empty == 0.0, "{full} and {empty}");
    assert_eq!(stage.preferred(&app).await?, ["b"]);
    Ok(())
}
