//! Every scenario of the project at a twentieth of its size: `simulate` reports what is kept in
//! `simulations/golden/`. A change of a figure is then seen in review, and meant.

use std::path::Path;

use super::run_in;

/// Writes the reports instead of comparing them.
const UPDATE: &str = "UPDATE_GOLDEN";
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn names() -> Vec<String> {
    let entries = Path::new(ROOT).join("simulations").read_dir().expect("simulations/");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let scenarios = files.filter(|file| file.extension().is_some_and(|end| end == "yaml"));
    let stem = |file: std::path::PathBuf| Some(file.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<_> = scenarios.filter_map(stem).collect();
    names.sort();
    names
}

/// What `simulate` prints of a scenario, of all policies that have nothing to do with each other.
fn report(name: &str) -> String {
    let scenario = format!("simulations/{name}.yaml");
    let policies = ["stock", "default", "plain", "spread", "greedy", "stork", "hindsight"];
    let mut arguments = vec!["simulate", scenario.as_str(), "--scale", "0.05"];
    policies.iter().for_each(|policy| arguments.extend(["--policy", policy]));
    let run = run_in(Path::new(ROOT), &arguments);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{name}");
    run.stdout
}

#[test]
fn reports_of_all_scenarios_are_as_they_were() {
    let folder = Path::new(ROOT).join("simulations/golden");
    let mut changed = Vec::new();
    for name in names() {
        let (file, found) = (folder.join(format!("{name}.txt")), report(&name));
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&file, &found).expect("a report");
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        if found != expected {
            changed.push(format!("{name} was:\n{expected}\nand is:\n{found}"));
        }
    }
    let advice = format!("if that is meant: {UPDATE}=1 cargo test --test it golden");
    assert!(changed.is_empty(), "{}\n{advice}", changed.join("\n"));
}
