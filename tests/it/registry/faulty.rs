//! A registry that misbehaves, one way for each repository, and well in every other repository.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use futures::{StreamExt, stream};

use super::image::Image;

/// A running faulty registry.
pub struct Faulty {
    pub state: Arc<Behaviour>,
    pub port: u16,
}

/// What it has, and what it was asked.
#[derive(Default)]
pub struct Behaviour {
    blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Paths in the order asked.
    asked: Mutex<Vec<String>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Faulty {
    /// Starts one that has an image for amd64 by digest, and under every tag.
    pub async fn start() -> Result<Self> {
        let image = Image::oci("linux/amd64", &["base", "faulty"]);
        let mut blobs = BTreeMap::from([(image.manifest.digest(), image.manifest.bytes.clone())]);
        blobs.extend(image.blobs.iter().map(|blob| (blob.digest(), blob.bytes.clone())));
        blobs.insert("tag".to_owned(), image.manifest.bytes);
        let state = Arc::new(Behaviour { blobs: Mutex::new(blobs), ..Behaviour::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let router = Router::new().fallback(answer).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { state, port })
    }

    /// A `hosts.toml` that names it as the server.
    pub fn hosts_toml(&self) -> String {
        format!("server = \"http://127.0.0.1:{}\"\n", self.port)
    }
}

impl Behaviour {
    /// Requests so far whose path contains a text.
    pub fn count(&self, text: &str) -> usize {
        let asked = self.asked.lock().expect("no panic inside");
        asked.iter().filter(|path| path.contains(text)).count()
    }

    /// The most requests that were being answered at once.
    pub fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }
}

async fn answer(State(state): State<Arc<Behaviour>>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    state.asked.lock().expect("no panic inside").push(path.clone());
    let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
    state.most_open.fetch_max(open, Ordering::SeqCst);
    let response = behave(&state, &path).await;
    state.open.fetch_sub(1, Ordering::SeqCst);
    response
}

async fn behave(state: &Behaviour, path: &str) -> Response<Body> {
    let repository = path.split('/').nth(2).unwrap_or_default();
    let status = |code: u16, headers: &[(&str, &str)]| {
        let mut response = Response::builder().status(code);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(Body::from("words of the registry")).expect("valid")
    };
    match repository {
        "busy" if state.count(path) == 1 => status(429, &[("retry-after", "1")]),
        "dated" => status(503, &[("retry-after", "Thu, 01 Jan 2060 00:00:00 GMT")]),
        "broken" => status(500, &[]),
        "silent" => std::future::pending().await,
        "looping" => status(307, &[("location", path)]),
        "elsewhere" => status(307, &[("location", &path.replace("elsewhere", "good"))]),
        "endless" => {
            let chunk = Bytes::from(vec![b' '; 64 << 10]);
            let chunks = stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
            Response::new(Body::from_stream(chunks))
        }
        "announced" => {
            let body = Body::from(vec![b' '; 5 << 20]);
            Response::new(body)
        }
        "truncated" => {
            let part = stream::iter([Ok(Bytes::from_static(b"{\"schemaVersion\": 2"))]);
            // Head and first part are on their way before the end comes.
            let end = stream::once(async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("cut off"))
            });
            let parts = part.chain(end);
            Response::builder()
                .header("content-length", 1000)
                .body(Body::from_stream(parts))
                .expect("valid")
        }
        "forged" => {
            Response::new(Body::from("{\"schemaVersion\": 2, \"layers\": [], \"config\": {}}"))
        }
        "mislabelled" => {
            let told = format!("sha256:{}", "0".repeat(64));
            let blobs = state.blobs.lock().expect("no panic inside");
            let body = Body::from(blobs["tag"].clone());
            Response::builder().header("docker-content-digest", told).body(body).expect("valid")
        }
        "swapped" if path.contains("/blobs/") => Response::new(Body::from("{\"rootfs\": {}}")),
        _ => has(state, path),
    }
}

fn has(state: &Behaviour, path: &str) -> Response<Body> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let blobs = state.blobs.lock().expect("no panic inside");
    let body = blobs.get(name).or_else(|| blobs.get("tag").filter(|_| !name.contains(':')));
    match body {
        Some(body) => Response::new(Body::from(body.clone())),
        None => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}
