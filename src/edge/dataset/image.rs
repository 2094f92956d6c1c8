//! Image layers and tag histories: `{"image", "platform", "manifest", "layers", …}` as `serve --manifests`
//! takes them, and `{"time", "image", "platform", "manifest"}` each time a tag came to mean another one.

use serde::Deserialize;

use super::json;
use crate::edge::manifests;
use crate::model::image::{ImageFacts, Platform};
use crate::model::reference::{Reference, is_digest};
use crate::sim::data::TagMove;

/// One image.
pub fn manifest(line: &[u8]) -> Result<ImageFacts, String> {
    let image = manifests::parse(line)?;
    match image.layers.iter().find(|layer| layer.compressed_bytes.0 == 0) {
        Some(layer) => Err(format!("layer {}: expected a size above 0", layer.digest)),
        None => Ok(image),
    }
}

#[derive(Deserialize)]
struct TagLine {
    time: String,
    image: String,
    platform: String,
    manifest: String,
}

/// One move of a tag.
pub fn tag_move(line: &[u8]) -> Result<TagMove, String> {
    let line: TagLine = json::parse("a move of a tag", line)?;
    let reference = Reference::parse(&line.image)
        .ok_or_else(|| format!("{:?}: expected an image reference", line.image))?;
    let platform = Platform::parse(&line.platform)
        .ok_or_else(|| format!("platform {:?}: expected os/architecture", line.platform))?;
    if !is_digest(&line.manifest) {
        return Err(format!("manifest {:?}: expected algorithm:hex", line.manifest));
    }
    let at = manifests::time(&line.time)?;
    Ok(TagMove { at, reference: reference.as_str().to_owned(), platform, manifest: line.manifest })
}
