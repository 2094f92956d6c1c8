//! A burst, recorded, validated and replayed: the pods go again where they went.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use dunnage::cmd::scenario::Loaded;
use dunnage::model::unit::Nanos;
use dunnage::sim::engine::Engine;
use dunnage::sim::job::JobNumber;
use dunnage::sim::placement::{Asked, Change, Placement};
use dunnage::sim::rival::recorded::Recorded;
use dunnage::sim::setup::NodeNumber;
use dunnage::sim::workload::Scale;
use serde_json::{Value, json};

use super::cluster::{BUILD, Cluster, KEY, TEST, UNKNOWN, pinned, server, step, with_volume};
use super::recording::{Recording, dunnage, of_kind, validate};
use crate::simulations::replayed::SCENARIO;
use crate::testbed::{PodSpec, Signal};

const GOES: &str = "secret-node-d";

/// Twelve pods of three images, with all that can happen to them.
async fn play(cluster: &mut Cluster, recording: &mut Recording) -> Result<()> {
    let images = [BUILD, TEST, UNKNOWN];
    let names: Vec<_> = (0..6).map(|at| format!("burst-{at}")).collect();
    let burst = names.iter().enumerate().map(|(at, name)| step(name, images[at % 3]));
    cluster.place(burst.collect()).await?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    cluster.pass(&names, &["Running", "Succeeded"]).await?;

    let maker = with_volume(step("maker", BUILD), "dunnage.dev/produces");
    cluster.place(vec![pinned(maker, "secret-node-a")?]).await?;
    cluster.pass(&["maker"], &["Running", "Succeeded"]).await?;
    let reader = with_volume(step("reader", TEST), "dunnage.dev/needs");
    cluster.place(vec![pinned(reader, "secret-node-b")?]).await?;
    cluster.place(vec![step("failing", TEST), pinned(step("taken", BUILD), GOES)?]).await?;
    cluster.pass(&["reader"], &["Running", "Succeeded"]).await?;
    cluster.pass(&["failing"], &["Running", "Failed"]).await?;
    cluster.pass(&["taken"], &["Running"]).await?;

    let pending = pinned(step("pending", BUILD), "nowhere")?;
    let pods = of_kind(&recording.lines()?, "pod").len();
    crate::testbed::make_pods(&cluster.plane.client(), super::cluster::SPACE, [pending]).await?;
    recording.await_lines("pod", pods + 1).await?;
    cluster.delete_pod("pending").await?;
    recording.await_lines("ended", 10).await?;
    cluster.delete_node(GOES).await?;
    recording.await_lines("nodeGone", 1).await
}

/// What a placement did with first attempts.
struct Heard<P> {
    placement: P,
    bound: BTreeMap<JobNumber, NodeNumber>,
}

impl<P: Placement> Placement for Heard<P> {
    fn observe(&mut self, at: Nanos, change: &Change) {
        self.placement.observe(at, change);
    }

    fn place(&mut self, at: Nanos, asked: Asked<'_>) -> Option<NodeNumber> {
        let node = self.placement.place(at, asked)?;
        self.bound.entry(asked.pod.job).or_insert(node);
        Some(node)
    }
}

/// Where each pod of a scenario goes by its record.
fn replay(scenario: &Path) -> Result<BTreeMap<String, String>> {
    let setup = Loaded::read(scenario)?.setup(None, Scale::FULL)?;
    let mut heard = Heard { placement: Recorded::new(&setup), bound: BTreeMap::new() };
    Engine::recorded(&setup).run(&mut heard);
    let named = heard
        .bound
        .into_iter()
        .map(|(job, node)| (setup.job(job).name.to_string(), setup.node_name(node).into_owned()));
    Ok(named.collect())
}

/// The one line of a kind with this value.
fn line<'a>(lines: &'a [Value], kind: &str, key: &str, value: &str) -> Result<&'a Value> {
    let found: Vec<_> =
        of_kind(lines, kind).into_iter().filter(|line| line[key] == value).collect();
    ensure!(found.len() == 1, "{} {kind} lines with {key} {value}", found.len());
    Ok(found[0])
}

/// The details of lines that a replay does not show.
fn check_lines(lines: &[Value], landed: &BTreeMap<String, String>) -> Result<()> {
    let full = line(lines, "node", "name", &landed["server"])?;
    ensure!(full["cpuMillis"] == 28_000 && full["podsMax"] == 109, "{full}");
    ensure!(line(lines, "node", "name", GOES)?["zone"] == "secret-zone-y");
    let early = line(lines, "pod", "name", "early")?;
    ensure!(early["atNanos"] == 0 && early["containers"] == json!([]), "{early}");
    let build = line(lines, "tag", "name", BUILD)?;
    let layers = &line(lines, "image", "digest", build["digest"].as_str().context("text")?)?;
    ensure!(layers["layers"].as_array().map(Vec::len) == Some(2), "{layers}");
    let unknown = line(lines, "tag", "name", UNKNOWN)?;
    let unknown = line(lines, "image", "digest", unknown["digest"].as_str().context("text")?)?;
    ensure!(unknown["estimate"] == true && unknown["layers"][0]["size"] == 77_000_000, "{unknown}");
    let volume = line(lines, "volume", "key", KEY)?;
    ensure!(volume["bytes"] == 50_000_000 && volume["kind"] == "output", "{volume}");
    for (name, failed) in
        [("burst-0", false), ("failing", true), ("taken", true), ("pending", true)]
    {
        let uid = line(lines, "pod", "name", name)?["uid"].as_str().context("a uid")?;
        let ended = line(lines, "ended", "pod", uid)?;
        ensure!(ended["failed"].as_bool().unwrap_or(false) == failed, "{name}: {ended}");
    }
    ensure!(line(lines, "pod", "name", "server").is_err(), "a server is no step");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_is_recorded_and_happens_again_where_it_did() -> Result<()> {
    let mut cluster = Cluster::start().await?;
    let early: k8s_openapi::api::core::v1::Pod = PodSpec::new("early", BUILD).into();
    cluster.place(vec![server("server"), early]).await?;
    cluster.pass(&["server", "early"], &["Running"]).await?;
    let flags = ["--names=plain", &cluster.manifests()];
    let mut recording = Recording::start(&cluster.plane, "trace.jsonl", &flags).await?;
    play(&mut cluster, &mut recording).await?;
    let printed = recording.end(Signal::TERM).await?;
    ensure!(printed.contains(", 4 nodes, 12 pods, 11 started"), "{printed}");
    validate(&recording.path)?;
    check_lines(&recording.lines()?, &cluster.landed)?;

    let folder = cluster.plane.dir();
    std::fs::write(folder.join("replay.yaml"), SCENARIO)?;
    let policies = ["--policy=recorded", "--policy=stock", "--policy=default"];
    let arguments = [&["simulate", "replay.yaml", "-o", "json"], &policies[..]].concat();
    let output = dunnage(folder, &arguments)?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(report["kind"] == "SimulationReport", "{report}");

    let mut landed = cluster.landed.clone();
    landed.remove("server");
    assert_eq!(replay(&folder.join("replay.yaml"))?, landed);
    Ok(())
}
