//! What happens to a cluster: nodes in zones, pods of runs, of which one fails, one is deleted before it is
//! bound, and one goes with its node.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::placement::manifest::{self, Manifest};
use crate::testbed::{
    ControlPlane, NodeSpec, PodSpec, Scheduler, SchedulerOptions, await_bound, make_namespace,
    make_nodes, make_pods,
};

pub const SPACE: &str = "secret-steps";
pub const BUILD: &str = "registry.secret.example/ci/build:1";
pub const TEST: &str = "registry.secret.example/ci/test:1";
/// Whose layers nobody knows.
pub const UNKNOWN: &str = "registry.secret.example/ci/unknown:1";
pub const KEY: &str = "secret-key@1";
const HOST: &str = "kubernetes.io/hostname";
const WITHIN: Duration = Duration::from_secs(120);

/// A control plane with four nodes, and how many pods were bound.
pub struct Cluster {
    // Dropped in this order: the scheduler before the plane that it talks to.
    _scheduler: Scheduler,
    pub plane: ControlPlane,
    bound: usize,
    /// Where each pod was bound.
    pub landed: BTreeMap<String, String>,
}

impl Cluster {
    pub async fn start() -> Result<Self> {
        let plane = ControlPlane::start().await?;
        let node = |name: &str| {
            let mut node = NodeSpec::new(&format!("secret-node-{name}"));
            let zone = format!("secret-zone-{}", if name < "c" { "x" } else { "y" });
            node.labels.insert("topology.kubernetes.io/zone".to_owned(), zone);
            if name == "a" { node.holding(UNKNOWN, 77_000_000) } else { node }
        };
        make_nodes(&plane.client(), &["a", "b", "c", "d"].map(node)).await?;
        make_namespace(&plane.client(), SPACE).await?;
        let base = ("base", 90);
        let manifests = [
            Manifest::new(BUILD, &[base, ("build", 200)]),
            Manifest::new(TEST, &[base, ("tools", 50), ("test", 30)]),
        ];
        manifest::write(&plane.dir().join("manifests.jsonl"), &manifests)?;
        let scheduler = Scheduler::start(&plane, SchedulerOptions::default()).await?;
        Ok(Self { _scheduler: scheduler, plane, bound: 0, landed: BTreeMap::new() })
    }

    /// The flag that names the manifests.
    pub fn manifests(&self) -> String {
        format!("--manifests={}", self.plane.dir().join("manifests.jsonl").display())
    }

    /// Makes pods and waits until they are bound.
    pub async fn place(&mut self, pods: Vec<Pod>) -> Result<()> {
        self.place_more(pods, 0).await
    }

    /// The same after so many that were bound were deleted.
    pub async fn place_more(&mut self, pods: Vec<Pod>, deleted: usize) -> Result<()> {
        self.bound = self.bound + pods.len() - deleted;
        let client = self.plane.client();
        make_pods(&client, SPACE, pods).await?;
        self.landed = await_bound(&client, SPACE, self.bound, WITHIN).await?;
        Ok(())
    }

    /// Pods, and the phases that they pass through, one after the other.
    pub async fn pass(&self, pods: &[&str], phases: &[&str]) -> Result<()> {
        for pod in pods {
            for phase in phases {
                let patch = Patch::Merge(json!({ "status": { "phase": phase } }));
                self.pods().patch_status(pod, &PatchParams::default(), &patch).await?;
            }
        }
        Ok(())
    }

    /// The kubeconfig of an account that may do what deploy/README.md says, and nothing else.
    pub async fn account(&self) -> Result<PathBuf> {
        let (client, create) = (self.plane.client(), PostParams::default());
        let named = json!({"name": "recorder", "namespace": "default"});
        let account: ServiceAccount = serde_json::from_value(json!({"metadata": named}))?;
        Api::namespaced(client.clone(), "default").create(&create, &account).await?;
        let verbs = ["list", "watch"];
        let published = ["nodeinventories", "imagemanifests"];
        let role: ClusterRole = serde_json::from_value(json!({
            "metadata": {"name": "recorder"},
            "rules": [
                {"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": verbs},
                {"apiGroups": ["dunnage.dev"], "resources": published, "verbs": verbs},
            ],
        }))?;
        Api::all(client.clone()).create(&create, &role).await?;
        let binding: ClusterRoleBinding = serde_json::from_value(json!({
            "metadata": {"name": "recorder"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "recorder",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "recorder", "namespace": "default"}]
        }))?;
        Api::all(client).create(&create, &binding).await?;
        self.plane.kubeconfig_for_service_account("default", "recorder").await
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.plane.client(), SPACE)
    }

    pub async fn delete_pod(&self, name: &str) -> Result<()> {
        self.pods().delete(name, &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }

    pub async fn delete_node(&self, name: &str) -> Result<()> {
        let nodes: Api<Node> = Api::all(self.plane.client());
        nodes.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }
}

/// A pod of a run.
pub fn step(name: &str, image: &str) -> Pod {
    let mut pod: Pod = PodSpec::new(name, image).into();
    annotate(&mut pod, "dunnage.dev/run", &json!("secret-run"));
    pod
}

/// A pod that can go to one node only.
pub fn pinned(mut pod: Pod, node: &str) -> Result<Pod> {
    let spec = pod.spec.as_mut().context("a pod has a spec")?;
    spec.node_selector.get_or_insert_default().insert(HOST.to_owned(), node.to_owned());
    Ok(pod)
}

/// A pod that reads or leaves the volume.
pub fn with_volume(mut pod: Pod, annotation: &str) -> Pod {
    let volume = json!([{ "key": KEY, "kind": "output", "bytes": 50_000_000 }]);
    annotate(&mut pod, annotation, &volume);
    pod
}

fn annotate(pod: &mut Pod, key: &str, value: &Value) {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    pod.metadata.annotations.get_or_insert_default().insert(key.to_owned(), text);
}

/// A pod that serves for ever and takes four processors.
pub fn server(name: &str) -> Pod {
    let mut pod = PodSpec::new(name, "registry.secret.example/server:1");
    (pod.cpu, pod.restart_policy) = ("4".to_owned(), "Always".to_owned());
    pod.into()
}
