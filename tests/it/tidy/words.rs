//! Words that must not occur: the outside world's in the core, leftovers anywhere, and names that say
//! nothing.

use super::Findings;
use super::code::Source;
use super::paths::paths;

/// What only edges, commands and the command line may name, as paths of one or more parts.
const OF_THE_EDGES: [&[&str]; 13] = [
    &["async"],
    &["await"],
    &["tokio"],
    &["axum"],
    &["kube"],
    &["k8s_openapi"],
    &["thread_rng"],
    &["HashMap"],
    &["SystemTime"],
    &["Instant", "now"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
];
/// Its maps have a fixed seed, and their order reaches no answer.
const MAY_HASH: &str = "src/model/intern.rs";
/// File names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 9] =
    ["mod", "util", "utils", "helper", "helpers", "manager", "common", "misc", "prelude"];

/// Words of the edges in the core.
pub fn check_core(sources: &[Source]) -> Findings {
    let core = sources.iter().filter(|source| is_core(&source.name) && !source.is_test());
    core.flat_map(check_source).collect()
}

fn is_core(name: &str) -> bool {
    let edges = ["src/edge", "src/cmd", "src/main.rs", "src/cli"];
    name.starts_with("src/") && !edges.iter().any(|edge| name.starts_with(edge))
}

fn check_source(source: &Source) -> Findings {
    let mut findings = Findings::new();
    for (at, path) in paths(&source.code) {
        for words in OF_THE_EDGES {
            let names = path.windows(words.len()).any(|part| part == words);
            let may = words == ["HashMap"] && source.name == MAY_HASH;
            if names && !may {
                findings.push(source.finding(at, &format!("{} in the core", words.join("::"))));
            }
        }
    }
    findings
}

/// What must not be left behind, in code, comments or tests. Written so as not to find itself.
fn leftovers() -> [String; 5] {
    [("TO", "DO"), ("FIX", "ME"), ("todo", "!("), ("unimplemented", "!("), ("#[ign", "ore")]
        .map(|(first, second)| format!("{first}{second}"))
}

/// Work that was put off, and tests that are skipped.
pub fn check_leftovers(sources: &[Source]) -> Findings {
    let leftovers = leftovers();
    let mut findings = Findings::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            for word in leftovers.iter().filter(|word| line.contains(word.as_str())) {
                findings.push(format!("{}:{}: {word}", source.name, number + 1));
            }
        }
    }
    findings
}

/// Files that do not open by saying what they are.
pub fn check_heads(sources: &[Source]) -> Findings {
    let bare = sources.iter().filter(|source| !source.text.starts_with("//! "));
    bare.map(|source| format!("{}:1: does not open with a //! comment", source.name)).collect()
}

/// Files whose name says nothing.
pub fn check_names(sources: &[Source]) -> Findings {
    let stem = |name: &str| {
        let file = name.rsplit('/').next().unwrap_or(name).to_owned();
        file.trim_end_matches(".rs").to_owned()
    };
    let empty = sources.iter().filter(|source| EMPTY_NAMES.contains(&&*stem(&source.name)));
    empty.map(|source| format!("{}: name it by what is inside", source.name)).collect()
}
