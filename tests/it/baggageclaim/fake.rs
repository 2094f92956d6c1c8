//! A baggageclaim with the naive driver, as far as a reader of its volumes can tell: volumes are folders, a
//! copy on write is a copy, nothing is asked about who asks.
//!
//! Speaks what was seen of a real one, which [`super::wire`] holds it to. Not here: `stream-out`, the
//! asynchronous creation, and streams from one server to another.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, put};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// A running fake. Dropping it ends it.
pub struct Fake {
    pub url: String,
    serving: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

struct Worker {
    live: PathBuf,
    /// By handle.
    volumes: Mutex<BTreeMap<String, Volume>>,
}

/// Null where none were given.
type Properties = Option<BTreeMap<String, String>>;

#[derive(Clone)]
struct Volume {
    properties: Properties,
}

type Shared = State<Arc<Worker>>;

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Fake {
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let live = folder.path().join("live");
        fs::create_dir(&live)?;
        let worker = Arc::new(Worker { live, volumes: Mutex::default() });
        let routes = Router::new()
            .route("/volumes", get(list).post(create))
            .route("/volumes/destroy", delete(destroy_all))
            .route("/volumes/{handle}", get(one).delete(destroy))
            .route("/volumes/{handle}/properties/{property}", put(set))
            .route("/volumes/{handle}/stream-in", put(stream_in))
            // What answers there instead, where an address is wrong.
            .route("/odd/volumes", get(|| async { "hello" }))
            .route("/endless/volumes", get(|| async { endless() }))
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(worker);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("serves until it is aborted");
        });
        Ok(Self { url, serving, _folder: folder })
    }
}

fn endless() -> Body {
    let chunk = Bytes::from(vec![b' '; 1 << 20]);
    let chunk = move |_| Ok::<_, std::io::Error>(chunk.clone());
    Body::from_stream(futures::StreamExt::map(futures::stream::repeat(()), chunk))
}

/// Errors are JSON by content and text by type.
fn refused(status: StatusCode, reason: &str) -> Response {
    let body = json!({"error": reason}).to_string();
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

fn no_such() -> Response {
    refused(StatusCode::NOT_FOUND, "volume not found")
}

impl Worker {
    fn volumes(&self) -> MutexGuard<'_, BTreeMap<String, Volume>> {
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, handle: &str) -> PathBuf {
        self.live.join(handle).join("volume")
    }

    fn shown(&self, handle: &str, volume: &Volume) -> Value {
        let path = self.path(handle);
        let properties = &volume.properties;
        json!({"handle": handle, "path": path, "properties": properties, "privileged": false})
    }

    fn remove(&self, handle: &str) -> bool {
        let was_there = self.volumes().remove(handle).is_some();
        if was_there {
            fs::remove_dir_all(self.live.join(handle)).expect("its own folder");
        }
        was_there
    }
}

async fn list(State(worker): Shared, Query(filters): Query<Vec<(String, String)>>) -> Response {
    let wanted: BTreeMap<_, _> = filters.iter().cloned().collect();
    if wanted.len() < filters.len() {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "a property twice");
    }
    let volumes = worker.volumes();
    let has = |volume: &Volume, (name, value): (&String, &String)| {
        volume.properties.as_ref().and_then(|all| all.get(name)) == Some(value)
    };
    let matching = volumes.iter().filter(|(_, volume)| wanted.iter().all(|one| has(volume, one)));
    let shown: Vec<_> = matching.map(|(handle, volume)| worker.shown(handle, volume)).collect();
    axum::Json(shown).into_response()
}

async fn create(State(worker): Shared, body: Bytes) -> Response {
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "not JSON");
    };
    let parent = asked["strategy"]["volume"].as_str().map(str::to_owned);
    let is_known = |handle: &String| worker.volumes().contains_key(handle);
    match asked["strategy"]["type"].as_str() {
        Some("empty") => {}
        Some("cow") if parent.as_ref().is_some_and(is_known) => {}
        _ => return refused(StatusCode::UNPROCESSABLE_ENTITY, "no strategy, or no parent"),
    }
    let handle = asked["handle"].as_str().unwrap_or("made-up").to_owned();
    if is_known(&handle) {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "the handle is taken");
    }
    let path = worker.path(&handle);
    fs::create_dir_all(&path).expect("its own folder");
    if let Some(parent) = parent {
        copy(&worker.path(&parent), &path).expect("its own folders");
    }
    let properties = serde_json::from_value(asked["properties"].clone()).unwrap_or_default();
    let volume = Volume { properties };
    let shown = worker.shown(&handle, &volume);
    worker.volumes().insert(handle, volume);
    (StatusCode::CREATED, axum::Json(shown)).into_response()
}

fn copy(from: &FilePath, to: &FilePath) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

async fn one(State(worker): Shared, Path(handle): Path<String>) -> Response {
    let volumes = worker.volumes();
    let Some(volume) = volumes.get(&handle) else { return no_such() };
    axum::Json(worker.shown(&handle, volume)).into_response()
}

async fn destroy(State(worker): Shared, Path(handle): Path<String>) -> Response {
    if worker.remove(&handle) { StatusCode::NO_CONTENT.into_response() } else { no_such() }
}

/// Handles that are unknown are no matter.
async fn destroy_all(State(worker): Shared, body: Bytes) -> Response {
    let Ok(handles) = serde_json::from_slice::<Vec<String>>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "no array of handles");
    };
    for handle in handles {
        worker.remove(&handle);
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn set(
    State(worker): Shared,
    Path((handle, property)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let value = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    let Some(value) = value["value"].as_str() else {
        return refused(StatusCode::BAD_REQUEST, "no value");
    };
    let mut volumes = worker.volumes();
    let volume = volumes.get_mut(&handle).filter(|_| !property.contains('/'));
    let Some(volume) = volume else { return no_such() };
    volume.properties.get_or_insert_default().insert(property, value.to_owned());
    StatusCode::NO_CONTENT.into_response()
}

/// Extracts into the volume as it is, file by file: what came before an error stays.
async fn stream_in(
    State(worker): Shared,
    Path(handle): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !worker.volumes().contains_key(&handle) {
        return no_such();
    }
    if headers.get(header::CONTENT_ENCODING).is_none_or(|encoding| encoding != "raw") {
        return refused(StatusCode::BAD_REQUEST, "unsupported encoding");
    }
    let limit = query.get("limit").and_then(|limit| limit.parse::<usize>().ok());
    let bytes_max = limit.map_or(body.len(), |limit| (limit << 20).min(body.len()));
    let path = query.get("path").map_or(".", String::as_str);
    let target = worker.path(&handle).join(path);
    let unpacked = tar::Archive::new(&body[..bytes_max]).unpack(target);
    match unpacked {
        _ if bytes_max < body.len() => refused(StatusCode::FORBIDDEN, "over the limit"),
        Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
    }
}
