//! A real control plane for the integration tests: etcd, kube-apiserver and
//! kube-scheduler as processes of this machine, with nodes and pods as plain
//! API objects and no kubelet behind them; or, where that matters, with real
//! nodes.
//!
//! | module | decides |
//! | --- | --- |
//! | `binaries` | which servers run: what `tests/testbed/build` has built |
//! | `process`, `spawner` | that no child outlives the test |
//! | `run_dir`, `ports`, `access` | where a server keeps its files, listens, and whom it trusts |
//! | `control_plane`, `scheduler` | how the servers are set up, and when they are ready |
//! | `cluster` | nodes and pods, and where the pods were bound |
//! | `real` | a cluster with kubelets, containerd and a registry |
//!
//! ```ignore
//! let plane = ControlPlane::start().await?;
//! let _scheduler = Scheduler::start(&plane, SchedulerOptions::default()).await?;
//! let client = plane.client();
//! make_nodes(&client, &[NodeSpec::new("a")]).await?;
//! make_pods(&client, "default", [PodSpec::new("p", "registry.example/image:1")]).await?;
//! let landed = await_bound(&client, "default", 1, Duration::from_secs(30)).await?;
//! ```
//!
//! A machine runs one control plane at a time: the next `ControlPlane::start`
//! waits until the last one is dropped. Drop the schedulers first, as Rust does
//! by itself where they were made later. With `TESTBED_KEEP=1` the logs stay
//! in `target/testbed/run` after the test.

mod access;
mod binaries;
mod cluster;
mod control_plane;
mod ports;
mod process;
mod readiness;
pub mod real;
mod run_dir;
mod scheduler;
#[cfg(test)]
mod selftest;
mod spawner;

pub use access::client_of;
pub use binaries::{binary, node_binary};
pub use cluster::{
    Image, NodeSpec, PodSpec, await_bound, delete_pods, make_namespace, make_nodes, make_pods,
    report_images,
};
pub use control_plane::{ControlPlane, Turn, http_get};
pub use ports::free_ports;
pub use process::{Process, Signal};
pub use readiness::await_ready;
pub use scheduler::{Scheduler, SchedulerOptions};
