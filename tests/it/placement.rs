//! Where an unmodified kube-scheduler puts pods with our help: the main job, on the real thing.

mod by_layer;
mod burst;
mod disks;
mod lookahead;
pub mod manifest;
mod runs;
mod twin;
mod volumes;
mod zones;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use crate::support::Extender;
use crate::testbed::{
    ControlPlane, NodeSpec, PodSpec, Scheduler, SchedulerOptions, await_bound, make_namespace,
    make_nodes, make_pods,
};

/// Pods per node that got any.
type PerNode = BTreeMap<String, usize>;

/// A control plane with nodes, and an extender that knows them.
struct Stage {
    // Dropped in this order: the servers before the plane they talk to.
    scheduler: Scheduler,
    extender: Extender,
    plane: ControlPlane,
}

impl Stage {
    async fn set(nodes: &[NodeSpec], manifests: &[manifest::Manifest]) -> Result<Self> {
        Self::set_with(nodes, manifests, SchedulerOptions::default(), true).await
    }

    /// The same with options of the scheduler; without us, the scheduler does not know of the extender.
    async fn set_with(
        nodes: &[NodeSpec],
        manifests: &[manifest::Manifest],
        options: SchedulerOptions,
        with_us: bool,
    ) -> Result<Self> {
        Self::set_under(nodes, manifests, options, with_us, None).await
    }

    /// The same under a policy of the test.
    async fn set_under(
        nodes: &[NodeSpec],
        manifests: &[manifest::Manifest],
        options: SchedulerOptions,
        with_us: bool,
        policy: Option<&str>,
    ) -> Result<Self> {
        let plane = ControlPlane::start().await?;
        make_nodes(&plane.client(), nodes).await?;
        make_namespace(&plane.client(), "steps").await?;
        let file = plane.dir().join("manifests.jsonl");
        manifest::write(&file, manifests)?;
        let mut flags = Vec::new();
        if !manifests.is_empty() {
            flags.push(format!("--manifests={}", file.display()));
        }
        if let Some(policy) = policy {
            let file = plane.dir().join("policy.yaml");
            std::fs::write(&file, policy)?;
            flags.push(format!("--policy={}", file.display()));
        }
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &flags).await?;
        extender.await_ready().await?;
        let extender_url = with_us.then(|| extender.url.clone());
        let options = SchedulerOptions { extender_url, ..options };
        let scheduler = Scheduler::start(&plane, options).await?;
        Ok(Self { scheduler, extender, plane })
    }

    /// Makes the pods and waits until `bound` of the namespace are bound, these included.
    async fn place(&self, pods: Vec<PodSpec>, bound: usize) -> Result<BTreeMap<String, String>> {
        let client = self.plane.client();
        make_pods(&client, "steps", pods).await?;
        await_bound(&client, "steps", bound, Duration::from_secs(180)).await
    }

    /// Waits until the extender has seen so many pods bound.
    async fn await_seen(&mut self, pods: usize) -> Result<()> {
        let wanted = format!("dunnage_index_entries{{kind=\"pods\"}} {pods}");
        self.extender.await_answer("/metrics", |_, text| text.lines().any(|l| l == wanted)).await
    }
}

fn per_node(bound: BTreeMap<String, String>) -> PerNode {
    let mut per_node = PerNode::new();
    for node in bound.into_values() {
        *per_node.entry(node).or_insert(0) += 1;
    }
    per_node
}
