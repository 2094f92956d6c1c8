//! The network of a cluster: one bridge of this machine, an address for each
//! node and each node's pods, and a link of limited rate to each node.
//!
//! All of it is one `10.N.0.0/16` that nobody uses: the bridge is `10.N.0.1`, a
//! node `10.N.0.10` and up, its pods `10.N.128.0/24` and up.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::process::{self, Command};
use std::{env, str};

use anyhow::{Context, Result, ensure};

use super::Options;

/// The networks to choose from, out of the way of what clouds, Docker and
/// kubeadm take.
const NETWORKS: std::ops::RangeInclusive<u8> = 200..=254;
/// Bytes that a link passes on at once after it was idle: four of the largest
/// packets that the kernel makes, or it would drop them.
const BURST: &str = "256kb";
/// The longest that a packet waits for its turn: enough for TCP to fill the link.
const LATENCY: &str = "100ms";

/// A bridge, and the addresses behind it.
pub struct Network {
    number: u8,
}

impl Network {
    /// Makes the bridge on a network that nobody uses.
    pub fn make() -> Result<Self> {
        // Two that choose at once would choose the same.
        let lock = File::create(env::temp_dir().join("dunnage-testbed-network.lock"))?;
        lock.lock()?;
        let used = run("ip", &["-4", "-o", "address"])? + &run("ip", &["-4", "route"])?;
        let is_free = |number: &u8| !used.contains(&format!(" 10.{number}."));
        let number = NETWORKS.into_iter().find(is_free).context("no free 10.N.0.0/16")?;
        let network = Self { number };
        let bridge = bridge();
        run("ip", &["link", "add", &bridge, "type", "bridge"])?;
        let address = format!("{}/17", network.gateway());
        run("ip", &["address", "add", &address, "dev", &bridge])?;
        run("ip", &["link", "set", &bridge, "up"])?;
        Ok(network)
    }

    /// The address of this machine that nodes can reach.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.number, 0, 1)
    }

    /// The address of a node.
    pub fn address(&self, node: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, self.number, 0, 10 + node)
    }

    /// The network of a node's pods.
    pub fn pods(&self, node: u8) -> String {
        format!("10.{}.{}.0/24", self.number, 128 + node)
    }

    /// Links the network namespace of a process to the bridge, as a node.
    pub fn attach(&self, node: u8, pid: u32, options: &Options) -> Result<()> {
        let (bridge, link, pid) = (bridge(), format!("{}-{node}", bridge()), pid.to_string());
        let inside = ["peer", "name", "eth0", "netns", &pid];
        run("ip", &[&["link", "add", &link, "type", "veth"], &inside[..]].concat())?;
        run("ip", &["link", "set", &link, "master", &bridge, "up"])?;
        if let Some(rate) = &options.rate {
            run("tc", &limit(&link, rate))?;
        }
        let enter = ["--target", &pid, "--net", "--"];
        let run_inside = |args: &[&str]| run("nsenter", &[&enter, args].concat());
        if let Some(rate) = &options.uplink_rate {
            run_inside(&[&["tc"], &limit("eth0", rate)[..]].concat())?;
        }
        let inside = |args: &[&str]| run_inside(&[&["ip"], args].concat());
        let address = self.address(node).to_string();
        inside(&["link", "set", "lo", "up"])?;
        inside(&["address", "add", &format!("{address}/17"), "dev", "eth0"])?;
        inside(&["link", "set", "eth0", "up"])?;
        inside(&["route", "add", "default", "via", &self.gateway().to_string()])?;
        // To pods of other nodes without this machine, which may not forward.
        for other in (0..options.nodes).filter(|other| *other != node) {
            let via = self.address(other).to_string();
            inside(&["route", "add", &self.pods(other), "via", &via])?;
        }
        run("ip", &["route", "add", &self.pods(node), "via", &address])?;
        Ok(())
    }
}

/// Arguments of `tc` for a link that sends no faster.
fn limit<'a>(link: &'a str, rate: &'a str) -> Vec<&'a str> {
    let add = ["qdisc", "add", "dev", link, "root"];
    [&add[..], &["tbf", "rate", rate, "burst", BURST, "latency", LATENCY]].concat()
}

/// What the node of a process has received since it was linked, in bytes.
pub fn rx_bytes(pid: u32) -> Result<u64> {
    let table = fs::read_to_string(format!("/proc/{pid}/net/dev"))?;
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix("eth0:"));
    let bytes = line.and_then(|line| line.split_whitespace().next());
    bytes.context("the node has no link")?.parse().context("its counter is no number")
}

/// The name says who made it, for `sweep`.
fn bridge() -> String {
    format!("dn{}", process::id())
}

fn run(program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program).args(args).output();
    let output = output.with_context(|| format!("cannot run {program} (iproute2, util-linux)"))?;
    let said = str::from_utf8(&output.stderr).unwrap_or_default();
    ensure!(output.status.success(), "{program} {}: {said}", args.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}
