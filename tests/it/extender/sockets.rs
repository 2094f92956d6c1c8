//! The port on a real socket, spoken to byte by byte: connections that stay, close, dawdle or pile up.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum_server::Handle;
use dunnage::cmd::ports::Port;
use dunnage::edge::extender::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::rig::{IMAGE, NODES, Rig, SETTINGS, body, pod};

/// The longest wait for bytes that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server in this process. It ends with the test's runtime.
fn serve(settings: Settings) -> SocketAddr {
    let rig = Rig::with(settings);
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let port = Port::bind("--listen", free).expect("a free port");
    let address = port.address;
    tokio::spawn(port.serve(rig.router, None, Handle::new()));
    address
}

/// A connection, spoken to in bytes.
struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A response as it came.
#[derive(Debug)]
struct Response {
    head: String,
    body: String,
}

impl Response {
    fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line.eq_ignore_ascii_case(header))
    }
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connects");
        Self { stream, read: Vec::new() }
    }

    async fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("written");
    }

    /// Reads more bytes; false at the end of the stream.
    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.read);
        let count = timeout(PATIENCE, read).await.expect("in time").unwrap_or(0);
        count > 0
    }

    /// One response, its body as long as `Content-Length` says.
    async fn response(&mut self) -> Response {
        let head_end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            let end = String::from_utf8_lossy(&self.read).into_owned();
            assert!(self.more().await, "ended in the head: {end:?}");
        };
        let head = String::from_utf8(self.read.drain(..head_end).collect()).expect("ASCII");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a Content-Length").parse().expect("a number");
        while self.read.len() < length {
            assert!(self.more().await, "ended in the body");
        }
        let body = String::from_utf8(self.read.drain(..length).collect()).expect("UTF-8");
        Response { head, body }
    }

    async fn ends(&mut self) {
        while self.more().await {}
        assert!(self.read.is_empty(), "bytes after the response");
    }
}

/// A request as Go's client writes it.
fn request(body: &str, headers: &str) -> String {
    let length = body.len();
    format!(
        "POST /prioritize HTTP/1.1\r\nHost: x\r\nUser-Agent: Go-http-client/1.1\r\n\
         Content-Length: {length}\r\nContent-Type: application/json\r\n{headers}\
         Accept-Encoding: gzip\r\n\r\n{body}"
    )
}

fn step() -> String {
    body(&pod(IMAGE), &NODES)
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_outlives_an_idle_scheduler() {
    let mut connection = Connection::open(serve(SETTINGS)).await;
    for _ in 0..20 {
        connection.write(&request(&step(), "")).await;
        let response = connection.response().await;
        assert!(response.has("HTTP/1.1 200 OK") && response.has("content-type: application/json"));
        assert!(response.body.contains("warm"), "{response:?}");
    }
    // Go keeps an idle connection for 90 s and may use it in the last instant.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(150)).await;
    tokio::time::resume();
    connection.write(&request("{", "")).await;
    let response = connection.response().await;
    assert!(response.has("dunnage-neutral: unreadable"), "{response:?}");
    connection.write(&request(&step(), "")).await;
    assert!(connection.response().await.body.contains("warm"), "usable after a bad body");
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let mut connection = Connection::open(serve(SETTINGS)).await;
    let three = [request(&step(), ""), request("{", ""), request(&step(), "")];
    connection.write(&three.concat()).await;
    let first = connection.response().await;
    assert_eq!(connection.response().await.body, "[]");
    assert_eq!(connection.response().await.body, first.body);
}

#[tokio::test]
async fn a_client_that_asks_to_close_is_closed() {
    let mut connection = Connection::open(serve(SETTINGS)).await;
    connection.write(&request(&step(), "Connection: close\r\n")).await;
    assert!(connection.response().await.has("connection: close"));
    connection.ends().await;
}

#[tokio::test]
async fn a_body_in_chunks_is_read() {
    let mut connection = Connection::open(serve(SETTINGS)).await;
    let head = "POST /prioritize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    connection.write(head).await;
    let body = step();
    for chunk in body.as_bytes().chunks(100) {
        let chunk = String::from_utf8(chunk.to_vec()).expect("ASCII");
        connection.write(&format!("{:x}\r\n{chunk}\r\n", chunk.len())).await;
    }
    connection.write("0\r\n\r\n").await;
    assert!(connection.response().await.body.contains("warm"));
}

#[tokio::test]
async fn a_slow_body_is_answered_about_at_the_deadline_and_holds_up_nobody() {
    let address = serve(Settings { deadline: Duration::from_millis(200), ..SETTINGS });
    let (start, body) = (Instant::now(), step());
    let whole = request(&body, "");
    let mut slow = Vec::new();
    for _ in 0..30 {
        let mut connection = Connection::open(address).await;
        connection.write(&whole[..whole.len() - 1]).await;
        slow.push(connection);
    }
    let mut quick = Connection::open(address).await;
    quick.write(&whole).await;
    let response = quick.response().await;
    assert!(response.body.contains("warm"), "beside slow ones: {response:?}");
    for connection in &mut slow {
        let response = connection.response().await;
        assert!(response.has("dunnage-neutral: deadline"), "{response:?}");
    }
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_client_that_goes_away_costs_nothing() {
    let address = serve(SETTINGS);
    for part in
        ["", "POST", "POST /prioritize HTTP/1.1\r\nContent-Length: 9\r\n\r\n{", "\x16\x03\x01"]
    {
        let mut connection = Connection::open(address).await;
        connection.write(part).await;
        drop(connection);
    }
    let mut connection = Connection::open(address).await;
    connection.write(&request(&step(), "")).await;
    assert!(connection.response().await.body.contains("warm"));
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_answered_before_it_is_sent() {
    let address = serve(Settings { body_bytes_max: 1 << 20, ..SETTINGS });
    let mut connection = Connection::open(address).await;
    let head = "POST /prioritize HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n";
    connection.write(head).await;
    let response = connection.response().await;
    assert!(response.has("dunnage-neutral: body-too-large"), "{response:?}");
}

#[tokio::test]
async fn what_is_no_http_is_closed() {
    let address = serve(SETTINGS);
    for text in ["GARBAGE\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n"] {
        let mut connection = Connection::open(address).await;
        connection.write(text).await;
        while connection.more().await {}
        let answer = String::from_utf8_lossy(&connection.read).into_owned();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
}
