//! Tests of what bodies hold, and for how long. What is answered is tested through the router, in
//! `tests/it/extender`.

use std::convert::Infallible;

use futures::{FutureExt, StreamExt, stream};

use super::*;
use crate::edge::clock::Clock;
use crate::policy::Policy;
use crate::policy::interest::Interest;

/// Begins with these pieces and never ends.
fn endless(pieces: &[&'static str]) -> Body {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok::<_, Infallible>(*piece)).collect();
    Body::from_stream(stream::iter(pieces).chain(stream::pending()))
}

#[tokio::test]
async fn a_small_body_takes_room_as_it_comes_and_gives_it_back() {
    let bodies = Bodies::new(100);
    let mut slow = Box::pin(bodies.read(endless(&["12345", "678"])));
    assert!((&mut slow).now_or_never().is_none(), "still comes");
    assert_eq!(bodies.taken(), (8, 0));
    drop(slow);
    assert_eq!(bodies.taken(), (0, 0));
    let pieces = ["1", "", "23", "45"].map(Ok::<_, Infallible>);
    let held = bodies.read(Body::from_stream(stream::iter(pieces))).await.expect("whole");
    assert_eq!((&*held.bytes, bodies.taken()), (&b"12345"[..], (5, 0)));
    drop(held);
    assert_eq!(bodies.taken(), (0, 0));
}

#[tokio::test]
async fn a_large_body_takes_a_turn_instead_and_waits_for_one_while_there_is_none() {
    let bodies = Bodies::new(4 << 20);
    let read = || {
        let pieces = vec![Ok::<_, Infallible>(vec![b' '; 1 << 20]); 3];
        bodies.read(Body::from_stream(stream::iter(pieces)))
    };
    let mut held = Vec::new();
    for turns in 1..=4 {
        held.push(read().await.expect("a turn"));
        assert_eq!(bodies.taken(), (0, turns));
    }
    let mut next = Box::pin(read());
    assert!((&mut next).now_or_never().is_none(), "no turn");
    assert_eq!(bodies.taken(), (2 << 20, 4), "its beginning");
    let small = bodies.read(Body::from("12345")).await.expect("room");
    held.pop();
    assert_eq!(next.await.expect("a turn now").bytes.len(), 3 << 20);
    drop((held, small));
    assert_eq!(bodies.taken(), (0, 0));
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "it is what keeps the decision from ending")]
async fn a_body_that_is_decoded_keeps_its_turn_after_the_deadline() {
    let shared = Arc::new(Shared::new(Policy::default(), Interest::default(), Clock::Real));
    let deadline = Duration::from_millis(20);
    let settings = Settings { deadline, body_bytes_max: 4 << 20, shadow: false };
    let port = Arc::new(Port::new(shared, settings));
    let names = serde_json::json!(vec!["node"; 400_000]);
    let pod = r#"{"spec":{"restartPolicy":"Never","containers":[{"image":"a"}]}}"#;
    let body = format!(r#"{{"Pod":{pod},"NodeNames":{names}}}"#);

    let health = port.shared.health();
    let request = Request::new(Body::from(body));
    let response = prioritize(State(port.clone()), request).await;
    assert_eq!(response.headers()[&NEUTRAL_HEADER], "deadline");
    assert_eq!(port.bodies.taken(), (0, 1));
    drop(health);
    port.bodies.no_turn_is_taken().await;
}
