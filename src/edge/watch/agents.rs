//! Watches what nodes' agents publish: inventories, and layers of images.
//!
//! Both kinds are optional. While the API server does not know them that is no error, they are asked for
//! twice a minute, and nothing waits for them. An object that cannot be understood costs itself alone.

use std::sync::Arc;

use kube::core::DeserializeGuard;
use kube::runtime::watcher::Error;
use kube::{Api, Client, ResourceExt};

use crate::edge::inventory::facts::{image_facts, inventory_facts};
use crate::edge::inventory::image::ImageManifest;
use crate::edge::inventory::node::NodeInventory;
use crate::edge::shared::Shared;
use crate::edge::watch::follow;
use crate::model::image::Platform;
use crate::state::event::{Event, Kind};

type Inventory = DeserializeGuard<NodeInventory>;
type Manifest = DeserializeGuard<ImageManifest>;

/// Watches both kinds until cancelled.
pub(super) async fn run(client: Client, shared: Arc<Shared>) {
    futures::join!(watch_inventories(client.clone(), &shared), watch_manifests(client, &shared));
}

/// Whether an error says that the API server does not know the kind.
pub(super) fn is_unknown_kind(error: &Error) -> bool {
    match error {
        Error::InitialListFailed(kube::Error::Api(status))
        | Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 404,
        _ => false,
    }
}

async fn watch_inventories(client: Client, shared: &Shared) {
    let removed = |inventory: Inventory| {
        let node = inventory.name_any();
        Some(Event::InventoryRemoved { node })
    };
    let applied = |inventory: Inventory| {
        let node = inventory.name_any();
        match inventory.0 {
            Ok(inventory) => {
                let facts = inventory_facts(inventory.spec);
                Some(Event::InventoryReported { node, facts })
            }
            Err(error) => {
                tracing::warn!(node, %error, "inventory not understood");
                Some(Event::InventoryRemoved { node })
            }
        }
    };
    follow(Api::all(client), (Kind::Inventories, ""), shared, applied, removed).await;
}

async fn watch_manifests(client: Client, shared: &Shared) {
    let applied = |manifest: Manifest| match manifest.0 {
        Ok(manifest) => Some(Event::ImageKnown(image_facts(manifest))),
        Err(error) => {
            tracing::warn!(%error, "image manifest not understood");
            None
        }
    };
    let removed = |manifest: Manifest| {
        let spec = manifest.0.ok()?.spec;
        let platform = Platform::parse(&spec.platform)?;
        Some(Event::ImageForgotten { manifest: spec.digest, platform })
    };
    follow(Api::all(client), (Kind::Manifests, ""), shared, applied, removed).await;
}
