//! A run that hands on a volume of 200 MB between real nodes: where a real scheduler puts its steps, what
//! that takes on the links, and that the decisions foretold it.
//!
//! The steps are pods that run the program itself.

pub mod stage;
pub mod step;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::assert_received;
use crate::testbed::real::Options;
use stage::{Stage, Terms};
use step::{Ran, Step, WORK};

/// What a node receives in the seconds of a `get` of its own store: heartbeats, reports, a step's pod.
const IDLE_BYTES: u64 = 500_000;
/// Of links, of which the default policy expects eight times as much: a policy cannot know them, whoever
/// has them says it. Of 1,514 bytes that a packet counts for TCP has 1,448. Slow enough that what a `get`
/// does beside, flush and copy, is little against the stream, on a machine that compiles, too.
const RATE: &str = "100mbit";
const LINK_BYTES_PER_SECOND: f64 = (12_500_000_u64 * 1_448 / 1_514) as f64;
/// How far a `get` may be from what was foretold.
const ERROR_MAX: f64 = 0.2;

/// Makes a tree of 200 MB and puts it under a key, here and in the registry.
fn put(name: &str, key: &str) -> Step {
    let make = format!(
        "/bin/busybox mkdir {WORK}/built
        for file in 1 2 3 4; do
            /bin/busybox dd if=/dev/urandom of={WORK}/built/$file bs=1M count=50 2>/dev/null
        done"
    );
    let put = format!("put {key} {WORK}/built --kind=output --push");
    Step::volume(name, &make, &put).with("produces", &json!({ "key": key, "kind": "output" }))
}

/// Gets it; where no node is left that measured it, its size is what the step says.
fn get(name: &str, key: &str, bytes: Option<u64>) -> Step {
    let volume = json!({ "key": key, "kind": "output", "bytes": bytes });
    Step::volume(name, "", &format!("get {key} {WORK}/got")).with("needs", &volume)
}

/// Runs a step; gives what came of it, and the seconds of streaming that were foretold for its node.
async fn foretold(stage: &mut Stage, step: &Step) -> Result<(Ran, f64)> {
    let ran = stage.run(step).await?;
    let (decision, row) = stage.decision(&step.name).await?;
    ensure!(decision["chosen"] == json!(ran.node), "{decision}");
    let seconds = row["streamSeconds"].as_f64().context("seconds")?;
    println!("{}: {seconds:.2} s foretold, {ran:?}", step.name);
    Ok((ran, seconds))
}

fn assert_foretold(ran: &Ran, seconds: f64) {
    let error = (seconds - ran.seconds).abs() / ran.seconds;
    assert!(error <= ERROR_MAX, "{seconds} s foretold: {ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_share_a_node_and_stream_nothing_or_what_was_foretold_from_a_peer_or_the_registry()
-> Result<()> {
    let rate = LINK_BYTES_PER_SECOND;
    let mut stage = Stage::set(&Terms {
        options: Options { nodes: 3, rate: Some(RATE.to_owned()), ..Options::default() },
        policy: &[("zoneBytesPerSecond", rate), ("registryBytesPerSecond", rate)],
        weight: 1,
        with_us: true,
    })
    .await?;
    let maker = stage.run(&put("maker", "run-7/build")).await?;
    let bytes = maker.said["pushedBytes"].as_u64().context("bytes")?;
    stage.await_holders("run-7/build", &[&maker.node]).await?;

    // Nothing forces them together.
    let (near, seconds) = foretold(&mut stage, &get("near", "run-7/build", None)).await?;
    assert_eq!((&near.node, near.said["source"].as_str()), (&maker.node, Some("local")));
    assert_eq!((near.said["streamedBytes"].as_u64(), seconds), (Some(0), 0.0));
    let received = near.received_bytes;
    ensure!(received < IDLE_BYTES, "{received} bytes received for a volume of the node's own");

    // The holder is full.
    let mut crowd = Step::new("crowd", "/bin/busybox sleep 10000");
    (crowd.cpu, crowd.node_selector) = ("1600m", json!({"kubernetes.io/hostname": maker.node}));
    stage.begin(&crowd).await?;
    let (apart, seconds) = foretold(&mut stage, &get("apart", "run-7/build", None)).await?;
    assert_eq!(
        (apart.said["source"].as_str(), &apart.said["from"]),
        (Some("peer"), &json!(maker.node))
    );
    assert_eq!(apart.said["streamedBytes"].as_u64(), Some(bytes));
    assert_received(apart.received_bytes, bytes);
    assert_foretold(&apart, seconds);

    // The holder is gone. The scheduler asks us where it has a choice: of the two that are left.
    stage.delete("crowd").await?;
    let holder = stage.run(&put("other-maker", "run-8/build")).await?.node;
    stage.await_holders("run-8/build", &[&holder]).await?;
    stage.end_node(&holder).await?;
    let (after, seconds) = foretold(&mut stage, &get("after", "run-8/build", Some(bytes))).await?;
    assert_eq!(after.said["source"].as_str(), Some("registry"));
    assert_eq!(after.said["streamedBytes"].as_u64(), Some(bytes));
    assert_received(after.received_bytes, bytes);
    assert_foretold(&after, seconds);
    Ok(())
}
