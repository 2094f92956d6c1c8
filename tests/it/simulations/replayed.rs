//! Scenarios whose workload is a trace.

use dunnage::cmd::scenario::Loaded;
use dunnage::model::unit::Nanos;
use dunnage::sim::setup::Setup;
use dunnage::sim::workload::Scale;

use crate::cli::Files;

pub(crate) const SCENARIO: &str = "\
apiVersion: dunnage.dev/v1alpha1
kind: Scenario
about: what was recorded
choices: {data: {all: a recording}}
trace: trace.jsonl
";

fn example() -> String {
    let readme = crate::tidy::text("simulations/README.md");
    let example = readme.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
    example.expect("simulations/README.md shows a trace").to_owned()
}

fn setup(scenario: &str, trace: &str) -> Result<Setup, String> {
    let files = Files::new();
    files.write("trace.jsonl", trace);
    let path = files.write("replay.yaml", scenario);
    let setup = Loaded::read(&path).and_then(|loaded| loaded.setup(None, Scale::FULL));
    setup.map_err(|error| format!("{error:#}").replace(&format!("{}/", files.path().display()), ""))
}

#[test]
fn a_trace_brings_its_own_nodes_images_and_pods() {
    let setup = setup(SCENARIO, &example()).expect("builds");
    let [node] = &setup.nodes[..] else { panic!("one node") };
    assert_eq!((&*node.name, node.capacity.cpu_millis, node.pods_max), ("ci-1", 16_000, 110));
    assert_eq!(node.leaves_at, Some(Nanos::from_seconds(95)));
    assert_eq!(setup.zones, ["a"]);
    let [job] = &setup.jobs[..] else { panic!("one pod") };
    assert_eq!((job.arrives_at, job.runs_for), (Nanos::from_seconds(1), Nanos::from_seconds(90)));
    let reference = setup.catalogue.reference(job.containers[0].reference);
    assert_eq!(reference.name, "docker.io/library/golang:1.25");
    assert_eq!(setup.volumes[job.needs[0].0 as usize].key, "git:app@4f2a9c0");
    assert_eq!(setup.volumes[0].holders.len(), 1);
    assert!(setup.notes.is_empty());
}

#[test]
fn the_documented_scenario_replays_a_trace() {
    let readme = crate::tidy::text("simulations/README.md");
    let scenario = readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    let scenario = scenario.expect("simulations/README.md shows a scenario");
    let named = scenario.replace("monday.jsonl.gz", "trace.jsonl");
    assert_ne!(named, scenario);
    let setup = setup(&named, &example()).expect("builds");
    assert_eq!((setup.jobs.len(), setup.recorded.len()), (1, 1));
    assert!(setup.registry.egress.is_some());
}

#[test]
fn what_failed_leaves_nothing_and_what_lies_on_a_node_is_there() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let node = example().lines().nth(1).expect("a node").to_owned();
    let holding = node.replace("}}", &format!(",\"images\":[\"{digest}\"]}}}}"));
    let trace = example().replace(&format!("{node}\n"), "");
    let tag = trace.lines().nth(2).expect("a tag").to_owned();
    let trace = trace.replace(&tag, &format!("{tag}\n{holding}"));
    let volume = "{\"volume\":{\"atNanos\":0,\"key\":\"out\",\"kind\":\"output\",\"bytes\":1}}";
    let trace = trace.replace(&holding, &format!("{holding}\n{volume}"));
    let trace = trace.replace("\"lines\":10", "\"lines\":11");
    let trace = trace.replace("\"needs\":", "\"produces\":[\"out\"],\"needs\":");
    let well = setup(SCENARIO, &trace).expect("builds");
    assert_eq!((well.nodes[0].preloaded.len(), well.jobs[0].produces.len()), (1, 1));
    let ended = "\"ended\":{\"atNanos\":95000000000,\"pod\":\"a-1\"";
    let failed = trace.replace(ended, &format!("{ended},\"failed\":true"));
    assert_ne!(failed, trace);
    let not_well = setup(SCENARIO, &failed).expect("builds");
    assert_eq!((not_well.jobs[0].produces.len(), not_well.jobs[0].needs.len()), (0, 1));
}

#[test]
fn other_nodes_take_the_place_of_the_recorded_ones() {
    let scenario = format!("{SCENARIO}nodes:\n  - {{prefix: big-, count: 2, cpu: 64}}\n");
    let setup = setup(&scenario, &example()).expect("builds");
    assert_eq!(setup.nodes.len(), 2);
    assert_eq!(setup.nodes[1].name, "big-2");
    assert!(setup.volumes[0].holders.is_empty() && setup.volumes[0].is_pushed);
    assert!(setup.recorded.is_empty());
}

#[test]
fn pods_that_never_started_are_left_out_and_told() {
    let never = example().replace("{\"end\":{\"atNanos\":95000000000,\"lines\":10}}", "");
    let pod = never.lines().find(|line| line.contains("\"pod\":{")).expect("a pod");
    let pod =
        pod.replace("a-1", "b-1").replace("\"atNanos\":1000000000", "\"atNanos\":95000000000");
    let end = "{\"end\":{\"atNanos\":96000000000,\"lines\":11}}";
    let setup = setup(SCENARIO, &format!("{never}{pod}\n{end}\n")).expect("builds");
    assert_eq!(setup.jobs.len(), 1);
    assert_eq!(setup.notes, ["1 pods of the trace never started and are left out"]);
}

#[test]
fn a_trace_with_a_finding_is_not_replayed() {
    let cut: Vec<_> = example().lines().map(str::to_owned).take(8).collect();
    let refusal = setup(SCENARIO, &cut.join("\n")).expect_err("cut off");
    let expected = "scenario replay.yaml: trace.jsonl: line 8: T004: the file ends";
    assert!(refusal.starts_with(expected), "{refusal}");
    let refusal = setup(&format!("{SCENARIO}seed: 1\n"), "{}").expect_err("no trace");
    assert!(refusal.contains("trace.jsonl: line 1: expected the header of a trace"), "{refusal}");
}

#[test]
fn a_node_that_came_back_is_another_one() {
    let again = example()
        .lines()
        .nth(1)
        .expect("a node")
        .replace("\"atNanos\":0", "\"atNanos\":95000000000");
    let end = "{\"end\":{\"atNanos\":95000000000,\"lines\":10}}";
    let longer = format!("{again}\n{}", end.replace("10", "11"));
    let setup = setup(SCENARIO, &example().replace(end, &longer)).expect("builds");
    let names: Vec<_> = setup.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["ci-1", "ci-1-back-1"]);
    assert_eq!(setup.nodes[1].joins_at, Nanos::from_seconds(95));
}
