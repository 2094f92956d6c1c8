//! Watches kubelets' reports of images that have come.
//!
//! Only what is reported from now on: the list is asked for its version and not for its entries, so that no
//! report counts twice and none is held against a prediction that was made after it. What is reported while
//! the watch is broken is lost. Being refused switches learning off and nothing else.

use std::pin::pin;
use std::sync::Arc;

use anyhow::bail;
use futures::{Stream, StreamExt};
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::core::ObjectMeta;
use kube::{Client, ResourceExt};

use crate::edge::cause::with_causes;
use crate::edge::object::pulled::EventObject;
use crate::edge::shared::Shared;
use crate::edge::watch::retry::Retry;

/// Of all events of a cluster, these alone are sent.
const PULLED: &str = "reason=Pulled,involvedObject.kind=Pod";

type Report = EventObject<ObjectMeta>;

/// Watches until cancelled; not at all where nothing is to be learned.
pub(super) async fn run(client: Client, shared: Arc<Shared>) {
    if !shared.policy.learn.enabled {
        return;
    }
    let api = Api::all(client);
    let mut pauses = Retry::default();
    loop {
        let Err(error) = follow(&api, &shared).await else { continue };
        note_error(&shared, &error);
        let pause = pauses.next().unwrap_or_default();
        tokio::time::sleep(pause).await;
    }
}

/// Follows reports from now on, until the API server ends the watch because its version is too old.
async fn follow(api: &Api<Report>, shared: &Shared) -> anyhow::Result<()> {
    let list = api.list_metadata(&ListParams::default().fields(PULLED).limit(1)).await?;
    let mut version = list.metadata.resource_version.unwrap_or_default();
    loop {
        let stream = api.watch(&WatchParams::default().fields(PULLED), &version).await?;
        note_success(shared);
        consume(stream, &mut version, shared).await?;
    }
}

/// Consumes one watch to its regular end, some five minutes later.
async fn consume(
    stream: impl Stream<Item = kube::Result<WatchEvent<Report>>>,
    version: &mut String,
    shared: &Shared,
) -> anyhow::Result<()> {
    let mut stream = pin!(stream);
    while let Some(event) = stream.next().await {
        match event? {
            WatchEvent::Added(event) | WatchEvent::Modified(event) => {
                *version = event.resource_version().unwrap_or_default();
                shared.observe(event.report());
            }
            WatchEvent::Deleted(event) => *version = event.resource_version().unwrap_or_default(),
            WatchEvent::Bookmark(bookmark) => *version = bookmark.metadata.resource_version,
            WatchEvent::Error(status) => bail!("{}", status.message),
        }
    }
    Ok(())
}

fn note_error(shared: &Shared, error: &anyhow::Error) {
    shared.metrics.watch_restarts.with_label_values(&["events"]).inc();
    let text = with_causes(error.as_ref());
    let events = &mut shared.health().events;
    if events.error.as_ref() != Some(&text) {
        tracing::warn!(error = %text, "pulls are not observed; trying again");
        events.error = Some(text);
    }
}

fn note_success(shared: &Shared) {
    let events = &mut shared.health().events;
    events.synced = true;
    if events.error.take().is_some() {
        tracing::info!("pulls are observed again");
    }
}
