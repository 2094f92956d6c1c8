//! What agents' reports cost: the API server, its store, and the server of ours that watches them.
//!
//! In every test run a few agents for some seconds: every report must arrive and be counted. The figures of
//! `deploy/README.md` are those of `tests/bench/reports`, which runs 2,000 agents for a quarter of an hour
//! and prints them. Leaves alone what agents read of containerd, which costs their own nodes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dunnage::edge::inventory::node::NodeInventory;
use kube::{Api, Client};
use serde_json::Value;
use tokio::time::{Instant, interval};

use super::fleet::{self, IMAGES_PER_NODE, Plan};
use super::spent::{cpu_seconds, peak_resident_kb, resident_kb};
use crate::deploy::definitions::establish;
use crate::support::{Extender, client};
use crate::testbed::{ControlPlane, NodeSpec, http_get, make_nodes};

/// Between two looks at the store: short against the five minutes between two compactions.
const LOOK_SECONDS: u64 = 5;
/// Inventories that the API server has written for agents.
const APPLIED: &[&str] = &["apiserver_request_total{", "\"nodeinventories\"", "verb=\"APPLY\""];

#[tokio::test(flavor = "multi_thread")]
async fn every_report_of_every_agent_arrives() -> Result<()> {
    let plan = plan()?;
    let mut stage = Stage::set(plan).await?;
    let before = stage.applied().await?;
    let kubeconfig = stage.plane.kubeconfig().to_owned();
    let fleet = tokio::spawn(async move { fleet::run(plan, &kubeconfig).await });
    // Every agent has made its object by then; what follows is the same every time.
    tokio::time::sleep(plan.interval).await;
    let begun = stage.mark().await?;
    let mut store = Store::default();
    let mut looks = interval(Duration::from_secs(LOOK_SECONDS));
    while !fleet.is_finished() {
        looks.tick().await;
        store.look(&stage).await?;
    }
    let took = fleet.await??;
    let ended = stage.mark().await?;
    stage.await_last(plan).await?;
    let written = stage.applied().await? - before;
    assert_eq!(written, (plan.agents * (plan.reports + 1)) as f64, "inventories written");
    stage.are_kept(plan).await?;
    stage.tell(plan, &begun, &ended, &store, &took).await
}

fn plan() -> Result<Plan> {
    let of = |name: &str, else_: usize| {
        std::env::var(name).map_or(Ok(else_), |text| text.parse().context(name.to_owned()))
    };
    Ok(Plan {
        agents: of("SCALE_AGENTS", 20)?,
        catalogue: of("SCALE_CATALOGUE", 200)?,
        interval: Duration::from_secs(of("SCALE_INTERVAL", 1)? as u64),
        reports: of("SCALE_REPORTS", 5)?,
    })
}

/// Nodes whose agents do not report yet, and a server that has seen them.
struct Stage {
    extender: Extender,
    plane: ControlPlane,
}

/// What everything has used up to a moment.
struct Mark {
    at: Instant,
    /// Processor seconds of API server, etcd and ours.
    cpu: [f64; 3],
    /// Requests by agents and ourselves that the API server has answered: reads of nodes, inventories
    /// written, manifests refused as they exist.
    requests: [f64; 3],
}

/// What the store's database was seen to be.
#[derive(Debug, Default)]
struct Store {
    first: Option<[f64; 2]>,
    last: [f64; 2],
    /// The largest size and bytes in use.
    peak: [f64; 2],
    compactions: u32,
}

impl Stage {
    async fn set(plan: Plan) -> Result<Self> {
        let plane = ControlPlane::start().await?;
        establish(&plane.client()).await?;
        let nodes: Vec<_> =
            (0..plan.agents).map(|node| NodeSpec::new(&fleet::node_name(node))).collect();
        make_nodes(&plane.client(), &nodes).await?;
        fleet::publish_catalogue(plane.kubeconfig(), plan.catalogue).await?;
        let flags = ["--resolve=off"];
        let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &flags).await?;
        extender.await_ready().await?;
        Ok(Self { extender, plane })
    }

    async fn mark(&mut self) -> Result<Mark> {
        let text = metrics_of(&self.plane.client()).await?;
        let pids =
            [self.plane.api_server().pid(), self.plane.etcd().pid(), self.extender.process().pid()];
        let mut cpu = [0.0; 3];
        for (cpu, pid) in cpu.iter_mut().zip(pids) {
            *cpu = cpu_seconds(pid)?;
        }
        let reads = sum(&text, &["apiserver_request_total{", "resource=\"nodes\"", "verb=\"GET\""]);
        let exists =
            sum(&text, &["apiserver_request_total{", "\"imagemanifests\"", "code=\"409\""]);
        Ok(Mark { at: Instant::now(), cpu, requests: [reads, sum(&text, APPLIED), exists] })
    }

    async fn applied(&self) -> Result<f64> {
        Ok(sum(&metrics_of(&self.plane.client()).await?, APPLIED))
    }

    /// Waits until our server knows what each agent told last.
    async fn await_last(&mut self, plan: Plan) -> Result<()> {
        let wanted = IMAGES_PER_NODE - plan.reports / 5;
        let has_all = |text: &str| {
            let list: Value = serde_json::from_str(text).ok()?;
            let nodes = list["items"].as_array()?;
            let told = nodes.iter().filter(|node| node["images"] == wanted).count();
            Some(told == plan.agents)
        };
        self.extender.await_answer("/api/v1/nodes", |_, text| has_all(text) == Some(true)).await
    }

    /// Holds what the API server keeps of some agents against what they told last.
    async fn are_kept(&self, plan: Plan) -> Result<()> {
        let inventories: Api<NodeInventory> = Api::all(self.plane.client());
        for node in (0..plan.agents).step_by((plan.agents / 20).max(1)) {
            let kept = inventories.get(&fleet::node_name(node)).await?;
            let mut told = fleet::inventory(node, plan.reports, plan.catalogue);
            told.observed_at = kept.spec.observed_at.clone();
            ensure!(kept.spec == told, "node {node} told something else");
        }
        Ok(())
    }

    async fn tell(
        &mut self,
        plan: Plan,
        begun: &Mark,
        ended: &Mark,
        store: &Store,
        took: &[Duration],
    ) -> Result<()> {
        let seconds = (ended.at - begun.at).as_secs_f64();
        let [api_server, etcd, serve] =
            [0, 1, 2].map(|at| (ended.cpu[at] - begun.cpu[at]) / seconds);
        let [reads, writes, exists] =
            [0, 1, 2].map(|at| (ended.requests[at] - begun.requests[at]) / seconds);
        println!("{} agents, {} reports each over {seconds:.0} s", plan.agents, plan.reports);
        println!(
            "requests/s: {reads:.1} reads of nodes, {writes:.1} inventories written, \
             {exists:.1} manifests that exist"
        );
        println!("cores: kube-apiserver {api_server:.3}, etcd {etcd:.3}, dunnage serve {serve:.3}");
        let each = took.len().saturating_sub(1);
        let at = |share: usize| took[each * share / 100].as_secs_f64() * 1e3;
        println!("a write of an inventory, ms: p50 {:.1}, p99 {:.1}", at(50), at(99));
        println!(
            "bytes of an object: inventory {}, manifest {}",
            self.stored_bytes("nodeinventories", &fleet::node_name(0)).await?,
            self.stored_bytes("imagemanifests", "").await? / plan.catalogue
        );
        let mb = |bytes: f64| bytes / 1e6;
        let first = store.first.context("never looked")?;
        println!(
            "etcd MB, size / in use: begin {:.0} / {:.0}, peak {:.0} / {:.0}, end {:.0} / {:.0}; \
             compactions {}",
            mb(first[0]),
            mb(first[1]),
            mb(store.peak[0]),
            mb(store.peak[1]),
            mb(store.last[0]),
            mb(store.last[1]),
            store.compactions
        );
        let ours = self.extender.process().pid();
        println!(
            "resident MB: dunnage serve {:.0} (peak {:.0}), kube-apiserver {:.0}, etcd {:.0}",
            resident_kb(ours)? as f64 / 1e3,
            peak_resident_kb(ours)? as f64 / 1e3,
            resident_kb(self.plane.api_server().pid())? as f64 / 1e3,
            resident_kb(self.plane.etcd().pid())? as f64 / 1e3
        );
        Ok(())
    }

    /// Bytes of an object, or of all, as JSON: how the API server keeps kinds that it was taught.
    async fn stored_bytes(&self, kind: &str, name: &str) -> Result<usize> {
        let path = format!("/apis/dunnage.dev/v1alpha1/{kind}/{name}");
        Ok(self.plane.client().request_text(http_get(path.trim_end_matches('/'))?).await?.len())
    }
}

impl Store {
    async fn look(&mut self, stage: &Stage) -> Result<()> {
        let url = format!("{}/metrics", stage.plane.etcd_url());
        let text = client().get(url).send().await?.text().await?;
        let now = [
            sum(&text, &["etcd_mvcc_db_total_size_in_bytes "]),
            sum(&text, &["etcd_mvcc_db_total_size_in_use_in_bytes "]),
        ];
        ensure!(now[0] > 0.0, "etcd tells no size");
        self.first.get_or_insert(now);
        // Only a compaction frees so much at once.
        self.compactions += u32::from(now[1] < self.last[1] * 0.9);
        self.last = now;
        self.peak = [0, 1].map(|at| self.peak[at].max(now[at]));
        Ok(())
    }
}

async fn metrics_of(client: &Client) -> Result<String> {
    Ok(client.request_text(http_get("/metrics")?).await?)
}

/// The sum of the samples whose lines hold all of these.
fn sum(text: &str, parts: &[&str]) -> f64 {
    let lines = text.lines().filter(|line| parts.iter().all(|part| line.contains(part)));
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
