//! Pods bound per second by the real scheduler at 1,000 nodes: with us, and with the server that reads
//! nothing, in turn.

use anyhow::Result;

use super::{median, number_after, reference, run, serve};
use crate::support::Extender;
use crate::testbed::{ControlPlane, Scheduler, SchedulerOptions};

const ROUNDS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn pods_per_second_beside_the_server_that_reads_nothing() -> Result<()> {
    let Some(reference) = reference() else { return Ok(()) };
    let plane = ControlPlane::start().await?;
    let mut extender = Extender::start(plane.dir(), plane.kubeconfig(), &[]).await?;
    let (_null, null_url) = serve(&reference, "null", plane.dir())?;
    extender.await_ready().await?;
    let servers = [("null", null_url), ("dunnage", extender.url.clone())];
    let kubeconfig = plane.kubeconfig().display().to_string();
    let mut rates = vec![Vec::new(); servers.len()];
    for round in 0..=ROUNDS {
        for (at, (label, url)) in servers.iter().enumerate() {
            let options =
                SchedulerOptions { extender_url: Some(url.clone()), ..Default::default() };
            let _scheduler = Scheduler::start(&plane, options).await?;
            let line = run(&reference, &["schedule", "-kubeconfig", &kubeconfig, "-label", label])?;
            print!("{line}");
            // The first round makes the nodes and warms every cache.
            if round > 0 {
                rates[at].push(number_after(&line, "s =")?);
            }
        }
    }
    let [null, own] = [0, 1].map(|at| median(rates[at].clone()));
    println!(
        "pods/s: reads nothing {null:.0}, dunnage {own:.0} = {:.2} x reads nothing",
        own / null
    );
    Ok(())
}
