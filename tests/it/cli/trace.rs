//! `dunnage trace validate`: whole traces, traces with findings, and files that are no traces.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Files, Run, run_in};

const HEADER: &str =
    r#"{"apiVersion":"dunnage.dev/v1alpha1","kind":"Trace","epoch":"2026-05-20T00:00:00Z"}"#;

/// The example of the documentation, which must be whole.
pub fn whole() -> String {
    let readme = crate::tidy::text("simulations/README.md");
    let example = readme.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
    example.expect("simulations/README.md shows a trace").to_owned()
}

fn validate(files: &Files, name: &str) -> Run {
    run_in(files.path(), &["trace", "validate", name])
}

#[test]
fn the_documented_trace_is_whole_plain_and_as_gzip() {
    let files = Files::new();
    files.write("plain.jsonl", whole());
    let run = validate(&files, "plain.jsonl");
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    let expected = "plain.jsonl: a whole trace of 95 s: 1 nodes, 1 images, 1 names, 1 volumes, \
                    1 pods, 1 started\n";
    assert_eq!(run.stdout, expected);

    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(whole().as_bytes()).expect("into memory");
    files.write("packed", gzip.finish().expect("into memory"));
    assert_eq!(validate(&files, "packed").code, 0);
}

#[test]
fn every_finding_has_a_line_a_code_and_what_to_do_and_ends_with_3() {
    let files = Files::new();
    let lines: Vec<String> = whole().lines().map(str::to_owned).collect();
    let swapped = [&lines[..6], &[lines[7].clone(), lines[6].clone()], &lines[8..]].concat();
    files.write("swapped.jsonl", swapped.join("\n"));
    let run = validate(&files, "swapped.jsonl");
    run.fails_with(3, &["trace swapped.jsonl: 2 findings"]);
    assert!(run.stdout.contains("swapped.jsonl: line 7: T003: pod "), "{run:#?}");
    assert!(run.stdout.contains("swapped.jsonl: line 8: T001: atNanos "), "{run:#?}");
    assert!(run.stdout.contains("; sort the lines by atNanos"), "{run:#?}");

    files.write("cut.jsonl", lines[..4].join("\n"));
    let run = validate(&files, "cut.jsonl");
    run.fails_with(3, &["trace cut.jsonl: 1 finding"]);
    assert!(run.stdout.contains("cut.jsonl: line 4: T004: "), "{run:#?}");

    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let noise = (0..5000_u64).map(|n| {
        let key = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!(
            "{{\"volume\":{{\"atNanos\":0,\"key\":\"{key}\",\"kind\":\"output\",\"bytes\":1}}}}\n"
        )
    });
    let noise: String = noise.collect();
    gzip.write_all(format!("{HEADER}\n{noise}").as_bytes()).expect("into memory");
    let packed = gzip.finish().expect("into memory");
    files.write("cut.gz", &packed[..packed.len() / 2]);
    let run = validate(&files, "cut.gz");
    run.fails_with(3, &["1 finding"]);
    assert!(run.stdout.contains("T004: the compressed file ends"), "{run:#?}");
}

#[test]
fn a_file_that_is_no_trace_ends_with_1() {
    let files = Files::new();
    validate(&files, "none.jsonl").fails_with(1, &["trace none.jsonl", "No such file"]);
    files.write("empty.jsonl", "\n");
    validate(&files, "empty.jsonl").fails_with(1, &["expected a trace, found an empty file"]);
    files.write("other.jsonl", "{\"image\": 3}\n");
    validate(&files, "other.jsonl").fails_with(1, &["line 1: expected the header of a trace"]);
    files.write("later.jsonl", HEADER.replace("v1alpha1", "v9"));
    validate(&files, "later.jsonl").fails_with(1, &["line 1: expected apiVersion", "v9"]);
    files.write("odd.gz", b"\x1f\x8bnot really");
    validate(&files, "odd.gz").fails_with(1, &["as gzip"]);
}

#[test]
fn a_hundred_findings_are_printed_and_the_others_counted() {
    let files = Files::new();
    files.write("odd.jsonl", format!("{HEADER}\n{}", "nope\n".repeat(2500)));
    let run = validate(&files, "odd.jsonl");
    run.fails_with(3, &["2501 findings"]);
    assert_eq!(run.stdout.lines().count(), 101);
    assert!(run.stdout.ends_with("odd.jsonl: and 2401 more\n"), "{run:#?}");
}
