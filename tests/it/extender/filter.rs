//! `/filter` refuses no node, in either form, and says so where it cannot read the request.

use serde_json::{Value, json};

use super::rig::{IMAGE, NODES, Rig, body, body_with_nodes, pod};
use crate::objects::text;

async fn filter(rig: &Rig, body: String) -> Value {
    let reply = rig.send("POST", "/filter", body).await;
    assert_eq!((reply.status, &*reply.content_type), (200, "application/json"));
    assert_eq!(reply.length, Some(reply.text.len() as u64));
    serde_json::from_str(&reply.text).expect("JSON")
}

#[tokio::test]
async fn all_names_come_back() {
    let result = filter(&Rig::new(), body(&pod(IMAGE), &NODES)).await;
    assert_eq!(result, json!({ "Nodes": null, "NodeNames": NODES, "Error": "" }));
}

#[tokio::test]
async fn all_nodes_come_back_whole() {
    let sent = text("extender/composed/prow-nodes.json");
    let sent: Value = serde_json::from_str(&sent).expect("JSON");
    let result = filter(&Rig::new(), sent.to_string()).await;
    assert_eq!(result["Nodes"], sent["Nodes"]);
    assert_eq!((&result["NodeNames"], &result["Error"]), (&Value::Null, &json!("")));
}

#[tokio::test]
async fn nodes_pass_whatever_the_pod_and_before_anything_is_known() {
    let rig = Rig::empty(super::rig::SETTINGS);
    for pod in [json!({}), Value::Null, json!([1]), pod(IMAGE)] {
        let nodes = [json!({ "metadata": { "name": "a" }, "spec": { "big": 1.5e300 } })];
        let result = filter(&rig, body_with_nodes(&pod, &nodes)).await;
        assert_eq!(result["Nodes"]["items"], json!(nodes));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_and_not_an_empty_list() {
    let rig = Rig::new();
    let cut = body(&pod(IMAGE), &NODES);
    for body in ["", "{not-json", "[]", "{}", r#"{"Pod":{},"NodeNames":null}"#, &cut[..50]] {
        let result = filter(&rig, body.to_owned()).await;
        assert_eq!(result["NodeNames"], Value::Null, "{body}");
        let error = result["Error"].as_str().expect("text");
        assert!(error.starts_with("dunnage: cannot read the request"), "{body}: {error}");
    }
    let text = rig.shared.metrics.text();
    assert!(text.contains(r#"dunnage_requests_total{result="error",verb="filter"} 6"#), "{text}");
}
