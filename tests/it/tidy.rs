//! The house rules as a test: who may import whom, which words stay at the edges, how long things may
//! get, and that what README and docs promise exists.
//!
//! Each rule is a function from sources to findings. `selftest` plants an offence for each and sees it
//! found, so that no rule passes because it looks at nothing.

mod code;
mod imports;
mod lengths;
mod paths;
mod promises;
mod selftest;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use code::Source;

/// What breaks a rule: `path:line: why`.
type Findings = Vec<String>;

/// The top of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file that must be there.
pub fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every file below a folder, sorted.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Every Rust file of a folder of the repository.
fn sources(folder: &str) -> Vec<Source> {
    let files = files_below(&root().join(folder));
    let files = files.into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs"));
    let source = |file: PathBuf| {
        let name = file.strip_prefix(root()).expect("below the root").display().to_string();
        let text = fs::read_to_string(&file).expect("UTF-8");
        Source::new(&name, &text)
    };
    files.map(source).collect()
}

fn all_sources() -> Vec<Source> {
    let all = [sources("src"), sources("tests")].concat();
    assert!(all.len() > 80, "only {} Rust files found", all.len());
    all
}

fn assert_none(findings: &Findings) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

#[test]
fn modules_import_only_what_their_layer_may() {
    assert_none(&imports::check(&sources("src")));
}

#[test]
fn views_are_made_without_a_lock() {
    assert_none(&imports::check_views(&sources("src")));
}

#[test]
fn words_of_the_edges_stay_there() {
    assert_none(&words::check_core(&sources("src")));
}

#[test]
fn nothing_is_left_to_do_and_no_test_is_skipped() {
    assert_none(&words::check_leftovers(&all_sources()));
}

#[test]
fn files_say_what_they_are_and_are_named_by_nouns() {
    assert_none(&words::check_heads(&all_sources()));
    assert_none(&words::check_names(&all_sources()));
}

#[test]
fn functions_files_and_lines_are_short() {
    assert_none(&lengths::check_functions(&all_sources()));
    assert_none(&lengths::check_files(&sources("src")));
    assert_none(&lengths::check_lines(&all_sources()));
}

#[test]
fn no_unwanted_package_is_locked() {
    assert_none(&promises::check_lock(&text("Cargo.lock")));
}

#[test]
fn every_policy_file_is_valid() {
    let files = files_below(&root().join("policy"));
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).expect("UTF-8");
        assert_none(&promises::check_policy(&file.display().to_string(), &text));
    }
}

#[test]
fn every_command_in_the_documents_exists() {
    for name in promises::documents() {
        assert_none(&promises::check_commands(&name, &text(&name), &promises::help));
    }
}

#[test]
fn every_metric_is_documented() {
    let names = promises::metric_names(&text("src/edge/metrics.rs"));
    assert!(names.len() >= 12, "{names:?}");
    if root().join("docs/metrics.md").exists() {
        assert_none(&promises::check_metrics(&names, &text("docs/metrics.md")));
    }
}
