//! What the generators make of rows: graphs keep their order, versions move, tags move when they did.

mod pipelines;
mod rows;

use std::collections::BTreeMap;

use crate::model::image::Platform;
use crate::model::unit::{Bytes, Nanos, Time};
use crate::sim::data::{Data, Merge, OpenbPod, ProwJob, ProwStart, TagMove};
use crate::sim::fixtures::{digest, setup_of};
use crate::sim::resource::Resources;
use crate::sim::setup::Setup;

fn setup(rest: &str, data: &Data) -> Setup {
    try_setup(rest, data).unwrap_or_else(|error| panic!("{error}"))
}

fn try_setup(rest: &str, data: &Data) -> Result<Setup, String> {
    setup_of(rest, 7, data)
}

const NODES: &str = "images: [{manifests: images}]\nnodes: [{prefix: n-}]\n";

fn images(names: &[&str]) -> Data {
    let facts = names.iter().map(|name| rows::image(name, name));
    let manifests = BTreeMap::from([("images".to_owned(), facts.collect())]);
    Data { manifests, ..Data::default() }
}

#[test]
fn tags_move_when_they_did_faster_and_only_within_the_span() {
    let mut data = images(&[]);
    let versions = ["v0", "v1", "v2", "v3"].map(|name| rows::image("app:latest", name));
    data.manifests.insert("images".to_owned(), versions.to_vec());
    let moves = [(50, "v0"), (90, "v1"), (160, "v2"), (260, "v3"), (170, "unknown")];
    let moves = moves.map(|(seconds, name)| TagMove {
        at: Time(1_777_593_600_000_000_000).after(Nanos::from_seconds(seconds)),
        reference: "docker.io/library/app:latest".to_owned(),
        platform: Platform::new("linux", "amd64", ""),
        manifest: digest(name),
    });
    data.tag_moves.insert("tags".to_owned(), moves.to_vec());
    let setup = setup(
        "images: [{manifests: images, tags: {file: tags, from: 2026-05-01T00:01:40Z, \
         for: 100s, faster: 6}}]\n\
         nodes: [{prefix: n-}]\n\
         generate: [{name: a, runs: 1, jobs: {matrix: {}}, arrivals: {atOnce: {}}}]\n",
        &data,
    );
    let history = &setup.catalogue.references()[0].history;
    let meant = history
        .iter()
        .map(|(at, image)| (*at, setup.catalogue.image(*image).facts.digests[0].clone()));
    let expected = [(Nanos(0), digest("v1")), (Nanos::from_seconds(10), digest("v2"))];
    assert_eq!(meant.collect::<Vec<_>>(), expected);
    assert_eq!(setup.catalogue.len(), 2, "what no name means is left out");
    assert_eq!(setup.epoch, Time(1_777_593_700_000_000_000));
    assert!(setup.jobs[0].containers[0].pull_policy == crate::model::pod::PullPolicy::Always);
}

#[test]
fn prow_jobs_start_at_their_times_with_their_requests() {
    let mut data = images(&["a:1", "b:1"]);
    let name = |name: &str| ("s".to_owned(), name.to_owned());
    let requests = Resources { cpu_millis: 4000, memory: Bytes(9) };
    let job = ProwJob { name: name("j"), image: "b:1".to_owned(), requests };
    data.prow_jobs.insert("jobs".to_owned(), vec![job]);
    let start = |seconds, job: &str| ProwStart { at: Nanos::from_seconds(seconds), job: name(job) };
    let starts =
        vec![start(5, "j"), start(60, "j"), start(61, "x"), start(90, "j"), start(120, "j")];
    data.prow_starts.insert("starts".to_owned(), starts);
    let generate = "generate: [{name: p, jobs: \
                    {prow: {jobs: jobs, starts: starts, from: 1m, for: 1m, faster: 3}}}]\n";
    let setup = setup(&format!("{NODES}{generate}"), &data);
    let times: Vec<_> = setup.jobs.iter().map(|job| job.arrives_at.0 / 1_000_000_000).collect();
    assert_eq!(times, [0, 10]);
    assert_eq!(setup.jobs[0].requests, requests);
    assert_eq!(&*setup.jobs[1].name, "p-2-j");
    let reference = setup.catalogue.reference(setup.jobs[0].containers[0].reference);
    assert_eq!(
        reference.name, "docker.io/library/b:1",
        "a name that the layer data knows is itself"
    );
}

#[test]
fn arrivals_keep_the_gaps_of_their_data_divided_by_the_factor() {
    let mut data = images(&["a:1"]);
    let merge = |repository: &str, seconds| Merge {
        repository: repository.to_owned(),
        at: Time(1_777_593_600_000_000_000).after(Nanos::from_seconds(seconds)),
    };
    let merges = vec![merge("x/y", 0), merge("x/y", 100), merge("z/z", 110), merge("x/y", 160)];
    data.merges.insert("merges".to_owned(), merges);
    let requests = Resources { cpu_millis: 7, memory: Bytes(9) };
    let pod =
        |seconds, ran_for| OpenbPod { requests, created_at: Nanos::from_seconds(seconds), ran_for };
    let long = Some(Nanos::from_seconds(5000));
    data.openb_pods.insert("pods".to_owned(), vec![pod(3, None), pod(10, long), pod(40, long)]);
    let times = |arrivals: &str, more: &str| {
        let generate = format!(
            "generate: [{{name: a, runs: 2, jobs: {{matrix: {{fanOutMax: 1}}}}, \
             arrivals: {arrivals}{more}}}]\n"
        );
        setup(&format!("{NODES}{generate}"), &data).jobs
    };
    let seconds = |jobs: &[crate::sim::job::Job]| {
        jobs.iter().map(|job| job.arrives_at.0 / 1_000_000_000).collect::<Vec<_>>()
    };
    let merges =
        "{merges: {file: merges, repositories: [x/y], from: 2026-05-01T00:01:00Z, faster: 3}}";
    assert_eq!(seconds(&times(merges, "")), [0, 20]);
    assert_eq!(seconds(&times(merges, ", start: 5s")), [5, 25]);
    let openb = "{openb: {pods: pods, skip: 1, faster: 2}}";
    let more = ", requests: {openb: {pods: pods}}, durations: {openb: {pods: pods, atMost: 1m}}";
    let jobs = times(openb, more);
    assert_eq!(seconds(&jobs), [0, 15]);
    assert!(jobs.iter().all(|job| job.requests == requests));
    assert!(jobs.iter().all(|job| job.runs_for == Nanos::from_seconds(60)));
    assert_eq!(seconds(&times("{every: 30s}", "")), [0, 30]);
    assert_eq!(seconds(&times("{atOnce: {}}", "")), [0, 0]);
    assert!(seconds(&times("{within: 10s}", "")).iter().all(|at| *at < 10));
}

#[test]
fn one_generator_never_moves_what_another_one_draws() {
    let data = images(&["a:1", "b:1", "c:1"]);
    let one = "{name: a, runs: 9, jobs: {matrix: {}}, arrivals: {poisson: {every: 9s}}}";
    let other = one.replace("name: a", "name: b");
    let alone = setup(&format!("{NODES}generate: [{one}]\n"), &data);
    let both = setup(&format!("{NODES}generate: [{other}, {one}]\n"), &data);
    let of = |setup: &Setup, name: &str| {
        let jobs = setup.jobs.iter().filter(|job| job.name.starts_with(name));
        jobs.map(|job| {
            (job.name.clone(), job.arrives_at, job.runs_for, job.requests, job.containers.clone())
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(of(&alone, "a-"), of(&both, "a-"));
    assert!(both.jobs.len() > of(&alone, "a-").len());
}

#[test]
fn failures_are_as_often_as_told_and_bounded() {
    let data = images(&["a:1"]);
    let generate = "generate: [{name: a, podsMax: 4000, jobs: {matrix: {}}, \
                    arrivals: {atOnce: {}}, \
                    failuresPerMille: 200}]\n";
    let setup = setup(&format!("{NODES}{generate}"), &data);
    assert_eq!(setup.jobs.len(), 4000);
    let failing = setup.jobs.iter().filter(|job| job.failures > 0).count();
    assert!((680..920).contains(&failing), "{failing} of 4000");
    assert!(setup.jobs.iter().all(|job| job.failures <= 3));
}
