//! The server as a process without an API server to watch: it stays up, is not ready, and is neutral.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use rcgen::generate_simple_self_signed;

use super::rig::{IMAGE, NODES, body, pod};
use crate::cli::Files;
use crate::support::{Extender, client};
use crate::testbed::Signal;

async fn start(files: &Files, flags: &[&str]) -> Result<Extender> {
    Extender::start(files.path(), &files.path().join("kubeconfig"), flags).await
}

/// Certificate and key in files.
fn certificate(files: &Files) -> Result<[PathBuf; 2]> {
    let pair = generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let cert = files.write("tls.crt", pair.cert.pem());
    Ok([cert, files.write("tls.key", pair.signing_key.serialize_pem())])
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_api_server_it_is_alive_not_ready_and_neutral() -> Result<()> {
    let files = Files::new();
    let mut extender = start(&files, &[]).await?;
    let answer = extender.prioritize(body(&pod(IMAGE), &NODES)).await?;
    assert_eq!((answer.status, &*answer.neutral, &*answer.text), (200, "not-synced", "[]"));
    assert_eq!(extender.get("/readyz").await?, (503, "not-synced\n".to_owned()));
    // Every list and watch: nodes, pods bound and not, two of what agents publish, six of storage, events.
    let refused = |status: u16, text: &str| status == 503 && text.matches("refused").count() == 12;
    extender.await_answer("/readyz?verbose", refused).await?;
    let name = "dunnage_neutral_answers_total{reason=\"not-synced\"}";
    assert!((extender.metric(name).await? - 1.0).abs() < f64::EPSILON);
    let log = extender.process().log();
    assert!(!log.contains("\"ERROR\""), "kube's client repeats what the watches say once: {log}");
    assert!(log.contains("watch failed; trying again"), "{log}");

    extender.process().signal(Signal::TERM)?;
    let status = extender.process().exited(Duration::from_secs(20)).await?;
    assert_eq!(status.code(), Some(0), "{}", extender.process().log());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_it_speaks_http_2_and_http_1_by_alpn() -> Result<()> {
    let files = Files::new();
    let [cert, key] = certificate(&files)?.map(|path| path.display().to_string());
    let flags = [format!("--tls-cert={cert}"), format!("--tls-key={key}")];
    let mut extender = start(&files, &flags.each_ref().map(String::as_str)).await?;
    let url = format!("{}/prioritize", extender.url);
    let only_http_1 = reqwest::Client::builder().tls_danger_accept_invalid_certs(true);
    for (client, version) in [
        (client(), reqwest::Version::HTTP_2),
        (only_http_1.http1_only().build()?, reqwest::Version::HTTP_11),
    ] {
        for _ in 0..3 {
            let response = client.post(&url).body(body(&pod(IMAGE), &NODES)).send().await?;
            assert_eq!((response.status().as_u16(), response.version()), (200, version));
            assert_eq!(response.headers()["content-length"], "2");
            assert_eq!(response.headers()["dunnage-neutral"], "not-synced");
            assert_eq!(response.text().await?, "[]");
        }
    }
    let plain = extender.url.replace("https:", "http:");
    assert!(client().post(plain).send().await.is_err(), "plain HTTP on a TLS port");
    extender.process().ensure_running()?;
    let answer = extender.prioritize("{").await?;
    assert_eq!(answer.neutral, "unreadable");
    Ok(())
}
