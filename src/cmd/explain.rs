//! `dunnage explain`: one pod's decision, from the live server, as a table or as JSON.
//!
//! For a pod by name the server's remembered decision is shown, as it was taken; if there is none, the
//! pod is read from the cluster and decided on now. For a manifest file it is always decided on now.

mod claim;
mod later;
mod run;
mod volume;

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::Value;

use crate::cli::{Explain, Output};
use crate::cmd::serve::client;
use crate::cmd::{Usage, files};
use crate::edge::view::{DecisionView, NodeScoreView};

/// Rows of the table; `-o json` has all.
const ROWS_MAX: usize = 20;

/// Prints the decision.
///
/// # Errors
/// If the server does not answer, or there is no such pod or file.
pub async fn run(flags: Explain) -> anyhow::Result<()> {
    let server = Server { url: flags.server.trim_end_matches('/').to_owned() };
    let decision = match (&flags.file, flags.target.as_slice()) {
        (Some(file), _) => server.decide(&pod_in(file)?).await?,
        (None, [kind, name]) => {
            if !matches!(kind.as_str(), "pod" | "pods") {
                return Err(Usage(format!("can explain a pod, not a {kind:?}")).into());
            }
            by_name(&server, &flags, name).await?
        }
        _ => anyhow::bail!("give a pod by name, or a manifest with -f"),
    };
    match flags.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&decision)?),
        Output::Table => {
            print!("{}", caveats(&decision));
            print!("{}", table(&serde_json::from_value(decision)?));
        }
    }
    Ok(())
}

async fn by_name(server: &Server, flags: &Explain, name: &str) -> anyhow::Result<Value> {
    if let Some(remembered) = server.remembered(&flags.namespace, name).await? {
        return Ok(remembered);
    }
    let client = client(flags.kubeconfig.as_deref()).await.with_context(|| {
        format!(
            "the server remembers no decision for pod {}/{name}, and the pod cannot be read",
            flags.namespace
        )
    })?;
    let pods: Api<Pod> = Api::namespaced(client, &flags.namespace);
    let pod = pods.get(name).await;
    let pod = pod.with_context(|| format!("cannot read pod {}/{name}", flags.namespace))?;
    server.decide(&serde_json::to_value(pod)?).await
}

/// The Pod in a file, as JSON.
fn pod_in(file: &Path) -> anyhow::Result<Value> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    }
    let name = file.display().to_string();
    let pod: Value = serde_saphyr::from_str(&text)
        .map_err(|error| anyhow::anyhow!("{}", files::placed(&name, &error)))?;
    let kind = pod.get("kind").and_then(Value::as_str);
    let found = kind.unwrap_or("no kind");
    anyhow::ensure!(kind == Some("Pod"), "{}: expected a Pod, found {found}", file.display());
    Ok(pod)
}

struct Server {
    url: String,
}

impl Server {
    /// The remembered decision of a pod, newest if several.
    async fn remembered(&self, namespace: &str, name: &str) -> anyhow::Result<Option<Value>> {
        let url = format!("{}/api/v1/decisions", self.url);
        let query = [("pod", format!("{namespace}/{name}")), ("limit", "1".to_owned())];
        let request = reqwest::Client::new().get(url).query(&query);
        let mut list = self.send(request).await?;
        Ok(list["items"].as_array_mut().and_then(Vec::pop))
    }

    async fn decide(&self, pod: &Value) -> anyhow::Result<Value> {
        let url = format!("{}/api/v1/explain", self.url);
        self.send(reqwest::Client::new().post(url).json(pod)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let response = request.send().await.with_context(|| {
            format!("no answer from {}: is `dunnage serve` running there? set --server", self.url)
        })?;
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        let body: Value = serde_json::from_str(&text).with_context(|| {
            let url = &self.url;
            format!("{url} answered {status} without JSON: is it the admin port? set --server")
        })?;
        let reason = body["error"].as_str().unwrap_or_default();
        anyhow::ensure!(status.is_success(), "{} answered {status}: {reason}", self.url);
        Ok(body)
    }
}

/// Why the decision is not what the scheduler would get now, if so.
fn caveats(decision: &Value) -> String {
    let mut text = String::new();
    if let Some(reason) = decision["notReadyReason"].as_str() {
        text.push_str(&format!("The server is not ready ({reason}): it prefers no node now\n"));
    }
    if decision["stepPod"] == Value::Bool(false) {
        text.push_str("Not a step pod: the server prefers no node for it\n");
    }
    text
}

/// The decision as kubectl would print it.
fn table(decision: &DecisionView) -> String {
    let mut text = heading(decision);
    if decision.nodes.is_empty() {
        return text;
    }
    let best = decision.nodes.iter().take(ROWS_MAX);
    let chosen = decision.nodes.iter().skip(ROWS_MAX);
    let chosen = chosen.filter(|row| Some(&row.node) == decision.chosen.as_ref());
    let mut rows = vec![
        [
            "NODE", "POINTS", "SAVES", "MOVES", "ARRIVING", "WAIT", "FETCH", "UNPACK", "STREAM",
            "ATTACH", "HEAT", "CREDIT", "REASONS",
        ]
        .map(str::to_owned),
    ];
    rows.extend(best.chain(chosen).map(|row| cells(row, decision)));
    text.push_str(&aligned(&rows));
    let left_out = decision.nodes.len().saturating_sub(rows.len() - 1);
    if left_out > 0 {
        text.push_str(&format!("{left_out} more nodes, none better: -o json shows all\n"));
    }
    text
}

fn heading(decision: &DecisionView) -> String {
    let mut text =
        format!("Pod {}/{} at {}\n", decision.pod.namespace, decision.pod.name, decision.at);
    let run = decision.run.as_ref();
    text.push_str(
        &run.map(|run| run::lines(run, !decision.volumes.is_empty())).unwrap_or_default(),
    );
    for wanted in &decision.wanted {
        text.push_str(&format!(
            "Wants {} on {}, {:.1}s on a cold node\n",
            size(wanted.bytes),
            wanted.platform,
            wanted.cold_seconds
        ));
        for image in &wanted.images {
            let bytes = if image.bytes > 0 { size(image.bytes) } else { "-".to_owned() };
            text.push_str(&format!("  {}  {bytes}  {}\n", image.reference, image.reason));
        }
    }
    text.push_str(&later::lines(decision.later.as_ref()));
    text.push_str(&volume::lines(&decision.volumes, run.map_or("untold", |run| &run.needs_source)));
    text.push_str(&claim::lines(&decision.claims));
    if let Some(neutral) = &decision.neutral {
        text.push_str(&format!("No node is preferred: {neutral}\n"));
    }
    if let Some(chosen) = &decision.chosen {
        text.push_str(&format!("Bound to {chosen}\n"));
    }
    text
}

fn cells(row: &NodeScoreView, decision: &DecisionView) -> [String; 13] {
    let mark = if Some(&row.node) == decision.chosen.as_ref() { "*" } else { "" };
    let seconds = |value: f64| {
        if value == 0.0 { "-".to_owned() } else { format!("{value:.1}s") }
    };
    let bytes = |value: u64| {
        if value == 0 { "-".to_owned() } else { size(value) }
    };
    [
        format!("{}{mark}", row.node),
        format!("{} ({:+})", row.points, row.raw),
        seconds(row.saved_seconds),
        bytes(row.missing_bytes + row.stream_bytes),
        bytes(row.arriving_bytes + row.arriving_volume_bytes),
        seconds(row.wait_seconds),
        seconds(row.fetch_seconds),
        seconds(row.unpack_seconds),
        seconds(row.stream_seconds + row.money_seconds),
        seconds(row.attach_seconds),
        seconds(row.heat_seconds),
        seconds(credit(row)),
        row.reasons.join(","),
    ]
}

/// What counts in its favour beside what is saved for the pod itself.
fn credit(row: &NodeScoreView) -> f64 {
    row.credit_seconds + row.company_seconds + row.lookahead_seconds - row.avoidable_seconds
}

/// In brackets; nothing for volumes that a pod mounts, which nobody had to tell of.
fn told_by(source: &str) -> String {
    if source == "untold" { String::new() } else { format!(" (told by {source})") }
}

/// Columns padded to their widest cell, three spaces between, as kubectl prints tables.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("   ").trim_end());
        text.push('\n');
    }
    text
}

/// Bytes in IEC units with one digit: `1.4Gi`.
#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["", "Ki", "Mi", "Gi"] {
        if value < 1024.0 {
            return if unit.is_empty() { format!("{bytes}") } else { format!("{value:.1}{unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1}Ti")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::heading;

    #[test]
    fn what_a_pod_needs_is_said_once_by_whoever_knows_more() {
        let heading = |source: &str, volumes: serde_json::Value| {
            let needs = json!([{ "key": "deps", "kind": "task-cache" }]);
            let run = json!({ "source": "untold", "needsSource": source,
                "producesSource": source, "needs": needs,
                "produces": [{ "key": "out", "kind": "output", "bytes": 1024 }] });
            let decision = json!({
                "apiVersion": "", "kind": "Decision", "at": "now", "sent": false, "wanted": [],
                "pod": { "namespace": "ci", "name": "a", "uid": "" }, "unknownNodes": 0,
                "nodes": [], "run": run, "volumes": volumes,
            });
            heading(&serde_json::from_value(decision).expect("a decision"))
        };
        let found = json!([{ "key": "deps", "kind": "task-cache", "bytes": 2048, "sizeFrom": "node",
            "holders": 2, "arriving": 0, "fallback": "none", "coldSeconds": 1.0 }]);
        assert_eq!(
            heading("annotations", found.clone()),
            "Pod ci/a at now\nMakes (told by annotations)\n  out  1.0Ki  output\n\
             Needs volumes (told by annotations)\n  \
             deps  2.0Ki  on 2 nodes, nowhere else, 1.0s on a cold node\n"
        );
        assert!(heading("untold", found).contains("\nNeeds volumes\n  deps"));
        let not_looked_for = heading("annotations", json!([]));
        assert!(not_looked_for.contains("\nReads (told by annotations)\n  deps  -  task-cache\n"));
    }
}
