//! Steps that run the program itself, in pods as the deployment's documentation has them: what they are
//! given, and what came of one.
//!
//! Images here have busybox and no libraries, and the program is linked to the machine's: so the program,
//! `/lib`, `flock` and certificates come from the machine. Each step says in a folder of the run what it did,
//! and when.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use super::stage::{ACCOUNT, STORE, Stage};
use crate::cluster::SOON;
use crate::support::program;

/// Where a step finds the program, and where it may write.
pub const PROGRAM: &str = "/dunnage";
pub const WORK: &str = "/work";
/// Whom the program trusts: it wants some, also for a registry by plain HTTP.
const CERTIFICATES: &str = "/etc/ssl/certs";
/// Every node has it from the start.
const IMAGE: &str = "registry.testbed/pause:1";

/// A step.
pub struct Step {
    pub name: String,
    /// For busybox' shell.
    pub script: String,
    pub annotations: Value,
    pub cpu: &'static str,
    pub node_selector: Value,
}

impl Step {
    /// A step of half a processor that runs this, after what all do.
    pub fn new(name: &str, script: &str) -> Self {
        Self {
            name: name.to_owned(),
            script: script.to_owned(),
            annotations: json!({}),
            cpu: "500m",
            node_selector: json!({}),
        }
    }

    /// What one `dunnage volume` says in JSON is what the step says.
    pub fn volume(name: &str, before: &str, arguments: &str) -> Self {
        let volume = format!("{PROGRAM} volume {arguments} --registry-hosts-dir=/hosts -o json");
        let volume = format!(": >/said/{name}.begun\n{volume} >/said/{name}.json");
        Self::new(name, &format!("exec 2>/said/{name}.log\n{before}\n{volume}"))
    }

    /// The same step, with an annotation that names a volume.
    pub fn with(mut self, annotation: &str, volume: &Value) -> Self {
        let volumes = json!([volume]).to_string();
        self.annotations[format!("dunnage.dev/{annotation}")] = json!(volumes);
        self
    }

    pub fn pod(&self, stage: &Stage) -> Result<Pod> {
        let kubeconfig = stage.cluster.plane().kubeconfig();
        let token = json!({"audience": "dunnage.dev", "path": "token", "expirationSeconds": 3600});
        let pod = json!({
            "metadata": {"name": self.name, "annotations": self.annotations},
            "spec": {
                "serviceAccountName": ACCOUNT,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 0,
                "nodeSelector": self.node_selector,
                "containers": [{
                    "name": "step",
                    "image": IMAGE,
                    "command": ["/bin/busybox", "sh", "-e", "-c", self.script],
                    "resources": {"requests": {"cpu": self.cpu, "memory": "256Mi"}},
                    "env": [
                        {"name": "DUNNAGE_REGISTRY", "value": "registry.testbed/volumes"},
                        {"name": "KUBECONFIG", "value": "/kubeconfig"},
                    ],
                    "volumeMounts": [
                        mount("program", PROGRAM, true),
                        mount("flock", "/flock", true),
                        mount("lib", "/lib", true),
                        mount("lib64", "/lib64", true),
                        mount("certificates", CERTIFICATES, true),
                        mount("kubeconfig", "/kubeconfig", true),
                        mount("hosts", "/hosts", true),
                        mount("said", "/said", false),
                        mount("volumes", STORE, false),
                        mount("token", "/var/run/secrets/dunnage.dev", true),
                        mount("work", WORK, false),
                    ],
                }],
                "volumes": [
                    machine("program", Path::new(&program())),
                    machine("flock", Path::new("/usr/bin/flock")),
                    machine("lib", &fs::canonicalize("/lib")?),
                    // Where the loader is on amd64; the same where it is not.
                    machine("lib64", &fs::canonicalize("/lib64").or(fs::canonicalize("/lib"))?),
                    machine("certificates", Path::new(CERTIFICATES)),
                    machine("kubeconfig", kubeconfig),
                    machine("hosts", &stage.cluster.hosts_dir()),
                    machine("said", &stage.path("said")),
                    machine("volumes", Path::new(STORE)),
                    {"name": "token", "projected": {"sources": [{"serviceAccountToken": token}]}},
                    {"name": "work", "emptyDir": {}},
                ],
            },
        });
        serde_json::from_value(pod).context("a pod")
    }
}

/// A file or folder of the machine, or of the node in its place.
fn machine(name: &str, path: &Path) -> Value {
    json!({ "name": name, "hostPath": { "path": path } })
}

fn mount(name: &str, path: &str, read_only: bool) -> Value {
    json!({ "name": name, "mountPath": path, "readOnly": read_only })
}

/// What came of a step.
#[derive(Debug)]
pub struct Ran {
    pub node: String,
    /// What the program said.
    pub said: Value,
    /// How long it took.
    pub seconds: f64,
    /// What the node received meanwhile.
    pub received_bytes: u64,
}

impl Stage {
    /// Has a step begin, wherever it is placed.
    pub async fn begin(&self, step: &Step) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client(), "default");
        pods.create(&PostParams::default(), &step.pod(self)?).await?;
        let runs = |pod: Option<&Pod>| phase(pod) == "Running";
        tokio::time::timeout(SOON, await_condition(pods, &step.name, runs)).await??;
        Ok(())
    }

    /// Removes a step at once.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client(), "default");
        pods.delete(name, &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }

    /// Runs a step to its end, wherever it is placed.
    pub async fn run(&self, step: &Step) -> Result<Ran> {
        let pods: Api<Pod> = Api::namespaced(self.cluster.client(), "default");
        let nodes = self.cluster.nodes().iter();
        let before: Vec<_> =
            nodes.map(|node| Ok((node.name(), node.rx_bytes()?))).collect::<Result<_>>()?;
        pods.create(&PostParams::default(), &step.pod(self)?).await?;
        let has_ended = |pod: Option<&Pod>| matches!(phase(pod), "Succeeded" | "Failed");
        let ended = await_condition(pods.clone(), &step.name, has_ended);
        let ended = tokio::time::timeout(SOON, ended).await;
        let log = || fs::read_to_string(self.path(&format!("said/{}.log", step.name)));
        let Ok(Ok(Some(pod))) = ended else {
            bail!(
                "{} has not ended: {:?}, {:?}",
                step.name,
                pods.get(&step.name).await?.status,
                log()
            );
        };
        ensure!(phase(Some(&pod)) == "Succeeded", "{} failed: {:?}", step.name, log());
        let node = pod.spec.and_then(|spec| spec.node_name).context("on no node")?;
        let received = self.cluster.node(&node)?.rx_bytes()?;
        let before = before.into_iter().find(|(name, _)| *name == node).context("a new node")?.1;
        let text = fs::read(self.path(&format!("said/{}.json", step.name)))?;
        let lasted = self
            .said_at(&format!("{}.json", step.name))?
            .duration_since(self.said_at(&format!("{}.begun", step.name))?)?;
        Ok(Ran {
            node,
            said: serde_json::from_slice(&text)?,
            seconds: lasted.as_secs_f64(),
            received_bytes: received - before,
        })
    }

    /// When a step last wrote a file.
    pub fn said_at(&self, name: &str) -> Result<SystemTime> {
        let path = self.path("said").join(name);
        Ok(fs::metadata(&path).with_context(|| format!("{}", path.display()))?.modified()?)
    }
}

fn phase(pod: Option<&Pod>) -> &str {
    let phase = pod.and_then(|pod| pod.status.as_ref()?.phase.as_deref());
    phase.unwrap_or_default()
}
