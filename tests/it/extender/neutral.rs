//! When no node is preferred, and that the answer and the metrics say why.

use dunnage::model::unit::{Nanos, Time};
use dunnage::state::event::{Event, Kind};
use serde_json::{Value, json};

use super::rig::{IMAGE, NODES, NOW, Rig, SETTINGS, body, node, pod};

fn service(image: &str) -> Value {
    let mut pod = pod(image);
    pod["spec"]["restartPolicy"] = json!("Always");
    pod
}

#[tokio::test]
async fn a_pod_that_is_no_step_pod_ends_the_reading() {
    let rig = Rig::new();
    let service = service(IMAGE);
    rig.prioritize(body(&service, &NODES)).await.is_neutral("not-a-step-pod");
    for rest in ["", ",", ",garbage", r#","NodeNames":[1,{"#, r#","Nodes":"\ud800""#] {
        let reply = rig.prioritize(format!(r#"{{"Pod":{service}{rest}"#)).await;
        reply.is_neutral("not-a-step-pod");
    }
    assert_eq!(rig.shared.metrics.decisions.get(), 0);
}

#[tokio::test]
async fn without_nodes_there_is_nothing_to_prefer() {
    let rig = Rig::new();
    let pod = pod(IMAGE);
    for rest in [
        "",
        r#","Nodes":null,"NodeNames":null"#,
        r#","NodeNames":[]"#,
        r#","Nodes":{}"#,
        r#","Nodes":{"items":null}"#,
        r#","Nodes":{"items":[{},{"metadata":null},{"metadata":{"name":null}}]}"#,
    ] {
        let reply = rig.prioritize(format!(r#"{{"Pod":{pod}{rest}}}"#)).await;
        reply.is_neutral("no-known-candidate");
    }
}

#[tokio::test]
async fn a_pod_without_images_or_with_unknown_ones_prefers_nothing() {
    let rig = Rig::new();
    for containers in [Value::Null, json!([]), json!([{}]), json!([{ "image": null }])] {
        let pod = json!({ "spec": { "restartPolicy": "Never", "containers": containers } });
        rig.prioritize(body(&pod, &NODES)).await.is_neutral("no-images");
    }
    for image in ["registry.example/nobody/has:this", "not an image", "", "a@sha256:zz"] {
        rig.prioritize(body(&pod(image), &NODES)).await.is_neutral("images-unknown");
    }
}

#[tokio::test]
async fn nothing_is_preferred_before_nodes_and_pods_are_listed() {
    let rig = Rig::empty(SETTINGS);
    let body = body(&pod(IMAGE), &NODES);
    rig.prioritize(body.clone()).await.is_neutral("not-synced");
    rig.shared.apply(Event::ResyncStarted(Kind::Nodes));
    rig.shared.apply(Event::NodeApplied(node("warm")));
    rig.shared.apply(Event::ResyncEnded(Kind::Nodes));
    rig.prioritize(body.clone()).await.is_neutral("not-synced");
    rig.list(NODES.map(node));
    assert!(rig.prioritize(body).await.neutral.is_empty());
}

#[tokio::test]
async fn nothing_is_preferred_once_contact_is_lost() {
    let rig = Rig::new();
    let body = body(&pod(IMAGE), &NODES);
    rig.shared.health().last_contact = Some(NOW);
    let set = |seconds| rig.shared.clock.set(NOW.after(Nanos::from_seconds(seconds)));
    set(60);
    assert!(rig.prioritize(body.clone()).await.neutral.is_empty());
    set(61);
    rig.prioritize(body.clone()).await.is_neutral("stale");
    rig.shared.health().last_contact = Some(Time(rig.shared.clock.now().0 - 1));
    assert!(rig.prioritize(body).await.neutral.is_empty(), "and again once it is back");
}

#[tokio::test]
async fn metrics_count_each_answer_by_its_reason() {
    let rig = Rig::new();
    rig.prioritize(body(&pod(IMAGE), &NODES)).await;
    rig.prioritize(body(&service(IMAGE), &NODES)).await;
    rig.prioritize("{").await;
    rig.prioritize("{").await;
    let text = rig.shared.metrics.text();
    for line in [
        r#"dunnage_requests_total{result="scored",verb="prioritize"} 1"#,
        r#"dunnage_requests_total{result="neutral",verb="prioritize"} 3"#,
        r#"dunnage_neutral_answers_total{reason="not-a-step-pod"} 1"#,
        r#"dunnage_neutral_answers_total{reason="unreadable"} 2"#,
        r#"dunnage_request_duration_seconds_count{verb="prioritize"} 4"#,
        "dunnage_request_nodes_sum 5",
        "dunnage_decisions_total 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_panic_elsewhere_does_not_end_the_answers() {
    let rig = Rig::new();
    let shared = rig.shared.clone();
    let panicked = std::thread::spawn(move || {
        let _held = (shared.recent(), shared.health());
        std::panic::resume_unwind(Box::new("on purpose, without a message"));
    });
    assert!(panicked.join().is_err());
    let reply = rig.prioritize(body(&pod(IMAGE), &NODES)).await;
    assert!(reply.neutral.is_empty(), "{reply:?}");
}
