//! Order, bounds and pauses of the queue.

use std::time::{Duration, Instant};

use super::{Change, FOUND_MAX, Next, PER_REGISTRY_MAX, Queue, WAITING_MAX};
use crate::edge::registry::failure::{Failure, Kind};
use crate::edge::unresolved::Target;
use crate::model::image::Platform;

fn target(reference: &str) -> Target {
    let platform = Platform::new("linux", "amd64", "");
    Target { reference: reference.to_owned(), platform, holder: None }
}

fn start(queue: &mut Queue, now: Instant) -> Option<String> {
    match queue.next(now)? {
        Next::Start(target) => Some(target.reference),
        Next::Paused(_, reason, _) => Some(format!("paused: {reason}")),
    }
}

#[test]
fn of_too_many_the_oldest_are_dropped_and_nothing_waits_twice() {
    let mut queue = Queue::default();
    let mut dropped = 0;
    for tag in 0..10_000 {
        dropped += usize::from(queue.push_asked(target(&format!("r/a:{tag}"))).is_some());
        assert!(queue.push_asked(target(&format!("r/a:{tag}"))).is_none());
    }
    assert_eq!((queue.len(), dropped), (WAITING_MAX, 10_000 - WAITING_MAX));
    let taken = (0..10_000).filter(|tag| queue.push_found(target(&format!("r/b:{tag}"))));
    assert_eq!(taken.count(), FOUND_MAX);
    assert_eq!(queue.len(), WAITING_MAX + FOUND_MAX);
    let oldest = format!("r/a:{}", 10_000 - WAITING_MAX);
    assert_eq!(start(&mut queue, Instant::now()), Some(oldest));
}

#[test]
fn a_busy_registry_does_not_hold_up_the_others() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    (0..9).for_each(|tag| drop(queue.push_asked(target(&format!("slow/a:{tag}")))));
    assert!(queue.push_found(target("quick/b:1")));
    for tag in 0..PER_REGISTRY_MAX {
        assert_eq!(start(&mut queue, now), Some(format!("slow/a:{tag}")));
    }
    assert_eq!(start(&mut queue, now).as_deref(), Some("quick/b:1"));
    assert_eq!(start(&mut queue, now), None);
    queue.end(&target("slow/a:0"), Ok(()), now);
    assert_eq!(start(&mut queue, now).as_deref(), Some("slow/a:4"));
}

#[test]
fn a_failing_registry_is_paused_and_each_change_is_told_once() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    let down = Failure::new(Kind::Unreachable, "down");
    let slow = Failure {
        retry_after: Some(Duration::from_secs(100)),
        ..Failure::new(Kind::TooManyRequests, "slow down")
    };
    let end = |queue: &mut Queue, result: Result<(), &Failure>, at| {
        queue.end(&target("r/a:1"), result, at)
    };
    assert_eq!(end(&mut queue, Err(&down), now), Some(Change::Fails("down".to_owned())));
    assert_eq!(end(&mut queue, Err(&down), now), None);
    assert_eq!(queue.pause_of(&target("r/b:1"), now), Duration::from_secs(5));
    queue.push_asked(target("r/b:1"));
    assert_eq!(start(&mut queue, now).as_deref(), Some("paused: down"));
    assert_eq!(queue.len(), 0);
    let later = now + Duration::from_secs(6);
    assert_eq!(end(&mut queue, Err(&slow), later), Some(Change::Fails("slow down".to_owned())));
    assert_eq!(queue.pause_of(&target("r/b:1"), later), Duration::from_secs(100));
    assert_eq!(end(&mut queue, Ok(()), later), Some(Change::Recovered));
    assert_eq!(queue.pause_of(&target("r/b:1"), later), Duration::ZERO);
    let denied = Failure::new(Kind::Denied, "no");
    assert_eq!(end(&mut queue, Err(&denied), later), Some(Change::Denies("no".to_owned())));
    assert_eq!(end(&mut queue, Err(&denied), later), None);
}
