//! What we promise elsewhere than in code: packages we keep out, policies that are valid, commands and
//! metrics that documents name.

use std::collections::BTreeMap;
use std::process::Command;

use dunnage::policy::Policy;

use super::{Findings, files_below, root};

/// Packages that must not be linked: ring is the only provider of cryptography, and nothing needs a C
/// library of the system.
const UNWANTED: [&str; 5] = ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"];

/// Unwanted packages in a lock file.
pub fn check_lock(lock: &str) -> Findings {
    let named = |package: &&&str| lock.lines().any(|l| l == format!("name = \"{package}\""));
    let found = UNWANTED.iter().filter(named);
    found.map(|package| format!("Cargo.lock: {package} is linked")).collect()
}

/// What is wrong with a policy file.
pub fn check_policy(name: &str, text: &str) -> Findings {
    let refusal = Policy::parse(text).err();
    refusal.map(|error| format!("{name}: {error}")).into_iter().collect()
}

/// The documents that users copy commands from.
pub fn documents() -> Vec<String> {
    let mut names = Vec::new();
    if root().join("README.md").exists() {
        names.push("README.md".to_owned());
    }
    if root().join("docs").exists() {
        let files = files_below(&root().join("docs"));
        let pages = files.iter().filter(|file| file.extension().is_some_and(|e| e == "md"));
        let name = |file: &std::path::PathBuf| {
            file.strip_prefix(root()).expect("below the root").display().to_string()
        };
        names.extend(pages.map(name));
    }
    names
}

/// The help of a subcommand as the program prints it; `None` if there is no such one.
pub fn help(subcommand: &str) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dunnage"));
    let output = command.args([subcommand, "--help"]).output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    output.status.success().then_some(text)
}

/// Commands and flags in a document's code blocks that the program does not know.
pub fn check_commands(name: &str, text: &str, help: &dyn Fn(&str) -> Option<String>) -> Findings {
    let mut helps = BTreeMap::new();
    let mut findings = Findings::new();
    for command in commands(text) {
        let mut words = command.split_whitespace().skip(1);
        let Some(subcommand) = words.next().filter(|word| !word.starts_with('-')) else {
            continue;
        };
        let known = helps.entry(subcommand.to_owned()).or_insert_with(|| help(subcommand));
        let Some(known) = known else {
            findings.push(format!("{name}: `{command}`: no such subcommand"));
            continue;
        };
        for flag in words.filter_map(flag) {
            if !known.split(|c: char| c.is_whitespace() || c == ',').any(|word| word == flag) {
                findings.push(format!("{name}: `{command}`: no flag {flag}"));
            }
        }
    }
    findings
}

/// `--listen=:9290` is `--listen`; values are no flags.
fn flag(word: &str) -> Option<&str> {
    let word = word.trim_start_matches('[').trim_end_matches(']');
    let flag = word.split('=').next()?;
    (flag.len() > 1 && flag.starts_with('-')).then_some(flag)
}

/// The program's commands in fenced code blocks, continued lines joined, prompts dropped.
fn commands(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        let line = line.trim();
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            let line = line.trim_start_matches("$ ").split(" #").next().unwrap_or_default();
            let line = line.split(['|', '>', '&']).next().unwrap_or_default().trim();
            if line == "dunnage" || line.starts_with("dunnage ") {
                commands.push(line.to_owned());
            }
        }
    }
    commands
}

/// The names of all metrics, out of the source that registers them.
pub fn metric_names(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for maker in ["counter(", "counters(", "gauge(", "gauges("] {
        for (at, _) in source.match_indices(&format!("new.{maker}")) {
            let name = source[at..].split('"').nth(1).unwrap_or_default();
            names.push(format!("dunnage_{name}"));
        }
    }
    let whole = source.split('"').filter(|part| part.starts_with("dunnage_"));
    names.extend(whole.filter(|name| !name.contains('{')).map(str::to_owned));
    names.sort();
    names
}

/// Metrics that the document does not name.
pub fn check_metrics(names: &[String], document: &str) -> Findings {
    let missing = names.iter().filter(|name| !document.contains(name.as_str()));
    missing.map(|name| format!("docs/metrics.md: {name} is missing")).collect()
}
