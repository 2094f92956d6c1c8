//! The files and their manifest agree: nothing came here without its source and licence.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{names_in, root, text};

fn all_names() -> BTreeSet<String> {
    let folders = [
        "nodes",
        "pods",
        "volumes",
        "full-api/HEAD",
        "full-api/v1.33.0",
        "extender/wire-current",
        "extender/wire-before-2025-03",
        "extender/hostile",
        "extender/composed",
    ];
    folders.into_iter().flat_map(names_in).collect()
}

#[test]
fn every_file_has_its_source_and_licence() {
    let mut told = BTreeSet::new();
    for line in text("manifest.jsonl").lines() {
        let entry: Value = serde_json::from_str(line).expect(line);
        let name = entry["file"].as_str().expect("file").to_owned();
        let licence = entry["licence"].as_str().expect("licence");
        assert!(licence.starts_with("Apache-2.0"), "{name}: {licence}");
        let bytes = std::fs::metadata(root().join(&name)).expect(&name).len();
        assert_eq!(entry["bytes"].as_u64(), Some(bytes), "{name} was changed");
        told.insert(name);
    }
    assert_eq!(told, all_names());
    assert_eq!(told.len(), 65);
}
