//! Pulls in progress as agents report them: of a pod, of nobody, and broken off.

use std::time::Duration;

use anyhow::{Context, Result};
use dunnage::edge::inventory::node::{HeldImage, InventorySpec, Pull};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use serde_json::{Value, json};

use super::{MB, Stage, digest, held, report};
use crate::deploy::definitions::establish;

const LONG: Duration = Duration::from_secs(600);

/// A report of an image of which nothing is unpacked yet, with so many megabytes still to come of its
/// base, and none of its other layer yet.
fn pulling(image: &str, megabytes: u64) -> InventorySpec {
    let pull = Pull {
        digest: digest("base"),
        offset_bytes: 900 * MB - megabytes * MB,
        total_bytes: 900 * MB,
    };
    let begun = HeldImage { names: Vec::new(), ..held(image, 0) };
    InventorySpec { pulls: vec![pull], ..report(vec![begun], LONG) }
}

impl Stage {
    /// Binds a pod of the image to node `a`, as a scheduler would.
    async fn bind(&self, name: &str, image: &str) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.plane.client(), "default");
        let pod = json!({
            "metadata": {"name": name},
            "spec": {
                "nodeName": "a", "restartPolicy": "Never",
                "containers": [{"name": "c", "image": image}],
            },
        });
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
        Ok(())
    }

    /// Waits until the pulls of node `a` are these: whether a pod asked, megabytes, and what is to come.
    async fn await_pulls(&mut self, wanted: &[(bool, u64, u64)]) -> Result<()> {
        let pulls = |text: &str| {
            let nodes: Value = serde_json::from_str(text).ok()?;
            let node = nodes["items"].as_array()?.iter().find(|item| item["name"] == "a")?.clone();
            let pull = |pull: &Value| {
                let bytes = |key: &str| Some(pull[key].as_u64()? / MB);
                Some((pull["askedFor"].as_bool()?, bytes("bytes")?, bytes("leftBytes")?))
            };
            node["pulls"].as_array()?.iter().map(pull).collect::<Option<Vec<_>>>()
        };
        let wanted = Some(wanted.to_vec());
        self.extender.await_answer("/api/v1/nodes", |_, text| pulls(text) == wanted).await
    }

    async fn points_of_a(&self, image: &str) -> Result<i64> {
        let scores = self.scores(image).await?;
        let first = scores.first().context("no node is preferred")?;
        assert_eq!((scores.len(), first.0.as_str()), (1, "a"));
        Ok(first.1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pulls_count_by_the_bytes_still_to_come_and_end_with_the_report() -> Result<()> {
    let mut stage = Stage::set().await?;
    establish(&stage.plane.client()).await?;
    stage.publish("app").await?;
    let app = format!("r.io/app@{}", digest("app"));
    stage.extender.restart().await?;
    stage.extender.await_ready().await?;
    stage.await_known(1).await?;

    // A pod pulls it, and the more has come the more a second pod of it saves there.
    stage.bind("first", &app).await?;
    stage.await_pulls(&[(true, 1100, 1100)]).await?;
    stage.report("a", pulling("app", 700)).await?;
    stage.await_pulls(&[(true, 1100, 900)]).await?;
    let early = stage.points_of_a(&app).await?;
    stage.report("a", pulling("app", 100)).await?;
    stage.await_pulls(&[(true, 1100, 300)]).await?;
    let late = stage.points_of_a(&app).await?;
    assert!(late > early && early > 0, "{early} and then {late} points");
    stage.bind("second", &app).await?;
    stage.await_pulls(&[(true, 1100, 300)]).await?;
    assert!(stage.points_of_a(&app).await? >= late);

    // Without the pods it goes on, as far as is known, until the agent says that it does not.
    let pods: Api<Pod> = Api::namespaced(stage.plane.client(), "default");
    for name in ["first", "second"] {
        pods.delete(name, &DeleteParams::default().grace_period(0)).await?;
    }
    stage.await_pulls(&[(false, 1100, 300)]).await?;
    stage.points_of_a(&app).await?;
    stage.report("a", InventorySpec { pulls: Vec::new(), ..pulling("app", 0) }).await?;
    stage.await_pulls(&[]).await?;
    assert!(stage.preferred(&app).await?.is_empty());

    // So does one that no pod ever asked for.
    stage.report("a", pulling("app", 100)).await?;
    stage.await_pulls(&[(false, 1100, 300)]).await?;
    stage.points_of_a(&app).await?;
    stage.report("a", report(Vec::new(), LONG)).await?;
    stage.await_pulls(&[]).await?;
    assert!(stage.preferred(&app).await?.is_empty());
    Ok(())
}
