//! Nodes, images and totals as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cost::pull::PullRates;
use crate::cost::queue::QueueRules;
use crate::model::cluster::{Cluster, Image, ImageId, Node, RecordId};
use crate::model::unit::Time;
use crate::policy::Policy;

/// A node and what lies on it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// `os/architecture`, or `unknown`.
    pub platform: String,
    /// Images it holds, by reports and by evidence.
    pub images: usize,
    /// Their bytes as reported, or as their layers add up; shared layers count in each.
    pub image_bytes: u64,
    /// Its image list was cut at the kubelet's limit.
    pub list_cut: bool,
    /// Step pods that wait there.
    pub waiting_pods: u32,
    /// Images on their way, in the order of pulling.
    pub pulls: Vec<PullView>,
}

/// An image on its way.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PullView {
    /// What is pulled.
    pub reference: String,
    /// Compressed bytes it moves.
    pub bytes: u64,
    /// Estimated seconds until it is done.
    pub left_seconds: f64,
}

/// An image, or, where its layers are unknown, what nodes report under a name.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageView {
    /// Its names, canonical.
    pub references: Vec<String>,
    /// Its digests, the manifest's first.
    pub digests: Vec<String>,
    /// `os/architecture`, or `unknown`.
    pub platform: String,
    /// Compressed bytes, or the size nodes report.
    pub bytes: u64,
    /// Number of layers; absent where they are unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<usize>,
    /// Nodes that hold all of it.
    pub nodes: usize,
    /// Nodes that hold its base layer at least.
    pub nodes_with_base: usize,
    /// Why its layers could not be looked up, or not anew; absent where nothing went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unresolved: Option<String>,
}

/// Every node, ordered by name.
#[must_use]
pub fn nodes(cluster: &Cluster, policy: &Policy, now: Time) -> Vec<NodeView> {
    let nodes = cluster.nodes_by_name();
    nodes.into_iter().map(|(_, node)| node_view(node, cluster, policy, now)).collect()
}

/// Images with known layers, then records without, then names that could not be looked up and that no
/// node reports; each ordered by first name and digest. `reasons` are reference, platform and why.
#[must_use]
pub fn images(cluster: &Cluster, reasons: Vec<(String, String, String)>) -> Vec<ImageView> {
    let mut known: Vec<_> = cluster.images().map(|image| image_view(image, cluster)).collect();
    let records = (0u32..).map(RecordId).zip(&cluster.records);
    let held = records
        .filter(|(id, record)| record.image.is_none() && cluster.record_ids.key(id.0).is_some());
    let mut whole: Vec<_> = held.map(|(id, _)| record_view(id, cluster)).collect();
    for views in [&mut known, &mut whole] {
        views.sort_by(|a, b| (&a.references, &a.digests).cmp(&(&b.references, &b.digests)));
    }
    known.append(&mut whole);
    let named = give_reasons(&mut known, reasons);
    known.extend(named);
    known
}

/// Puts each reason to what it is about; what is about nothing shown becomes an entry of its own.
fn give_reasons(shown: &mut [ImageView], reasons: Vec<(String, String, String)>) -> Vec<ImageView> {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, view) in shown.iter().enumerate() {
        for name in &view.references {
            by_name.entry(name.clone()).or_default().push(at);
        }
    }
    let mut named = Vec::new();
    for (reference, platform, reason) in reasons {
        let own = by_name.get(&reference).into_iter().flatten().copied();
        let is_meant = |view: &ImageView| view.platform == platform || view.platform == unknown();
        let own: Vec<_> = own.filter(|&at| is_meant(&shown[at])).collect();
        for &at in &own {
            shown[at].unresolved = Some(reason.clone());
        }
        if own.is_empty() {
            named.push(name_view(reference, platform, reason));
        }
    }
    named
}

fn name_view(reference: String, platform: String, reason: String) -> ImageView {
    ImageView {
        references: vec![reference],
        digests: Vec::new(),
        platform,
        bytes: 0,
        layers: None,
        nodes: 0,
        nodes_with_base: 0,
        unresolved: Some(reason),
    }
}

fn node_view(node: &Node, cluster: &Cluster, policy: &Policy, now: Time) -> NodeView {
    let size = |id: RecordId| {
        let record = cluster.record(id);
        let layers = record.image.map(|image: ImageId| cluster.image(image).total_bytes());
        layers.unwrap_or_default().max(record.size).0
    };
    let rules = QueueRules {
        rates: PullRates { fetch: policy.fetch, unpack: policy.unpack },
        order: policy.pull_order(&node.labels),
        later_share: policy.later_share,
    };
    let pulls = node.pulls.iter().enumerate().map(|(at, pull)| PullView {
        reference: cluster.reference_text(pull.reference).to_owned(),
        bytes: pull.bytes.0,
        left_seconds: super::seconds(rules.done_at(&node.pulls, at).since(now)),
    });
    NodeView {
        name: node.name.to_string(),
        platform: node.platform.map_or_else(unknown, |id| cluster.platform(id).to_string()),
        images: node.held.len(),
        image_bytes: node.held.iter().map(|held| size(held.record)).sum(),
        list_cut: node.list_cut_at.is_some(),
        waiting_pods: node.waiting_step_pods,
        pulls: pulls.collect(),
    }
}

fn image_view(image: &Image, cluster: &Cluster) -> ImageView {
    let holders = |chain: Option<&crate::model::cluster::ChainId>| {
        chain.map_or(0, |&chain| cluster.chain(chain).holders.len())
    };
    ImageView {
        references: image
            .references
            .iter()
            .map(|&id| cluster.reference_text(id).to_owned())
            .collect(),
        digests: image.digests.iter().map(|&id| cluster.digest_text(id).to_owned()).collect(),
        platform: cluster.platform(image.platform).to_string(),
        bytes: image.total_bytes().0,
        layers: Some(image.chains.len()),
        nodes: holders(image.chains.last()),
        nodes_with_base: holders(image.chains.first()),
        unresolved: None,
    }
}

fn record_view(id: RecordId, cluster: &Cluster) -> ImageView {
    let record = cluster.record(id);
    ImageView {
        references: record
            .references
            .iter()
            .map(|&id| cluster.reference_text(id).to_owned())
            .collect(),
        digests: record.digests.iter().map(|&id| cluster.digest_text(id).to_owned()).collect(),
        platform: record.platform.map_or_else(unknown, |id| cluster.platform(id).to_string()),
        bytes: record.size.0,
        layers: None,
        nodes: record.holders.len(),
        nodes_with_base: record.holders.len(),
        unresolved: None,
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}
