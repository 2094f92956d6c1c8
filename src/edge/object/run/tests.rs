//! Annotations over adapters over owners, and that no mark, however odd, does more than not count. What each
//! system's pods tell is tested on whole pods, in `tests/it/objects`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ANNOTATIONS, VARIABLES, run_facts};
use crate::edge::object::PodObject;
use crate::model::pod::PullPolicy;
use crate::model::run::{RunFacts, RunSource};
use crate::model::unit::Bytes;
use crate::model::volume::VolumeKind;

const NEEDS: &str = "dunnage.dev/needs";
const TEKTON: [&str; 2] = ["tekton.dev/pipelineRunUID", "tekton.dev/pipelineTask"];

fn facts(pod: &Value) -> RunFacts {
    let pod: PodObject = serde_json::from_value(pod.clone()).expect("a pod");
    run_facts(&pod)
}

fn annotated(key: &str, value: &str) -> RunFacts {
    facts(&json!({"metadata": {
        "labels": {TEKTON[0]: "uid-1", TEKTON[1]: "build"},
        "annotations": {key: value},
    }}))
}

/// What is said about a malformed list; it names the annotation, and the rest of the pod counts.
fn complaint(needs: &str) -> String {
    let facts = annotated(NEEDS, needs);
    assert_eq!((facts.run.as_deref(), facts.source), (Some("uid-1"), RunSource::Tekton));
    assert!(facts.needs.is_empty() && facts.needs_source == RunSource::Untold);
    let complaint = facts.malformed.expect("a complaint");
    complaint.strip_prefix("dunnage.dev/needs is ignored: ").expect(&complaint).to_owned()
}

#[test]
fn a_pod_without_marks_is_of_no_run() {
    assert_eq!(facts(&json!({})), RunFacts::default());
    assert_eq!(
        facts(&json!({"metadata": {"labels": null, "annotations": null}, "spec": null})),
        RunFacts::default()
    );
}

#[test]
fn an_annotated_run_wins_and_the_step_stays() {
    let facts = annotated("dunnage.dev/run", "nightly 7");
    assert_eq!(facts.source, RunSource::Annotations);
    assert_eq!((facts.run.as_deref(), facts.step.as_deref()), (Some("nightly 7"), Some("build")));
    assert_eq!(facts.malformed, None);
}

#[test]
fn annotated_volumes_leave_the_run_to_its_system() {
    let facts = annotated(
        NEEDS,
        r#"[{"key":"git:app@4f2a","kind":"resource-cache","bytes":9},{"key":"b"},{"key":"b"}]"#,
    );
    assert_eq!(facts.malformed, None);
    assert_eq!((facts.source, facts.needs_source), (RunSource::Tekton, RunSource::Annotations));
    assert_eq!(facts.produces_source, RunSource::Untold);
    let needs: Vec<_> = facts.needs.iter().map(|v| (&*v.key, v.kind, v.bytes)).collect();
    let expected = [
        ("git:app@4f2a", VolumeKind::ResourceCache, Some(Bytes(9))),
        ("b", VolumeKind::Other, None),
    ];
    assert_eq!(needs, expected, "a key twice is one volume");
}

#[test]
fn an_empty_list_wins_over_what_a_template_says() {
    let template = r#"{"inputs":{"artifacts":[{"name":"a","s3":{"bucket":"b","key":"k"}}]},
        "outputs":{"artifacts":[{"name":"o","s3":{"bucket":"b","key":"o"}}]}}"#;
    let mut pod = json!({
        "metadata": {"labels": {"workflows.argoproj.io/workflow": "w"}},
        "spec": {"initContainers": [{"env": [{"name": "ARGO_TEMPLATE", "value": template}]}]},
    });
    assert_eq!(facts(&pod).needs.len(), 1);
    pod["metadata"]["annotations"] = json!({NEEDS: "[]"});
    let facts = facts(&pod);
    assert!(facts.needs.is_empty());
    assert_eq!(facts.produces.len(), 1, "of which nothing was said");
    assert!(facts.left_on_node().is_empty(), "what goes to a blob store does not stay");
}

/// What is said of images that the pod names; the rest of the pod counts.
fn next_images(list: &str) -> Result<Vec<(String, PullPolicy)>, String> {
    let facts = annotated("dunnage.dev/next-images", list);
    assert_eq!((facts.run.as_deref(), facts.source), (Some("uid-1"), RunSource::Tekton));
    match (facts.next_images, facts.malformed) {
        (Some(images), None) => {
            Ok(images.into_iter().map(|image| (image.reference, image.pull_policy)).collect())
        }
        (None, Some(complaint)) => {
            let said = complaint.strip_prefix("dunnage.dev/next-images is ignored: ");
            Err(said.expect(&complaint).to_owned())
        }
        other => panic!("either images or a complaint: {other:?}"),
    }
}

#[test]
fn images_of_later_steps_are_named_once_each_and_asked_for_as_by_default() {
    let golang = || ("docker.io/library/golang:1".to_owned(), PullPolicy::IfNotPresent);
    let latest = ("r.io/a:latest".to_owned(), PullPolicy::Always);
    let list = r#"["golang:1", "r.io/a", "docker.io/golang:1"]"#;
    assert_eq!(next_images(list), Ok(vec![golang(), latest]));
    assert_eq!(next_images("[]"), Ok(vec![]), "that nothing follows is something to say");
    assert_eq!(facts(&json!({})).next_images, None);
    let many = |count: usize| json!((0..count).map(|i| format!("a:{i}")).collect::<Vec<_>>());
    assert_eq!(next_images(&many(32).to_string()).map(|images| images.len()), Ok(32));
    for (list, reason) in [
        ("golang", "expected a JSON array of image references: expected value"),
        (r#"{"a": 1}"#, "invalid type: map"),
        ("[1]", "invalid type: integer `1`"),
        (r#"["a:1", "a b"]"#, "entry 2: expected an image reference of 1 to 512 bytes"),
        (r#"[""]"#, "entry 1: expected an image reference"),
        (&many(33).to_string(), "33 entries, may have 32"),
        (&json!(["a".repeat(513)]).to_string(), "entry 1: expected an image reference"),
        (&format!("[{}]", " ".repeat(1 << 14)), "16386 bytes, may have 16384"),
    ] {
        let complaint = next_images(list).expect_err(list);
        assert!(complaint.contains(reason), "{list}: {complaint}");
    }
}

#[test]
fn every_fault_is_told_with_its_place() {
    let long = "k".repeat(513);
    for (list, reason) in [
        ("", "expected a JSON array"),
        ("{}", "invalid type: map"),
        ("[{\"key\":\"a\"}", "EOF while parsing"),
        (r#"[{"key":"a"}] x"#, "trailing characters at line 1 column 15"),
        (r#"[{"kind":"output"}]"#, "missing field `key`"),
        (r#"[{"key":"a","key":"b"}]"#, "duplicate field `key`"),
        (r#"[{"key":"a","size":1}]"#, "unknown field `size`"),
        (r#"[{"key":"a","bytes":-1}]"#, "invalid value: integer `-1`"),
        (r#"[{"key":"a","bytes":1.5}]"#, "invalid type: floating point `1.5`"),
        (r#"[{"key":"a","bytes":99999999999999999999}]"#, "invalid type: floating point"),
        (r#"[{"key":"a","bytes":1125899906842625}]"#, "entry 1: bytes: 1125899906842625, may be"),
        (r#"[{"key":"a"},{"key":""}]"#, "entry 2: key must not be empty"),
        (r#"[{"key":"a\u0000"}]"#, "entry 1: key must not have control characters"),
        (&format!(r#"[{{"key":"{long}"}}]"#), "entry 1: key may have 512 bytes"),
        (r#"[{"key":"a","kind":"Output"}]"#, "entry 1: kind must be one of resource-cache, task-"),
        (
            r#"[{"key":"b"},{"key":"b"},{"key":"a"},{"key":"a","bytes":1}]"#,
            "entries 3 and 4 differ",
        ),
    ] {
        let complaint = complaint(list);
        assert!(complaint.contains(reason), "{list}: {complaint}");
    }
}

#[test]
fn what_is_too_much_is_refused_whole() {
    let list = |count: usize| {
        let entries: Vec<_> = (0..count).map(|i| json!({"key": i.to_string()})).collect();
        json!(entries).to_string()
    };
    assert_eq!(annotated(NEEDS, &list(64)).needs.len(), 64);
    assert_eq!(complaint(&list(65)), "65 entries, may have 64");
    let wide = format!("[{}]", " ".repeat(16 << 10));
    assert_eq!(complaint(&wide), "16386 bytes, may have 16384");
    for run in ["", "a\nb", &"r".repeat(513)] {
        let complaint = annotated("dunnage.dev/run", run).malformed.expect("a complaint");
        assert!(complaint.contains("expected one line of 1 to 512 bytes"), "{complaint}");
    }
}

#[test]
fn a_complaint_is_one_line_of_bounded_length() {
    let hostile = format!(r#"[{{"{}":1}}]"#, "\u{1b}[2J\u{7f}é".repeat(300));
    let complaint = complaint(&hostile);
    assert!(!complaint.chars().any(char::is_control), "{complaint}");
    assert!(complaint.chars().count() <= 201, "{complaint}");
}

#[test]
fn odd_values_of_labels_are_untold() {
    for odd in ["", "a\u{7}b", &"x".repeat(513)] {
        let facts = facts(&json!({"metadata": {
            "labels": {"tekton.dev/pipelineRunUID": odd, TEKTON[1]: odd},
            "annotations": {"job.runner.gitlab.com/id": odd, "job.runner.gitlab.com/name": odd},
            "ownerReferences": [{"kind": "Job", "uid": odd, "controller": true}],
        }}));
        assert_eq!((facts.run, facts.step, facts.malformed), (None, None, None), "{odd:?}");
    }
}

#[test]
fn an_odd_template_costs_its_artifacts_only() {
    let many: Vec<_> =
        (0..1000).map(|i| json!({"s3": {"bucket": "b", "key": i.to_string()}})).collect();
    let many = json!({"inputs": {"artifacts": many}}).to_string();
    let odd_keys = r#"{"inputs":{"artifacts":[{"s3":{"bucket":"b","key":"a\n"}},{"s3":{"key":"k"}},
        {"s3":null},{"git":{"repo":"r"}},{"s3":{"bucket":"b","key":"k"}},
        {"s3":{"bucket":"b","key":"k"}}]}}"#;
    for (template, count) in
        [("offloaded", 0), ("", 0), ("[]", 0), ("{\"inputs\":7}", 0), (&many, 64), (odd_keys, 1)]
    {
        let facts = facts(&json!({
            "metadata": {"labels": {"workflows.argoproj.io/workflow": "w"}},
            "spec": {"containers": [{"env": [{"name": "ARGO_TEMPLATE", "value": template}]}]},
        }));
        assert_eq!(facts.run.as_deref(), Some("w"));
        assert_eq!(facts.needs.len(), count, "{:.40}", template);
    }
}

#[test]
fn an_owner_is_asked_last_and_services_are_no_runs() {
    let owned = |kind: &str, label: &str| {
        facts(&json!({"metadata": {
            "labels": {label: "r"},
            "ownerReferences": [
                {"kind": "Other", "uid": "0"},
                {"kind": kind, "uid": "1", "controller": true},
            ],
        }}))
    };
    assert_eq!(owned("Job", "app").run.as_deref(), Some("1"));
    assert_eq!(owned("Job", "app").source, RunSource::Owner);
    assert_eq!(owned("TaskRun", "tekton.dev/pipelineRun").source, RunSource::Tekton);
    for service in ["ReplicaSet", "StatefulSet", "DaemonSet", "Node", "ReplicationController"] {
        assert_eq!(owned(service, "app"), RunFacts::default(), "{service}");
    }
}

/// Something that a list may hold, and things that it may not.
fn entries() -> impl Strategy<Value = String> {
    let key = prop_oneof!["[a-c]{0,2}", any::<String>()];
    let bytes = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
    ];
    let entry = (key, "output|other|x", bytes)
        .prop_map(|(key, kind, bytes)| json!({"key": key, "kind": kind, "bytes": bytes}));
    let list = proptest::collection::vec(entry, 0..70).prop_map(|list| json!(list).to_string());
    prop_oneof![list, any::<String>()]
}

fn labels() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
    let key = "(tekton.dev/pipelineRun|runner-pod|jenkins/label|prow.k8s.io/id|x)";
    proptest::collection::btree_map(key, any::<String>(), 0..4)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }
}

/// An object of these keys and values.
fn object(keys: &[&str], values: Vec<String>) -> serde_json::Map<String, Value> {
    let values = values.into_iter().map(Value::from);
    keys.iter().map(|key| (*key).to_owned()).zip(values).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_is_written_what_is_read_is_within_bounds(
        annotations in proptest::collection::vec(entries(), ANNOTATIONS.len()),
        labels in labels(),
        variables in proptest::collection::vec(any::<String>(), VARIABLES.len()),
    ) {
        let variables = object(&VARIABLES, variables).into_iter();
        let env: Vec<_> =
            variables.map(|(name, value)| json!({"name": name, "value": value})).collect();
        let facts = facts(&json!({
            "metadata": {"labels": labels, "annotations": object(&ANNOTATIONS, annotations)},
            "spec": {"containers": [{"env": env}]},
        }));
        for list in [&facts.needs, &facts.produces] {
            let mut keys: Vec<_> = list.iter().map(|volume| &volume.key).collect();
            prop_assert!(keys.len() <= 64);
            prop_assert!(keys.iter().all(|key| super::name(key).is_some()));
            keys.sort();
            keys.dedup();
            prop_assert_eq!(keys.len(), list.len());
        }
        for text in facts.run.iter().chain(&facts.step) {
            prop_assert!(super::name(text).is_some());
        }
    }
}
