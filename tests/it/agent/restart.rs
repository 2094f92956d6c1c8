//! A real containerd, of 2.x and of 1.7, that is killed and started again, and content that `ctr` puts into
//! it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use dunnage::edge::inventory::node::InventorySpec;
use dunnage::model::chain_id::sha256;
use serde_json::{Value, json};
use tar::{Builder, Header};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::process::Command;

use super::content::architecture;
use super::rig::{Agent, await_inventory, names};
use crate::deploy::definitions::establish;
use crate::testbed::{ControlPlane, NodeSpec, Process, await_ready, make_nodes, node_binary};

const NODE: &str = "node-1";
/// What `ctr` reads before it passes anything on.
const MIB: usize = 1 << 20;

/// A release of containerd: where its programs are, the version of its configuration, what it says it is.
struct Release {
    folder: &'static str,
    configuration: u8,
    told: &'static str,
}

const NEW: Release = Release { folder: "", configuration: 3, told: "v2.4.2" };
const OLD: Release = Release { folder: "containerd-1.7/", configuration: 2, told: "v1.7.35" };

impl Release {
    async fn program(&self, name: &str) -> Result<PathBuf> {
        node_binary(&format!("{}{name}", self.folder)).await
    }
}

/// containerd alone, without CRI.
struct Containerd {
    release: &'static Release,
    dir: PathBuf,
    process: Process,
}

impl Containerd {
    async fn start(release: &'static Release, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let config = format!(
            "version = {1}\nroot = \"{0}/root\"\nstate = \"{0}/state\"\nimports = []\n\
             disabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.cri.v1.images\", \
             \"io.containerd.cri.v1.runtime\", \"io.containerd.nri.v1.nri\"]\n\
             [grpc]\naddress = \"{0}/containerd.sock\"\n\
             [plugins.\"io.containerd.internal.v1.opt\"]\npath = \"{0}/opt\"\n",
            dir.display(),
            release.configuration
        );
        fs::write(dir.join("config.toml"), config)?;
        let process = start(release, dir).await?;
        Ok(Self { release, dir: dir.to_owned(), process })
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("containerd.sock")
    }

    /// Killed as by the kernel: nothing is cleaned up.
    fn kill(&mut self) {
        self.process.kill();
    }

    async fn start_again(&mut self) -> Result<()> {
        self.process = start(self.release, &self.dir).await?;
        Ok(())
    }

    async fn ctr(&self, arguments: &[&str]) -> Result<()> {
        let output = self.command(arguments).await?.output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "ctr {arguments:?}: {said}");
        Ok(())
    }

    async fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(self.release.program("ctr").await?);
        command.arg("--address").arg(self.socket()).args(["--namespace", "k8s.io"]);
        command.args(arguments).kill_on_drop(true);
        Ok(command)
    }

    /// A layer comes in: of three megabytes two, and when these were `seen` the last.
    async fn take_in(&self, digest: &str, seen: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        let size = format!("--expected-size={}", 3 * MIB);
        let key = format!("layer-{digest}");
        let ingest = ["content", "ingest", &size, "--expected-digest", digest, &key];
        let mut taking = self.command(&ingest).await?.stdin(Stdio::piped()).spawn()?;
        let mut input = taking.stdin.take().context("piped")?;
        input.write_all(&[7; 2 * MIB]).await?;
        input.flush().await?;
        seen().await?;
        input.write_all(&[7; MIB]).await?;
        drop(input);
        ensure!(taking.wait().await?.success(), "ctr {ingest:?}");
        Ok(())
    }
}

async fn start(release: &Release, dir: &Path) -> Result<Process> {
    let mut command = std::process::Command::new(release.program("containerd").await?);
    command.arg("--config").arg(dir.join("config.toml"));
    let mut process = Process::spawn("containerd", &command, &dir.join("containerd.log"))?;
    await_ready(&mut process, async || {
        UnixStream::connect(dir.join("containerd.sock")).await?;
        Ok(())
    })
    .await?;
    Ok(process)
}

/// An OCI archive of an image of one layer with one file, for this platform and another one.
fn archive(path: &Path, name: &str) -> Result<()> {
    let mut tar = Builder::new(Vec::new());
    append(&mut tar, "file", name.as_bytes())?;
    let layer = tar.into_inner()?;
    let mut archive = Builder::new(Vec::new());
    append(&mut archive, "oci-layout", br#"{"imageLayoutVersion": "1.0.0"}"#)?;
    let mut blob = |bytes: &[u8], kind: &str| -> Result<Value> {
        let digest = sha256(bytes);
        append(&mut archive, &format!("blobs/{}", digest.replace(':', "/")), bytes)?;
        let media_type = format!("application/vnd.oci.image.{kind}");
        Ok(json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}))
    };
    let mut manifests = Vec::new();
    for architecture in [architecture(), "riscv64"] {
        let config = json!({"os": "linux", "architecture": architecture,
            "rootfs": {"type": "layers", "diff_ids": [sha256(&layer)]}});
        let config = blob(config.to_string().as_bytes(), "config.v1+json")?;
        let layers = [blob(&layer, "layer.v1.tar")?];
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers,
            "mediaType": "application/vnd.oci.image.manifest.v1+json"});
        let mut manifest = blob(manifest.to_string().as_bytes(), "manifest.v1+json")?;
        manifest["platform"] = json!({"os": "linux", "architecture": architecture});
        manifests.push(manifest);
    }
    let index = json!({"schemaVersion": 2, "manifests": manifests,
        "mediaType": "application/vnd.oci.image.index.v1+json"});
    let mut index = blob(index.to_string().as_bytes(), "index.v1+json")?;
    index["annotations"] = json!({"io.containerd.image.name": name});
    let top = json!({"schemaVersion": 2, "manifests": [index]}).to_string();
    append(&mut archive, "index.json", top.as_bytes())?;
    Ok(fs::write(path, archive.into_inner()?)?)
}

fn append(builder: &mut Builder<Vec<u8>>, name: &str, bytes: &[u8]) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    Ok(builder.append_data(&mut header, name, bytes)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_containerd_is_found_again_with_what_it_then_holds() -> Result<()> {
    is_found_again(&NEW).await
}

#[tokio::test(flavor = "multi_thread")]
async fn so_is_one_before_2_0() -> Result<()> {
    is_found_again(&OLD).await
}

async fn is_found_again(release: &'static Release) -> Result<()> {
    let plane = ControlPlane::start().await?;
    let client = plane.client();
    establish(&client).await?;
    make_nodes(&client, &[NodeSpec::new(NODE)]).await?;
    let dir = plane.dir().join("containerd");
    let mut containerd = Containerd::start(release, &dir).await?;
    let mut agent =
        Agent::start(plane.dir(), plane.kubeconfig(), NODE, &containerd.socket(), &[]).await?;
    let empty = await_inventory(&client, NODE, |found| found.image_count == 0).await?;
    assert_eq!(empty.spec.containerd_version, release.told);
    assert_eq!(empty.spec.snapshotter, "");

    let (a, b) = ("registry.example/a:1", "registry.example/b:1");
    archive(&dir.join("a.tar"), a)?;
    archive(&dir.join("b.tar"), b)?;
    containerd.ctr(&["images", "import", &dir.join("a.tar").display().to_string()]).await?;
    let whole = |found: &_, name: &str| names(found) == [name];
    let found = await_inventory(&client, NODE, |found| whole(found, a)).await?.spec;
    assert_eq!((found.images[0].layers, found.images[0].unpacked), (1, 1));
    assert_eq!(found.images[0].indexes.len(), 1);
    let events = agent.metric("dunnage_agent_events_total").await?;
    ensure!(events > 1.0, "containerd told of no change");

    let layer = sha256(&[7; 3 * MIB]);
    let seen = async || {
        let comes = |found: &InventorySpec| found.pulls.iter().any(|pull| pull.offset_bytes > 0);
        let found = await_inventory(&client, NODE, comes).await?.spec;
        let pull = &found.pulls[0];
        assert_eq!((&pull.digest, pull.total_bytes), (&layer, 3 * MIB as u64));
        Ok(())
    };
    containerd.take_in(&layer, seen).await?;
    await_inventory(&client, NODE, |found| found.pulls.is_empty()).await?;

    containerd.kill();
    agent.await_complaint("cannot reach containerd at").await?;
    containerd.start_again().await?;
    agent.await_answer("/readyz", |status, text| status == 200 && !text.contains("[-]")).await?;
    // Its content is there without being unpacked.
    let archive = dir.join("b.tar").display().to_string();
    containerd.ctr(&["images", "import", "--no-unpack", &archive]).await?;
    let both = |found: &_| names(found) == [a, b] || names(found) == [b, a];
    let found = await_inventory(&client, NODE, both).await?.spec;
    let of_b = found.images.iter().find(|image| image.names == [b]).map(|image| image.unpacked);
    assert_eq!(of_b, Some(0));
    containerd.ctr(&["images", "rm", "--sync", a]).await?;
    await_inventory(&client, NODE, |found| whole(found, b)).await?;
    agent.process().ensure_running()
}
