//! `simulate` as a user runs it: the same report however it is computed, written whole or not at all.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::{Files, Run, run_in};
use crate::testbed::{Process, Signal};

/// Others compile on the same machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Eight runs of a matrix on four nodes, with the images of the demo.
const SCENARIO: &str = concat!(
    "apiVersion: dunnage.dev/v1alpha1
kind: Scenario
about: A small matrix.
choices: {data: {images: of the demo}, modelled: {arrivals: within a minute}}
seed: 5
images:
  - manifests: ",
    env!("CARGO_MANIFEST_DIR"),
    "/src/cmd/demo/images.jsonl
nodes:
  - {prefix: n-, count: 4}
generate:
  - {name: build, runs: 8, jobs: {matrix: {fanOutMax: 4}}, arrivals: {within: 1m}}
"
);

fn files() -> Files {
    let files = Files::new();
    files.write("tiny.yaml", SCENARIO);
    files
}

fn simulate(files: &Files, flags: &[&str]) -> Run {
    let arguments = [&["simulate", "tiny.yaml"], flags].concat();
    run_in(files.path(), &arguments)
}

/// What a run that ends well prints.
fn report(files: &Files, flags: &[&str]) -> String {
    let run = simulate(files, flags);
    assert_eq!(run.code, 0, "{run:#?}");
    run.stdout
}

/// Names of what lies in the folder beside what was put there.
fn left(files: &Files) -> Vec<String> {
    let names = files.path().read_dir().expect("a folder").map(|entry| entry.expect("an entry"));
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "tiny.yaml" && name != "kubeconfig").collect()
}

#[test]
fn stock_and_default_are_compared_unless_others_are_named() {
    let text = report(&files(), &[]);
    for part in ["tiny: ", "4 nodes", "seed 5", "\nstock ", "\ndefault ", "\nleast possible "] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(
        text.contains("Again: dunnage simulate tiny.yaml --policy stock --policy default --seed 5")
    );
}

#[test]
fn one_thread_and_two_give_the_same_bytes_in_every_format() {
    let files = files();
    let flags = ["--seeds=1..3", "--policy=stock", "--policy=spread", "--policy=greedy"];
    for format in ["-otext", "-ojson", "-ohtml"] {
        let with = |threads| report(&files, &[&flags[..], &[format, threads]].concat());
        let one = with("--threads=1");
        assert!(one == with("--threads=2"), "{format} differs");
        assert!(one == with("--threads=2"), "{format} differs from run to run");
    }
}

#[test]
fn every_named_policy_runs() -> Result<()> {
    let names = [
        "stock",
        "default",
        "spread",
        "pack",
        "random",
        "greedy",
        "concourse",
        "stork",
        "lrscheduler",
        "skippy",
        "bounded-hash",
        "hindsight",
    ];
    let flags: Vec<String> = names.iter().map(|name| format!("--policy={name}")).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["-ojson"]).collect();
    let json: serde_json::Value = serde_json::from_str(&report(&files(), &flags))?;
    assert_eq!(json["apiVersion"], "dunnage.dev/v1alpha1");
    assert_eq!(json["kind"], "SimulationReport");
    let runs = json["runs"].as_array().expect("runs");
    assert_eq!(runs.iter().map(|run| run["policy"].as_str()).collect::<Vec<_>>(), names.map(Some));
    for run in runs {
        assert_eq!(run["jobs"]["succeeded"], run["jobs"]["total"], "{run}");
        assert!(run["movedBytes"].as_u64() >= run["leastBytes"].as_u64(), "{run}");
        assert!(run["leastBytes"].as_u64() > Some(0), "{run}");
    }
    assert_eq!(runs[2]["capturedShare"], 0.0);
    Ok(())
}

#[test]
fn a_policy_file_is_named_as_it_was_typed() {
    let files = files();
    files.write("mine.yaml", include_str!("../../../policy/default.yaml"));
    let text = report(&files, &["--policy=default", "--policy=mine.yaml"]);
    let row = |name: &str| {
        let row = text.lines().find_map(|line| line.strip_prefix(name));
        row.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    assert!(row("mine.yaml ").is_some(), "{text}");
    assert_eq!(row("default "), row("mine.yaml "), "{text}");
}

#[test]
fn a_name_may_say_the_weight_of_an_extender() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let flags = ["simulate", "simulations/demo.yaml", "--scale=0.1", "--policy=default"];
    let weighted = ["--policy=default@3", "--policy=default@1"];
    let run = run_in(root, &[&flags[..], &weighted].concat());
    let row = |name: &str| {
        let row = run.stdout.lines().find_map(|line| line.strip_prefix(name));
        row.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(row("default "), row("default@3 "), "{run:?}");
    assert_ne!(row("default "), row("default@1 "), "{run:?}");
    assert!(run.stdout.contains("--policy default@1 --scale 0.1"), "{run:?}");
    let files = files();
    simulate(&files, &["--policy=stock@2"]).fails_with(2, &["stock@2", "no extender"]);
    simulate(&files, &["--policy=default@0"]).fails_with(2, &["default@0", "NAME@N", "1 to 1000"]);
}

#[test]
fn a_share_of_a_scenario_can_be_played() {
    let files = files();
    let small = report(&files, &["--scale=0.5"]);
    assert!(small.contains(" on 2 nodes") && small.contains("--scale 0.5"), "{small}");
    simulate(&files, &["--scale=0"]).fails_with(2, &["--scale", "above 0, to 1"]);
}

#[test]
fn a_report_goes_to_a_file_in_the_format_of_its_name() {
    let files = files();
    for (name, start) in [("r.json", "{\n"), ("r.html", "<!DOCTYPE html>"), ("r.txt", "tiny: ")] {
        files.write(name, "older");
        assert_eq!(report(&files, &["--output", name]), "");
        let written = std::fs::read_to_string(files.path().join(name)).expect("written");
        assert!(written.starts_with(start), "{name}: {written}");
    }
    let mut left = left(&files);
    left.sort();
    assert_eq!(left, ["r.html", "r.json", "r.txt"]);
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_runs() {
    let files = files();
    let missing = simulate(&files, &["--output=none/r.json"]);
    missing.fails_with(1, &["--output none/r.json", "No such file", "folder"]);
    simulate(&files, &["--output=."]).fails_with(1, &["--output .", "is a folder"]);
    assert_eq!(left(&files), [""; 0]);
}

#[test]
fn a_run_that_fails_leaves_the_older_report_alone() {
    let files = files();
    files.write("r.json", "older");
    let failed = simulate(&files, &["--policy=nobody", "--output=r.json"]);
    failed
        .fails_with(1, &["policy nobody", "neither a file nor one of stock, default", "hindsight"]);
    let kept = std::fs::read_to_string(files.path().join("r.json")).expect("there");
    assert_eq!((kept.as_str(), left(&files)), ("older", vec!["r.json".to_owned()]));
}

#[test]
fn what_is_not_there_or_makes_no_sense_is_named() {
    let files = files();
    run_in(files.path(), &["simulate", "none.yaml"])
        .fails_with(1, &["scenario none.yaml", "No such file"]);
    files.write("odd.yaml", SCENARIO.replace("seed: 5", "sede: 5"));
    run_in(files.path(), &["simulate", "odd.yaml"]).fails_with(1, &["odd.yaml", "sede"]);
    simulate(&files, &["--policy=stock", "--policy=stock"])
        .fails_with(2, &["--policy stock", "given twice"]);
}

#[tokio::test]
async fn a_signal_ends_it_without_a_report() -> Result<()> {
    let files = files();
    files.write("r.json", "older");
    let mut program = Command::new(env!("CARGO_BIN_EXE_dunnage"));
    program.args(["--log=debug", "simulate", "tiny.yaml", "--seeds=1..1000", "--output=r.json"]);
    program.current_dir(files.path());
    let mut process = Process::spawn("simulate", &program, &files.path().join("log"))?;
    process.said("runs begin", PATIENCE).await?;
    process.signal(Signal::INT)?;
    let status = process.exited(PATIENCE).await?;
    assert_eq!(status.code(), Some(1), "{}", process.log());
    assert!(process.log().contains("error: interrupted: no report was written"));
    assert_eq!(std::fs::read_to_string(files.path().join("r.json"))?, "older");
    let mut left = left(&files);
    left.sort();
    assert_eq!(left, ["log", "r.json"]);
    Ok(())
}

#[test]
fn recorded_needs_a_record() {
    let run = simulate(&files(), &["--policy=stock", "--policy=recorded"]);
    run.fails_with(2, &["--policy recorded: ", "give a scenario with trace"]);
    let files = files();
    files.write("trace.jsonl", super::trace::whole());
    let scenario = |rest: &str| {
        format!(
            "apiVersion: dunnage.dev/v1alpha1\nkind: Scenario\nabout: recorded\nchoices: {{}}\n\
             trace: trace.jsonl\n{rest}"
        )
    };
    files.write("tiny.yaml", scenario(""));
    let text = report(&files, &["--policy=recorded", "--policy=stock"]);
    assert!(text.contains("\nrecorded "), "{text}");
    files.write("tiny.yaml", scenario("nodes:\n  - {prefix: n-, count: 2}\n"));
    simulate(&files, &["--policy=recorded"]).fails_with(2, &["without nodes and scaling"]);
}
