//! Watches claims and what says where their volumes are.
//!
//! Every kind is optional: without it, or without the right to read it, less is known of volumes and
//! nothing else changes. Nothing waits for their first lists.

use std::fmt::Debug;
use std::sync::Arc;

use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::edge::object::claim::{
    AttachmentObject, ClaimObject, ClassObject, DiskObject, DriverObject, NodeDriversObject,
    ToStorage,
};
use crate::edge::shared::Shared;
use crate::edge::watch::follow;
use crate::state::event::{Event, Kind};

/// Watches all kinds until cancelled.
pub(super) async fn run(client: Client, shared: Arc<Shared>) {
    futures::join!(
        watch::<ClaimObject>(&client, Kind::Claims, &shared),
        watch::<DiskObject>(&client, Kind::PersistentVolumes, &shared),
        watch::<ClassObject>(&client, Kind::Classes, &shared),
        watch::<AttachmentObject>(&client, Kind::Attachments, &shared),
        watch::<DriverObject>(&client, Kind::Drivers, &shared),
        watch::<NodeDriversObject>(&client, Kind::NodeDrivers, &shared),
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
