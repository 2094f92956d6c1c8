//! How much is read, and how long is waited: a scheduler that waits for us waits for every pod.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use dunnage::edge::extender::Settings;
use futures::stream::{self, StreamExt};

use super::rig::{IMAGE, NODES, Rig, SETTINGS, body, pod};

/// The longest that an answer due in 50 ms may take on a machine that compiles meanwhile.
const LATE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_body_over_the_limit_is_answered_neutrally() {
    let body = body(&pod(IMAGE), &NODES);
    let limited = |bytes| Rig::with(Settings { body_bytes_max: bytes, ..SETTINGS });
    let reply = limited(body.len()).prioritize(body.clone()).await;
    assert!(reply.neutral.is_empty(), "exactly at the limit: {reply:?}");
    limited(body.len() - 1).prioritize(body).await.is_neutral("body-too-large");
    let endless = stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&[b' '; 1 << 16])));
    limited(10 << 20).prioritize(Body::from_stream(endless)).await.is_neutral("body-too-large");
}

#[tokio::test]
async fn a_body_in_pieces_of_unknown_length_is_read() {
    let body = body(&pod(IMAGE), &NODES);
    let rig = Rig::new();
    let whole = rig.prioritize(body.clone()).await;
    let bytes = body.into_bytes();
    let pieces = bytes.chunks(7).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece)));
    let pieces: Vec<_> = pieces.collect();
    let reply = rig.prioritize(Body::from_stream(stream::iter(pieces))).await;
    assert_eq!(reply, whole);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_answered_neutrally() {
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "gone");
    let pieces = stream::iter([Ok(Bytes::from_static(b"{\"Pod\":")), Err(broken)]);
    Rig::new().prioritize(Body::from_stream(pieces)).await.is_neutral("body-cut-off");
}

#[tokio::test]
async fn bodies_that_never_end_are_answered_at_the_deadline() {
    let settings = Settings { deadline: Duration::from_millis(50), ..SETTINGS };
    let rig = Rig::with(settings);
    let endless = || {
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{\"Pod\":"))]);
        Body::from_stream(begun.chain(stream::pending()))
    };
    let start = Instant::now();
    // More at once than could come whole.
    let replies = futures::future::join_all((0..12).map(|_| rig.prioritize(endless()))).await;
    assert!(start.elapsed() < LATE, "{:?}", start.elapsed());
    assert!(start.elapsed() >= settings.deadline);
    for reply in replies {
        reply.is_neutral("deadline");
    }
    let filtered = rig.send("POST", "/filter", endless()).await;
    assert!(filtered.status == 200 && filtered.text.contains("deadline"), "{filtered:?}");
}

#[tokio::test]
async fn bodies_that_never_end_hold_up_nobody() {
    let rig = Rig::new();
    let endless = || {
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{\"Pod\":"))]);
        Body::from_stream(begun.chain(stream::pending()))
    };
    let slow = futures::future::join_all((0..100).map(|_| rig.prioritize(endless())));
    let quick = async {
        let small = rig.prioritize(body(&pod(IMAGE), &NODES)).await;
        let large = rig.prioritize(body(&pod(IMAGE), &["warm", "half"].repeat(150_000))).await;
        [small, large]
    };
    tokio::select! {
        biased;
        _ = slow => panic!("they ended before their deadline"),
        replies = quick => {
            for reply in replies {
                assert!(reply.text.contains("warm"), "{reply:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_takes_too_long_to_read_through_is_answered_neutrally() {
    let settings = Settings { deadline: Duration::from_nanos(1), ..SETTINGS };
    let rig = Rig::with(settings);
    let large = body(&pod(IMAGE), &vec!["warm"; 300_000]);
    assert!(large.len() > 2 << 20);
    rig.prioritize(large).await.is_neutral("deadline");
    rig.prioritize(body(&pod(IMAGE), &NODES)).await.is_neutral("deadline");
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let rig = Rig::new();
    for path in ["/prioritize", "/filter"] {
        for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"] {
            let reply = rig.send(method, path, "").await;
            assert_eq!(reply.status, 405, "{method} {path}");
        }
    }
    for path in ["/", "/prioritize/", "/prioritise", "/bind", "/metrics", "/filter/../prioritize"] {
        let reply = rig.send("POST", path, body(&pod(IMAGE), &NODES)).await;
        assert_eq!(reply.status, 404, "{path}");
    }
    let reply = rig.send("POST", "/prioritize?from=here", body(&pod(IMAGE), &NODES)).await;
    assert_eq!(reply.status, 200, "a verb may carry a query");
}
