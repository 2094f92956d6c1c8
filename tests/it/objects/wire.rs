//! kube-scheduler's own messages: both generations, in upstream's spelling and in lower case.

use dunnage::edge::extender::wire::{Answer, Asked, decode, pass_all};
use dunnage::model::pod::PodFacts;
use dunnage::policy::interest::Interest;
use serde_json::{Map, Value, json};

use super::{read, text};

const GENERATIONS: [&str; 2] = ["wire-current", "wire-before-2025-03"];

/// Pod and node names of a body, if it asks for a step pod.
fn asked(body: &[u8], interest: &Interest) -> Result<Option<(PodFacts, Vec<String>)>, String> {
    match decode(body, interest).map_err(|error| error.to_string())? {
        Asked::ForOther => Ok(None),
        Asked::ForStep(request) => {
            let names = request.node_names.iter().map(|name| name.to_string());
            let names = names.collect();
            Ok(Some((request.pod, names)))
        }
    }
}

fn of_all_pods(body: &str) -> Result<(PodFacts, Vec<String>), String> {
    let asked = asked(body.as_bytes(), &Interest::All)?;
    Ok(asked.expect("every pod is a step pod"))
}

fn lower_keys(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries =
                map.into_iter().map(|(key, value)| (key.to_lowercase(), lower_keys(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(lower_keys).collect(),
        other => other,
    }
}

#[test]
fn requests_of_both_generations_decode_in_any_case() {
    for generation in GENERATIONS {
        let body = text(&format!("extender/{generation}/ExtenderArgs.json"));
        let lower = lower_keys(serde_json::from_str(&body).expect("JSON")).to_string();
        for body in [body, lower] {
            let (pod, names) = of_all_pods(&body).expect(generation);
            assert_eq!(pod.name, "podname");
            assert!(pod.images.is_empty(), "containers is null");
            assert_eq!(names, ["node1"], "NodeNames win over Nodes");
        }
    }
}

#[test]
fn the_nodes_are_read_where_there_are_no_names() {
    for generation in GENERATIONS {
        let mut body: Value = read(&format!("extender/{generation}/ExtenderArgs.json"));
        body["NodeNames"] = Value::Null;
        let lower = lower_keys(body.clone());
        for body in [body, lower] {
            let (_, names) = of_all_pods(&body.to_string()).expect(generation);
            assert_eq!(names, ["nodename"]);
        }
    }
}

#[test]
fn a_binding_is_refused_as_no_pod_and_a_preemption_names_no_node() {
    for generation in GENERATIONS {
        let body = text(&format!("extender/{generation}/ExtenderBindingArgs.json"));
        let refusal = of_all_pods(&body).expect_err("refused");
        assert!(refusal.contains("expected Pod to be an object"), "{refusal}");
        assert!(pass_all(body.as_bytes()).is_none());

        let body = text(&format!("extender/{generation}/ExtenderPreemptionArgs.json"));
        let (pod, names) = of_all_pods(&body).expect("has a pod");
        assert_eq!((&*pod.name, names.len()), ("podname", 0));
        assert!(pass_all(body.as_bytes()).is_none());
    }
}

#[test]
fn an_entry_of_an_answer_is_spelt_as_upstream_spells_it() {
    for generation in GENERATIONS {
        let expected = text(&format!("extender/{generation}/HostPriority.json"));
        let answer = Answer::of([("myhost", 1)].into_iter());
        let found = String::from_utf8(answer.json).expect("UTF-8");
        assert_eq!(found, format!("[{}]", expected.trim()), "{generation}");
    }
}

#[test]
fn every_score_and_every_name_is_json() {
    let names = ["plain.node-1", "quo\"ted", "back\\slash", "\u{e9}\n"];
    for score in 0..=10 {
        let answer = Answer::of(names.iter().map(|name| (*name, score)));
        let found: Vec<Value> = serde_json::from_slice(&answer.json).expect("JSON");
        let expected = names.map(|name| json!({ "Host": name, "Score": score }));
        assert_eq!((answer.entries, &*found), (4, &expected[..]));
    }
    assert_eq!(Answer::of(std::iter::empty()).json, b"[]");
}

#[test]
fn a_filter_result_has_upstreams_keys_and_nodes_byte_for_byte() {
    for generation in GENERATIONS {
        let args = text(&format!("extender/{generation}/ExtenderArgs.json"));
        let expected: Value = read(&format!("extender/{generation}/ExtenderFilterResult.json"));
        let json = pass_all(args.as_bytes()).expect("nodes");
        let found: Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(found["Nodes"], expected["Nodes"]);
        assert_eq!(found["NodeNames"], expected["NodeNames"]);
        assert_eq!(found["Error"], json!(""));
        let known = expected.as_object().expect("an object");
        for key in found.as_object().expect("an object").keys() {
            assert!(known.contains_key(key), "{key} is no key of ExtenderFilterResult");
        }
    }
}

#[test]
fn real_bodies_name_the_same_nodes_in_both_modes() {
    for (pod, images) in [("tekton", 1), ("prow", 5)] {
        let [by_name, whole] = ["nodenames", "nodes"].map(|mode| {
            let body = text(&format!("extender/composed/{pod}-{mode}.json"));
            let asked = asked(body.as_bytes(), &Interest::default()).expect(mode);
            asked.expect("a step pod")
        });
        assert_eq!(by_name, whole, "{pod}");
        assert_eq!(by_name.1.len(), 7);
        assert_eq!(by_name.1[6], "ip-172-31-21-92");
        assert_eq!(by_name.0.images.len(), images);
    }
}
