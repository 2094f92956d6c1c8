//! What the user typed after `dunnage volume`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Flags of `volume`.
#[derive(Args, Clone, Debug)]
pub struct Volume {
    /// What to do with it.
    #[command(subcommand)]
    pub action: Action,
}

/// One per job.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Seal a folder as the volume of a key, in place of one that is there
    Put(Put),
    /// Fill an empty folder with a volume: of this node, another one, or the registry
    Get(Get),
    /// List the volumes of this node
    Ls(Ls),
    /// Remove a volume of this node that nobody uses
    Rm(Rm),
}

/// The folder of the store, and how to print.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Folder of this node's volumes, as the agent has it
    #[arg(
        long,
        value_name = "DIR",
        env = "DUNNAGE_STORE",
        default_value = "/var/lib/dunnage/volumes"
    )]
    pub store: PathBuf,
    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Flags of `put`.
#[derive(Args, Clone, Debug)]
pub struct Put {
    /// Names the volume and its version, as git:app@4f2a; up to 512 bytes
    pub key: String,
    /// The folder to seal; it is copied and stays as it is
    pub dir: PathBuf,
    /// What it is to a step
    #[arg(long, value_enum, default_value_t = Kind::Other)]
    pub kind: Kind,
    /// Push it to --registry, too, and wait for that
    #[arg(long, requires = "registry")]
    pub push: bool,
    /// The registry.
    #[command(flatten)]
    pub remote: Remote,
    /// The store.
    #[command(flatten)]
    pub common: Common,
}

/// Flags of `get`.
#[derive(Args, Clone, Debug)]
pub struct Get {
    /// The key that it was put by
    pub key: String,
    /// Where to put its files: a folder that is empty or missing
    pub dir: PathBuf,
    /// Ask this agent; may repeat [default: those that report the volume to the API server]
    #[arg(long, value_name = "URL")]
    pub peer: Vec<String>,
    /// Token to show to other agents: projected into the pod, with audience dunnage.dev
    #[arg(long, value_name = "FILE", default_value = "/var/run/secrets/dunnage.dev/token")]
    pub token_file: PathBuf,
    /// Certificates (PEM) to trust other agents by, where they serve TLS
    #[arg(long, value_name = "FILE")]
    pub peer_ca: Option<PathBuf>,
    /// Kubeconfig to find other agents with [default: in-cluster, else $KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The registry.
    #[command(flatten)]
    pub remote: Remote,
    /// The store.
    #[command(flatten)]
    pub common: Common,
}

/// Flags of `ls`.
#[derive(Args, Clone, Debug)]
pub struct Ls {
    /// The store.
    #[command(flatten)]
    pub common: Common,
}

/// Flags of `rm`.
#[derive(Args, Clone, Debug)]
pub struct Rm {
    /// The key that it was put by
    pub key: String,
    /// The store.
    #[command(flatten)]
    pub common: Common,
}

/// A registry that keeps volumes.
#[derive(Args, Clone, Debug)]
pub struct Remote {
    /// Repository that keeps volumes as OCI artifacts, as registry.example/ci/volumes
    #[arg(long, value_name = "REPOSITORY", env = "DUNNAGE_REGISTRY")]
    pub registry: Option<String>,
    /// Docker config with credentials for it; may name credential helpers
    #[arg(long, value_name = "FILE")]
    pub docker_config: Option<PathBuf>,
    /// Folder of hosts.toml files as containerd reads them: mirrors, plain HTTP, certificates
    #[arg(long, value_name = "DIR")]
    pub registry_hosts_dir: Option<PathBuf>,
}

/// What a volume is to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// What a resource's version fetches: a checkout, a download
    ResourceCache,
    /// What a task keeps between its runs: packages, compiler caches
    TaskCache,
    /// What a step hands on to later steps of its run
    Output,
    /// Anything else
    Other,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For scripts
    Json,
}

/// Flags of `agent` about volumes.
#[derive(Args, Clone, Debug)]
pub struct Serving {
    /// Folder of this node's volumes; made where it is missing [default: none are reported]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Remove the least recently used volumes beyond so many bytes [default: none are removed]
    #[arg(long, value_name = "BYTES", requires = "store")]
    pub store_budget_bytes: Option<u64>,
    /// Serve volumes to pods of other nodes here [default: not at all]
    #[arg(long, value_name = "ADDR", requires = "store", value_parser = super::address)]
    pub volume_listen: Option<SocketAddr>,
    /// Serve no more bytes a second than this, over all streams [default: no limit]
    // With fewer, each of all streams goes on so rarely that who reads it gives it up as broken.
    #[arg(
        long,
        value_name = "BYTES",
        requires = "volume_listen",
        value_parser = clap::value_parser!(u64).range(1_000_000..)
    )]
    pub volume_serve_rate_bytes: Option<u64>,
    /// Where other nodes reach that port [default: the address of --volume-listen]
    #[arg(long, value_name = "IP", env = "POD_IP")]
    pub volume_advertise: Option<IpAddr>,
    /// Certificate chain (PEM) for that port
    #[arg(long, value_name = "FILE", requires = "volume_tls_key", requires = "volume_listen")]
    pub volume_tls_cert: Option<PathBuf>,
    /// Private key (PEM) for that port
    #[arg(long, value_name = "FILE", requires = "volume_tls_cert")]
    pub volume_tls_key: Option<PathBuf>,
    /// Allow plain HTTP on that port beyond loopback
    #[arg(long)]
    pub insecure_http: bool,
}
