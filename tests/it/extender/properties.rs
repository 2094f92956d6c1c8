//! Whatever is sent, the answer is a well-formed array; whatever is legal, it is about what was asked.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tokio::runtime::{Builder, Runtime};

use super::rig::{BASE, IMAGE, NODES, Rig, body, pod};
use crate::objects::text;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

/// A change of one place of a body.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Double(Index, usize),
}

impl Change {
    fn apply(&self, body: &mut Vec<u8>) {
        if body.is_empty() {
            return;
        }
        let length = body.len();
        match self {
            Self::Put(at, byte) => body[at.index(length)] = *byte,
            Self::Insert(at, bytes) => {
                drop(body.splice(at.index(length)..at.index(length), bytes.clone()))
            }
            Self::Remove(at, count) => {
                let at = at.index(length);
                body.drain(at..(at + count).min(length));
            }
            Self::Double(at, count) => {
                let at = at.index(length);
                let part = body[at..(at + count).min(length)].to_vec();
                body.splice(at..at, part);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let at = || any::<Index>();
    let piece = select(vec!["null", "{", "}", "[", "]", "\"", ",", ":", "\\u0000", "1e9", "{}"]);
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (at(), piece).prop_map(|(at, text)| Change::Insert(at, text.as_bytes().to_vec())),
        (at(), 1usize..200).prop_map(|(at, count)| Change::Remove(at, count)),
        (at(), 1usize..200).prop_map(|(at, count)| Change::Double(at, count)),
    ]
}

fn valid_body() -> impl Strategy<Value = String> {
    let real = ["tekton-nodenames", "tekton-nodes", "prow-nodenames", "prow-nodes"];
    let real = real.map(|name| text(&format!("extender/composed/{name}.json")));
    let ours = [body(&pod(IMAGE), &NODES), body(&pod(BASE), &["busy", "new", "warm"])];
    select([&real[..], &ours, &ours].concat())
}

fn names() -> impl Strategy<Value = Vec<String>> {
    let known = select(NODES.to_vec()).prop_map(str::to_owned);
    let unknown = "[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?";
    prop::collection::vec(prop_oneof![4 => known, 1 => unknown, 1 => ".{0,8}"], 0..40)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let reply = runtime().block_on(Rig::new().prioritize(bytes));
        reply.is_neutral("unreadable");
    }

    #[test]
    fn mutated_bodies_are_answered(
        whole in valid_body(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let mut bytes = whole.into_bytes();
        for change in &changes {
            change.apply(&mut bytes);
        }
        let rig = Rig::new();
        runtime().block_on(rig.prioritize(bytes.clone()));
        let filtered = runtime().block_on(rig.send("POST", "/filter", bytes));
        prop_assert_eq!(filtered.status, 200);
        prop_assert!(serde_json::from_str::<serde_json::Value>(&filtered.text).is_ok());
    }

    #[test]
    fn answers_are_about_what_was_asked(
        names in names(),
        image in select(vec![IMAGE, BASE, "registry.example/other:1", "nobody/has:this"]),
    ) {
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let request = body(&pod(image), &asked);
        let reply = runtime().block_on(Rig::new().prioritize(request.clone()));
        let asked: BTreeSet<_> = asked.into_iter().collect();
        for (host, score) in reply.scores() {
            prop_assert!(asked.contains(&*host), "{} was not asked about", host);
            prop_assert!((1..=10).contains(&score));
        }
        let again = runtime().block_on(Rig::new().prioritize(request));
        prop_assert_eq!(reply, again);
    }
}
