//! The whole agent when something goes wrong with its store: killed while it lists, beside what cannot be
//! deleted.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use dunnage::edge::inventory::node::NodeInventory;
use kube::Api;

use super::agent::{NODE, Stage};
use super::rig::{Place, tree, wait_until};
use crate::agent::rig::{Agent, await_inventory};
use crate::testbed::Signal;

/// Volumes, and files in each: to measure one takes longer than to look where the agent is.
const VOLUMES: usize = 12;
const FILES: usize = 4_000;

fn key(number: usize) -> String {
    format!("k{number:02}")
}

/// Seals one small volume and the large ones, these by hand: nothing tells their bytes but their trees.
fn fill(place: &Place) -> Result<()> {
    place.put("first", "text")?;
    for number in 0..VOLUMES {
        tree(&place.folder(&key(number)).join("data"), FILES - number, 1)?;
        seal(place, &key(number))?;
    }
    Ok(())
}

/// Makes a folder the volume of a key. Unlike `put` it removes no leftovers.
fn seal(place: &Place, key: &str) -> Result<()> {
    let folder = place.folder(key);
    fs::create_dir_all(folder.join("data"))?;
    let record = serde_json::json!({"key": key, "kind": "output", "sealed": true});
    fs::write(place.path("record"), record.to_string())?;
    Ok(fs::rename(place.path("record"), folder.join("volume.json"))?)
}

/// Which volume a process measures now: its handle on the tree.
fn measures(process: u32, place: &Place) -> Option<usize> {
    let handles = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let paths: Vec<_> = handles.filter_map(|handle| fs::read_link(handle.path()).ok()).collect();
    let is_open = |number: usize| {
        let data = place.folder(&key(number)).join("data");
        paths.iter().any(|path| path.starts_with(&data))
    };
    (0..VOLUMES).rfind(|&number| is_open(number))
}

/// Waits until an agent measures this volume or a later one, and kills it there.
fn kill_at(agent: &mut Agent, number: usize, place: &Place) -> Result<()> {
    let process = agent.process();
    let is_there = || measures(process.pid(), place).is_some_and(|now| now >= number);
    wait_until("the agent measures", || {
        if !is_there() {
            return false;
        }
        // Stopped, so that it is there still when it is killed.
        process.signal(Signal::STOP).expect("it runs");
        is_there() || process.signal(Signal::CONT).is_err()
    });
    process.kill();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_in_the_middle_of_its_listing_leaves_store_and_inventory_whole()
-> Result<()> {
    let stage = Stage::set().await?;
    let place = &stage.place;
    fill(place)?;
    let client = stage.plane.client();
    let inventories: Api<NodeInventory> = Api::all(client.clone());
    for number in [0, VOLUMES / 2, VOLUMES - 1] {
        let mut agent = stage.agent(&[]).await?;
        kill_at(&mut agent, number, place)?;
        // Half of a list is never told.
        assert!(inventories.get_opt(NODE).await?.is_none(), "it was killed after its listing");
        assert_eq!((place.leftovers(), place.get("first")?.as_str()), (0, "text"));
    }
    let listed = place.json(&["ls"])?;
    let listed = listed["volumes"].as_array().context("a list")?;
    assert_eq!(listed.len(), VOLUMES + 1);
    let mut agent = stage.agent(&[]).await?;
    let found = await_inventory(&client, NODE, |found| found.lists_volumes).await?.spec;
    for (told, listed) in found.volumes.iter().zip(listed) {
        assert_eq!(listed["key"], told.key.as_str());
        assert_eq!(listed["bytes"], told.bytes, "{}", told.key);
    }
    assert_eq!(found.volumes.len(), listed.len());

    // With an inventory that is there, it stays as it was told until the next one has read everything.
    agent.process().kill();
    place.json(&["rm", "first"])?;
    let before = inventories.get(NODE).await?.metadata.resource_version;
    let mut agent = stage.agent(&[]).await?;
    kill_at(&mut agent, VOLUMES / 2, place)?;
    assert_eq!(inventories.get(NODE).await?.metadata.resource_version, before);
    let _agent = stage.agent(&[]).await?;
    await_inventory(&client, NODE, |found| found.volumes.len() == VOLUMES).await?;
    Ok(())
}

/// An agent in a mount namespace of its own, where a folder of the store is a mount point: it can be neither
/// deleted nor renamed, by root neither.
async fn agent_beside_a_mount(stage: &Stage, stuck: &Path) -> Result<Agent> {
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs none \"$1\" && shift && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(stuck);
    command.args([env!("CARGO_BIN_EXE_dunnage"), "agent", "--interval=1s", "--node-name", NODE]);
    command.arg("--kubeconfig").arg(stage.plane.kubeconfig());
    command.arg("--containerd-socket").arg(stage.socket());
    command.arg("--store").arg(stage.place.store());
    Agent::start_as(command, &stage.plane.dir().join("agent-beside.log")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_beside_what_cannot_be_deleted_says_so_and_goes_on() -> Result<()> {
    let stage = Stage::set().await?;
    let place = &stage.place;
    place.put("a", "text")?;
    for area in [".staging", ".trash"] {
        for folder in ["stuck", "dead/data"] {
            fs::create_dir_all(place.store().join(area).join(folder))?;
        }
        let mut agent =
            agent_beside_a_mount(&stage, &place.store().join(area).join("stuck")).await?;
        let stuck = format!("{area}/stuck: ");
        let told = |status: u16, text: &str| {
            status == 200 && text.contains("[-]volumes: cannot ") && text.contains(&stuck)
        };
        agent.await_answer("/readyz", told).await?;
        // What is there is told, and what comes, and what else was left is gone.
        let key = format!("beside {area}");
        seal(place, &key)?;
        let client = stage.plane.client();
        let told = await_inventory(&client, NODE, |found| keys(found).contains(&key)).await?;
        let found = told.spec;
        assert!(found.lists_volumes && keys(&found).contains(&"a".to_owned()), "{found:?}");
        assert_eq!(fs::read_dir(place.store().join(area))?.count(), 1, "{stuck} alone");
        // It said so once, and is the same process as at the start.
        agent.process().ensure_running()?;
        let log = agent.process().log();
        assert_eq!(log.matches(&stuck).count(), 1, "{log}");
        agent.process().kill();
    }
    // Where it can be deleted, it is, and all is well again.
    let mut agent = stage.agent(&[]).await?;
    wait_until("no leftovers", || place.leftovers() == 0);
    agent.await_answer("/readyz", |_, text| text.contains("[+]volumes ok")).await?;
    Ok(())
}

fn keys(found: &dunnage::edge::inventory::node::InventorySpec) -> Vec<String> {
    found.volumes.iter().map(|volume| volume.key.clone()).collect()
}
