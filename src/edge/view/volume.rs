//! Named volumes as JSON: those that a pod needs, with where they can be had, and all that are known.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cost::stream::Source;
use crate::edge::view::copy::VolumeCopy;
use crate::model::volume::VolumeFacts;
use crate::score::decision::volume::{SizeTold, WantedVolume};

/// A volume that a pod needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WantedVolumeView {
    /// Names it and its version.
    pub key: String,
    /// `resource-cache`, `task-cache`, `output`, `other`.
    pub kind: String,
    /// Bytes, as far as they count.
    pub bytes: u64,
    /// Who told the size: `node`, `pod`, `policy`; `repeated` for one that was named before.
    pub size_from: String,
    /// Nodes that hold it.
    pub holders: usize,
    /// Nodes that it is on its way to.
    pub arriving: usize,
    /// Where it can be had if no node holds it: `registry`, `blob-store`, `none`.
    pub fallback: String,
    /// Seconds on a node without it, if nothing else is going on.
    pub cold_seconds: f64,
}

/// A volume that some node holds or some pod names.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeView {
    /// Names it and its version.
    pub key: String,
    /// `resource-cache`, `task-cache`, `output`, `other`.
    pub kind: String,
    /// Bytes; absent where nobody tells them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// A node that holds it tells them, not a pod.
    pub measured: bool,
    /// Number of nodes that hold it.
    pub nodes: usize,
    /// Those nodes by name, at most a hundred.
    pub holders: Vec<HolderView>,
    /// Nodes that it is on its way to, by name, at most a hundred.
    pub arriving: Vec<StreamView>,
}

/// A node that holds a volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HolderView {
    /// Its name.
    pub node: String,
    /// Its agent reports it; else it is inferred from pods.
    pub reported: bool,
    /// Pods that run there and need it.
    pub users: u32,
    /// When it was last put or used there, RFC 3339; absent where nobody told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
}

/// A volume on its way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamView {
    /// Where it goes.
    pub node: String,
    /// The holder that it most likely comes from; absent if no node holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// The volumes that a pod needs, in its order.
#[must_use]
pub fn wanted(needs: &[VolumeFacts], volumes: &[WantedVolume]) -> Vec<WantedVolumeView> {
    needs.iter().zip(volumes).map(|(facts, wanted)| wanted_view(facts, *wanted)).collect()
}

fn wanted_view(facts: &VolumeFacts, wanted: WantedVolume) -> WantedVolumeView {
    let size_from = match wanted.size {
        SizeTold::Node => "node",
        SizeTold::Pod => "pod",
        SizeTold::Nobody => "policy",
        SizeTold::Repeated => "repeated",
    };
    WantedVolumeView {
        key: facts.key.clone(),
        kind: facts.kind.name().to_owned(),
        bytes: wanted.bytes.0,
        size_from: size_from.to_owned(),
        holders: wanted.holders,
        arriving: wanted.streams,
        fallback: wanted.fallback.map_or("none", source_name).to_owned(),
        cold_seconds: super::seconds(wanted.cold),
    }
}

const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Peer => "peer",
        Source::Zone => "zone",
        Source::Registry => "registry",
        Source::BlobStore => "blob-store",
    }
}

/// Every volume once, ordered by key.
#[must_use]
pub fn volumes(mut copies: Vec<VolumeCopy>) -> Vec<VolumeView> {
    copies.sort_by(|a, b| a.key.cmp(&b.key));
    // One that was forgotten and named anew while it was copied can have been met twice.
    copies.dedup_by(|a, b| a.key == b.key);
    copies.into_iter().map(volume_view).collect()
}

fn volume_view(copy: VolumeCopy) -> VolumeView {
    let text = |name: &Arc<str>| (**name).to_owned();
    let mut holders: Vec<_> = copy
        .holders
        .iter()
        .map(|holder| HolderView {
            node: text(&holder.node),
            reported: holder.reported,
            users: holder.users,
            last_used: holder.used_at.map(super::rfc3339),
        })
        .collect();
    let streams = copy.streams.iter();
    let mut arriving: Vec<_> = streams
        .map(|(node, from)| StreamView { node: text(node), from: from.as_ref().map(text) })
        .collect();
    holders.sort_unstable();
    arriving.sort_unstable();
    VolumeView {
        key: (*copy.key).to_owned(),
        kind: copy.kind.name().to_owned(),
        bytes: copy.bytes.map(|bytes| bytes.0),
        measured: copy.measured,
        nodes: copy.node_count,
        holders,
        arriving,
    }
}
