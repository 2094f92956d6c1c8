//! What a step pod's answer is: only nodes that differ, of those that were asked about, in either form.

use dunnage::edge::extender::Settings;
use serde_json::{Value, json};

use super::rig::{IMAGE, NODES, Rig, SETTINGS, body, body_with_nodes, node, pod};

/// The small cluster's answer. `warm` saves 36 s and `half` 24 s, raw 9 and 8; `busy` loses 40 s and is
/// left out, as it would be at any loss of a point and more; the cold ones are a point better than that.
const GOLDEN: &str = concat!(
    r#"[{"Host":"cold-a","Score":1},{"Host":"warm","Score":10},"#,
    r#"{"Host":"half","Score":9},{"Host":"cold-b","Score":1}]"#
);

#[tokio::test]
async fn the_answer_for_a_small_cluster_is_known_to_the_byte() {
    let reply = Rig::new().prioritize(body(&pod(IMAGE), &NODES)).await;
    assert_eq!(reply.text, GOLDEN);
}

#[tokio::test]
async fn whole_nodes_give_the_same_answer_as_names() {
    let rig = Rig::new();
    let nodes = NODES.map(|name| json!({ "metadata": { "name": name }, "status": {} }));
    let by_node = rig.prioritize(body_with_nodes(&pod(IMAGE), &nodes)).await;
    assert_eq!(by_node.text, GOLDEN);
    // Names win where both are there, as for kube-scheduler.
    let pod = pod(IMAGE);
    let items = json!({ "items": nodes });
    let both = format!(r#"{{"Pod":{pod},"Nodes":{items},"NodeNames":["warm","cold-a"]}}"#);
    let both = rig.prioritize(both).await;
    assert_eq!(both.scores(), [("warm".to_owned(), 9)]);
}

#[tokio::test]
async fn keys_are_read_in_any_case_and_order() {
    let rig = Rig::new();
    let (pod, names) = (pod(IMAGE), json!(NODES));
    for body in [
        format!(r#"{{"pod":{pod},"nodes":null,"nodenames":{names}}}"#),
        format!(r#"{{"NodeNames":{names},"Nodes":null,"Pod":{pod}}}"#),
        format!(r#"{{"NODENAMES":{names},"New":[{{}}],"POD":{pod}}} trailing bytes"#),
    ] {
        assert_eq!(rig.prioritize(body).await.text, GOLDEN);
    }
}

#[tokio::test]
async fn nodes_that_do_not_differ_are_not_listed() {
    let rig = Rig::new();
    rig.prioritize(body(&pod(IMAGE), &["warm"])).await.is_neutral("no-difference");
    let equal = rig.prioritize(body(&pod("registry.example/other:1"), &["warm", "half"])).await;
    assert_eq!(equal.text, "[]");
}

#[tokio::test]
async fn a_name_that_is_repeated_is_answered_once() {
    let rig = Rig::new();
    let names = [NODES, NODES].concat();
    assert_eq!(rig.prioritize(body(&pod(IMAGE), &names)).await.text, GOLDEN);
    let unknown = ["busy", "new", "new", "busy"];
    let reply = rig.prioritize(body(&pod(IMAGE), &unknown)).await;
    assert_eq!(reply.scores().len(), 1, "{reply:?}");
}

#[tokio::test]
async fn an_unknown_node_counts_as_a_cold_one() {
    let rig = Rig::new();
    let reply = rig.prioritize(body(&pod(IMAGE), &["busy", "new-node"])).await;
    let scores = reply.scores();
    assert_eq!(scores.len(), 1, "{reply:?}");
    assert!(scores[0].0 == "new-node" && scores[0].1 > 0, "better than a busy one: {reply:?}");
    let reply = rig.prioritize(body(&pod(IMAGE), &["warm", "new-node"])).await;
    assert_eq!(reply.scores(), [("warm".to_owned(), 9)], "worse than a warm one");
    let reply = rig.prioritize(body(&pod(IMAGE), &["new-a", "new-b"])).await;
    reply.is_neutral("no-known-candidate");
}

#[tokio::test]
async fn names_come_back_as_they_were_however_they_are_spelt() {
    let long = "a".repeat(253);
    let dotted = "ip-10-0-0-1.eu-central-1.compute.internal";
    let rig = Rig::empty(SETTINGS);
    let warm = |name: &str| {
        let mut facts = node("warm");
        name.clone_into(&mut facts.name);
        facts
    };
    rig.list([warm(&long), warm(dotted), warm("0"), node("cold-a")]);
    let reply = rig.prioritize(body(&pod(IMAGE), &[&long, dotted, "0", "cold-a"])).await;
    let hosts: Vec<_> = reply.scores().into_iter().map(|(host, _)| host).collect();
    assert_eq!(hosts, [&*long, dotted, "0"]);

    let escaped = r#"["\u0069p-10-0-0-1\u002eeu-central-1.compute.internal", "cold\u002da"]"#;
    let escaped = format!(r#"{{"Pod":{},"NodeNames":{escaped}}}"#, pod(IMAGE));
    let reply = rig.prioritize(escaped).await;
    assert_eq!(reply.scores(), [(dotted.to_owned(), 9)]);
}

#[tokio::test]
async fn unknown_names_that_no_node_can_have_come_back_as_valid_json() {
    let rig = Rig::new();
    let odd = "a\"b\\c\u{1}\u{1f980}</script>";
    let reply = rig.prioritize(body(&pod(IMAGE), &["busy", odd, ""])).await;
    let mut hosts: Vec<_> = reply.scores().into_iter().map(|(host, _)| host).collect();
    hosts.sort();
    assert_eq!(hosts, ["", odd]);
}

#[tokio::test]
async fn a_pod_is_expected_where_the_answer_sends_it_and_nowhere_if_none_was_sent() {
    for (shadow, pods) in [(false, 1000), (true, 0)] {
        let rig = Rig::with(Settings { shadow, ..SETTINGS });
        rig.prioritize(body(&pod(IMAGE), &NODES)).await;
        let tracker = rig.shared.read();
        let expected = |node| {
            let cluster = tracker.cluster();
            cluster.expected().on(cluster.node_id(node).expect("listed")).0
        };
        assert_eq!(NODES.map(expected), [0, pods, 0, 0, 0]);
    }
}

#[tokio::test]
async fn in_shadow_the_decision_is_kept_and_not_sent() {
    let settings = Settings { shadow: true, ..SETTINGS };
    let rig = Rig::with(settings);
    rig.prioritize(body(&pod(IMAGE), &NODES)).await.is_neutral("shadow");
    let recent = rig.shared.recent();
    let entry = recent.newest_first().next().expect("remembered");
    assert!(!entry.sent);
    assert_eq!(entry.decision.rows.len(), NODES.len());
    assert!(entry.decision.rows.iter().any(|row| row.points == 10));
}

#[tokio::test]
async fn equal_events_give_equal_bytes() {
    let (first, second) = (Rig::new(), Rig::new());
    let mut names = NODES.to_vec();
    names.push("new");
    for image in [IMAGE, "registry.example/ci/base:1", "registry.example/other:1", "x:1"] {
        for turn in 0..names.len() {
            names.rotate_left(1);
            let body = body(&pod(image), &names[turn / 2..]);
            let replies = (first.prioritize(body.clone()).await, second.prioritize(body).await);
            assert_eq!(replies.0, replies.1);
        }
    }
}

#[tokio::test]
async fn what_the_pod_annotates_or_claims_changes_no_answer() {
    let mut boastful = pod(IMAGE);
    boastful["metadata"]["annotations"] = json!({ "dunnage.dev/needs": "[{\"bytes\":1e300}]" });
    boastful["status"] = Value::Null;
    let reply = Rig::new().prioritize(body(&boastful, &NODES)).await;
    assert_eq!(reply.text, GOLDEN);
}

#[tokio::test]
async fn fifteen_thousand_names_are_answered_with_the_few_that_differ() {
    let rig = Rig::empty(SETTINGS);
    let names: Vec<String> =
        (0..15_000).map(|i| format!("ip-10-0-{}-{}", i / 250, i % 250)).collect();
    let facts = |(i, name): (usize, &String)| {
        let mut facts = node(if i % 100 == 7 { "warm" } else { "cold" });
        facts.name.clone_from(name);
        facts
    };
    rig.list(names.iter().enumerate().map(facts));
    let asked: Vec<&str> = names.iter().map(String::as_str).collect();
    let reply = rig.prioritize(body(&pod(IMAGE), &asked)).await;
    let warm = reply.scores().into_iter().filter(|(_, score)| *score == 9).count();
    assert_eq!(warm, 150);
    assert!(reply.scores().len() <= 151, "the warm and a home: {}", reply.scores().len());
}
