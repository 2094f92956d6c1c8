//! A holder whose streams are all taken: others are asked first, and it is waited for where there is none.
//! And one that is told how fast to serve.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use super::agent::{Stage, allow, make_account};
use super::rig::{PATIENCE, Place, command, tree};
use crate::agent::rig::Agent;
use crate::testbed::{NodeSpec, free_ports, make_nodes};

const OTHER: &str = "node-2";
const BUSY: &str = "dunnage_agent_volume_requests_total{result=\"busy\"}";
/// Many times more than all buffers between the two ends.
const HOLE_BYTES: u64 = 48 << 20;

/// Takes streams of an agent, of which nobody reads anything, until it has none left.
async fn take_all(port: u16, key: &str, token: &str) -> Result<Vec<reqwest::Response>> {
    let id = dunnage::edge::volume::id(key);
    let token = fs::read_to_string(token)?;
    let ask = || {
        let url = format!("http://127.0.0.1:{port}/volumes/{id}");
        crate::support::client().get(url).bearer_auth(&token).send()
    };
    let mut taken = Vec::new();
    loop {
        let response = ask().await?;
        match response.status().as_u16() {
            200 => taken.push(response),
            503 => {
                assert_eq!(response.headers()["retry-after"], "1");
                return Ok(taken);
            }
            // Rights take a moment to be known to the API server.
            403 => {}
            other => anyhow::bail!("status {other}"),
        }
    }
}

async fn await_busy(agent: &Agent, count: f64) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while agent.metric(BUSY).await? < count {
        anyhow::ensure!(Instant::now() < deadline, "not refused");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_without_a_free_stream_is_waited_for_only_if_it_is_the_last() -> Result<()> {
    let stage = Stage::set().await?;
    let client = stage.plane.client();
    // A hole: large on the wire, nothing on the disk.
    let tree = stage.place.path("tree");
    fs::create_dir_all(&tree)?;
    fs::File::create(tree.join("hole"))?.set_len(HOLE_BYTES)?;
    stage.place.json(&["put", "k", &tree.display().to_string()])?;
    let [port, other_port] = free_ports()?;
    let agent = stage.agent(&[&format!("--volume-listen=127.0.0.1:{port}")]).await?;
    make_account(&client, "step").await?;
    allow(&client, "step").await?;
    let token = stage.token("step", "dunnage.dev").await?;
    let taken = take_all(port, "k", &token).await?;
    assert_eq!(taken.len(), 8);
    await_busy(&agent, 1.0).await?;

    // Another one has it: who asks is refused once, and goes there.
    let second = Place::new();
    fs::create_dir(second.store())?;
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(stage.place.folder("k"))
            .arg(second.store())
            .status()?
            .success()
    );
    make_nodes(&client, &[NodeSpec::new(OTHER)]).await?;
    let flags = [
        format!("--store={}", second.store().display()),
        format!("--volume-listen=127.0.0.1:{other_port}"),
    ];
    let (plane, flags) = (&stage.plane, [flags[0].as_str(), &flags[1]]);
    let _other =
        Agent::start(plane.dir(), plane.kubeconfig(), OTHER, stage.socket(), &flags).await?;
    let there = Place::new();
    let [busy, free] = [port, other_port].map(|port| format!("http://127.0.0.1:{port}"));
    let (peers, token) =
        ([&busy, &free].map(|url| format!("--peer={url}")), format!("--token-file={token}"));
    let to = there.path("got").display().to_string();
    let got = there.json(&["get", "k", &to, &peers[0], &peers[1], &token])?;
    assert_eq!((&got["source"], &got["from"]), (&"peer".into(), &free.into()));
    await_busy(&agent, 2.0).await?;
    assert!((agent.metric(BUSY).await? - 2.0).abs() < f64::EPSILON, "asked once");

    // No other one has it: who asks waits.
    let there = Place::new();
    let to = there.path("got").display().to_string();
    let store = format!("--store={}", there.store().display());
    let mut get = command(&["get", "k", &to, &peers[0], &token, &store, "-o", "json"]);
    let mut getting = get.stdout(Stdio::piped()).spawn()?;
    await_busy(&agent, 4.0).await?;
    assert!(getting.try_wait()?.is_none());
    drop(taken);
    let output = getting.wait_with_output()?;
    let got: Value = serde_json::from_slice(&output.stdout).context("one JSON object")?;
    assert_eq!((&got["source"], &got["from"]), (&"peer".into(), &busy.into()));
    assert_eq!(fs::metadata(there.path("got/hole"))?.len(), HOLE_BYTES);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_serves_no_faster_than_it_is_told() -> Result<()> {
    let stage = Stage::set().await?;
    let client = stage.plane.client();
    tree(&stage.place.path("tree"), 3, 1_000_000)?;
    stage.place.json(&["put", "k", &stage.place.path("tree").display().to_string()])?;
    let [port] = free_ports()?;
    let listen = format!("--volume-listen=127.0.0.1:{port}");
    let _agent = stage.agent(&[&listen, "--volume-serve-rate-bytes=1000000"]).await?;
    make_account(&client, "step").await?;
    allow(&client, "step").await?;
    let token = format!("--token-file={}", stage.token("step", "dunnage.dev").await?);
    let there = Place::new();
    let (to, peer) =
        (there.path("got").display().to_string(), format!("--peer=http://127.0.0.1:{port}"));
    let (got, took) = loop {
        let start = Instant::now();
        match there.json(&["get", "k", &to, &peer, &token]) {
            // Rights take a moment to be known to the API server.
            Err(error) if error.to_string().contains("is not bound") => {}
            got => break (got?, start.elapsed()),
        }
    };
    assert_eq!(got["source"], "peer");
    // At least: all but the last chunk were waited for.
    assert!(took >= Duration::from_millis(2_800), "{took:?}");
    Ok(())
}
