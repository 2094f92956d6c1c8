//! The agent's volumes for other nodes: `GET /volumes/<sha256 of the key>`, from any byte on.
//!
//! Who may ask is [`super::access`]'s. A few streams at once: each reads the disk that steps use, too.
//! Who comes when all are taken is told when to come again.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH,
    RANGE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{Stream, StreamExt};
use prometheus::IntCounterVec;
use tokio::sync::Semaphore;

use super::access::{Access, Denial};
use super::rate::Rate;
use super::record::is_id;
use super::unpack::Content;
use super::{Error, Held, Store, stream};
use crate::edge::clock::Clock;

/// Streams at once. More do not make a disk or an uplink faster, and each holds a thread.
const STREAMS_MAX: usize = 8;
/// Tells the kind of a volume.
pub const KIND_HEADER: &str = "dunnage-kind";

struct Serving {
    store: Store,
    access: Access,
    streams: Arc<Semaphore>,
    requests: IntCounterVec,
    rate: Option<Arc<Rate>>,
}

/// The port's routes; counts requests by result. All streams together keep to the rate, if there is one.
pub fn router(store: Store, access: Access, requests: IntCounterVec, rate: Option<Rate>) -> Router {
    let (streams, rate) = (Arc::new(Semaphore::new(STREAMS_MAX)), rate.map(Arc::new));
    let serving = Arc::new(Serving { store, access, streams, requests, rate });
    Router::new().route("/volumes/{id}", get(volume)).with_state(serving)
}

async fn volume(
    State(serving): State<Arc<Serving>>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let result = answer(&serving, &id, &method, &headers).await;
    let response = result.unwrap_or_else(|refusal| refusal);
    let status = response.status();
    serving.requests.with_label_values(&[label(status)]).inc();
    response
}

fn label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 | 206 => "ok",
        401 | 403 => "denied",
        404 | 412 => "absent",
        503 => "busy",
        _ => "error",
    }
}

async fn answer(
    serving: &Serving,
    id: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Response> {
    serving.access.check(token(headers)).await.map_err(denied)?;
    let (held, content) = find(serving.store.clone(), id.to_owned()).await?;
    let tag = format!("\"{}\"", content.digest);
    let is_other = |wanted: &axum::http::HeaderValue| wanted != tag.as_str();
    if headers.get(IF_MATCH).is_some_and(is_other) {
        return Err(refusal(StatusCode::PRECONDITION_FAILED, "another volume has that key now"));
    }
    let offset = offset(headers);
    if offset.is_some_and(|offset| offset >= content.bytes) {
        return Err(refusal(StatusCode::RANGE_NOT_SATISFIABLE, "it is shorter"));
    }
    let kind = held.record.kind().name();
    let body = if *method == Method::HEAD {
        Body::empty()
    } else {
        let permit = serving.streams.clone().try_acquire_owned().map_err(|_| busy())?;
        let data = held.data.try_clone().map_err(|_| broken("no more handles"))?;
        let archive = stream::archive(data, offset.unwrap_or(0), (held, permit));
        Body::from_stream(limited(archive, serving.rate.clone()))
    };
    let range = offset.map(|from| {
        let last = content.bytes - 1;
        [(CONTENT_RANGE, format!("bytes {from}-{last}/{}", content.bytes))]
    });
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let length = (content.bytes - offset.unwrap_or(0)).to_string();
    let own = [(KIND_HEADER, kind)];
    let common = [
        (CONTENT_TYPE, "application/x-tar".to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
        (ETAG, tag),
        (CONTENT_LENGTH, length),
    ];
    let mut response = (status, own, common, body).into_response();
    for (name, value) in range.into_iter().flatten() {
        let value = value.parse().expect("digits and signs");
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// Chunks when the rate lets them pass.
fn limited(
    archive: impl Stream<Item = std::io::Result<Bytes>>,
    rate: Option<Arc<Rate>>,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    archive.then(move |chunk| {
        let rate = rate.clone();
        async move {
            if let (Some(rate), Ok(chunk)) = (rate, &chunk) {
                rate.pass(chunk.len() as u64).await;
            }
            chunk
        }
    })
}

async fn find(store: Store, id: String) -> Result<(Held, Content), Response> {
    let absent = || refusal(StatusCode::NOT_FOUND, "no such volume");
    if !is_id(&id) {
        return Err(absent());
    }
    let finding = tokio::task::spawn_blocking(move || -> Result<_, Error> {
        let Some(mut held) = store.find_id(&id)? else {
            return Ok(None);
        };
        held.note_use(Clock::Real.now());
        let content = held.content()?;
        Ok(Some((held, content)))
    });
    match finding.await {
        Ok(Ok(Some(found))) => Ok(found),
        Ok(Ok(None)) => Err(absent()),
        Ok(Err(error)) => {
            tracing::warn!("{error}");
            Err(broken("it cannot be read here"))
        }
        Err(_) => Err(broken("a thread ended")),
    }
}

fn busy() -> Response {
    let why = "all streams are taken\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], why).into_response()
}

fn broken(why: &str) -> Response {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, why)
}

/// The start of `bytes=START-`. Anything else is answered whole, as RFC 9110 allows.
fn offset(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn denied(denial: Denial) -> Response {
    match denial {
        Denial::Unknown => {
            let challenge = [(WWW_AUTHENTICATE, "Bearer")];
            (StatusCode::UNAUTHORIZED, challenge, "a token with audience dunnage.dev is needed\n")
                .into_response()
        }
        Denial::Forbidden => refusal(StatusCode::FORBIDDEN, "it may not get volumes.dunnage.dev"),
        Denial::Unanswered => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, "the API server does not answer")
        }
    }
}

fn refusal(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}
