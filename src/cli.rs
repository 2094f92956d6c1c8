//! What the user typed: clap's types only. [`crate::cmd`] makes validated values of them.

pub mod record;
pub mod simulate;
pub mod trace;
pub mod volume;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Starts step pods where their bytes already are: a kube-scheduler extender.
#[derive(Debug, Parser)]
#[command(name = "dunnage", version, max_term_width = 100)]
pub struct Cli {
    /// What to log: error, warn, info, debug, trace, or a filter as `dunnage=debug,kube=warn`.
    #[arg(long, global = true, env = "DUNNAGE_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One per job.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer kube-scheduler: the extender, with metrics and the page
    Serve(Box<Serve>),
    /// Show the whole on an embedded cluster with real images: no Kubernetes needed
    ///
    /// What comes to it is simulations/demo.yaml, with other numbers of pods and nodes if asked for.
    Demo(Demo),
    /// Say why a pod scores as it does on each node
    Explain(Explain),
    /// Report what the containerd of this node holds: runs on each node
    Agent(Box<Agent>),
    /// Hand folders from step to step: put, get, ls, rm
    Volume(Box<volume::Volume>),
    /// Run a scenario under several policies, and compare what came of it
    Simulate(simulate::Simulate),
    /// Write what a live cluster does to a trace, which simulate replays
    ///
    /// Nodes, step pods, where they are bound, their images and volumes, until --for is over or a signal
    /// comes. Changes nothing in the cluster. `dunnage trace validate FILE` checks what was written; a
    /// scenario with `trace: FILE` does it again: `dunnage simulate SCENARIO --policy recorded --policy
    /// default`.
    Record(Box<record::Record>),
    /// Look at traces of what clusters did
    Trace(trace::Trace),
}

/// Flags of `serve`.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// Kubeconfig to watch the cluster with [default: in-cluster, else $KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Where kube-scheduler finds the extender
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9290", value_parser = address)]
    pub listen: SocketAddr,
    /// Where probes, metrics, the API and the page are served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9291", value_parser = address)]
    pub admin_listen: SocketAddr,
    /// Placement policy: a file, or a named policy (default, plain)
    #[arg(long, value_name = "NAME_OR_FILE", default_value = "default")]
    pub policy: String,
    /// Image manifests as JSON lines, plain or gzip; may repeat
    #[arg(long, value_name = "FILE")]
    pub manifests: Vec<PathBuf>,
    /// How layers of images are looked up.
    #[command(flatten)]
    pub registries: Registries,
    /// Certificate chain (PEM) for the extender port
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) for the extender port
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Allow plain HTTP on the extender port beyond loopback
    #[arg(long)]
    pub insecure_http: bool,
    /// Decide and record, but answer `[]`: watch for a week before letting it act
    #[arg(long)]
    pub shadow: bool,
    /// Answer neutrally rather than later than this; keep it under the scheduler's httpTimeout
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = duration)]
    pub deadline: Duration,
    /// Largest request body in MiB; 15,000 names take 1, 2,000 full nodes about 100
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 128,
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    pub body_limit: u16,
    /// Which pods are step pods.
    #[command(flatten)]
    pub steps: Steps,
}

/// How layers of images are looked up that no manifest file knows.
#[derive(Args, Clone, Debug)]
pub struct Registries {
    /// Look images up in their registries, in the background; off makes no connection to any
    #[arg(long, value_enum, default_value_t = Switch::On)]
    pub resolve: Switch,
    /// Docker config with credentials for registries; may name credential helpers
    #[arg(long, value_name = "FILE")]
    pub docker_config: Option<PathBuf>,
    /// Folder of hosts.toml files as containerd reads them: mirrors, plain HTTP, certificates
    #[arg(long, value_name = "DIR")]
    pub registry_hosts_dir: Option<PathBuf>,
    /// How long a tag is taken to mean what it meant before the registry is asked again
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub tag_lifetime: Duration,
    /// Read the imagePullSecrets of pods; needs the rights in deploy/registry-secrets.yaml
    #[arg(long)]
    pub registry_secrets: bool,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Do it
    On,
    /// Do not
    Off,
}

/// Which pods are step pods; without any of these: pods that run to completion or carry a CI label.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub struct Steps {
    /// Step pods are those of this scheduler; may repeat [default: pods that run to completion or carry a
    /// CI system's label]
    #[arg(long, value_name = "NAME")]
    pub scheduler_name: Vec<String>,
    /// Step pods are those that match this label selector
    #[arg(long, value_name = "SELECTOR")]
    pub pod_selector: Option<String>,
    /// Every pod is a step pod
    #[arg(long)]
    pub all_pods: bool,
}

/// Flags of `demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// Nodes of the embedded cluster
    #[arg(
        long,
        value_name = "N",
        default_value_t = 60,
        value_parser = clap::value_parser!(u16).range(2..=1000)
    )]
    pub nodes: u16,
    /// Step pods to place
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1500,
        value_parser = clap::value_parser!(u32).range(1..=20_000)
    )]
    pub pods: u32,
    /// Seed of the workload: same seed, same pods
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Placement policy: a file, or a named policy (default, plain)
    #[arg(long, value_name = "NAME_OR_FILE", default_value = "default")]
    pub policy: String,
    /// Where the extender port of the demo is; 0 takes a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,
    /// Where the page is
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9291", value_parser = address)]
    pub admin_listen: SocketAddr,
    /// End after the table instead of leaving the page open
    #[arg(long)]
    pub exit: bool,
}

/// Flags of `explain`.
#[derive(Args, Clone, Debug)]
pub struct Explain {
    /// The pod: `pod NAME`
    #[arg(
        value_names = ["pod", "NAME"],
        num_args = 2,
        conflicts_with = "file",
        required_unless_present = "file"
    )]
    pub target: Vec<String>,
    /// A Pod manifest, YAML or JSON; - reads standard input
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Namespace of the pod
    #[arg(short = 'n', long, value_name = "NAMESPACE", default_value = "default")]
    pub namespace: String,
    /// Admin port of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9291")]
    pub server: String,
    /// Kubeconfig to read the pod with, if the server no longer remembers its decision
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// Flags of `agent`.
#[derive(Args, Clone, Debug)]
pub struct Agent {
    /// Kubeconfig to report with [default: in-cluster, else $KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Name of this node in the cluster
    #[arg(long, value_name = "NAME", env = "NODE_NAME")]
    pub node_name: String,
    /// Where containerd listens
    #[arg(long, value_name = "PATH", default_value = "/run/containerd/containerd.sock")]
    pub containerd_socket: PathBuf,
    /// The namespace of containerd that the kubelet's images are in
    #[arg(long, value_name = "NAME", default_value = "k8s.io")]
    pub containerd_namespace: String,
    /// Which snapshotter's layers count [default: the one that most images were unpacked by]
    #[arg(long, value_name = "NAME")]
    pub snapshotter: Option<String>,
    /// Write the inventory at most this often, and when it changed
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = interval)]
    pub interval: Duration,
    /// Where probes and metrics are served
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9292", value_parser = address)]
    pub admin_listen: SocketAddr,
    /// The volume store.
    #[command(flatten)]
    pub volumes: volume::Serving,
    /// Whose volumes are reported beside the store's.
    #[command(flatten)]
    pub baggageclaim: BaggageclaimFlags,
}

/// A baggageclaim of the node, and what properties of its volumes mean.
#[derive(Args, Clone, Debug)]
pub struct BaggageclaimFlags {
    /// Report the volumes of the baggageclaim at this address, too, as http://127.0.0.1:7788
    #[arg(long, value_name = "URL")]
    pub baggageclaim: Option<String>,
    /// How properties make a volume's key, as git/{repository}@{version}; without them it does not count
    #[arg(
        long,
        value_name = "TEMPLATE",
        default_value = "{dunnage-key}",
        requires = "baggageclaim"
    )]
    pub baggageclaim_key: String,
    /// The property that tells a volume's kind: resource-cache, task-cache, output
    #[arg(
        long,
        value_name = "PROPERTY",
        default_value = "dunnage-kind",
        requires = "baggageclaim"
    )]
    pub baggageclaim_kind: String,
}

/// How `explain` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// The whole decision
    Json,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let expected = "expected IP:PORT, as 127.0.0.1:9290 or 0.0.0.0:9290";
    text.parse().map_err(|_| expected.to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}: expected a duration, as 50ms or 2s"))?;
    if duration.is_zero() { Err("must be longer than nothing".to_owned()) } else { Ok(duration) }
}

/// A shorter interval would make the API server write more than anybody can read.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// A longer one is no report: pulls and garbage collection take minutes.
const INTERVAL_MAX: Duration = Duration::from_secs(3600);

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
        Ok(interval)
    } else {
        Err("expected from 1s to 1h".to_owned())
    }
}
