//! Nodes that are ready, have room and hold images, with no kubelet behind
//! them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{
    ContainerImage, Node, NodeCondition, NodeSpec as ApiNodeSpec, NodeStatus, NodeSystemInfo,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use super::WRITERS;

/// An image as a node reports it.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its names: digests and tags.
    pub names: Vec<String>,
    /// Its size on disk.
    pub bytes: i64,
}

impl Image {
    /// An image of one name.
    pub fn new(name: &str, bytes: i64) -> Self {
        Self { names: vec![name.to_owned()], bytes }
    }
}

/// What a node is to look like; `new` gives a roomy one without images.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Its name, and its `kubernetes.io/hostname`.
    pub name: String,
    /// Allocatable processors.
    pub cpu: String,
    /// Allocatable memory.
    pub memory: String,
    /// Pods it takes.
    pub pods: u32,
    /// The images it reports.
    pub images: Vec<Image>,
    /// Labels beside host name, system and architecture.
    pub labels: BTreeMap<String, String>,
    /// Its processor's architecture.
    pub arch: String,
    /// Its operating system.
    pub os: String,
    /// The version its kubelet claims.
    pub kubelet_version: String,
}

impl NodeSpec {
    /// 32 processors, 128 GiB, 110 pods.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            cpu: "32".to_owned(),
            memory: "128Gi".to_owned(),
            pods: 110,
            images: Vec::new(),
            labels: BTreeMap::new(),
            arch: "amd64".to_owned(),
            os: "linux".to_owned(),
            kubelet_version: "v1.37.2".to_owned(),
        }
    }

    /// The same node with one more image.
    pub fn holding(mut self, name: &str, bytes: i64) -> Self {
        self.images.push(Image::new(name, bytes));
        self
    }

    fn all_labels(&self) -> BTreeMap<String, String> {
        let own = [
            ("kubernetes.io/hostname", &self.name),
            ("kubernetes.io/os", &self.os),
            ("kubernetes.io/arch", &self.arch),
        ];
        let mut labels: BTreeMap<_, _> =
            own.into_iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        labels.extend(self.labels.clone());
        labels
    }

    fn status(&self) -> NodeStatus {
        let room = BTreeMap::from([
            ("cpu".to_owned(), Quantity(self.cpu.clone())),
            ("memory".to_owned(), Quantity(self.memory.clone())),
            ("pods".to_owned(), Quantity(self.pods.to_string())),
            ("ephemeral-storage".to_owned(), Quantity("500Gi".to_owned())),
        ]);
        NodeStatus {
            capacity: Some(room.clone()),
            allocatable: Some(room),
            conditions: Some(vec![ready()]),
            images: Some(self.images.iter().map(reported).collect()),
            node_info: Some(NodeSystemInfo {
                architecture: self.arch.clone(),
                operating_system: self.os.clone(),
                kubelet_version: self.kubelet_version.clone(),
                container_runtime_version: "containerd://2.4.2".to_owned(),
                ..NodeSystemInfo::default()
            }),
            ..NodeStatus::default()
        }
    }
}

impl From<&NodeSpec> for Node {
    fn from(spec: &NodeSpec) -> Self {
        Self {
            metadata: ObjectMeta {
                name: Some(spec.name.clone()),
                labels: Some(spec.all_labels()),
                ..ObjectMeta::default()
            },
            spec: Some(ApiNodeSpec::default()),
            status: Some(spec.status()),
        }
    }
}

/// Makes nodes, several at a time. A node is made with its status, as a
/// kubelet does: it is never seen half made.
pub async fn make_nodes(client: &Client, specs: &[NodeSpec]) -> Result<()> {
    let nodes: Api<Node> = Api::all(client.clone());
    stream::iter(specs)
        .map(Ok)
        .try_for_each_concurrent(WRITERS, |spec| {
            let nodes = nodes.clone();
            async move {
                nodes
                    .create(&PostParams::default(), &spec.into())
                    .await
                    .with_context(|| format!("cannot make node {}", spec.name))?;
                Ok(())
            }
        })
        .await
}

/// Replaces the images that a node reports.
pub async fn report_images(client: &Client, node: &str, images: &[Image]) -> Result<()> {
    let images: Vec<_> = images.iter().map(reported).collect();
    // A merge patch replaces a list as a whole.
    let patch = Patch::Merge(json!({"status": {"images": images}}));
    Api::<Node>::all(client.clone())
        .patch_status(node, &PatchParams::default(), &patch)
        .await
        .with_context(|| format!("cannot change the images of node {node}"))?;
    Ok(())
}

fn ready() -> NodeCondition {
    NodeCondition {
        type_: "Ready".to_owned(),
        status: "True".to_owned(),
        reason: Some("KubeletReady".to_owned()),
        ..NodeCondition::default()
    }
}

fn reported(image: &Image) -> ContainerImage {
    ContainerImage { names: Some(image.names.clone()), size_bytes: Some(image.bytes) }
}
