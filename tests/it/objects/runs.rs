//! Runs: what pods of every system tell of their run, step and volumes. Real pods where there are some, else
//! those composed in `tests/data/run-pods`.

use std::path::Path;

use dunnage::edge::object::PodObject;
use dunnage::edge::object::convert::pod_facts;
use dunnage::model::pod::PullPolicy;
use dunnage::model::run::{RunFacts, RunSource};
use dunnage::model::volume::VolumeKind::{Other, Output, ResourceCache, TaskCache};
use dunnage::model::volume::{VolumeFacts, VolumeKind};
use dunnage::policy::interest::Interest;

use super::{names_in, objects};

/// Who told, run, step.
type Sketch<'a> = (RunSource, Option<&'a str>, Option<&'a str>);

fn run_of(name: &str) -> RunFacts {
    let pods: Vec<PodObject> = objects(name);
    let [pod] = <[PodObject; 1]>::try_from(pods).expect(name);
    pod_facts(pod, true).run
}

fn sketch(run: &RunFacts) -> Sketch<'_> {
    (run.source, run.run.as_deref(), run.step.as_deref())
}

fn composed(name: &str) -> String {
    format!("../run-pods/{name}.json")
}

/// Of every composed pod that tells of no volumes.
const COMPOSED: [(&str, Sketch<'_>); 15] = [
    ("tekton", (RunSource::Tekton, Some("7a1c8f0e-0f3a-4d0e-9b5e-0a5d6c1b2f3e"), Some("build"))),
    (
        "tekton-task-run",
        (RunSource::Tekton, Some("5f1d2c3b-9a54-4a9e-8a20-6f2f0c3f8b77"), Some("lint")),
    ),
    ("malformed", (RunSource::Tekton, Some("app-run-7"), Some("fuse"))),
    ("lighthouse", (RunSource::Lighthouse, Some("acme-app-pr-12-3"), Some("from-build-pack"))),
    ("argo-offloaded", (RunSource::Argo, Some(WORKFLOW), Some("build-x7k2p[1].test(0)"))),
    ("gitlab", (RunSource::GitLab, Some("9001"), Some("unit tests"))),
    ("gitlab-by-label", (RunSource::GitLab, Some("9001"), Some("unit tests"))),
    ("gitlab-without-pipeline", (RunSource::GitLab, None, Some("package"))),
    ("arc-runner", (RunSource::GitHubArc, Some("big-x2p9l-runner-7k4vd"), None)),
    ("arc-job", (RunSource::GitHubArc, Some("big-x2p9l-runner-7k4vd"), None)),
    ("arc-listener", (RunSource::Untold, None, None)),
    ("jenkins", (RunSource::Jenkins, Some("job/app/12/"), None)),
    (
        "buildkite",
        (
            RunSource::Buildkite,
            Some("https://buildkite.com/acme/app/builds/311"),
            Some("0193f6c2-8a1b-4c5d-9e0f-1a2b3c4d5e6f"),
        ),
    ),
    ("job", (RunSource::Owner, Some("e1f2a3b4-c5d6-4e7f-8091-a2b3c4d5e6f7"), Some("3"))),
    ("../kube-objects/pods/openshift-cluster-pod", (RunSource::Untold, None, None)),
];
/// The uid of the workflow that owns the pods of Argo.
const WORKFLOW: &str = "9d2f0a7b-31c5-4a3e-8f70-54b1e6c2d890";
/// Composed pods that tell of volumes.
const WITH_VOLUMES: usize = 3;

#[test]
fn every_system_tells_run_and_step() {
    for (name, expected) in COMPOSED {
        let run = run_of(&composed(name));
        assert_eq!(sketch(&run), expected, "{name}");
        assert!(run.needs.is_empty() && run.produces.is_empty(), "{name}");
        assert_eq!(run.needs_source, RunSource::Untold, "{name}");
        assert_eq!(run.produces_source, RunSource::Untold, "{name}");
    }
    let folder = super::root().join("../run-pods");
    let files = std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file"));
    let pods = files.filter(|file| file.path().extension() == Some("json".as_ref()));
    assert_eq!(pods.count(), COMPOSED.len() - 1 + WITH_VOLUMES, "each file has its line");
}

#[test]
fn real_pods_tell_run_and_step() {
    let mut count = 0;
    for name in names_in("pods") {
        let run = run_of(&name);
        let file = Path::new(&name).file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let source = match file.split('-').next() {
            Some("tekton") => RunSource::Tekton,
            Some("prow") => RunSource::Prow,
            Some("woodpecker") => RunSource::Woodpecker,
            _ => continue,
        };
        count += 1;
        assert_eq!(run.source, source, "{name}");
        let expected = match source {
            RunSource::Tekton => ("output-pipeline-run", "first-create-file"),
            RunSource::Prow => ("blabla", "job-name"),
            _ => ("11301", run.step.as_deref().expect("a step")),
        };
        assert_eq!((run.run.as_deref(), run.step.as_deref()), (Some(expected.0), Some(expected.1)));
    }
    assert_eq!(count, 23);
    assert_eq!(run_of("pods/woodpecker-step-01.json").step.as_deref(), Some("go-test"));
    assert_eq!(run_of("pods/woodpecker-step-00.json").step.as_deref(), Some("build-via-gradle"));
}

fn keys(volumes: &[VolumeFacts]) -> Vec<(&str, VolumeKind, Option<u64>)> {
    volumes.iter().map(|volume| (&*volume.key, volume.kind, volume.bytes.map(|b| b.0))).collect()
}

#[test]
fn argo_tells_artifacts_by_their_address_in_the_store() {
    for name in ["argo", "argo-without-init"] {
        let run = run_of(&composed(name));
        let expected = (RunSource::Argo, Some(WORKFLOW), Some("build-x7k2p[1].test(0)"));
        assert_eq!(sketch(&run), expected, "{name}");
        assert_eq!((run.needs_source, run.produces_source), (RunSource::Argo, RunSource::Argo));
        let needs = [
            ("s3://artifacts/build-x7k2p/build-x7k2p-checkout-2711/source.tgz", Output, None),
            ("s3://models/resnet/v3.tgz", Output, None),
        ];
        assert_eq!(keys(&run.needs), needs, "{name}");
        let produces = [
            ("s3://artifacts/build-x7k2p/build-x7k2p-test-1904/report.tgz", Output, None),
            ("s3://artifacts/build-x7k2p/build-x7k2p-test-1904/app", Output, None),
            ("gs://dist/app/latest.tgz", Output, None),
            ("s3://artifacts/build-x7k2p/build-x7k2p-test-1904/logs.zip", Output, None),
        ];
        assert_eq!(keys(&run.produces), produces, "{name}");
    }
}

#[test]
fn annotations_tell_what_no_system_does() {
    let run = run_of(&composed("annotated"));
    assert_eq!(sketch(&run), (RunSource::Annotations, Some("nightly-2026-11-24"), None));
    assert_eq!(run.needs_source, RunSource::Annotations);
    assert_eq!(run.produces_source, RunSource::Annotations);
    let needs =
        [("git:app@4f2a9c0", ResourceCache, Some(209_715_200)), ("deps/go@8c1f", TaskCache, None)];
    assert_eq!(keys(&run.needs), needs);
    let produces = [("nightly-2026-11-24/fuse", Output, Some(3_221_225_472))];
    assert_eq!(keys(&run.produces), produces);
    let next = run.next_images.expect("images of later steps");
    let next: Vec<_> = next.iter().map(|image| (&*image.reference, image.pull_policy)).collect();
    let (test, release) = ("registry.example/ci/test:1", "registry.example/ci/release:latest");
    assert_eq!(next, [(test, PullPolicy::IfNotPresent), (release, PullPolicy::Always)]);
    assert!(run.malformed.is_none() && !keys(&run.needs).iter().any(|need| need.1 == Other));
}

#[test]
fn a_malformed_annotation_says_what_and_where() {
    let run = run_of(&composed("malformed"));
    let complaint = run.malformed.expect("a complaint");
    assert!(complaint.starts_with("dunnage.dev/needs is ignored: "), "{complaint}");
    assert!(complaint.contains("`-5`, expected u64 at line 1 column"), "{complaint}");
}

#[test]
fn pods_that_are_no_steps_are_not_read_for_runs() {
    let pods: Vec<PodObject> = objects(&composed("annotated"));
    let [pod] = <[PodObject; 1]>::try_from(pods).expect("one");
    let other = Interest::Schedulers(vec!["other".to_owned()]);
    let is_step = dunnage::edge::object::convert::is_step(&pod, &other);
    assert_eq!(pod_facts(pod, is_step).run, RunFacts::default());
}
