//! Nodes and images as JSON, made of copies: nothing here sees the cluster or its lock.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::edge::view::copy::{ImageCopy, NodeCopy};
use crate::model::unit::Time;

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
    /// What is pulled: by digest if it has no other name.
    pub reference: String,
    /// Whether a pod here waits for it. Else only the node's agent saw it.
    pub asked_for: bool,
    /// Compressed bytes it brings.
    pub bytes: u64,
    /// Of those, what was still to be downloaded when it was looked at last.
    pub left_bytes: u64,
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

/// Every node once, ordered by name.
#[must_use]
pub fn nodes(mut copies: Vec<NodeCopy>, now: Time) -> Vec<NodeView> {
    copies.sort_by(|a, b| a.name.cmp(&b.name));
    // One that was removed and named anew while it was copied can have been met twice.
    copies.dedup_by(|a, b| a.name == b.name);
    copies.into_iter().map(|copy| node_view(copy, now)).collect()
}

/// Images with known layers, then records without, then names that could not be looked up and that no
/// node reports; each ordered by first name and digest. `reasons` are reference, platform and why.
#[must_use]
pub fn images(
    mut copies: Vec<ImageCopy>,
    reasons: Vec<(String, String, String)>,
) -> Vec<ImageView> {
    let key = |copy: &ImageCopy| copy.layer_count.is_none();
    copies.sort_by(|a, b| {
        (key(a), &a.references, &a.digests).cmp(&(key(b), &b.references, &b.digests))
    });
    let mut shown: Vec<_> = copies.into_iter().map(image_view).collect();
    let named = give_reasons(&mut shown, reasons);
    shown.extend(named);
    shown
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

fn node_view(copy: NodeCopy, now: Time) -> NodeView {
    let pulls = copy.pulled.iter().zip(&copy.pulls).enumerate();
    let pulls = pulls.map(|(at, (reference, pull))| PullView {
        reference: (**reference).to_owned(),
        asked_for: pull.reference.is_some(),
        bytes: pull.bytes.0,
        left_bytes: pull.left.0,
        left_seconds: super::seconds(copy.rules.done_at(&copy.pulls, &copy.takes, at).since(now)),
    });
    NodeView {
        name: (*copy.name).to_owned(),
        platform: copy.platform.unwrap_or_else(unknown),
        images: copy.image_count,
        image_bytes: copy.image_bytes,
        list_cut: copy.list_cut,
        waiting_pods: copy.waiting_pods,
        pulls: pulls.collect(),
    }
}

fn image_view(copy: ImageCopy) -> ImageView {
    let texts = |names: Vec<Arc<str>>| names.iter().map(|name| (**name).to_owned()).collect();
    ImageView {
        references: texts(copy.references),
        digests: texts(copy.digests),
        platform: copy.platform.unwrap_or_else(unknown),
        bytes: copy.bytes,
        layers: copy.layer_count,
        nodes: copy.node_count,
        nodes_with_base: copy.base_node_count,
        unresolved: None,
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}
