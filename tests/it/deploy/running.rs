//! What the manifests describe, started as processes: the arguments of the files, with ports and paths
//! of this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Discovery, Scope};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use super::manifests;
use crate::support::Extender;
use crate::testbed::{
    ControlPlane, NodeSpec, Process, await_bound, binary, make_namespace, make_nodes,
};

/// An image of 2 GB on one node of 100 gets no point from the scheduler's own ImageLocality, which
/// begins at 23 MB of size times the share of nodes that hold it: what goes there, goes there by us.
pub const NODES: usize = 100;
/// The one node that holds the image.
const WARM: &str = "node-042";
/// The image that pods want.
pub const IMAGE: &str = "registry.example/ci/build:1";
const IMAGE_BYTES: i64 = 2_000_000_000;
/// Pods that are placed: by chance they would all find the warm node once in 10^10 times.
pub const PODS: usize = 5;
/// Many times what binding takes, on a machine that compiles; with a lease to be won before.
const SOON: Duration = Duration::from_secs(60);

/// Applies objects as `kubectl apply --server-side --validate=strict` does.
pub struct Applied {
    client: Client,
    kinds: Discovery,
}

impl Applied {
    /// Asks the API server which kinds it knows.
    pub async fn new(client: Client) -> Result<Self> {
        let kinds = Discovery::new(client.clone()).run().await?;
        Ok(Self { client, kinds })
    }

    /// Applies an object and gives back what the API server has of it.
    pub async fn apply(&self, object: &Value) -> Result<Value> {
        let wanted: DynamicObject = serde_json::from_value(object.clone())?;
        let types = wanted.types.clone().context("no kind")?;
        let name = format!("{} {}", types.kind, wanted.name_any());
        let kind = GroupVersionKind::try_from(&types)?;
        let (resource, capabilities) = self
            .kinds
            .resolve_gvk(&kind)
            .with_context(|| format!("{name}: the API server does not know {kind:?}"))?;
        let namespace = wanted.namespace().unwrap_or_default();
        let api: Api<DynamicObject> = match capabilities.scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            Scope::Namespaced => Api::namespaced_with(self.client.clone(), &namespace, &resource),
        };
        let how = PatchParams::apply("test").validation_strict();
        let patch = Patch::Apply(object);
        let applied = api.patch(&wanted.name_any(), &how, &patch).await;
        applied.with_context(|| name.clone())?;
        Ok(serde_json::to_value(api.get(&wanted.name_any()).await?)?)
    }

    /// Applies all objects of a file.
    pub async fn apply_file(&self, name: &str) -> Result<()> {
        for object in manifests::documents(name)? {
            self.apply(&object).await.with_context(|| name.to_owned())?;
        }
        Ok(())
    }
}

/// Which path of a manifest is which on this machine.
#[derive(Default)]
pub struct Paths(Vec<(&'static str, PathBuf)>);

impl Paths {
    /// The same with one more.
    pub fn with(mut self, there: &'static str, here: &Path) -> Self {
        self.0.push((there, here.to_owned()));
        self
    }

    fn translate(&self, text: &str) -> String {
        let replace = |text: String, (there, here): &(&str, PathBuf)| {
            text.replace(there, &here.display().to_string())
        };
        self.0.iter().fold(text.to_owned(), replace)
    }
}

/// Nodes of which one is warm, and a namespace `ci`.
pub async fn make_cluster(plane: &ControlPlane) -> Result<()> {
    let nodes: Vec<_> = (0..NODES)
        .map(|i| NodeSpec::new(&format!("node-{i:03}")))
        .map(|node| match node.name.as_str() {
            WARM => node.holding(IMAGE, IMAGE_BYTES),
            _ => node,
        })
        .collect();
    make_nodes(&plane.client(), &nodes).await?;
    make_namespace(&plane.client(), "ci").await
}

/// `dunnage serve` with the arguments of a container, but addresses and kubeconfig of this machine.
pub async fn extender(
    plane: &ControlPlane,
    kubeconfig: &Path,
    container: &Value,
    paths: &Paths,
) -> Result<Extender> {
    let args = manifests::strings(&container["args"]);
    let [subcommand, flags @ ..] = args.as_slice() else {
        bail!("no arguments");
    };
    assert_eq!(subcommand, "serve");
    let ours = ["--listen=", "--admin-listen=", "--kubeconfig="];
    let flags: Vec<_> = flags
        .iter()
        .filter(|flag| !ours.iter().any(|our| flag.starts_with(our)))
        .map(|flag| paths.translate(flag))
        .collect();
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    Extender::start(plane.dir(), kubeconfig, &flags).await
}

/// The real kube-scheduler with a command of a manifest and a configuration of a file.
pub async fn scheduler(
    plane: &ControlPlane,
    command: &[String],
    configuration: &Value,
    paths: &Paths,
) -> Result<Process> {
    let file = plane.dir().join("scheduler-of-deploy.json");
    fs::write(&file, paths.translate(&configuration.to_string()))?;
    let mut here = Command::new(binary(command.first().context("no command")?).await?);
    let ours = ["--config=", "--secure-port="];
    let flags = command[1..].iter().filter(|flag| !ours.iter().any(|our| flag.starts_with(our)));
    here.args(flags.map(|flag| paths.translate(flag)));
    // Without its own port: it may be taken, and nothing here asks there.
    here.arg("--config").arg(&file).arg("--secure-port=0");
    let log = plane.dir().join("scheduler-of-deploy.log");
    Process::spawn("kube-scheduler", &here, &log)
}

/// Waits until the pods in `ci` are bound, and checks that all are on the warm node.
pub async fn await_on_warm_node(plane: &ControlPlane, scheduler: &mut Process) -> Result<()> {
    let client = plane.client();
    let bound = tokio::select! {
        bound = await_bound(&client, "ci", PODS, SOON) => bound,
        _ = scheduler.exited(SOON * 2) => bail!("kube-scheduler ended:\n{}", scheduler.log_tail()),
    };
    let bound = bound.with_context(|| scheduler.log_tail())?;
    assert!(bound.values().all(|node| node == WARM), "{bound:?}");
    Ok(())
}

/// A kubeconfig with the rights of a user, as a client certificate of that name has them.
pub fn kubeconfig_as(plane: &ControlPlane, user: &str) -> Result<PathBuf> {
    let mut config: Value = serde_json::from_str(&fs::read_to_string(plane.kubeconfig())?)?;
    config["users"][0]["user"]["as"] = json!(user);
    let path = plane.dir().join(format!("as-{user}.kubeconfig"));
    fs::write(&path, config.to_string())?;
    Ok(path)
}

/// What kubeadm writes to /etc/kubernetes/manifests/kube-scheduler.yaml, as far as it matters here.
pub fn kubeadm_scheduler() -> Value {
    let kubeconfig = "/etc/kubernetes/scheduler.conf";
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "kube-scheduler",
            "namespace": "kube-system",
            "labels": {"component": "kube-scheduler", "tier": "control-plane"},
        },
        "spec": {
            "hostNetwork": true,
            "priorityClassName": "system-node-critical",
            "containers": [{
                "name": "kube-scheduler",
                "image": "registry.k8s.io/kube-scheduler:v1.37.2",
                "command": [
                    "kube-scheduler",
                    format!("--authentication-kubeconfig={kubeconfig}"),
                    format!("--authorization-kubeconfig={kubeconfig}"),
                    "--bind-address=127.0.0.1",
                    format!("--kubeconfig={kubeconfig}"),
                    "--leader-elect=true",
                ],
                "volumeMounts": [{"name": "kubeconfig", "mountPath": kubeconfig, "readOnly": true}],
            }],
            "volumes": [{
                "name": "kubeconfig",
                "hostPath": {"path": kubeconfig, "type": "FileOrCreate"},
            }],
        },
    })
}
