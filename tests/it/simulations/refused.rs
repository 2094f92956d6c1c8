//! Scenarios whose files are missing, odd or do not have what is asked for.

use dunnage::cmd::scenario::Loaded;
use dunnage::sim::workload::Scale;

use crate::cli::Files;

/// Two tasks that wait for each other.
fn steps() -> String {
    let step = |job: &str, after: &str| {
        serde_json::json!({
            "system": "tekton", "pipeline": "p", "job": job, "name": "s", "kind": "step",
            "image": "i", "run_after": [after],
        })
    };
    format!("{}\n{}\n", step("a", "b"), step("b", "a"))
}

fn image() -> String {
    let digest = format!("sha256:{}", "a".repeat(64));
    serde_json::json!({
        "image": "golang:1", "platform": "linux/amd64", "manifest": digest,
        "layers": [{"digest": digest, "size": 5}],
    })
    .to_string()
}

const SCENARIO: &str = "\
apiVersion: dunnage.dev/v1alpha1
kind: Scenario
about: a test
choices: {}
images:
  - manifests: images.jsonl
zones: [a]
nodes:
  - prefix: ci-
    zones: [a]
generate:
  - name: build
    runs: 5
    jobs: {matrix: {}}
    arrivals: {every: 30s}
";

/// What is said of the scenario with a part replaced, in a folder with its files.
fn refusal(from: &str, to: &str) -> String {
    assert!(SCENARIO.contains(from), "{from}");
    let files = Files::new();
    files.write("images.jsonl", image());
    files.write("steps.jsonl", steps());
    files.write("merges.csv", "repo,merged_at_utc\na/b,2026-05-01T00:00:00Z\n");
    let path = files.write("odd.yaml", SCENARIO.replacen(from, to, 1));
    let setup = Loaded::read(&path).and_then(|loaded| loaded.setup(None, Scale::FULL));
    let text = format!("{:#}", setup.expect_err(to));
    text.replace(&format!("{}/", files.path().display()), "")
}

#[test]
fn what_is_missing_or_odd_is_told_with_file_and_line() {
    for (from, to, parts) in [
        ("about: a test", "abuot: a test", &["scenario odd.yaml: line 3", "abuot"][..]),
        ("images.jsonl", "none.jsonl", &["scenario odd.yaml: none.jsonl: No such file"]),
        ("images.jsonl", "steps.jsonl", &["odd.yaml: steps.jsonl: line 1: not a manifest"]),
        ("zones: [a]\nnodes", "zones: [b]\nnodes", &["line 9", "zone \"a\"", "one of zones"]),
        (
            "zones: [a]\nnodes",
            "platform: linux/arm64\nnodes",
            &["line 6", "no image for linux/arm64"],
        ),
        ("zones: [a]\nnodes", "zones: [a]\nregistry: {zone: x}\nnodes", &["line 8", "zone \"x\""]),
        (
            "    zones: [a]",
            "    preload: {images: [rust]}",
            &["line 9", "no image is called \"rust\""],
        ),
        (
            "{matrix: {}}",
            "{tekton: {steps: steps.jsonl}}",
            &["line 12", "pipeline p: a, b wait for each other"],
        ),
        ("{matrix: {}}", "{argo: {steps: steps.jsonl}}", &["line 12", "no pods"]),
        (
            "{every: 30s}",
            "{merges: {file: merges.csv, from: 2026-04-01T00:00:00Z}}",
            &["line 12", "only 1 of 5 runs"],
        ),
        (
            "    zones: [a]",
            "  - prefix: ci-1\n    count: 12\n  - prefix: ci-11",
            &["two nodes", "ci-11"],
        ),
    ] {
        let refusal = refusal(from, to);
        for part in parts {
            assert!(refusal.contains(part), "{to}: {refusal:?} does not say {part:?}");
        }
        assert!(refusal.starts_with("scenario odd.yaml: "), "{refusal}");
    }
}

#[test]
fn a_scenario_that_is_not_there_is_named() {
    let refusal = Loaded::read("nowhere.yaml".as_ref()).expect_err("refused");
    assert!(format!("{refusal:#}").starts_with("scenario nowhere.yaml: No such file"));
}
