//! Each rule finds an offence that is planted for it, and lets pass what only looks like one.

use super::code::Source;
use super::{Findings, imports, lengths, promises, words};

fn check(rule: impl Fn(&[Source]) -> Findings, name: &str, text: &str, expected: &[&str]) {
    let findings = rule(&[Source::new(name, text)]);
    assert_eq!(findings.len(), expected.len(), "{name}: {text}\n{findings:#?}");
    for (finding, part) in findings.iter().zip(expected) {
        assert!(finding.contains(part), "{finding:?} does not say {part:?}");
    }
}

#[test]
fn an_import_against_the_layers_is_found() {
    let check = |name, text, expected: &[&str]| check(imports::check, name, text, expected);
    check("src/model/node.rs", "use crate::state::Tracker;", &["model/node.rs:1: state"]);
    check("src/state.rs", "\n\nfn f() { crate::policy::Policy::default(); }", &["state.rs:3: "]);
    check("src/score/need.rs", "use crate::{model::node, state::event};", &["state::event"]);
    check("src/policy/curve.rs", "use super::super::score::decide;", &["score::decide"]);
    check("src/edge/admin.rs", "use crate::edge::extender::wire;", &["edge::extender::wire"]);
    check("src/edge/admin.rs", "use super::watch::run;", &["edge::watch::run"]);
    check("src/edge/admin.rs", "use crate::cost::queue;", &["only view"]);
    check("src/edge/watch.rs", "use crate::sim::run;", &["sim::run"]);
    check("src/edge/watch.rs", "use crate::cmd::files;", &["only main"]);
    check("src/cli.rs", "use crate::model::unit;", &["model::unit"]);
    check("src/lib.rs", "use crate::cmd::run;", &["only main"]);
}

#[test]
fn an_import_within_the_layers_passes() {
    let pass = |name, text| check(imports::check, name, text, &[]);
    pass("src/score/need.rs", "use crate::{model::node, cost::{pull, queue}}; use super::decide;");
    pass("src/edge/view/cluster.rs", "use crate::cost::queue; use super::seconds;");
    pass("src/edge/extender.rs", "use crate::edge::extender::wire; use crate::edge::shared;");
    pass("src/edge/dataset/prow.rs", "use crate::sim::data::ProwJob; use crate::edge::lines;");
    pass("src/main.rs", "fn main() { dunnage::cmd::run() }");
    pass("src/cmd/serve.rs", "use crate::edge::watch; use crate::cli::Serve;");
    pass("src/model/node.rs", "//! [`crate::state`]\n/* use crate::state; */ // crate::state");
    pass("src/model/node.rs", "#[cfg(test)]\nmod tests { use crate::state::Tracker; }");
    pass("src/state/tests.rs", "use crate::policy::Policy;");
}

#[test]
fn a_view_that_sees_what_a_lock_guards_is_found() {
    let check = |name, text, expected: &[&str]| check(imports::check_views, name, text, expected);
    let offence = "fn f(cluster: &Cluster) { shared.read() }";
    check("src/edge/view.rs", offence, &["view.rs:1: Cluster"]);
    check("src/edge/view/cluster.rs", "use crate::edge::{shared::Shared, metrics};", &["Shared"]);
    check("src/edge/view/copy.rs", offence, &[]);
    check("src/edge/view.rs", "use crate::model::cluster::NodeId; // Cluster", &[]);
}

#[test]
fn a_word_of_the_edges_in_the_core_is_found() {
    let check = |name, text, expected: &[&str]| check(words::check_core, name, text, expected);
    check("src/model/node.rs", "async fn f() {}", &["async"]);
    check("src/model/node.rs", "use tokio::sync::Mutex;", &["tokio"]);
    check("src/state.rs", "fn f() { std::fs::read(\"x\"); }", &["std::fs"]);
    check("src/state.rs", "use std::{collections::BTreeMap, env};", &["std::env"]);
    check("src/cost.rs", "let a = std::time::Instant::now();", &["Instant::now"]);
    check("src/cost.rs", "use std::time::SystemTime;", &["SystemTime"]);
    check("src/score.rs", "let m: HashMap<u8, u8>;", &["HashMap"]);
    check("src/lib.rs", "fn f<'a>(x: &'a kube::Client) {}", &["kube"]);
    check("src/score.rs", "let c = '\"'; tokio::spawn(f);", &["tokio"]);
}

#[test]
fn a_word_of_the_edges_elsewhere_passes() {
    let pass = |name, text| check(words::check_core, name, text, &[]);
    pass("src/edge/watch.rs", "async fn f() { std::env::args(); }");
    pass("src/model/intern.rs", "use std::collections::HashMap;");
    pass("src/model/node.rs", "// tokio\nlet kubelet = \"kube\"; let r = r#\"std::fs\"#;");
    pass("src/state.rs", "#[cfg(test)]\nmod tests { use std::env; }\nstruct Kubernetes;");
}

#[test]
fn leftovers_bare_heads_and_empty_names_are_found() {
    let left = format!("//! x\n// {}{}: later\n#[{}]\n", "TO", "DO", ["ign", "ore"].concat());
    check(words::check_leftovers, "tests/it/a.rs", &left, &["a.rs:2", "a.rs:3"]);
    check(words::check_heads, "src/a.rs", "// x\nfn f() {}", &["a.rs:1"]);
    check(words::check_heads, "src/a.rs", "//! What it is.\n", &[]);
    for name in ["src/edge/mod.rs", "src/util.rs", "tests/it/helpers.rs"] {
        check(words::check_names, name, "", &[name]);
    }
    check(words::check_names, "src/model.rs", "", &[]);
}

#[test]
fn too_long_a_function_file_or_line_is_found() {
    let function = |lines: usize| format!("pub fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    check(lengths::check_functions, "src/a.rs", &function(70), &[]);
    check(lengths::check_functions, "tests/it/a.rs", &function(71), &["71 lines"]);
    check(lengths::check_files, "src/a.rs", &"\n".repeat(401), &["401 lines"]);
    let tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}", "\n".repeat(400), "\n".repeat(9));
    check(lengths::check_files, "src/a.rs", &tests, &[]);
    let line = |columns| "é".repeat(columns);
    check(lengths::check_lines, "src/a.rs", &line(100), &[]);
    check(lengths::check_lines, "src/a.rs", &format!("\n{}", line(101)), &["a.rs:2: 101"]);
    check(lengths::check_lines, "src/a.rs", &format!("// {}", line(108)), &["111 columns"]);
}

#[test]
fn a_broken_promise_is_found() {
    let lock = "[[package]]\nname = \"openssl-sys\"\n";
    assert_eq!(promises::check_lock(lock).len(), 1);
    assert!(promises::check_lock("name = \"openssl-probe\"").is_empty());
    assert_eq!(promises::check_policy("a.yaml", "kind: PlacementPolicy").len(), 1);
    let names = ["dunnage_a_total".to_owned(), "dunnage_b_seconds".to_owned()];
    assert_eq!(promises::check_metrics(&names, "`dunnage_a_total`").len(), 1);
    let source = "new.counters(\n\"a_total\", \"help\") HistogramOpts::new(\"dunnage_b\", help)";
    assert_eq!(promises::metric_names(source), ["dunnage_a_total", "dunnage_b"]);
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let help = |subcommand: &str| {
        (subcommand == "serve").then(|| "  -n, --listen <ADDR>\n --tls-cert <FILE>".to_owned())
    };
    let check = |text: &str| promises::check_commands("README.md", text, &help);
    let good = "```sh\n$ dunnage serve \\\n  --listen=x --tls-cert y -n 3 # no --such\n```";
    assert_eq!(check(good), Findings::new());
    assert_eq!(check("`dunnage fly` and dunnage serve --fast"), Findings::new());
    assert_eq!(check("```\ndunnage serve --listening a\n```").len(), 1);
    assert_eq!(check("```\ndunnage fly\n```").len(), 1);
}
