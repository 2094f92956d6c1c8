//! One prioritize call by body, keep-alive, on loopback: us, the server that reads nothing, and the one
//! with upstream's types.

use anyhow::Result;

use super::bodies::{RARE, SPREAD};
use super::{bodies, median, number_after, reference, run, serve};
use crate::support::Extender;
use crate::testbed::{ControlPlane, make_nodes};

/// Rounds of each server in turn; the median of their p50 counts.
const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn prioritize_beside_the_reference_servers() -> Result<()> {
    let Some(reference) = reference() else { return Ok(()) };
    let plane = ControlPlane::start().await?;
    let nodes: Vec<_> = (0..5000).map(bodies::node).collect();
    make_nodes(&plane.client(), &nodes).await?;
    let manifests = plane.dir().join("manifests.jsonl");
    std::fs::write(&manifests, bodies::manifests())?;
    let flag = format!("--manifests={}", manifests.display());
    let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &[&flag]).await?;
    extender.await_ready().await?;
    let (_null, null_url) = serve(&reference, "null", plane.dir())?;
    let (_typed, typed_url) = serve(&reference, "typed", plane.dir())?;
    let servers = [("null", null_url), ("typed", typed_url), ("dunnage", extender.url.clone())];
    let cases = [
        ("100 names", bodies::names(SPREAD, 100), 2000),
        ("780 names", bodies::names(SPREAD, 780), 2000),
        ("780 names, few warm", bodies::names(RARE, 780), 2000),
        ("5000 names", bodies::names(SPREAD, 5000), 500),
        ("5000 names, few warm", bodies::names(RARE, 5000), 500),
        ("100 full nodes", bodies::full(SPREAD, 100), 200),
        ("780 full nodes", bodies::full(SPREAD, 780), 50),
    ];
    for (label, body, calls) in cases {
        let file = plane.dir().join("body.json");
        std::fs::write(&file, &body)?;
        let mut p50 = vec![Vec::new(); servers.len()];
        let mut answer = 0.0;
        for _ in 0..ROUNDS {
            for (at, (_, url)) in servers.iter().enumerate() {
                let url = format!("{url}/prioritize");
                let body = file.display().to_string();
                let calls = calls.to_string();
                let line = run(&reference, &["call", "-url", &url, "-body", &body, "-n", &calls])?;
                p50[at].push(number_after(&line, "p50")?);
                answer = number_after(&line, "reply")?;
            }
        }
        let [null, typed, own] = [0, 1, 2].map(|at| median(p50[at].clone()));
        println!(
            "{label:>20}: {:>9} B, answer {answer:>6} B  p50 us: reads nothing {null:.0}, \
             upstream types {typed:.0}, dunnage {own:.0} \
             = {:.2} x reads nothing, {:.3} x upstream types",
            body.len(),
            own / null,
            own / typed
        );
    }
    println!("neutral answers: {}", extender.metric("dunnage_neutral_answers_total").await?);
    Ok(())
}
