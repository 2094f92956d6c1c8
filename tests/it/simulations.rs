//! Scenario files as `simulate` loads them: those of the project build whole and small setups, odd ones are
//! refused with file and line.

mod refused;
pub(crate) mod replayed;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dunnage::cmd::scenario::Loaded;
use dunnage::sim::setup::Setup;
use dunnage::sim::workload::Scale;

const SMALL: Scale = Scale { per_mille: 50 };

fn scenario_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("simulations");
    let entries = std::fs::read_dir(&folder).expect("simulations/");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = files.filter(|f| f.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    files
}

fn loaded(path: &Path) -> Loaded {
    Loaded::read(path).unwrap_or_else(|error| panic!("{error:#}"))
}

/// What every setup keeps, whoever made it.
fn assert_sound(setup: &Setup) {
    let name = &setup.name;
    assert!(!setup.jobs.is_empty() && setup.jobs.is_sorted_by_key(|job| job.arrives_at), "{name}");
    let images = setup.catalogue.len();
    let mut made = vec![false; setup.volumes.len()];
    let mut names = BTreeSet::new();
    for (number, volume) in setup.volumes.iter().enumerate() {
        assert!(volume.bytes.0 > 0, "{name}: {}", volume.key);
        assert!(volume.holders.iter().all(|node| (node.0 as usize) < setup.nodes.len()));
        made[number] = !volume.holders.is_empty() || volume.is_pushed;
    }
    for (number, job) in (0_u32..).zip(&setup.jobs) {
        assert!(names.insert(&job.name), "{name}: two pods are called {}", job.name);
        assert!(job.after.iter().all(|before| before.0 < number), "{name}: {}", job.name);
        for volume in &job.needs {
            assert!(made[volume.0 as usize], "{name}: {} needs what nobody made", job.name);
        }
        job.produces.iter().for_each(|volume| made[volume.0 as usize] = true);
        for container in &job.containers {
            let reference = setup.catalogue.reference(container.reference);
            assert!(reference.history.is_sorted_by_key(|(at, _)| *at), "{}", reference.name);
            assert!(reference.history.iter().all(|(_, image)| image.0 < images));
        }
    }
    let mut names = BTreeSet::new();
    for node in &setup.nodes {
        assert!(names.insert(&node.name), "{name}: two nodes are called {}", node.name);
        assert!(usize::from(node.zone.0) < setup.zones.len().max(1), "{name}");
        assert!(node.preloaded.iter().all(|image| image.0 < images), "{name}");
    }
}

#[test]
fn every_scenario_builds_a_setup_whole_and_small_and_the_same_each_time() {
    let files = scenario_files();
    assert!(files.len() >= 7, "{files:?}");
    let readme = crate::tidy::text("simulations/README.md");
    for path in files {
        let loaded = loaded(&path);
        assert!(readme.contains(&format!("({}.yaml)", loaded.name)), "{}", loaded.name);
        assert!(!loaded.scenario.about.trim().is_empty());
        assert!(!loaded.scenario.choices.modelled.is_empty());
        let whole = loaded.setup(None, Scale::FULL).unwrap_or_else(|error| panic!("{error:#}"));
        let small = loaded.setup(None, SMALL).unwrap_or_else(|error| panic!("{error:#}"));
        assert_sound(&whole);
        assert_sound(&small);
        assert!(small.jobs.len() * 5 < whole.jobs.len() && small.nodes.len() <= whole.nodes.len());
        let again = loaded.setup(None, SMALL).expect("as before");
        assert_eq!(format!("{small:?}"), format!("{again:?}"), "{}", loaded.name);
        let other = loaded.setup(Some(77), SMALL).expect("of another seed");
        assert_ne!(format!("{:?}", small.jobs), format!("{:?}", other.jobs), "{}", loaded.name);
    }
}

#[test]
fn pods_fit_on_some_node_of_every_scenario() {
    for path in scenario_files() {
        let setup = loaded(&path).setup(None, Scale::FULL).expect("builds");
        let templates = setup.scaling.iter().map(|scaling| &scaling.template);
        let nodes: Vec<_> = setup.nodes.iter().chain(templates).collect();
        let lost = setup
            .jobs
            .iter()
            .filter(|job| nodes.iter().all(|node| !node.capacity.holds(job.requests)));
        assert_eq!(lost.count(), 0, "{}", setup.name);
    }
}

#[test]
fn the_data_of_the_scenarios_is_small() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("simulations/data");
    let entries = std::fs::read_dir(folder).expect("simulations/data");
    let bytes: u64 = entries.map(|e| e.and_then(|e| e.metadata()).expect("a file").len()).sum();
    assert!(bytes < 1_000_000, "{bytes} bytes");
}
