//! Steps that hand a named volume on, told by annotations alone: no agent, no image that anybody knows.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use super::Stage;
use crate::testbed::{NodeSpec, PodSpec};

const KEY: &str = "out:app@4f2a";
/// More than one, so that the scheduler's own scores spread them.
const READERS: usize = 4;

fn step(name: &str, annotation: &str, volumes: &Value) -> Pod {
    let mut pod: Pod = PodSpec::new(name, "r.io/nobody-knows:1").into();
    let annotations = pod.metadata.annotations.get_or_insert_default();
    annotations.insert(annotation.to_owned(), volumes.to_string());
    annotations.insert("dunnage.dev/run".to_owned(), "build-1".to_owned());
    pod
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_start_where_an_earlier_one_left_the_volume_that_they_need() -> Result<()> {
    let nodes: Vec<_> = (0..5).map(|at| NodeSpec::new(&format!("node-{at}"))).collect();
    let mut stage = Stage::set(&nodes, &[]).await?;
    let volume = json!([{ "key": KEY, "kind": "output", "bytes": 2_000_000_000_u64 }]);
    let maker = step("maker", "dunnage.dev/produces", &volume);
    let pods = Api::<Pod>::namespaced(stage.plane.client(), "steps");
    pods.create(&Default::default(), &maker).await?;
    let bound = stage.place(Vec::new(), 1).await?;
    let holder = bound.get("maker").context("the maker is bound")?.clone();
    let ended = Patch::Merge(json!({ "status": { "phase": "Succeeded" } }));
    pods.patch_status("maker", &PatchParams::default(), &ended).await?;
    let holds = |text: &str| {
        let list: Value = serde_json::from_str(text).unwrap_or_default();
        list["items"][0]["holders"][0]["node"] == json!(holder)
    };
    stage.extender.await_answer("/api/v1/volumes", |_, text| holds(text)).await?;
    for number in 0..READERS {
        let reader = step(&format!("reader-{number}"), "dunnage.dev/needs", &volume);
        pods.create(&Default::default(), &reader).await?;
        let bound = stage.place(Vec::new(), number + 2).await?;
        assert_eq!(bound[&format!("reader-{number}")], holder, "{bound:?}");
        stage.await_seen(number + 2).await?;
    }
    let (_, text) = stage.extender.get("/api/v1/decisions?pod=steps/reader-0").await?;
    let list: Value = serde_json::from_str(&text)?;
    let decision = &list["items"][0];
    assert_eq!(decision["volumes"][0]["key"], KEY, "{decision}");
    assert_eq!(decision["chosen"], json!(holder), "{decision}");
    let best = &decision["nodes"][0];
    assert_eq!(best["node"], json!(holder), "{decision}");
    let reasons = best["reasons"].as_array().context("reasons")?;
    let said = ["volume-here", "run-company"].map(|reason| reasons.contains(&json!(reason)));
    assert_eq!(said, [true; 2], "{decision}");
    assert_eq!(decision["nodes"][1]["streamSeconds"], 20.0, "{decision}");
    Ok(())
}
