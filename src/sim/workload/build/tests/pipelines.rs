//! Concourse's builds, and the graphs of Tekton and Argo.

use super::rows::{names, step};
use super::{NODES, images, setup, try_setup};
use crate::model::volume::VolumeKind;
use crate::sim::data::{CiSystem, Data, Step};
use crate::sim::job::Job;
use crate::sim::setup::Setup;

fn with_steps(steps: Vec<Step>) -> Data {
    let mut data = images(&["a:1", "b:1"]);
    data.steps.insert("steps".to_owned(), steps);
    data
}

fn runs(system: &str, count: u32, data: &Data) -> Result<Setup, String> {
    let generate = format!(
        "generate: [{{name: ci, runs: {count}, jobs: {{{system}: {{steps: steps}}}}, \
         arrivals: {{every: 1h}}}}]\n"
    );
    try_setup(&format!("{NODES}{generate}"), data)
}

/// Keys of a pod's volumes.
fn keys(setup: &Setup, volumes: &[crate::sim::setup::VolumeNumber]) -> Vec<String> {
    volumes.iter().map(|volume| setup.volumes[volume.0 as usize].key.clone()).collect()
}

#[test]
fn pods_name_images_of_later_steps_only_if_told_to() {
    let data = with_steps(build());
    let named = |key: &str| {
        let generate = format!(
            "generate: [{{name: ci, runs: 1, jobs: {{concourse: {{steps: steps}}}}, \
             arrivals: {{every: 1h}}{key}}}]\n"
        );
        let setup = try_setup(&format!("{NODES}{generate}"), &data).expect("builds");
        setup.jobs.iter().map(|job| job.next.len()).collect::<Vec<_>>()
    };
    assert_eq!(named(""), [0, 0, 0, 0]);
    let some = named(", nextImages: true");
    assert!(some[0] > 0 && some[3] == 0, "{some:?}");
}

fn names_of(jobs: &[Job]) -> Vec<&str> {
    jobs.iter().map(|job| &*job.name).collect()
}

fn after(job: &Job) -> Vec<u32> {
    job.after.iter().map(|before| before.0).collect()
}

/// get (triggers), get, task, put, and a hook for failures.
fn build() -> Vec<Step> {
    let of = |seq: u32, stage: u32, kind: &str, name: &str| Step {
        seq,
        stage,
        ..step(CiSystem::Concourse, "test", kind, name)
    };
    vec![
        Step { triggers: true, is_builtin: true, ..of(0, 1, "get", "repo") },
        of(1, 1, "get", "image"),
        Step {
            inputs: names("repo image"),
            outputs: names("binary"),
            caches: names("gradle"),
            ..of(2, 2, "task", "unit")
        },
        of(3, 3, "put", "release"),
        Step { on_failure: true, ..of(4, 4, "task", "alert") },
    ]
}

#[test]
fn a_build_reads_what_its_stages_before_left_and_fetches_only_new_versions() {
    let setup = runs("concourse", 2, &with_steps(build())).expect("builds");
    let expected = ["ci-1-0-repo", "ci-1-1-image", "ci-1-2-unit", "ci-1-3-release"];
    assert_eq!(names_of(&setup.jobs[..4]), expected);
    let [repo, image, unit, release] = &setup.jobs[..4] else { panic!("four pods") };
    assert!(repo.containers.is_empty(), "it comes with the worker");
    assert_eq!(image.containers.len(), 1);
    assert_eq!(keys(&setup, &repo.produces), ["pipe/repo@v1"]);
    assert_eq!(keys(&setup, &image.produces), ["pipe/image@v0"]);
    assert_eq!(keys(&setup, &unit.needs), ["pipe/repo@v1", "pipe/image@v0"]);
    assert_eq!(after(unit), [0, 1]);
    let left = ["pipe/test/unit/gradle@1", "pipe/test/unit/binary@build-1-2"];
    assert_eq!(keys(&setup, &unit.produces), left);
    assert_eq!(
        (keys(&setup, &release.needs), after(release)),
        (left.map(str::to_owned).to_vec(), vec![2])
    );

    let second = &setup.jobs[4..];
    assert_eq!(names_of(second), ["ci-2-0-repo", "ci-2-2-unit", "ci-2-3-release"]);
    assert_eq!(keys(&setup, &second[0].produces), ["pipe/repo@v2"]);
    let needs = ["pipe/image@v0", "pipe/test/unit/gradle@1", "pipe/repo@v2"];
    assert_eq!(keys(&setup, &second[1].needs), needs);
    assert_eq!(after(&second[1]), [1, 2, 4], "of the first build, too: who made what it reads");
    let kinds: Vec<_> = setup.volumes.iter().map(|volume| volume.kind).collect();
    assert_eq!(
        kinds[..3],
        [VolumeKind::ResourceCache, VolumeKind::ResourceCache, VolumeKind::TaskCache]
    );
    let sizes = |name: &str| {
        let of_name = setup.volumes.iter().filter(|volume| volume.key.starts_with(name));
        of_name.map(|volume| volume.bytes).collect::<Vec<_>>()
    };
    let repo = sizes("pipe/repo@");
    assert!(repo.len() == 2 && repo[0] == repo[1], "a new version is as large as the old one");
}

#[test]
fn a_put_makes_a_version_that_other_jobs_get() {
    let mut steps = build();
    steps.push(Step {
        passed: names("test"),
        ..step(CiSystem::Concourse, "test", "get", "release")
    });
    steps[5].stage = 5;
    steps[5].seq = 5;
    let setup = runs("concourse", 1, &with_steps(steps)).expect("builds");
    assert_eq!(setup.jobs.len(), 4, "what was just put need not be fetched");
}

#[test]
fn a_tekton_run_is_a_pod_a_task_in_the_order_of_its_graph() {
    let of = |job: &str, name: &str, after: &str, shared: &str| Step {
        after: names(after),
        shared: names(shared),
        ..step(CiSystem::Tekton, job, "step", name)
    };
    let cpu = |cpu_millis| {
        Some(crate::sim::resource::Resources { cpu_millis, memory: crate::model::unit::Bytes(1) })
    };
    let data = with_steps(vec![
        of("test", "run", "clone unheard-of", "source"),
        Step { requests: cpu(100), ..of("clone", "fetch", "", "source auth") },
        Step {
            requests: cpu(250),
            image: Some("b:1".to_owned()),
            ..of("clone", "check", "", "source auth")
        },
        Step { is_finally: true, ..of("notify", "send", "", "") },
    ]);
    let setup = runs("tekton", 1, &data).expect("builds");
    assert_eq!(names_of(&setup.jobs), ["ci-1-clone", "ci-1-test", "ci-1-notify"]);
    let [clone, test, notify] = &setup.jobs[..] else { panic!("three pods") };
    assert_eq!(clone.containers.len(), 2);
    assert_eq!(clone.requests.cpu_millis, 350);
    assert_eq!(
        keys(&setup, &clone.produces),
        ["pipe/source@run-1"],
        "one task alone shares nothing"
    );
    assert_eq!(keys(&setup, &test.needs), ["pipe/source@run-1"]);
    assert_eq!((after(test), after(notify)), (vec![0], vec![0, 1]));
    assert!(setup.jobs.iter().all(|job| job.run == 0));
}

#[test]
fn tasks_that_wait_for_each_other_are_an_error() {
    let of = |job: &str, after: &str| Step {
        after: names(after),
        ..step(CiSystem::Tekton, job, "step", "s")
    };
    let data = with_steps(vec![of("a", ""), of("b", "c a"), of("c", "b")]);
    let refusal = runs("tekton", 1, &data).expect_err("a cycle");
    assert!(refusal.ends_with("pipeline pipe: b, c wait for each other"), "{refusal}");
    let alone = with_steps(vec![of("a", "a")]);
    assert!(runs("tekton", 1, &alone).expect_err("a cycle").contains("a wait for each other"));
}

#[test]
fn an_argo_workflow_is_its_dag_or_a_chain_of_its_templates() {
    let dag = |name: &str, template: &str, after: &str| Step {
        template: Some(template.to_owned()),
        after: names(after),
        image: None,
        ..step(CiSystem::Argo, "main", "dag", name)
    };
    let container = |job: &str, inputs: &str, outputs: &str| Step {
        inputs: names(inputs),
        outputs: names(outputs),
        ..step(CiSystem::Argo, job, "container", job)
    };
    let data = with_steps(vec![
        dag("d", "use", "b c"),
        dag("b", "make", "a"),
        dag("c", "use", "a"),
        dag("a", "steps-of-steps", ""),
        container("make", "", "out"),
        container("use", "in", ""),
    ]);
    let setup = runs("argo", 1, &data).expect("builds");
    assert_eq!(names_of(&setup.jobs), ["ci-1-a", "ci-1-b", "ci-1-c", "ci-1-d"]);
    let needs: Vec<_> = setup.jobs.iter().map(|job| keys(&setup, &job.needs)).collect();
    assert_eq!(needs[1], Vec::<String>::new());
    assert_eq!(needs[2], ["pipe/a/out@run-1"]);
    assert_eq!(needs[3], ["pipe/b/out@run-1"]);
    assert_eq!(after(&setup.jobs[3]), [1, 2]);

    let chain = with_steps(vec![container("make", "", "out"), container("use", "in", "")]);
    let setup = runs("argo", 1, &chain).expect("builds");
    assert_eq!((after(&setup.jobs[1]), keys(&setup, &setup.jobs[1].needs).len()), (vec![0], 1));
}

#[test]
fn names_beyond_the_layer_data_share_its_images_by_use() {
    let of = |job: &str, image: &str| Step {
        image: Some(image.to_owned()),
        ..step(CiSystem::Argo, job, "container", job)
    };
    let data = with_steps(vec![
        of("s", "x:1"),
        of("t", "x:1"),
        of("u", "y:1"),
        of("v", "a:1"),
        of("w", "z:1"),
    ]);
    let generate =
        "generate: [{name: ci, runs: 1, jobs: {argo: {steps: steps}}, arrivals: {atOnce: {}}}]\n";
    let setup = setup(&format!("{NODES}{generate}"), &data);
    let used: Vec<_> = setup.jobs.iter().map(|job| job.containers[0].reference).collect();
    assert_eq!(used[0], used[1]);
    assert_ne!(used[0], used[2], "the second in use has the second place");
    assert_eq!(setup.catalogue.references().len(), 2);
}
