//! What is in `deploy/`, as data: objects, arguments, scheduler configurations, commands of the README.
//!
//! Leaves alone whether any of it works: that is the tests'.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Manifests of objects, in the order in which they are applied.
pub const MANIFESTS: [&str; 7] = [
    "dunnage.yaml",
    "second-scheduler.yaml",
    "static-pod/rbac.yaml",
    "static-pod/dunnage.yaml",
    "crds.yaml",
    "agent.yaml",
    "registry-secrets.yaml",
];

/// The patch of kubeadm's scheduler manifest.
pub const SCHEDULER_PATCH: &str = "static-pod/kube-scheduler+json.yaml";

/// Files that are, or hold, the configuration of a kube-scheduler, in the order of the README.
pub const CONFIGURATIONS: [&str; 3] =
    ["second-scheduler.yaml", "static-pod/scheduler-config.yaml", "scheduler-config.yaml"];

/// The path of a file in `deploy/`.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// The text of a file in `deploy/`.
pub fn text(name: &str) -> Result<String> {
    fs::read_to_string(path(name)).with_context(|| format!("deploy/{name}"))
}

/// The YAML documents of a file.
pub fn documents(name: &str) -> Result<Vec<Value>> {
    serde_saphyr::from_multiple(&text(name)?).with_context(|| format!("deploy/{name}"))
}

/// The one object of a kind in a file.
pub fn object(name: &str, kind: &str) -> Result<Value> {
    let mut found = documents(name)?;
    found.retain(|object| object["kind"] == kind);
    ensure!(found.len() == 1, "deploy/{name} has {} of kind {kind}", found.len());
    Ok(found.remove(0))
}

/// All objects, each with the file that it is in.
pub fn objects() -> Result<Vec<(&'static str, Value)>> {
    let mut objects = Vec::new();
    for name in MANIFESTS {
        objects.extend(documents(name)?.into_iter().map(|object| (name, object)));
    }
    Ok(objects)
}

/// The configuration of a kube-scheduler that a file is, or holds in a ConfigMap.
pub fn scheduler_configuration(name: &str) -> Result<Value> {
    let documents = documents(name)?;
    let map = documents.iter().find(|document| document["kind"] == "ConfigMap");
    match map {
        None => Ok(documents[0].clone()),
        Some(map) => {
            let text = map["data"]["scheduler.yaml"].as_str();
            Ok(serde_saphyr::from_str(text.context("no scheduler.yaml")?)?)
        }
    }
}

/// The pod that a Pod is, or that a Deployment or DaemonSet makes.
pub fn pod_of(object: &Value) -> Option<&Value> {
    match object["kind"].as_str()? {
        "Pod" => Some(object),
        "Deployment" | "DaemonSet" => object.pointer("/spec/template"),
        _ => None,
    }
}

/// A container of the Pod, Deployment or DaemonSet in a file.
pub fn container(name: &str, container: &str) -> Result<Value> {
    let documents = documents(name)?;
    let pods = documents.iter().filter_map(pod_of);
    let containers = pods.flat_map(|pod| list(&pod["spec"]["containers"]));
    let mut named = containers.filter(|found| found["name"] == container);
    let found = named.next().cloned();
    found.with_context(|| format!("deploy/{name} has no container {container}"))
}

/// The strings in a list, say the arguments of a container.
pub fn strings(list_of: &Value) -> Vec<String> {
    let strings = list(list_of).iter().filter_map(Value::as_str);
    strings.map(str::to_owned).collect()
}

/// The elements of a list; none where there is no list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The value of an argument `--NAME=VALUE`.
pub fn argument<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let mut values = args.iter().filter_map(|arg| arg.strip_prefix(name)?.strip_prefix('='));
    values.next()
}

/// Code blocks of the README in a language, not indented.
pub fn readme_blocks(language: &str) -> Result<Vec<String>> {
    let readme = text("README.md")?;
    let fenced = readme.split("```").skip(1).step_by(2);
    let blocks = fenced.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    Ok(blocks.map(unindented).collect())
}

fn unindented(block: &str) -> String {
    let lines = block.lines().filter(|line| !line.trim().is_empty());
    let indent = lines.clone().map(|line| line.len() - line.trim_start().len());
    let indent = indent.min().unwrap_or(0);
    lines.map(|line| format!("{}\n", &line[indent..])).collect()
}

/// A JSON patch (RFC 6902) that only appends to lists.
pub fn appended(mut target: Value, patch: &Value) -> Result<Value> {
    for operation in list(patch) {
        ensure!(operation["op"] == "add", "not an addition: {operation}");
        let path = operation["path"].as_str().context("no path")?;
        let to = path.strip_suffix("/-").context("does not append")?;
        let values = target.pointer_mut(to).and_then(Value::as_array_mut);
        let values = values.with_context(|| format!("no list at {to}"))?;
        values.push(operation["value"].clone());
    }
    Ok(target)
}

/// Whether all that is in `wanted` is in `found`, too.
pub fn is_within(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().all(|(key, value)| {
            let there = found.get(key);
            there.is_some_and(|there| is_within(value, there))
        }),
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(w, f)| is_within(w, f))
        }
        // 0.0 comes back as 0.
        (Value::Number(wanted), Value::Number(found)) => wanted.as_f64() == found.as_f64(),
        _ => wanted == found,
    }
}
