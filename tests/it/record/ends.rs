//! How recordings end: by Ctrl-C, by the time asked for, killed; and that an API server that starts anew in
//! the middle changes nothing.

use std::io::Read;

use anyhow::{Result, ensure};
use flate2::read::GzDecoder;

use super::cluster::{BUILD, Cluster, UNKNOWN, step, with_volume};
use super::recording::{Recording, codes, dunnage, of_kind, validate};
use crate::testbed::Signal;

#[tokio::test(flavor = "multi_thread")]
async fn hidden_names_are_nowhere_in_a_trace_that_ctrl_c_ended() -> Result<()> {
    let mut cluster = Cluster::start().await?;
    let flags = [cluster.manifests()];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let mut packed = Recording::start(&cluster.plane, "trace.jsonl.gz", &flags).await?;
    let mut timed = Recording::start(&cluster.plane, "timed.jsonl", &["--for=1s"]).await?;
    let mut plain = Recording::start(&cluster.plane, "plain.jsonl", &flags).await?;
    let pods = [with_volume(step("secret-a", BUILD), "dunnage.dev/produces"), step("b", UNKNOWN)];
    cluster.place(pods.to_vec()).await?;
    cluster.pass(&["secret-a"], &["Running", "Succeeded"]).await?;
    plain.await_lines("ended", 1).await?;
    timed.ended().await?;
    validate(&timed.path)?;

    // Killed: whole lines, and no end.
    plain.kill();
    ensure!(codes(&plain.path)? == ["T004"], "{:?}", codes(&plain.path)?);
    packed.end(Signal::INT).await?;
    validate(&packed.path)?;
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(&packed.path)?).read_to_string(&mut text)?;
    let pods = cluster.pods().list(&kube::api::ListParams::default()).await?;
    let uids = pods.items.iter().filter_map(|pod| pod.metadata.uid.clone());
    let manifests = std::fs::read_to_string(cluster.plane.dir().join("manifests.jsonl"))?;
    let digests = manifests.split('"').filter_map(|part| part.strip_prefix("sha256:"));
    let secrets = ["secret", "registry", "build", "unknown"].map(str::to_owned);
    let secrets = secrets.into_iter().chain(uids).chain(digests.map(str::to_owned));
    for secret in secrets {
        ensure!(!text.contains(&secret), "{secret} is in the trace");
    }
    ensure!(text.contains("\"size\":200000000"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_starts_anew_doubles_nothing() -> Result<()> {
    let mut cluster = Cluster::start().await?;
    let flags = ["--names=plain"];
    // By an account that may do no more than it must.
    let account = cluster.account().await?;
    let recording = Recording::start_as(&account, &cluster.plane, "trace.jsonl", &flags);
    let mut recording = recording.await?;
    let mut packed = Recording::start(&cluster.plane, "packed.gz", &flags).await?;
    cluster.place(vec![step("before", BUILD), step("gone", BUILD)]).await?;
    cluster.pass(&["before"], &["Running"]).await?;
    recording.await_lines("started", 1).await?;
    cluster.plane.restart_api_server().await?;
    cluster.delete_pod("gone").await?;
    cluster.place_more(vec![step("after", UNKNOWN)], 1).await?;
    cluster.pass(&["before", "after"], &["Running", "Succeeded"]).await?;
    recording.await_lines("ended", 3).await?;
    recording.end(Signal::TERM).await?;
    validate(&recording.path)?;
    let lines = recording.lines()?;
    let counts =
        ["node", "pod", "bound", "started", "ended"].map(|kind| of_kind(&lines, kind).len());
    assert_eq!(counts, [4, 3, 3, 2, 3]);

    // A disk that is full breaks it off.
    let kubeconfig = cluster.plane.kubeconfig().to_string_lossy().into_owned();
    let full = ["record", "--output=/dev/full", "--resolve=off", "--kubeconfig", &kubeconfig];
    let output = dunnage(cluster.plane.dir(), &full)?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(1), "{said}");
    ensure!(said.contains("error: --output /dev/full: the trace is cut off: No space"), "{said}");

    // Killed without warning, what was compressed a second ago is there.
    packed.kill();
    ensure!(codes(&packed.path)? == ["T004"], "{:?}", codes(&packed.path)?);
    Ok(())
}
