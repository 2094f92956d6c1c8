//! Files that `serve` reads: missing, malformed, or partly so.

use std::io::Write;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::Files;
use crate::support::Extender;

const POLICY: &str = include_str!("../../../policy/default.yaml");

fn manifest(name: &str) -> String {
    let digest = format!("sha256:{}", "a".repeat(64));
    let layers = serde_json::json!([{ "digest": digest, "size": 1000 }]);
    serde_json::json!({
        "image": name, "platform": "linux/amd64", "manifest": digest, "layers": layers,
    })
    .to_string()
}

#[test]
fn a_kubeconfig_that_is_missing_or_malformed_is_named() {
    let files = Files::new();
    let missing = files.serve(&["--kubeconfig=nowhere.yaml"]);
    missing.fails_with(1, &["kubeconfig nowhere.yaml", "No such file"]);
    let line = missing.error(1);
    assert_eq!(line.matches("No such file").count(), 1, "says it once: {line}");
    files.write("odd.yaml", "just text\n");
    let odd = files.serve(&["--kubeconfig=odd.yaml"]);
    odd.fails_with(1, &["kubeconfig odd.yaml", "line 1"]);
}

#[test]
fn without_any_cluster_configuration_it_says_what_to_give() {
    let files = Files::new();
    let arguments = ["serve", "--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
    super::run_in(files.path(), &arguments).fails_with(1, &["give --kubeconfig FILE"]);
}

#[test]
fn a_socket_that_cannot_be_one_is_named() {
    let files = Files::new();
    let arguments = ["agent", "--node-name=a", "--containerd-socket=containerd.sock"];
    let run = super::run_in(files.path(), &arguments);
    run.fails_with(1, &["--containerd-socket", "containerd.sock: expected an absolute path"]);
}

#[test]
fn a_malformed_policy_is_shown_with_file_line_and_caret() {
    let files = Files::new();
    files.write("mine.yaml", POLICY.replace("zeroSeconds: 0.1", "zeroSeconds: soon"));
    let line = POLICY.lines().take_while(|line| !line.contains("zeroSeconds: 0.1")).count() + 1;
    let run = files.serve(&["--policy=mine.yaml"]);
    run.fails_with(1, &["policy mine.yaml", &format!("line {line}"), "invalid floating point"]);
    assert!(run.stderr.contains(&format!("mine.yaml:{line}:16")), "{}", run.stderr);
    assert!(run.stderr.contains("zeroSeconds: soon"), "{}", run.stderr);
    assert!(
        run.stderr.lines().any(|line| line.trim_start().starts_with("|") && line.contains('^'))
    );
}

#[test]
fn a_policy_without_sense_names_the_key() {
    let files = Files::new();
    files.write("odd.yaml", format!("{POLICY}\nodd: 1\n"));
    files.serve(&["--policy=odd.yaml"]).fails_with(1, &["unknown field `odd`"]);
    files.write("negative.yaml", POLICY.replace("fullSeconds: 64", "fullSeconds: -1"));
    let negative = files.serve(&["--policy=negative.yaml"]);
    negative.fails_with(1, &["policy negative.yaml", "fullSeconds"]);
    files.serve(&["--policy=nobody"]).fails_with(1, &["nobody", "default, plain"]);
    files.write("empty.yaml", "");
    files.serve(&["--policy=empty.yaml"]).fails_with(1, &["policy empty.yaml"]);
}

#[test]
fn manifests_that_cannot_be_read_are_named() {
    let files = Files::new();
    files.serve(&["--manifests=none.jsonl"]).fails_with(1, &["none.jsonl", "No such file"]);
    files.write("cut.gz", b"\x1f\x8bnot really");
    files.serve(&["--manifests=cut.gz"]).fails_with(1, &["manifests cut.gz", "as gzip"]);
    files.serve(&["--manifests=."]).fails_with(1, &["manifests .", "directory"]);
}

#[test]
fn manifests_of_which_no_line_is_one_are_an_error() {
    let files = Files::new();
    files.write("odd.jsonl", "{}\nnot json\n");
    let run = files.serve(&["--manifests=odd.jsonl"]);
    run.fails_with(1, &["manifests odd.jsonl", "none of 2 lines"]);
    assert!(run.stderr.contains("line 1: not a manifest as JSON: missing field `image`"));
    assert!(run.stderr.contains("line 2: not a manifest as JSON: "));
    files.write("garbage", (0..=255).cycle().take(5000).collect::<Vec<u8>>());
    files.serve(&["--manifests=garbage"]).fails_with(1, &["garbage", "is a manifest"]);
}

#[test]
fn a_selector_or_filter_that_cannot_be_read_names_its_flag() {
    let files = Files::new();
    files.serve(&["--pod-selector=a in ("]).fails_with(2, &["--pod-selector", "expected (a, b)"]);
    files.serve(&["--log=a=b=c"]).fails_with(2, &["--log", "a=b=c", "give a level"]);
    // What was typed is looked at before any file.
    files.serve(&["--policy=nobody", "--pod-selector=="]).fails_with(2, &["--pod-selector"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_manifest_lines_are_counted_logged_and_cost_only_themselves() -> Result<()> {
    let files = Files::new();
    let text = format!("{}\n\n{{\"image\": 3}}\n{}\nnope\n", manifest("a:1"), manifest("b:1"));
    let plain = files.write("images.jsonl", &text);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes())?;
    let packed = files.write("images.jsonl.gz", gzip.finish()?);
    let flags = [&plain, &packed].map(|path| format!("--manifests={}", path.display()));
    let kubeconfig = files.path().join("kubeconfig");
    let flags = flags.each_ref().map(String::as_str);
    let mut extender = Extender::start(files.path(), &kubeconfig, &flags).await?;

    let kept = extender.metric("dunnage_manifest_lines_total{result=\"kept\"}").await?;
    let refused = extender.metric("dunnage_manifest_lines_total{result=\"refused\"}").await?;
    assert_eq!((kept, refused), (4.0, 4.0));
    let log = extender.process().log();
    let warnings: Vec<_> = log.lines().filter(|l| l.contains("manifest line refused")).collect();
    assert_eq!(warnings.len(), 4, "{log}");
    assert!(warnings[0].contains("images.jsonl") && warnings[0].contains("line 3: "), "{log}");
    assert!(warnings[1].contains("line 5: "), "{log}");
    Ok(())
}
