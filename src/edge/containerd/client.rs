//! The connection to containerd, and its calls as plain functions.
//!
//! It connects when first used and again after containerd was restarted, so a missing socket is an
//! error of a call and never the end of the agent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use super::proto::containerd::services::{
    content, events, images, introspection, snapshots, version,
};
use super::proto::containerd::types::Envelope;
use crate::edge::cause::innermost;

/// A local socket answers at once or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A list of 10,000 snapshots takes a second on a busy disk; later than this it hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A list of images is one message: some 300 bytes for each, so this holds 50,000 names. The
/// library's own limit of 4 MiB is less than busy build nodes have.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// A connection to containerd, in one of its namespaces.
#[derive(Clone, Debug)]
pub struct Containerd {
    channel: Channel,
    namespace: MetadataValue<Ascii>,
    socket: PathBuf,
}

/// Why containerd could not be read. All are worth another try.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The socket is missing, or nobody answers on it.
    #[error("cannot reach containerd at {}: {reason}", socket.display())]
    Unreachable {
        /// Where it was looked for.
        socket: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// It answered, but with an error.
    #[error("containerd: {call}: {reason}")]
    Refused {
        /// What was asked.
        call: &'static str,
        /// Its answer.
        reason: String,
    },
    /// What was asked for is not there.
    #[error("containerd: {0}: not found")]
    NotFound(&'static str),
    /// It took too long.
    #[error("containerd: {0}: no answer within {ANSWER_WITHIN:?}")]
    Late(&'static str),
}

impl Containerd {
    /// A connection by a socket, which need not be there yet.
    ///
    /// # Errors
    /// If the path or the namespace cannot be put into a request; says which.
    pub fn new(socket: &Path, namespace: &str) -> Result<Self, String> {
        let path = socket.to_str().filter(|path| path.starts_with('/'));
        let path =
            path.ok_or_else(|| format!("{}: expected an absolute path", socket.display()))?;
        let endpoint = Endpoint::from_shared(format!("unix://{path}"))
            .map_err(|error| format!("{path}: {error}"))?;
        let channel = endpoint.connect_timeout(CONNECT_WITHIN).connect_lazy();
        let namespace = namespace
            .parse()
            .map_err(|_| format!("{namespace:?}: expected a name of a containerd namespace"))?;
        Ok(Self { channel, namespace, socket: socket.to_owned() })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("containerd-namespace", self.namespace.clone());
        request
    }

    fn error(&self, call: &'static str, status: &Status) -> Error {
        match status.code() {
            Code::Unavailable => {
                let reason = deepest(status);
                Error::Unreachable { socket: self.socket.clone(), reason }
            }
            Code::NotFound => Error::NotFound(call),
            _ => Error::Refused { call, reason: status.message().to_owned() },
        }
    }

    async fn answer<T>(
        &self,
        call: &'static str,
        answer: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, Error> {
        let answer = tokio::time::timeout(ANSWER_WITHIN, answer).await;
        let answer = answer.map_err(|_| Error::Late(call))?;
        answer.map(tonic::Response::into_inner).map_err(|status| self.error(call, &status))
    }

    /// All messages of a stream, given one by one.
    async fn drain<T>(
        &self,
        call: &'static str,
        mut stream: Streaming<T>,
        mut each: impl FnMut(T),
    ) -> Result<(), Error> {
        let all = async {
            while let Some(message) = stream.message().await? {
                each(message);
            }
            Ok(())
        };
        let drained = tokio::time::timeout(ANSWER_WITHIN, all).await;
        drained.map_err(|_| Error::Late(call))?.map_err(|status: Status| self.error(call, &status))
    }

    /// The version, as `v2.4.2`.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn version(&self) -> Result<String, Error> {
        let mut client = version::v1::version_client::VersionClient::new(self.channel.clone());
        let answer = client.version(self.request(()));
        Ok(self.answer("version", answer).await?.version)
    }

    /// Every name and what it points at.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn images(&self) -> Result<Vec<images::v1::Image>, Error> {
        let client = images::v1::images_client::ImagesClient::new(self.channel.clone());
        let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
        let answer = client.list(self.request(images::v1::ListImagesRequest::default()));
        Ok(self.answer("list images", answer).await?.images)
    }

    /// Every complete blob.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn blobs(&self) -> Result<Vec<content::v1::Info>, Error> {
        const CALL: &str = "list content";
        let mut client = self.content();
        let answer = client.list(self.request(content::v1::ListContentRequest::default()));
        let stream = self.answer(CALL, answer).await?;
        let mut blobs = Vec::new();
        self.drain(CALL, stream, |message| blobs.extend(message.info)).await?;
        Ok(blobs)
    }

    /// Every blob that is not complete.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn ingests(&self) -> Result<Vec<content::v1::Status>, Error> {
        let mut client = self.content();
        let answer =
            client.list_statuses(self.request(content::v1::ListStatusesRequest::default()));
        Ok(self.answer("list ingests", answer).await?.statuses)
    }

    /// The first `bytes_max` bytes of a blob.
    ///
    /// # Errors
    /// If it cannot be read, or is not there.
    pub async fn read(&self, digest: &str, bytes_max: u64) -> Result<Vec<u8>, Error> {
        const CALL: &str = "read content";
        let mut client = self.content();
        let request = content::v1::ReadContentRequest {
            digest: digest.to_owned(),
            offset: 0,
            size: i64::try_from(bytes_max).unwrap_or(i64::MAX),
        };
        let stream = self.answer(CALL, client.read(self.request(request))).await?;
        let mut bytes = Vec::new();
        self.drain(CALL, stream, |message| bytes.extend(message.data)).await?;
        Ok(bytes)
    }

    /// Every snapshot of a snapshotter.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn snapshots(&self, snapshotter: &str) -> Result<Vec<snapshots::v1::Info>, Error> {
        const CALL: &str = "list snapshots";
        let client = snapshots::v1::snapshots_client::SnapshotsClient::new(self.channel.clone());
        let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
        let request = snapshots::v1::ListSnapshotsRequest {
            snapshotter: snapshotter.to_owned(),
            filters: Vec::new(),
        };
        let stream = self.answer(CALL, client.list(self.request(request))).await?;
        let mut snapshots = Vec::new();
        self.drain(CALL, stream, |message| snapshots.extend(message.info)).await?;
        Ok(snapshots)
    }

    /// The directory of a snapshotter, if it tells one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn root_of(&self, snapshotter: &str) -> Result<Option<PathBuf>, Error> {
        let channel = self.channel.clone();
        let mut client = introspection::v1::introspection_client::IntrospectionClient::new(channel);
        let filters = vec![format!("type==io.containerd.snapshotter.v1,id=={snapshotter}")];
        let request = introspection::v1::PluginsRequest { filters };
        let plugins =
            self.answer("list plugins", client.plugins(self.request(request))).await?.plugins;
        let mut roots = plugins.into_iter().filter_map(|mut plugin| plugin.exports.remove("root"));
        Ok(roots.next().map(PathBuf::from))
    }

    /// Events whose topics match one of the filters, from now on and until the connection breaks. Answers
    /// with the first of them, however long that takes: containerd sends nothing before.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn subscribe(&self, filters: Vec<String>) -> Result<Streaming<Envelope>, Error> {
        let mut client = events::v1::events_client::EventsClient::new(self.channel.clone());
        let answer = client.subscribe(self.request(events::v1::SubscribeRequest { filters })).await;
        let stream = answer.map_err(|status| self.error("subscribe to events", &status))?;
        Ok(stream.into_inner())
    }

    /// As an error of a stream of [`Containerd::subscribe`].
    #[must_use]
    pub fn broken_stream(&self, status: &Status) -> Error {
        self.error("events", status)
    }

    /// The name of the namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        // Parsed from a string.
        self.namespace.to_str().unwrap_or_default()
    }

    fn content(&self) -> content::v1::content_client::ContentClient<Channel> {
        content::v1::content_client::ContentClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}

/// In the words of the last cause: the library's own say only "transport error".
fn deepest(status: &Status) -> String {
    let cause = innermost(status);
    match cause.downcast_ref::<Status>() {
        Some(status) => status.message().to_owned(),
        None => cause.to_string(),
    }
}
