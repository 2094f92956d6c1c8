//! A cluster of real nodes by hand: what `tests/testbed/cluster up` runs.
//!
//! It starts the same cluster as the tests do, with a scheduler and the images
//! that were asked for, says where everything is, and ends it on Ctrl-C or at a
//! SIGTERM. Leaves alone what a killed one left: `tests/testbed/sweep` does that.

#[allow(dead_code, unused_imports, reason = "the tests use what this program does not")]
mod testbed;

use std::fmt::Write;
use std::fs;
use std::str::FromStr;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use testbed::real::{Cluster, ImageSpec, Layer, Options};
use testbed::{Scheduler, SchedulerOptions};

/// Starts a cluster of real nodes and keeps it until Ctrl-C.
#[derive(Parser)]
#[command(name = "tests/testbed/cluster up")]
struct Arguments {
    /// Number of nodes.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=100))]
    nodes: u8,
    /// What a node's link lets through towards it, as tc writes rates; default: no limit.
    #[arg(long)]
    rate: Option<String>,
    /// Drop the blobs of layers that are unpacked, as EKS, GKE and Talos do.
    #[arg(long)]
    discard_unpacked_layers: bool,
    /// Let a node pull several images at once.
    #[arg(long)]
    parallel_pulls: bool,
    /// Schedule with the extender at this URL; default: without one.
    #[arg(long, value_name = "URL")]
    extender: Option<String>,
    /// What the extender's points are multiplied by.
    #[arg(long, default_value_t = 1)]
    weight: i64,
    /// An image to push, with the seed and the megabytes of each layer; may repeat.
    #[arg(long = "image", value_name = "NAME=SEED:MB[,SEED:MB]...")]
    images: Vec<Image>,
}

#[derive(Clone)]
struct Image(ImageSpec);

impl FromStr for Image {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, layers) = text.split_once('=').context("no `=` after the name")?;
        let layers: Result<Vec<Layer>> = layers.split(',').map(layer).collect();
        Ok(Self(ImageSpec::new(name, &layers?)))
    }
}

fn layer(text: &str) -> Result<Layer> {
    let (seed, megabytes) = text.split_once(':').context("no `:` after a layer's seed")?;
    let megabytes: u16 = megabytes.parse().context("megabytes of a layer")?;
    Ok(Layer {
        seed: seed.parse().context("seed of a layer")?,
        bytes: usize::from(megabytes) * 1_000_000,
    })
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // Before anything is started: a signal in between must not end us unswept.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = up(&arguments) => outcome,
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}

async fn up(arguments: &Arguments) -> Result<()> {
    let started = Instant::now();
    let cluster = Cluster::start(&options(arguments)).await?;
    let scheduler = SchedulerOptions {
        extender_url: arguments.extender.clone(),
        weight: arguments.weight,
        ..SchedulerOptions::default()
    };
    let _scheduler = Scheduler::start(cluster.plane(), scheduler).await?;
    let mut said = describe(&cluster);
    for image in &arguments.images {
        let pushed = cluster.registry().push(&image.0).await?;
        writeln!(said, "image      {} {}", pushed.reference, pushed.digest)?;
    }
    // For `tests/testbed/cluster status` and `down`.
    fs::write(cluster.plane().dir().join("by-hand"), &said)?;
    print!("{said}");
    println!("ready after {:.1} s; Ctrl-C ends it", started.elapsed().as_secs_f64());
    std::future::pending().await
}

fn options(arguments: &Arguments) -> Options {
    Options {
        nodes: arguments.nodes,
        rate: arguments.rate.clone(),
        discard_unpacked_layers: arguments.discard_unpacked_layers,
        kubelet: json!({"serializeImagePulls": !arguments.parallel_pulls}),
        ..Options::default()
    }
}

fn describe(cluster: &Cluster) -> String {
    let mut lines = vec![
        format!("kubeconfig {}", cluster.plane().kubeconfig().display()),
        format!("registry   http://{}", cluster.registry().address()),
        format!("hosts      {}", cluster.hosts_dir().display()),
        "image      registry.testbed/pause:1 (/bin/busybox alone)".to_owned(),
    ];
    for node in cluster.nodes() {
        let (name, socket) = (node.name(), node.containerd_socket());
        lines.push(format!("{name}     pid {} {}", node.pid(), socket.display()));
    }
    lines.join("\n") + "\n"
}
