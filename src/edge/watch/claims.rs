//! Watches claims and what says where their volumes are.
//!
//! Every kind is optional: without it, or without the right to read it, less is known of volumes and
//! nothing else changes. Nothing waits for their first lists.

use std::fmt::Debug;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::edge::object::claim::ToStorage;
use crate::edge::shared::Shared;
use crate::edge::watch::follow;
use crate::state::event::{Event, Kind};

/// Watches all kinds until cancelled.
pub(super) async fn run(client: Client, shared: Arc<Shared>) {
    futures::join!(
        watch::<PersistentVolumeClaim>(&client, Kind::Claims, &shared),
        watch::<PersistentVolume>(&client, Kind::PersistentVolumes, &shared),
        watch::<StorageClass>(&client, Kind::Classes, &shared),
        watch::<VolumeAttachment>(&client, Kind::Attachments, &shared),
        watch::<CSIDriver>(&client, Kind::Drivers, &shared),
        watch::<CSINode>(&client, Kind::NodeDrivers, &shared),
    );
}

async fn watch<K>(client: &Client, kind: Kind, shared: &Shared)
where
    K: ToStorage + Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let applied = |object: K| object.facts().map(Event::StorageApplied);
    let removed = |object: K| object.facts().map(Event::StorageRemoved);
    follow(Api::all(client.clone()), (kind, ""), shared, applied, removed).await;
}
