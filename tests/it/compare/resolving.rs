//! One prioritize call while 10,000 images are being looked up, beside the same call before that, and to a
//! server that looks nothing up on the same busy machine: in turn, in one run.

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;

use super::{bodies, median, number_after, reference, run};
use crate::registry::image::Image as MadeImage;
use crate::registry::rig::write_hosts;
use crate::support::Extender;
use crate::testbed::{ControlPlane, Image, NodeSpec, make_nodes};

/// Rounds of each server in turn; the median of their p99 counts.
const ROUNDS: usize = 5;
/// Nodes that are asked about, as in the other measurements.
const ASKED_NODES: usize = 1000;
/// Images that only the registry knows, 50 on each of as many further nodes as that takes.
const UNKNOWN_IMAGES: usize = 10_000;
const LAYERS: usize = 8;
/// Calls of a round: some seconds, as the resolver takes up what nodes report in bursts, one a second.
const CALLS: &str = "10000";
const FOUND: &str = "dunnage_registry_lookups_total{result=\"found\"}";

#[tokio::test(flavor = "multi_thread")]
async fn prioritize_while_ten_thousand_tags_are_looked_up() -> Result<()> {
    let Some(reference) = reference() else { return Ok(()) };
    let plane = ControlPlane::start().await?;
    let nodes: Vec<_> = (0..ASKED_NODES).map(bodies::node).collect();
    make_nodes(&plane.client(), &nodes).await?;
    let manifests = plane.dir().join("manifests.jsonl");
    std::fs::write(&manifests, bodies::manifests())?;
    let body = plane.dir().join("body.json");
    std::fs::write(&body, bodies::names(bodies::SPREAD, 780))?;
    let registry = serve_images().await?;
    write_hosts(&plane.dir().join("hosts"), "r.test", &format!("server = \"{registry}\"\n"))?;

    let manifests = format!("--manifests={}", manifests.display());
    let hosts = format!("--registry-hosts-dir={}", plane.dir().join("hosts").display());
    let mut servers = Vec::new();
    for flags in [[&*manifests, "--resolve=off"], [&*manifests, &*hosts]] {
        let mut server = Extender::start(plane.dir(), plane.kubeconfig(), &flags).await?;
        server.await_ready().await?;
        servers.push(server);
    }
    let file = body.display().to_string();
    // Their p99, and how many images were found during them.
    let call = async |server: &Extender| -> Result<(f64, f64)> {
        let (url, before) = (format!("{}/prioritize", server.url), server.metric(FOUND).await?);
        let line = run(&reference, &["call", "-url", &url, "-body", &file, "-n", CALLS])?;
        print!("{line}");
        let found = server.metric(FOUND).await? - before;
        println!("  looked up meanwhile: {found}");
        Ok((number_after(&line, "p99")?, found))
    };
    let [mut idle, mut without, mut resolving] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        idle.push(call(&servers[1]).await?.0);
    }
    let holders: Vec<_> = (0..UNKNOWN_IMAGES / 50).map(holder).collect();
    make_nodes(&plane.client(), &holders).await?;
    servers[1].await_answer("/metrics", |_, text| !metric_is(text, FOUND, 0)).await?;
    for _ in 0..ROUNDS {
        without.push(call(&servers[0]).await?.0);
        let (p99, found) = call(&servers[1]).await?;
        ensure!(found > 0.0, "nothing was looked up meanwhile: this measures nothing");
        resolving.push(p99);
    }
    let [idle, without, resolving] = [idle, without, resolving].map(median);
    println!(
        "780 names, p99 us: idle {idle:.0}, looking up {resolving:.0} = {:.2} x idle, \
         = {:.2} x a server that looks nothing up ({without:.0})",
        resolving / idle,
        resolving / without
    );
    let all = |text: &str| metric_is(text, FOUND, UNKNOWN_IMAGES);
    servers[1].await_answer("/metrics", |_, text| all(text)).await.context("all found")?;
    let memory = servers[1].metric("process_resident_memory_bytes").await?;
    let without = servers[0].metric("process_resident_memory_bytes").await?;
    println!("resident after all: {:.0} MB, {:.0} MB without", memory / 1e6, without / 1e6);
    Ok(())
}

fn metric_is(text: &str, name: &str, value: usize) -> bool {
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.strip_prefix(name).map_or(0, |rest| rest.trim().parse().unwrap_or(0)) == value
}

/// A node that holds 50 images of which nobody knows the layers.
fn holder(number: usize) -> NodeSpec {
    let mut node = NodeSpec::new(&format!("holder-{number:05}"));
    let name = |at: usize| format!("r.test/ci/image-{}:1", number * 50 + at);
    node.images.extend((0..50).map(|at| Image::new(&name(at), 0)));
    node
}

/// A registry of made images, in this process: nothing is kept, each answer is made anew.
async fn serve_images() -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/v2/ci/{image}/{kind}/{name}", axum::routing::get(serve));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

async fn serve(
    Path((image, kind, name)): Path<(String, String, String)>,
) -> Result<Vec<u8>, StatusCode> {
    let layers: Vec<_> = (0..LAYERS)
        .map(
            |depth| if depth < LAYERS / 2 { depth.to_string() } else { format!("{image} {depth}") },
        )
        .collect();
    let layers: Vec<_> = layers.iter().map(String::as_str).collect();
    let made = MadeImage::oci("linux/amd64", &layers);
    if kind == "manifests" {
        return Ok(made.manifest.bytes);
    }
    let blob = made.blobs.into_iter().find(|blob| blob.digest() == name);
    blob.map(|blob| blob.bytes).ok_or(StatusCode::NOT_FOUND)
}
