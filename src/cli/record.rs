//! Flags of `record`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{Registries, Steps, duration};

/// What to record, how long, and where to.
#[derive(Args, Clone, Debug)]
pub struct Record {
    /// The trace to write: JSON lines, gzip if it ends in .gz; must not exist yet
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Write over a trace that exists
    #[arg(long)]
    pub force: bool,
    /// How long to record, as 90s, 8h or 7days [default: until Ctrl-C or SIGTERM]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub lasts: Option<Duration>,
    /// How names of nodes, zones, pods, runs, images and volumes are written, and digests
    #[arg(long, value_enum, default_value_t = NamesFlag::Hashed)]
    pub names: NamesFlag,
    /// Kubeconfig to watch the cluster with [default: in-cluster, else $KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Image manifests as JSON lines, plain or gzip; may repeat
    #[arg(long, value_name = "FILE")]
    pub manifests: Vec<PathBuf>,
    /// How layers of images are looked up.
    #[command(flatten)]
    pub registries: Registries,
    /// Which pods are recorded: step pods.
    #[command(flatten)]
    pub steps: Steps,
}

/// How names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum NamesFlag {
    /// Hashed with a salt that is not kept: who gets the trace cannot tell whose it is
    Hashed,
    /// As they are
    Plain,
}
