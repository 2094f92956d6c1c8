//! Files, flags, ports and the README agree with each other. Needs no cluster.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::manifests::{self, argument, list, strings};
use super::rights;

/// Each container of dunnage with the file that it is in.
fn containers() -> Result<Vec<(&'static str, Value)>> {
    let files = ["dunnage.yaml", "second-scheduler.yaml", "static-pod/dunnage.yaml"];
    let container = |file| Ok((file, manifests::container(file, "dunnage")?));
    files.into_iter().map(container).collect()
}

#[test]
fn every_flag_in_the_manifests_is_one_of_serve() -> Result<()> {
    let help = Command::new(env!("CARGO_BIN_EXE_dunnage")).args(["serve", "--help"]).output()?;
    let help = String::from_utf8(help.stdout)?;
    let known: BTreeSet<_> =
        help.split_whitespace().filter(|word| word.starts_with("--")).collect();
    for (file, container) in containers()? {
        let args = strings(&container["args"]);
        assert_eq!(args[0], "serve", "{file}");
        for flag in &args[1..] {
            let name = flag.split('=').next().unwrap_or_default();
            ensure!(known.contains(name), "{file}: serve has no {flag}");
        }
        let commented = manifests::text(file)?.contains("# - --shadow\n");
        ensure!(commented && known.contains("--shadow"), "{file}: --shadow");
    }
    Ok(())
}

#[test]
fn every_configuration_has_the_weight_that_simulations_assume() -> Result<()> {
    let weight = format!("weight: {}", dunnage::cmd::EXTENDER_WEIGHT);
    let own = "static-pod/scheduler-config.yaml";
    for file in ["scheduler-config.yaml", "second-scheduler.yaml", own] {
        let text = manifests::text(file)?;
        let lines = text.lines().filter(|line| line.trim().starts_with("weight: "));
        let found: Vec<_> = lines.collect();
        ensure!(found.len() == 1 && found[0].trim() == weight, "{file}: {found:?}");
    }
    Ok(())
}

#[test]
fn the_agents_flags_port_and_mount_agree() -> Result<()> {
    let help = Command::new(env!("CARGO_BIN_EXE_dunnage")).args(["agent", "--help"]).output()?;
    let help = String::from_utf8(help.stdout)?;
    let container = manifests::container("agent.yaml", "agent")?;
    let args = strings(&container["args"]);
    assert_eq!(args[0], "agent");
    for flag in &args[1..] {
        let name = flag.split('=').next().unwrap_or_default();
        ensure!(help.split_whitespace().any(|word| word == name), "agent has no {flag}");
    }
    let admin = argument(&args, "--admin-listen").context("no --admin-listen")?;
    assert_eq!(container["ports"][0]["containerPort"], admin.parse::<SocketAddr>()?.port());
    let mount = &container["volumeMounts"][0];
    let socket = argument(&args, "--containerd-socket").context("no --containerd-socket")?;
    ensure!(socket.starts_with(mount["mountPath"].as_str().context("no path")?), "{socket}");
    assert_eq!(mount["readOnly"], true);
    assert_eq!(container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"], "spec.nodeName");
    let volumes = argument(&args, "--volume-listen").context("no --volume-listen")?;
    assert_eq!(container["ports"][1]["containerPort"], volumes.parse::<SocketAddr>()?.port());
    let store = argument(&args, "--store").context("no --store")?;
    assert_eq!(container["volumeMounts"][1]["mountPath"], store);
    assert_eq!(container["env"][1]["valueFrom"]["fieldRef"]["fieldPath"], "status.podIP");
    Ok(())
}

#[test]
fn ports_agree() -> Result<()> {
    for (file, container) in containers()? {
        let args = strings(&container["args"]);
        let port = |flag| -> Result<u16> {
            let address = argument(&args, flag).with_context(|| format!("{file}: no {flag}"))?;
            Ok(address.parse::<SocketAddr>()?.port())
        };
        let (extender, admin) = (port("--listen")?, port("--admin-listen")?);
        for named in list(&container["ports"]) {
            let wanted = if named["name"] == "admin" { admin } else { extender };
            assert_eq!(named["containerPort"], wanted, "{file}: {named}");
        }
        for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
            let get = &container[probe]["httpGet"];
            assert_eq!(get["path"], path, "{file}");
            ensure!(get["port"] == "admin" || get["port"] == admin, "{file}: {get}");
        }
        assert_eq!((extender, admin), (9290, 9291), "{file}: not the defaults");
    }
    let service = manifests::object("dunnage.yaml", "Service")?;
    let ports: Vec<_> = list(&service["spec"]["ports"])
        .iter()
        .map(|port| (&port["name"], &port["port"], &port["targetPort"]))
        .collect();
    let (extender, admin) = (json!("extender"), json!("admin"));
    let wanted = [(&extender, &json!(9290), &extender), (&admin, &json!(9291), &admin)];
    assert_eq!(ports, wanted);
    Ok(())
}

#[test]
fn rights_are_to_list_and_watch_nodes_pods_events_and_what_agents_publish() -> Result<()> {
    for file in ["dunnage.yaml", "static-pod/rbac.yaml"] {
        let role = manifests::object(file, "ClusterRole")?;
        assert_eq!(role["rules"], rights::all_it_needs(), "{file}");
    }
    Ok(())
}

#[test]
fn objects_are_labelled_and_selectors_select() -> Result<()> {
    for (file, object) in manifests::objects()? {
        let name = format!("{file}: {} {}", object["kind"], object["metadata"]["name"]);
        let labels = &object["metadata"]["labels"];
        for label in ["name", "instance", "part-of", "managed-by"] {
            let label = format!("app.kubernetes.io/{label}");
            ensure!(labels[&label].is_string(), "{name} has no {label}");
        }
        let Some(pod) = manifests::pod_of(&object) else {
            continue;
        };
        let labels = &pod["metadata"]["labels"];
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(labels["app.kubernetes.io/version"], version, "{name}");
        for selector in selectors(file, &object)? {
            ensure!(manifests::is_within(&selector, labels), "{name}: {selector}");
        }
    }
    Ok(())
}

/// What is to select the pods of a Deployment: itself, its budget, its spread, its Service; those of a
/// DaemonSet: itself.
fn selectors(file: &str, object: &Value) -> Result<Vec<Value>> {
    if object["kind"] == "DaemonSet" {
        return Ok(vec![object["spec"]["selector"]["matchLabels"].clone()]);
    }
    if object["kind"] != "Deployment" {
        return Ok(Vec::new());
    }
    let spread = "/spec/template/spec/topologySpreadConstraints/0/labelSelector/matchLabels";
    let budget = manifests::object(file, "PodDisruptionBudget")?;
    let mut selectors = vec![
        object["spec"]["selector"]["matchLabels"].clone(),
        budget["spec"]["selector"]["matchLabels"].clone(),
        object.pointer(spread).cloned().unwrap_or_default(),
    ];
    if let Ok(service) = manifests::object(file, "Service") {
        selectors.push(service["spec"]["selector"].clone());
    }
    for selector in &selectors {
        ensure!(selector["app.kubernetes.io/component"].is_string(), "{selector}");
    }
    Ok(selectors)
}

#[test]
fn the_readme_shows_the_stanzas_of_the_files() -> Result<()> {
    let blocks = manifests::readme_blocks("yaml")?;
    let shown: Vec<Value> = blocks
        .iter()
        .filter(|block| block.contains("extenders:"))
        .map(|block| Ok(serde_saphyr::from_str(block)?))
        .collect::<Result<_>>()?;
    assert_eq!(shown.len(), manifests::CONFIGURATIONS.len());
    for (file, shown) in manifests::CONFIGURATIONS.into_iter().zip(shown) {
        let configuration = manifests::scheduler_configuration(file)?;
        assert_eq!(configuration["extenders"], shown["extenders"], "{file}");
    }
    Ok(())
}

#[test]
fn the_readme_names_files_that_exist() -> Result<()> {
    let blocks = manifests::readme_blocks("sh")?;
    let words = blocks.iter().flat_map(|block| block.split_whitespace());
    let named: BTreeSet<_> = words
        .map(|word| word.trim_matches('\''))
        .filter(|word| word.ends_with(".yaml") && !word.contains('*'))
        .filter(|word| !word.starts_with('/') && !word.contains('='))
        .collect();
    assert!(named.len() >= 4, "{named:?}");
    for file in named {
        ensure!(manifests::path(file).is_file(), "no deploy/{file}");
    }
    Ok(())
}

#[test]
fn schedulers_wait_longer_than_the_extender_and_only_ask_for_scores() -> Result<()> {
    for file in manifests::CONFIGURATIONS {
        let configuration = manifests::scheduler_configuration(file)?;
        let extender = &configuration["extenders"][0];
        let timeout = extender["httpTimeout"].as_str().context("no httpTimeout")?;
        let timeout = humantime::parse_duration(timeout)?.as_millis();
        // The extender's own deadline is 50 ms.
        ensure!((100..=250).contains(&timeout), "{file}: {timeout} ms");
        assert_eq!(extender["nodeCacheCapable"], true, "{file}");
        assert_eq!(extender["filterVerb"], Value::Null, "{file}");
        assert_eq!(extender["bindVerb"], Value::Null, "{file}");
        let https = extender["urlPrefix"].as_str().is_some_and(|url| url.starts_with("https:"));
        let tls = &extender["tlsConfig"];
        ensure!(!https || (tls["caFile"].is_string() && tls["serverName"].is_string()), "{file}");
    }
    Ok(())
}
