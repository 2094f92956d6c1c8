//! Reading scenarios: what is odd is refused with its line and what was expected.

use super::Scenario;
use crate::sim::data::Shape;

const SCENARIO: &str = "\
apiVersion: dunnage.dev/v1alpha1
kind: Scenario
about: a test
choices: {modelled: {all: of it}}
images:
  - manifests: images.jsonl
    tags: {file: tags.jsonl, from: 2026-05-01T00:00:00Z, for: 2h, faster: 3}
zones: [a, b]
nodes:
  - prefix: ci-
    count: 3
    cpu: 1500m
    memory: 64Gi
    disk: {bytes: 100G}
    joinsAt: 1m
generate:
  - name: build
    runs: 5
    jobs: {matrix: {fanOutMax: 3}}
    arrivals: {poisson: {every: 30s}}
    durations: {between: [30s, 1m 30s]}
";

fn with(from: &str, to: &str) -> Result<Scenario, String> {
    assert!(SCENARIO.contains(from), "{from:?} is not in the scenario");
    Scenario::parse(&SCENARIO.replacen(from, to, 1)).map_err(|error| error.to_string())
}

#[test]
fn what_is_written_is_read() {
    let scenario = with("zones", "start: {sandbox: 300ms}\nzones").expect("a scenario");
    assert_eq!((scenario.start.sandbox.0.0, scenario.start.containers.0.0), (300_000_000, 0));
    assert_eq!(scenario.seed, 0);
    let group = &scenario.nodes[0].value;
    assert_eq!(group.cpu.map(|cpu| cpu.0), Some(1500));
    assert_eq!(group.memory.map(|size| size.0.0), Some(64 << 30));
    assert_eq!(group.joins_at.0.0, 60_000_000_000);
    let files = [(Shape::Manifests, "images.jsonl"), (Shape::TagMoves, "tags.jsonl")];
    assert_eq!(scenario.files(), files);
}

#[test]
fn unknown_repeated_and_mistyped_keys_are_refused_with_their_line() {
    for (from, to, line, part) in [
        ("    count: 3", "    cuont: 3", 11, "cuont"),
        ("    count: 3", "    count: 3\n    count: 3", 12, "count"),
        ("{matrix: {fanOutMax: 3}}", "{matrix: {fanOut: 3}}", 19, "fanOut"),
        ("{matrix: {fanOutMax: 3}}", "{spark: {}}", 19, "spark"),
        ("about: a test\n", "", 1, "about"),
    ] {
        let refusal = with(from, to).expect_err(to);
        assert!(refusal.contains(part), "{to}: {refusal}");
        assert!(refusal.contains(&format!("line {line}")), "{to}: {refusal}");
    }
}

#[test]
fn values_without_sense_are_refused_with_their_line() {
    for (from, to, line, part) in [
        ("v1alpha1", "v9", 1, "expected dunnage.dev/v1alpha1"),
        ("kind: Scenario", "kind: Policy", 2, "expected Scenario"),
        ("count: 3", "count: 0", 11, "expected a number from 1"),
        ("cpu: 1500m", "cpu: 0", 12, "expected processors above 0"),
        ("memory: 64Gi", "memory: lots", 13, "expected bytes, as 800M"),
        ("bytes: 100G", "bytes: 0", 14, "expected bytes above 0"),
        ("{bytes: 100G}", "{bytes: 100G, lowPercent: 90}", 10, "lowPercent < highPercent"),
        ("joinsAt: 1m", "joinsAt: soon", 15, "expected a duration"),
        ("joinsAt: 1m", "joinsAt: 1m\n    leavesAt: 1m", 10, "after joinsAt"),
        ("joinsAt: 1m", "capacities: a.csv", 10, "leave those out"),
        ("joinsAt: 1m", "preload: {sku: a}", 10, "nodeImages and sku together"),
        ("name: build", "name: Build 1", 17, "a-z, 0-9"),
        ("    runs: 5\n", "", 17, "expected runs or podsMax"),
        ("    arrivals: {poisson: {every: 30s}}\n", "", 17, "expected arrivals"),
        ("[30s, 1m 30s]", "[2m, 1m]", 17, "the shorter one first"),
        ("faster: 3", "faster: 0", 7, "expected a factor"),
        ("2026-05-01T00:00:00Z", "yesterday", 7, "expected RFC 3339"),
        ("zones: [a, b]", "view: {statusInterval: 1ms}", 8, "at least 100ms"),
        ("zones: [a, b]", "start: {sandbox: soon}", 8, "expected a duration"),
        ("zones: [a, b]", "view: {agents: 0s}", 8, "at least 100ms"),
        (
            "zones: [a, b]",
            "scaling: {nodesMax: 3, template: {prefix: x, disk: {bytes: 1G, highPercent: 101}}}",
            8,
            "lowPercent < highPercent",
        ),
        ("zones: [a, b]", "trace: a.jsonl", 8, "leave out images and generate"),
    ] {
        let refusal = with(from, to).expect_err(to);
        assert!(refusal.contains(part), "{to}: {refusal}");
        assert!(refusal.contains(&format!("line {line}")), "{to}: {refusal}");
    }
}
