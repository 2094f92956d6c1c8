//! Who may import whom. The core knows only what lies below it; edges know the core and, of each other,
//! only what all of them share; nobody but `main` knows `cmd`.

use super::Findings;
use super::code::Source;
use super::paths::paths;

/// A layer and the layers below it. What is not listed may import everything.
const LAYERS: [(&str, &[&str]); 8] = [
    ("model", &[]),
    ("state", &["model"]),
    ("cost", &["model"]),
    ("policy", &["model"]),
    ("score", &["model", "cost", "policy"]),
    ("sim", &["model", "state", "cost", "policy", "score"]),
    ("edge", &["model", "state", "cost", "policy", "score"]),
    ("cli", &[]),
];
/// Edges that other edges may import.
const SHARED_EDGES: [&str; 14] = [
    "body",
    "cause",
    "clock",
    "inventory",
    "lines",
    "manifests",
    "metrics",
    "object",
    "recent",
    "shared",
    "trace",
    "tree",
    "unresolved",
    "view",
];
/// Edges that read what the simulator is made of, or print what it came to.
const SIM_EDGES: [&str; 3] = ["dataset", "report", "trace"];
/// The only edge that may import `cost`: it shows the parts of one.
const COST_EDGE: &str = "view";

/// What is made into JSON and text is a copy: these files cannot see what a lock guards.
const WITHOUT_LOCK: [&str; 2] = ["view", "view/cluster"];
const BEHIND_LOCK: [&str; 4] = ["Cluster", "Recent", "Shared", "Tracker"];

/// Every import that a layer may not have.
pub fn check(sources: &[Source]) -> Findings {
    let sources = sources.iter().filter(|source| !source.is_test());
    sources.flat_map(check_source).collect()
}

fn check_source(source: &Source) -> Findings {
    let own = module(&source.name);
    let mut findings = Findings::new();
    for (at, path) in paths(&source.code) {
        let Some(target) = target(&own, &path) else {
            continue;
        };
        if let Some(why) = offence(&own, &target) {
            findings.push(source.finding(at, &why));
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

/// What a lock guards, named where views are made.
pub fn check_views(sources: &[Source]) -> Findings {
    let views = WITHOUT_LOCK.map(|view| format!("src/edge/{view}.rs"));
    let views = sources.iter().filter(|source| views.contains(&source.name));
    views.flat_map(check_view).collect()
}

fn check_view(source: &Source) -> Findings {
    let mut findings = Findings::new();
    for (at, path) in paths(&source.code) {
        if let Some(name) = path.iter().find(|name| BEHIND_LOCK.contains(&name.as_str())) {
            findings.push(source.finding(at, &format!("{name}: views are made of copies")));
        }
    }
    findings
}

/// `src/edge/view.rs` is `edge::view`; `src/lib.rs` and `src/main.rs` are the crate itself.
fn module(name: &str) -> Vec<String> {
    let name = name.trim_start_matches("src/").trim_end_matches(".rs");
    if matches!(name, "lib" | "main") {
        return vec![name.to_owned()];
    }
    name.split('/').map(str::to_owned).collect()
}

/// The module of this crate that a path names, from its top.
fn target(own: &[String], path: &[String]) -> Option<Vec<String>> {
    match path.first()?.as_str() {
        "crate" | "dunnage" => Some(path[1..].to_vec()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let base = own.len().checked_sub(ups)?;
            Some([&own[..base], &path[ups..]].concat())
        }
        _ => None,
    }
}

fn offence(own: &[String], target: &[String]) -> Option<String> {
    let (own_layer, layer) = (own.first()?.as_str(), target.first()?.as_str());
    let path = target.join("::");
    if layer == "cmd" && !matches!(own_layer, "cmd" | "main") {
        return Some(format!("{path}: only main may import cmd"));
    }
    let (_, below) = LAYERS.iter().find(|(layer, _)| *layer == own_layer)?;
    let own_edge = own.get(1).map(String::as_str).filter(|_| own_layer == "edge");
    let reads_sim = layer == "sim" && own_edge.is_some_and(|edge| SIM_EDGES.contains(&edge));
    if own_layer != layer && !below.contains(&layer) && !reads_sim {
        return Some(format!("{path}: {own_layer} may import only {below:?}"));
    }
    if own_layer != "edge" {
        return None;
    }
    if layer == "cost" && own_edge != Some(COST_EDGE) {
        return Some(format!("{path}: of edges only {COST_EDGE} may import cost"));
    }
    let edge = target.get(1).map(String::as_str);
    let is_shared = edge.is_some_and(|edge| SHARED_EDGES.contains(&edge));
    if layer == "edge" && edge != own_edge && !is_shared {
        return Some(format!("{path}: edges may import only the edges {SHARED_EDGES:?}"));
    }
    None
}
