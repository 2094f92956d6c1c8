//! Nothing is left of a cluster, however it ends: by itself, killed, or killed together with the process
//! that watches over it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::time::{Instant, sleep};

use super::NAMESPACE;
use crate::testbed::real::sleeping;
use crate::testbed::{PodSpec, Process, Signal, Turn, client_of, make_pods};

/// Many times what a cluster of one node takes to start, program included if it must be built.
const STARTED: Duration = Duration::from_secs(300);
/// Many times what the kernel and the sweep take.
const GONE: Duration = Duration::from_secs(60);
/// The command line of the pod's program.
const PROGRAM: &str = "/bin/busybox\x00sleep\x00100000";
/// Short against all of these.
const PAUSE: Duration = Duration::from_millis(100);

/// What a cluster has on the machine while it runs.
#[derive(Debug)]
struct Traces {
    processes: usize,
    links: usize,
    cgroups: usize,
    directory: bool,
}

/// A cluster started by hand.
struct ByHand {
    process: Process,
    directory: PathBuf,
    /// That of the pod's program, below the top of its hierarchies.
    cgroup: String,
}

impl ByHand {
    async fn up() -> Result<Self> {
        let log = tempfile::tempdir()?;
        let mut command = Command::new("tests/testbed/cluster");
        command.args(["up", "--nodes", "1"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        let mut process = Process::spawn("cluster", &command, &log.path().join("log"))?;
        let said = process.said("ready after", STARTED).await?;
        let kubeconfig = said.lines().find_map(|line| line.strip_prefix("kubeconfig "));
        let kubeconfig = Path::new(kubeconfig.context("it names no kubeconfig")?);
        let directory = kubeconfig.parent().context("no directory")?.to_owned();
        let cgroup = Self::run_a_pod(kubeconfig).await?;
        Ok(Self { process, directory, cgroup })
    }

    /// Starts a pod that would run for long, with mounts and a network; gives its cgroup.
    async fn run_a_pod(kubeconfig: &Path) -> Result<String> {
        let client = client_of(kubeconfig).await?;
        let pod = PodSpec::new("long", "registry.testbed/pause:1");
        make_pods(&client, NAMESPACE, [sleeping(pod, 100_000)]).await?;
        let deadline = Instant::now() + STARTED;
        loop {
            if let Some(pid) = processes(PROGRAM)?.first() {
                return cgroup(*pid);
            }
            ensure!(Instant::now() < deadline, "the pod has not started");
            sleep(PAUSE).await;
        }
    }

    fn traces(&self) -> Result<Traces> {
        let pid = self.process.pid();
        let servers = processes(&self.directory.display().to_string())?.len();
        Ok(Traces {
            processes: servers + processes(PROGRAM)?.len(),
            links: links(&format!("dn{pid}"))?,
            cgroups: cgroups(&self.cgroup)?,
            directory: self.directory.exists(),
        })
    }

    async fn await_gone(&self) -> Result<()> {
        let deadline = Instant::now() + GONE;
        loop {
            let traces = self.traces()?;
            if matches!(traces, Traces { processes: 0, links: 0, cgroups: 0, directory: false }) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("left of {}: {traces:?}", self.directory.display());
            }
            sleep(PAUSE).await;
        }
    }

    /// Kills the process that watches over it.
    fn kill_watcher(&self) -> Result<()> {
        let stat = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = format!(" {} ", self.process.pid());
        let watchers = processes("tests/testbed/sweep")?;
        let is_ours = |pid: &&u32| {
            stat(pid).split_once(") ").is_some_and(|(_, s)| s[1..].starts_with(&parent))
        };
        let watcher = watchers.iter().find(is_ours).context("nobody watches")?;
        ensure!(Command::new("kill").args(["-9", &watcher.to_string()]).status()?.success());
        Ok(())
    }
}

#[tokio::test]
async fn a_cluster_that_is_ended_leaves_nothing() -> Result<()> {
    let _turn = Turn::take().await;
    let mut cluster = ByHand::up().await?;
    assert_runs(&cluster.traces()?);
    cluster.process.signal(Signal::INT)?;
    assert_eq!(cluster.process.exited(GONE).await?.code(), Some(0));
    // At once: it ends when all is gone.
    let Traces { processes: 0, links: 0, cgroups: 0, directory: false } = cluster.traces()? else {
        bail!("{:?}", cluster.traces()?)
    };
    Ok(())
}

#[tokio::test]
async fn a_cluster_that_is_killed_leaves_nothing() -> Result<()> {
    let _turn = Turn::take().await;
    let mut cluster = ByHand::up().await?;
    assert_runs(&cluster.traces()?);
    cluster.process.kill();
    cluster.await_gone().await
}

#[tokio::test]
async fn what_nobody_watched_over_is_taken_down_by_hand() -> Result<()> {
    let _turn = Turn::take().await;
    let mut cluster = ByHand::up().await?;
    cluster.kill_watcher()?;
    cluster.process.kill();
    assert!(cluster.traces()?.links > 0, "somebody watched");
    let status = Command::new("tests/testbed/cluster")
        .arg("down")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    assert!(status.success());
    cluster.await_gone().await
}

fn assert_runs(traces: &Traces) {
    // etcd, API server, scheduler, registry, containerd and kubelet at least; a bridge and a link.
    assert!(traces.processes >= 6 && traces.links == 2, "{traces:?}");
    assert!(traces.cgroups > 0 && traces.directory, "{traces:?}");
}

/// The processes whose command line has a text.
fn processes(text: &str) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(text) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// How many network interfaces have names that begin so.
fn links(name: &str) -> Result<usize> {
    let all = fs::read_dir("/sys/class/net")?.filter_map(Result::ok);
    Ok(all.filter(|link| link.file_name().to_string_lossy().starts_with(name)).count())
}

/// The cgroup of a process, the same in all hierarchies that runc uses.
fn cgroup(pid: u32) -> Result<String> {
    let lines = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let place = lines.lines().filter_map(|line| line.splitn(3, ':').nth(2)?.strip_prefix('/'));
    place.max_by_key(|place| place.len()).map(str::to_owned).context("in no cgroup")
}

/// How many hierarchies have a cgroup of that name.
fn cgroups(name: &str) -> Result<usize> {
    let all = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(all)?.filter_map(|entry| Some(entry.ok()?.path()));
    let places = hierarchies.chain([all.to_owned()]);
    Ok(places.filter(|place| place.join(name).exists()).count())
}
