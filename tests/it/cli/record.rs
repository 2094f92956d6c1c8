//! `dunnage record`: flags, files and clusters that cannot be used. What it records is tested on a real one.

use super::{Files, Run, run_in};

fn record(files: &Files, flags: &[&str]) -> Run {
    let fixed = ["record", "--kubeconfig=kubeconfig", "--resolve=off"];
    run_in(files.path(), &[&fixed[..], flags].concat())
}

#[test]
fn a_trace_that_exists_is_written_over_only_when_told() {
    let files = Files::new();
    files.write("trace.jsonl", "precious");
    let run = record(&files, &["--output=trace.jsonl"]);
    run.fails_with(2, &["--output trace.jsonl: exists already", "--force"]);
    let kept = std::fs::read_to_string(files.path().join("trace.jsonl"));
    assert_eq!(kept.expect("still there"), "precious");
    let run = record(&files, &["--output=trace.jsonl", "--force"]);
    run.fails_with(1, &["the cluster cannot be watched: "]);
}

#[test]
fn a_cluster_that_cannot_be_watched_is_told_at_once_and_leaves_no_file() {
    let files = Files::new();
    let run = record(&files, &["--output=trace.jsonl"]);
    run.fails_with(
        1,
        &["the cluster cannot be watched: ", "Connection refused", "--kubeconfig says which"],
    );
    assert!(!files.path().join("trace.jsonl").exists());
}

#[test]
fn files_that_cannot_be_used_are_told_by_flag() {
    let files = Files::new();
    record(&files, &["--output=none/t.gz"]).fails_with(1, &["--output none/t.gz: No such file"]);
    record(&files, &["--output=."]).fails_with(1, &["--output .: ", "directory"]);
    let run = record(&files, &["--output=t", "--manifests=none"]);
    run.fails_with(1, &["manifests none: No such file"]);
    let run = record(&files, &["--output=t", "--docker-config=none", "--resolve=on"]);
    run.fails_with(2, &["--resolve"]);
    let run = run_in(files.path(), &["record", "--output=t", "--kubeconfig=none"]);
    run.fails_with(1, &["kubeconfig none"]);
    assert!(!files.path().join("t").exists());
}

#[test]
fn what_is_typed_wrong_ends_with_2() {
    let files = Files::new();
    for (flags, part) in [
        (&[][..], "--output <FILE>"),
        (&["--output=t", "--for=soon"], "expected a duration"),
        (&["--output=t", "--for=0s"], "longer than nothing"),
        (&["--output=t", "--names=odd"], "[possible values: hashed, plain]"),
        (&["--output=t", "--all-pods", "--pod-selector=a=b"], "cannot be used with"),
        (&["--output=t", "--pod-selector=a in ("], "--pod-selector: "),
    ] {
        let run = record(&files, flags);
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.stderr.contains(part), "{part:?}: {run:#?}");
    }
    assert!(!files.path().join("t").exists());
}
