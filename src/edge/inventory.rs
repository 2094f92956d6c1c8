//! What nodes hold, as objects of the API server: [`node::NodeInventory`], one per node, and
//! [`image::ImageManifest`], one per image. The agent writes them, the server reads them.
//!
//! An inventory names images by manifest digest and says of each how many of its layers are unpacked,
//! counted from the base. Which layers those are stands in the `ImageManifest` of that digest, once for
//! the whole cluster: an inventory of a hundred images takes some 40 kB instead of 200.
//!
//! # How to read an inventory
//!
//! - **What a node holds unpacked**: for each of [`node::InventorySpec::images`] the first
//!   [`node::HeldImage::unpacked`] layers of its manifest, and each of [`node::InventorySpec::chains`].
//!   Nothing while [`node::InventorySpec::lazy`].
//! - **What it need not download**: blobs of layers as [`node::InventorySpec::blobs`] says for all, and
//!   [`node::HeldImage::blobs`] for those images that differ; also [`node::InventorySpec::loose_blobs`].
//! - **What is on its way**: [`node::InventorySpec::pulls`], for a fifth of the time that the whole may be
//!   believed: an agent that is well tells their progress at every interval. An image without names is being
//!   pulled, if a layer that it lacks is among them, or was left behind by a pull that broke off.
//! - **What it surely lacks**: an image that is not listed, if nothing was
//!   [dropped](node::InventorySpec::dropped) or it is larger than
//!   [`node::Dropped::image_bytes_max`]; else it is unknown.
//! - **Until when**: [`node::InventorySpec::valid_seconds`] after
//!   [`node::InventorySpec::observed_at`]. Later the agent is gone, or cannot write.
//!
//! Nothing in an inventory is proven: an agent that lies can only cost a preference, so a reader must not
//! let it do more.

pub mod node;
pub mod image;
mod schema;
pub mod store;
pub mod document;
pub mod facts;
pub mod report;
pub mod bound;
pub mod change;
pub mod publish;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// The definitions of both kinds as YAML: `deploy/crds.yaml` below its head comment.
///
/// # Errors
/// Never in practice: the definitions are made of constants, and a test makes them.
pub fn definitions() -> Result<String, serde_saphyr::ser::Error> {
    let node = finished(node::NodeInventory::crd());
    let image = finished(image::ImageManifest::crd());
    Ok(format!("{}---\n{}", serde_saphyr::to_string(&node)?, serde_saphyr::to_string(&image)?))
}

/// Our labels, and no zeros: the API server leaves them out, and a file that differs from what is kept
/// makes every tool that compares the two see a change.
fn finished(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let labels = [
        ("name", "dunnage"),
        ("instance", "dunnage"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("component", "definitions"),
        ("part-of", "dunnage"),
        ("managed-by", "kubectl"),
    ];
    let labels = labels.map(|(key, value)| (format!("app.kubernetes.io/{key}"), value.to_owned()));
    definition.metadata.labels = Some(labels.into());
    let columns =
        definition.spec.versions.iter_mut().flat_map(|v| &mut v.additional_printer_columns);
    for column in columns.flatten() {
        column.priority = column.priority.filter(|priority| *priority != 0);
    }
    definition
}
