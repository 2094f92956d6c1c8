//! What node images hold: `{"sku", "version", "images": [{"id", "bytes", "tags", "digests"}]}`, one release
//! of one kind a line.

use serde::Deserialize;

use super::json;
use crate::model::reference::is_digest;
use crate::model::unit::Bytes;
use crate::sim::data::{NodeImage, NodeImages};

#[derive(Deserialize)]
struct NodeLine {
    sku: String,
    version: String,
    images: Vec<ImageEntry>,
}

#[derive(Deserialize)]
struct ImageEntry {
    id: String,
    bytes: u64,
    #[serde(default)]
    tags: Vec<String>,
}

/// One release.
pub fn parse(line: &[u8]) -> Result<NodeImages, String> {
    let line: NodeLine = json::parse("a list of node images", line)?;
    let images = line.images.into_iter().map(image).collect::<Result<_, _>>()?;
    Ok(NodeImages { sku: line.sku, version: line.version, images })
}

fn image(entry: ImageEntry) -> Result<NodeImage, String> {
    if !is_digest(&entry.id) {
        return Err(format!("id {:?}: expected algorithm:hex", entry.id));
    }
    if entry.bytes == 0 {
        return Err(format!("image {}: expected bytes above 0", entry.id));
    }
    Ok(NodeImage { id: entry.id, bytes: Bytes(entry.bytes), tags: entry.tags })
}
