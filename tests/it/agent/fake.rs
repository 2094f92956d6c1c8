//! A containerd that is stopped, started and filled by the test: the services of the real one, over
//! what a test puts in.
//!
//! It is no model of containerd: tests of what containerd does use the real one.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use dunnage::edge::containerd::proto::containerd::services::{
    content::v1 as content, events::v1 as events, images::v1 as images,
    introspection::v1 as introspection, snapshots::v1 as snapshots, version::v1 as version,
};
use dunnage::edge::containerd::proto::containerd::types::{Descriptor, Envelope};
use dunnage::model::chain_id::sha256;
use futures::stream::{self, Stream, StreamExt};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::sync::broadcast;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use super::content::Image;

/// Events that a slow subscriber may be behind.
const EVENTS_MAX: usize = 1_000;
const NAMESPACE: &str = "k8s.io";

/// What is in the store.
#[derive(Clone, Default)]
pub struct Content {
    pub names: BTreeMap<String, String>,
    pub blobs: BTreeMap<String, (Vec<u8>, HashMap<String, String>)>,
    pub chains: Vec<String>,
    pub pulls: Vec<content::Status>,
}

impl Content {
    /// An image whose layers are all unpacked, its blobs discarded.
    pub fn with(mut self, image: &Image) -> Self {
        self.add(image);
        self
    }

    /// The same in place.
    pub fn add(&mut self, image: &Image) {
        self.names.insert(image.name.clone(), image.digest());
        self.add_documents(image);
        self.chains.extend(image.chains.iter().cloned());
    }

    /// The documents alone, as a pull has them first.
    pub fn add_documents(&mut self, image: &Image) {
        let config = sha256(&image.config);
        let label = |key: &str, value: &str| HashMap::from([(key.to_owned(), value.to_owned())]);
        let parent = label("containerd.io/gc.ref.content.config", &config);
        self.blobs.insert(image.digest(), (image.manifest.clone(), parent));
        let top = image.chains.last().cloned().unwrap_or_default();
        let unpacked = label("containerd.io/gc.ref.snapshot.overlayfs", &top);
        self.blobs.insert(config, (image.config.clone(), unpacked));
    }

    /// A layer of which `offset` bytes have come just now.
    pub fn add_pull(&mut self, layer: &str, offset: i64, total: i64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(now.as_secs()).unwrap_or(0);
        self.pulls.push(content::Status {
            started_at: None,
            updated_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            r#ref: format!("layer-{layer}"),
            offset,
            total,
            expected: String::new(),
        });
    }
}

/// A running server. Dropping it breaks every connection, as a crash does.
pub struct Fake {
    service: Service,
    socket: PathBuf,
    runtime: Option<Runtime>,
}

#[derive(Clone)]
struct Service {
    content: Arc<Mutex<Content>>,
    events: broadcast::Sender<String>,
}

impl Fake {
    /// Serves this content on a socket.
    pub fn start(socket: &Path, content: Content) -> Result<Self> {
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let service = Service { content: Arc::new(Mutex::new(content)), events };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("a runtime of its own")?;
        // What a server that crashed leaves behind.
        let _ = std::fs::remove_file(socket);
        let guard = runtime.enter();
        let listener = UnixListener::bind(socket).with_context(|| socket.display().to_string())?;
        drop(guard);
        let server = service.clone();
        runtime.spawn(async move {
            let incoming = stream::unfold(listener, |listener| async move {
                let stream = listener.accept().await.map(|(stream, _)| stream);
                Some((stream, listener))
            });
            let served = Server::builder()
                .add_service(version::version_server::VersionServer::new(server.clone()))
                .add_service(images::images_server::ImagesServer::new(server.clone()))
                .add_service(content::content_server::ContentServer::new(server.clone()))
                .add_service(snapshots::snapshots_server::SnapshotsServer::new(server.clone()))
                .add_service(events::events_server::EventsServer::new(server.clone()))
                .add_service(introspection::introspection_server::IntrospectionServer::new(server))
                .serve_with_incoming(incoming.boxed());
            served.await
        });
        Ok(Self { service, socket: socket.to_owned(), runtime: Some(runtime) })
    }

    /// Changes the content, and tells those who listen.
    pub fn change(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.service.content.lock().expect("not poisoned"));
        self.tell();
    }

    /// An event, whether or not anything has changed.
    pub fn tell(&self) {
        // Fails only while nobody listens.
        let _ = self.service.events.send("/images/update".to_owned());
    }

    /// Starts anew after [`Fake::stop`], with other content.
    pub fn restart(&mut self, content: Content) -> Result<()> {
        *self = Self::start(&self.socket, content)?;
        Ok(())
    }

    /// Breaks every connection and leaves the socket behind, as a crash does.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Service {
    /// A copy, for requests in the right namespace.
    fn content<T>(&self, request: &Request<T>) -> Result<Content, Status> {
        let namespace = request.metadata().get("containerd-namespace");
        if namespace.is_none_or(|namespace| namespace != NAMESPACE) {
            return Err(Status::failed_precondition("namespace is required"));
        }
        Ok(self.content.lock().expect("not poisoned").clone())
    }
}

type Answer<T> = Result<Response<T>, Status>;
type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn one<T: Send + 'static>(message: T) -> Response<Messages<T>> {
    Response::new(stream::iter([Ok(message)]).boxed())
}

#[tonic::async_trait]
impl version::version_server::Version for Service {
    async fn version(&self, _: Request<()>) -> Answer<version::VersionResponse> {
        Ok(Response::new(version::VersionResponse { version: "v2.0.0-fake".to_owned() }))
    }
}

#[tonic::async_trait]
impl images::images_server::Images for Service {
    async fn list(
        &self,
        request: Request<images::ListImagesRequest>,
    ) -> Answer<images::ListImagesResponse> {
        let names = self.content(&request)?.names.into_iter();
        let images = names.map(|(name, digest)| images::Image {
            name,
            target: Some(Descriptor { digest, ..Descriptor::default() }),
        });
        Ok(Response::new(images::ListImagesResponse { images: images.collect() }))
    }
}

#[tonic::async_trait]
impl content::content_server::Content for Service {
    type ListStream = Messages<content::ListContentResponse>;
    type ReadStream = Messages<content::ReadContentResponse>;

    async fn list(
        &self,
        request: Request<content::ListContentRequest>,
    ) -> Answer<Self::ListStream> {
        let blobs = self.content(&request)?.blobs.into_iter();
        let info = blobs.map(|(digest, (bytes, labels))| content::Info {
            digest,
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            labels,
        });
        Ok(one(content::ListContentResponse { info: info.collect() }))
    }

    async fn read(
        &self,
        request: Request<content::ReadContentRequest>,
    ) -> Answer<Self::ReadStream> {
        let content = self.content(&request)?;
        let blob = content.blobs.get(&request.get_ref().digest);
        let (data, _) = blob.cloned().ok_or_else(|| Status::not_found("content"))?;
        Ok(one(content::ReadContentResponse { offset: 0, data }))
    }

    async fn list_statuses(
        &self,
        request: Request<content::ListStatusesRequest>,
    ) -> Answer<content::ListStatusesResponse> {
        let statuses = self.content(&request)?.pulls;
        Ok(Response::new(content::ListStatusesResponse { statuses }))
    }
}

#[tonic::async_trait]
impl snapshots::snapshots_server::Snapshots for Service {
    type ListStream = Messages<snapshots::ListSnapshotsResponse>;

    async fn list(
        &self,
        request: Request<snapshots::ListSnapshotsRequest>,
    ) -> Answer<Self::ListStream> {
        let chains = self.content(&request)?.chains.into_iter();
        let kind = snapshots::Kind::Committed.into();
        let info = chains.map(|name| snapshots::Info { name, kind });
        Ok(one(snapshots::ListSnapshotsResponse { info: info.collect() }))
    }
}

#[tonic::async_trait]
impl events::events_server::Events for Service {
    type SubscribeStream = Messages<Envelope>;

    async fn subscribe(
        &self,
        request: Request<events::SubscribeRequest>,
    ) -> Answer<Self::SubscribeStream> {
        assert!(request.get_ref().filters.iter().any(|f| f.contains("^/images/")));
        let events = self.events.subscribe();
        let messages = stream::unfold(events, |mut events| async move {
            let topic = events.recv().await.ok()?;
            Some((Ok(Envelope { namespace: NAMESPACE.to_owned(), topic }), events))
        });
        Ok(Response::new(messages.boxed()))
    }
}

#[tonic::async_trait]
impl introspection::introspection_server::Introspection for Service {
    async fn plugins(
        &self,
        _: Request<introspection::PluginsRequest>,
    ) -> Answer<introspection::PluginsResponse> {
        let exports = HashMap::from([("root".to_owned(), "/".to_owned())]);
        let plugin = introspection::Plugin {
            r#type: "io.containerd.snapshotter.v1".to_owned(),
            id: "overlayfs".to_owned(),
            exports,
        };
        Ok(Response::new(introspection::PluginsResponse { plugins: vec![plugin] }))
    }
}
