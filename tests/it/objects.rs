//! Every Kubernetes object in `tests/data/kube-objects` decodes, and means what its file says.
//!
//! The files are other projects' real objects and kube-scheduler's own messages; how each came here is in
//! their `manifest.jsonl`.

mod claims;
mod nodes;
mod others;
mod pods;
mod provenance;
mod runs;
mod wire;

use std::fs;
use std::path::{Path, PathBuf};

use dunnage::edge::object::convert::{is_step, pod_facts};
use dunnage::edge::object::{NodeObject, PodObject};
use dunnage::model::pod::PodFacts;
use dunnage::policy::interest::Interest;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The folder of all objects.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kube-objects")
}

/// The text of one file.
pub fn text(name: &str) -> String {
    let path = root().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder, by name.
fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect(folder);
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect(folder).file_name().into_string().expect("UTF-8"))
        .map(|name| format!("{folder}/{name}"))
        .collect();
    names.sort();
    names
}

/// One file, JSON or YAML.
fn read<T: DeserializeOwned>(name: &str) -> T {
    let text = text(name);
    if name.ends_with(".json") {
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    } else {
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// The objects of a file: a list's items, or the one object.
fn objects<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let mut value: Value = read(name);
    drop_marks(&mut value);
    let items = match value["items"].take() {
        Value::Array(items) => items,
        _ => vec![value],
    };
    let decode = |item| serde_json::from_value(item).unwrap_or_else(|e| panic!("{name}: {e}"));
    items.into_iter().map(decode).collect()
}

/// Drops what Woodpecker's tests write into lists whose order does not count: no API server sends it.
fn drop_marks(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| item != "<<UNORDERED>>");
            items.iter_mut().for_each(drop_marks);
        }
        Value::Object(fields) => fields.values_mut().for_each(drop_marks),
        _ => {}
    }
}

/// The nodes of a file.
fn node_objects(name: &str) -> Vec<NodeObject> {
    objects(name)
}

/// The facts of a file's pods, by the default rule for step pods.
fn pods(name: &str) -> Vec<PodFacts> {
    let facts = |pod: PodObject| {
        let is_step = is_step(&pod, &Interest::default());
        pod_facts(pod, is_step)
    };
    objects(name).into_iter().map(facts).collect()
}
