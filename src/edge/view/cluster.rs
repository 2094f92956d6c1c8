//! Nodes and images as JSON, made of copies: nothing here sees the cluster or its lock.

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
}

/// Every node once, ordered by name.
#[must_use]
pub fn nodes(mut copies: Vec<NodeCopy>, now: Time) -> Vec<NodeView> {
    copies.sort_by(|a, b| a.name.cmp(&b.name));
    // One that was removed and named anew while it was copied can have been met twice.
    copies.dedup_by(|a, b| a.name == b.name);
    copies.into_iter().map(|copy| node_view(copy, now)).collect()
}

/// Images with known layers, then records without, each ordered by first name and digest.
#[must_use]
pub fn images(mut copies: Vec<ImageCopy>) -> Vec<ImageView> {
    let key = |copy: &ImageCopy| copy.layer_count.is_none();
    copies.sort_by(|a, b| {
        (key(a), &a.references, &a.digests).cmp(&(key(b), &b.references, &b.digests))
    });
    copies.into_iter().map(image_view).collect()
}

fn node_view(copy: NodeCopy, now: Time) -> NodeView {
    let pulls = copy.pulled.iter().zip(&copy.pulls).enumerate();
    let pulls = pulls.map(|(at, (reference, pull))| PullView {
        reference: (**reference).to_owned(),
        bytes: pull.bytes.0,
        left_seconds: super::seconds(copy.rules.done_at(&copy.pulls, at).since(now)),
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
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}
