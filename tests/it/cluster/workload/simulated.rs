//! The same pods in the simulator: once bound to the nodes that they were bound to, and placed anew, by
//! `dunnage simulate`, with ties broken by chance of many seeds.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use dunnage::cmd::scenario::Loaded;
use dunnage::sim::engine::Engine;
use dunnage::sim::rival::recorded::Recorded;
use dunnage::sim::setup::NodeNumber;
use dunnage::sim::workload::Scale;
use serde_json::Value;
use tokio::process::Command;

use super::outcome::{Figures, Outcome};
use crate::support::program;

/// Chances of ties: enough for a median that the next twenty do not move by a percent or two.
const SEEDS: &str = "1..20";

/// Figures of pods that go where they went, and the wait of each step.
pub fn as_bound(scenario: &Path, outcome: &Outcome) -> Result<(Figures, Vec<f64>)> {
    let mut setup = Loaded::read(scenario)?.setup(None, Scale::FULL)?;
    let numbered = (0..).map(NodeNumber).zip(&outcome.nodes);
    let numbers: BTreeMap<&str, NodeNumber> =
        numbered.map(|(number, node)| (node.name.as_str(), number)).collect();
    // The scenario's nodes are the cluster's, in their order, but not by name.
    setup.recorded = outcome.steps.iter().map(|step| numbers[step.node.as_str()]).collect();
    let record = Engine::recorded(&setup).run(&mut Recorded::new(&setup));
    // Jobs are the steps in their order.
    let waits = record.pods.iter().map(|pod| pod.wait().map(|wait| wait.0 as f64 / 1e9));
    let waits = waits.collect::<Option<Vec<f64>>>().context("a pod never started")?;
    Ok((Figures::of(record.run.images.total().0 as f64, &waits), waits))
}

/// Figures of pods placed anew, one for each seed.
pub async fn placed(scenario: &Path, policy: &str, weight: i64) -> Result<Vec<Figures>> {
    let mut command = Command::new(program());
    let policy = if policy == "stock" { policy.to_owned() } else { format!("{policy}@{weight}") };
    command.args(["simulate", "-ojson", "--seeds", SEEDS, "--policy", &policy]).arg(scenario);
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "dunnage simulate: {said}");
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let runs = report["runs"].as_array().context("no runs")?;
    runs.iter().map(figures).collect()
}

fn figures(run: &Value) -> Result<Figures> {
    ensure!(run["jobs"]["succeeded"] == run["jobs"]["total"], "{}", run["jobs"]);
    let number = |value: &Value| value.as_f64().context("a number is missing");
    let waits = &run["waitSeconds"];
    Ok(Figures {
        bytes: number(&run["movedBytes"])?,
        median: number(&waits["median"])?,
        mean: number(&waits["mean"])?,
        p95: number(&waits["p95"])?,
    })
}

/// The median of each figure.
pub fn median(of: &[Figures]) -> Figures {
    let [bytes, median, mean, p95] = std::array::from_fn(|at| {
        let mut values: Vec<f64> = of.iter().map(|figures| figures.each()[at]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    });
    Figures { bytes, median, mean, p95 }
}
