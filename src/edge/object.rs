//! Kubernetes objects, as few of their fields as placement needs, and their way into the model.
//!
//! One set of types for watch streams, scheduler requests and `explain`: every field may be missing
//! or null, unknown ones are skipped without being kept, `kind` and `apiVersion` are not asked for.
//! Field names are those of `k8s.io/api/core/v1`. [`convert`] makes model facts of them.

pub mod amount;
pub mod claim;
pub mod convert;
pub mod kept;
pub mod mount;
pub mod pulled;
pub mod run;

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use kube::core::{ClusterResourceScope, NamespaceResourceScope, ObjectMeta, Resource};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::edge::object::amount::{Amounts, Resources};
use crate::edge::object::kept::{Annotations, Env};
use crate::edge::object::pulled::EventObject;

/// A pod; `M` is how much of its metadata is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(bound(deserialize = "M: Deserialize<'de> + Default"))]
pub struct PodObject<M = Metadata> {
    /// Name, namespace, uid, labels.
    #[serde(default)]
    pub metadata: M,
    /// What it asks for.
    #[serde(default)]
    pub spec: Option<PodSpec>,
    /// How far it has come.
    #[serde(default)]
    pub status: Option<PodStatus>,
}

/// A node; `M` is how much of its metadata is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(bound(deserialize = "M: Deserialize<'de> + Default"))]
pub struct NodeObject<M = Metadata> {
    /// Name and labels.
    #[serde(default)]
    pub metadata: M,
    /// What its kubelet reports.
    #[serde(default)]
    pub status: Option<NodeStatus>,
}

/// The metadata that placement reads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct Metadata {
    pub name: Option<String>,
    pub namespace: Option<String>,
    pub uid: Option<String>,
    pub labels: Option<BTreeMap<String, String>>,
    pub annotations: Option<Annotations>,
    pub owner_references: Option<Vec<OwnerReference>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct OwnerReference {
    pub kind: Option<String>,
    pub uid: Option<String>,
    pub controller: Option<bool>,
}

/// The object that made another one and looks after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controller<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// Its uid.
    pub uid: &'a str,
}

/// Metadata, however much of it was kept.
pub trait Named {
    /// `metadata.name`, empty if untold.
    fn name(&self) -> &str;
    /// `metadata.namespace`, empty if untold.
    fn namespace(&self) -> &str;
    /// `metadata.uid`, empty if untold.
    fn uid(&self) -> &str;
    /// `metadata.labels`.
    fn labels(&self) -> Option<&BTreeMap<String, String>>;
    /// The annotation of a key, if it is one of [`run::ANNOTATIONS`].
    fn annotation(&self, key: &str) -> Option<&str>;
    /// The entry of `metadata.ownerReferences` that is the controller's.
    fn controller(&self) -> Option<Controller<'_>>;
}

macro_rules! named {
    ($type:ty) => {
        impl Named for $type {
            fn name(&self) -> &str {
                self.name.as_deref().unwrap_or_default()
            }
            fn namespace(&self) -> &str {
                self.namespace.as_deref().unwrap_or_default()
            }
            fn uid(&self) -> &str {
                self.uid.as_deref().unwrap_or_default()
            }
            fn labels(&self) -> Option<&BTreeMap<String, String>> {
                self.labels.as_ref()
            }
            fn annotation(&self, key: &str) -> Option<&str> {
                self.annotations.as_ref()?.get(key).map(String::as_str)
            }
            fn controller(&self) -> Option<Controller<'_>> {
                let mut owners = self.owner_references.iter().flatten();
                let owner = owners.find(|owner| owner.controller == Some(true))?;
                Some(Controller { kind: text(&owner.kind), uid: text(&owner.uid) })
            }
        }
    };
}
/// A text of the API: required or not, it may be missing here.
fn text<'a>(told: impl Into<Option<&'a String>>) -> &'a str {
    told.into().map(String::as_str).unwrap_or_default()
}
named!(Metadata);
named!(ObjectMeta);

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct PodSpec {
    pub containers: Option<Vec<Container>>,
    pub init_containers: Option<Vec<Container>>,
    pub volumes: Option<Vec<Volume>>,
    pub image_pull_secrets: Option<Vec<LocalReference>>,
    pub node_name: Option<String>,
    pub restart_policy: Option<String>,
    pub scheduler_name: Option<String>,
    pub resources: Option<Resources>,
    pub overhead: Option<Amounts>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct Container {
    pub name: Option<String>,
    pub image: Option<String>,
    pub image_pull_policy: Option<String>,
    pub env: Option<Env>,
    pub resources: Option<Resources>,
    pub restart_policy: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct Volume {
    pub name: Option<String>,
    pub image: Option<ImageVolume>,
    pub persistent_volume_claim: Option<ClaimVolume>,
    pub ephemeral: Option<IgnoredAny>,
    pub csi: Option<CsiVolume>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct ClaimVolume {
    pub claim_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct CsiVolume {
    pub driver: Option<String>,
    pub volume_attributes: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct ImageVolume {
    pub reference: Option<String>,
    pub pull_policy: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct LocalReference {
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct PodStatus {
    pub phase: Option<String>,
    pub conditions: Option<Vec<Condition>>,
    pub container_statuses: Option<Vec<ContainerStatus>>,
    pub init_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub status: Option<String>,
    pub last_transition_time: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct ContainerStatus {
    pub name: Option<String>,
    #[serde(rename = "imageID")]
    pub image_id: Option<String>,
    pub state: Option<ContainerState>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct ContainerState {
    pub waiting: Option<WaitingState>,
    pub terminated: Option<TerminatedState>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct WaitingState {
    pub reason: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct TerminatedState {
    pub finished_at: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct NodeStatus {
    pub images: Option<Vec<ContainerImage>>,
    pub node_info: Option<NodeInfo>,
    pub allocatable: Option<Amounts>,
    pub conditions: Option<Vec<Condition>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct ContainerImage {
    pub names: Option<Vec<String>>,
    pub size_bytes: Option<i64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct NodeInfo {
    pub architecture: Option<String>,
    pub operating_system: Option<String>,
    pub kubelet_version: Option<String>,
}

/// Makes an object of few fields one that kube can watch, as upstream's type of all fields is.
macro_rules! watched {
    ($object:ident, $upstream:ty, $scope:ty) => {
        impl Resource for $object<ObjectMeta> {
            type DynamicType = ();
            type Scope = $scope;

            fn kind(_: &()) -> Cow<'_, str> {
                <$upstream as Resource>::kind(&())
            }
            fn group(_: &()) -> Cow<'_, str> {
                <$upstream as Resource>::group(&())
            }
            fn version(_: &()) -> Cow<'_, str> {
                <$upstream as Resource>::version(&())
            }
            fn plural(_: &()) -> Cow<'_, str> {
                <$upstream as Resource>::plural(&())
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

watched!(PodObject, core::Pod, NamespaceResourceScope);
watched!(NodeObject, core::Node, ClusterResourceScope);
watched!(EventObject, core::Event, NamespaceResourceScope);
