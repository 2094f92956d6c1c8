//! Claims and what is behind them: objects of the API, their few fields, and what the model needs of them.
//!
//! Kinds of `v1` and `storage.k8s.io/v1`. Decides who attaches a persistent volume, for the in-tree kinds
//! too that Kubernetes has long handed to drivers, and from where it can be used. Odd values are untold.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::{core::v1 as core, storage::v1 as storage};
use kube::core::{ClusterResourceScope, NamespaceResourceScope, ObjectMeta, Resource};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::edge::object::Named;
use crate::model::claim::{
    AccessMode, AttachState, AttachmentFacts, ClaimFacts, ClassFacts, DiskFacts, DriverFacts,
    NodeDriverFacts, Reach, StorageObject,
};

/// Where the scheduler says for which node a volume shall be made.
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// The last part of label keys by which drivers name a zone, as `topology.kubernetes.io/zone`.
const ZONE: &str = "zone";
/// And a node, as `kubernetes.io/hostname`, `topology.hostpath.csi/node`.
const NODE: [&str; 2] = ["hostname", "node"];

/// An object of a kind that is watched for the sake of claims.
pub trait ToStorage {
    /// What the model needs of it; `None` for one that says nothing of claims.
    fn facts(self) -> Option<StorageObject>;
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct ClaimObject {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub spec: Option<ClaimSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct ClaimSpec {
    pub volume_name: Option<String>,
    pub storage_class_name: Option<String>,
    pub access_modes: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct DiskObject {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub spec: Option<DiskSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct DiskSpec {
    pub access_modes: Option<Vec<String>>,
    pub csi: Option<CsiSource>,
    pub aws_elastic_block_store: Option<IgnoredAny>,
    pub gce_persistent_disk: Option<IgnoredAny>,
    pub azure_disk: Option<IgnoredAny>,
    pub cinder: Option<IgnoredAny>,
    pub vsphere_volume: Option<IgnoredAny>,
    pub node_affinity: Option<NodeAffinity>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct CsiSource {
    pub driver: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct NodeAffinity {
    pub required: Option<NodeSelector>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct NodeSelector {
    pub node_selector_terms: Option<Vec<NodeSelectorTerm>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct NodeSelectorTerm {
    pub match_expressions: Option<Vec<Requirement>>,
    pub match_fields: Option<Vec<Requirement>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct Requirement {
    pub key: Option<String>,
    pub operator: Option<String>,
    pub values: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct ClassObject {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub provisioner: Option<String>,
    pub volume_binding_mode: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct AttachmentObject {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub spec: Option<AttachmentSpec>,
    pub status: Option<AttachmentStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct AttachmentSpec {
    pub attacher: Option<String>,
    pub node_name: Option<String>,
    pub source: Option<AttachmentSource>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct AttachmentSource {
    pub persistent_volume_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct AttachmentStatus {
    pub attached: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct DriverObject {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub spec: Option<DriverSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct DriverSpec {
    pub attach_required: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct NodeDriversObject {
    #[serde(default)]
    pub metadata: ObjectMeta,
    pub spec: Option<NodeDriversSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct NodeDriversSpec {
    pub drivers: Option<Vec<NodeDriver>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct NodeDriver {
    pub name: Option<String>,
    pub allocatable: Option<DriverLimit>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "named and described in the API")]
pub struct DriverLimit {
    pub count: Option<i64>,
}

watched!(ClaimObject, core::PersistentVolumeClaim, NamespaceResourceScope);
watched!(DiskObject, core::PersistentVolume, ClusterResourceScope);
watched!(ClassObject, storage::StorageClass, ClusterResourceScope);
watched!(AttachmentObject, storage::VolumeAttachment, ClusterResourceScope);
watched!(DriverObject, storage::CSIDriver, ClusterResourceScope);
watched!(NodeDriversObject, storage::CSINode, ClusterResourceScope);

impl ToStorage for ClaimObject {
    fn facts(self) -> Option<StorageObject> {
        let spec = self.spec.unwrap_or_default();
        let annotations = self.metadata.annotations.as_ref();
        let selected = annotations.and_then(|annotations| annotations.get(SELECTED_NODE));
        Some(StorageObject::Claim(ClaimFacts {
            namespace: self.metadata.namespace().to_owned(),
            name: self.metadata.name().to_owned(),
            volume: told(spec.volume_name),
            class: told(spec.storage_class_name),
            modes: modes(spec.access_modes),
            selected_node: told(selected.cloned()),
        }))
    }
}

impl ToStorage for DiskObject {
    fn facts(self) -> Option<StorageObject> {
        let spec = self.spec.unwrap_or_default();
        Some(StorageObject::Volume(DiskFacts {
            name: self.metadata.name().to_owned(),
            driver: spec.driver(),
            modes: modes(spec.access_modes),
            reach: reach(spec.node_affinity),
        }))
    }
}

impl ToStorage for ClassObject {
    fn facts(self) -> Option<StorageObject> {
        Some(StorageObject::Class(ClassFacts {
            name: self.metadata.name().to_owned(),
            provisioner: self.provisioner.unwrap_or_default(),
            waits_for_pod: self.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"),
        }))
    }
}

impl ToStorage for AttachmentObject {
    fn facts(self) -> Option<StorageObject> {
        let spec = self.spec.unwrap_or_default();
        let is_attached = self.status.and_then(|status| status.attached) == Some(true);
        let state = match (&self.metadata.deletion_timestamp, is_attached) {
            (Some(_), _) => AttachState::Detaching,
            (None, true) => AttachState::Attached,
            (None, false) => AttachState::Attaching,
        };
        Some(StorageObject::Attachment(AttachmentFacts {
            name: self.metadata.name().to_owned(),
            // One of a volume that a pod has inline and no claim names.
            volume: told(spec.source?.persistent_volume_name)?,
            node: told(spec.node_name)?,
            driver: spec.attacher.unwrap_or_default(),
            state,
        }))
    }
}

impl ToStorage for DriverObject {
    fn facts(self) -> Option<StorageObject> {
        let attaches = self.spec.and_then(|spec| spec.attach_required).unwrap_or(true);
        let name = self.metadata.name().to_owned();
        Some(StorageObject::Driver(DriverFacts { name, attaches }))
    }
}

impl ToStorage for NodeDriversObject {
    fn facts(self) -> Option<StorageObject> {
        let drivers = self.spec.and_then(|spec| spec.drivers).unwrap_or_default().into_iter();
        let limits = drivers.filter_map(|driver| {
            let count = driver.allocatable.and_then(|limit| limit.count);
            Some((driver.name?, count.and_then(|count| u32::try_from(count).ok())))
        });
        let node = self.metadata.name().to_owned();
        Some(StorageObject::NodeDrivers(NodeDriverFacts { node, limits: limits.collect() }))
    }
}

impl DiskSpec {
    /// Who attaches it: for in-tree kinds the driver that does so in their place.
    /// Source: `k8s.io/csi-translation-lib`, 1.37.
    fn driver(&self) -> Option<String> {
        if let Some(csi) = &self.csi {
            return told(csi.driver.clone());
        }
        let in_tree = [
            (&self.aws_elastic_block_store, "ebs.csi.aws.com"),
            (&self.gce_persistent_disk, "pd.csi.storage.gke.io"),
            (&self.azure_disk, "disk.csi.azure.com"),
            (&self.cinder, "cinder.csi.openstack.org"),
            (&self.vsphere_volume, "csi.vsphere.vmware.com"),
        ];
        let found = in_tree.into_iter().find(|(source, _)| source.is_some());
        found.map(|(_, driver)| driver.to_owned())
    }
}

fn told(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn modes(names: Option<Vec<String>>) -> Vec<AccessMode> {
    let names = names.into_iter().flatten();
    let mut modes: Vec<_> = names.filter_map(|name| AccessMode::named(&name)).collect();
    modes.sort_unstable();
    modes.dedup();
    modes
}

/// The zones or nodes that every term asks for by name; terms are alternatives.
fn reach(affinity: Option<NodeAffinity>) -> Reach {
    let terms = affinity.and_then(|affinity| affinity.required?.node_selector_terms);
    let mut values: BTreeMap<bool, Vec<String>> = BTreeMap::new();
    for term in terms.into_iter().flatten() {
        let fields = term.match_fields.into_iter().flatten().map(|field| (true, field));
        let labels = term.match_expressions.into_iter().flatten();
        let labels = labels.filter_map(|label| Some((names_node(label.key.as_deref()?)?, label)));
        let named = fields.chain(labels);
        let named = named.filter(|(_, named)| named.operator.as_deref() == Some("In"));
        // Within a term all must hold, so that the node, if there is one, says most.
        let Some((is_node, named)) = named.max_by_key(|(is_node, _)| *is_node) else {
            return Reach::Anywhere;
        };
        values.entry(is_node).or_default().extend(named.values.into_iter().flatten());
    }
    if values.len() != 1 {
        return Reach::Anywhere;
    }
    let Some((is_node, mut values)) = values.pop_first() else { return Reach::Anywhere };
    values.sort_unstable();
    values.dedup();
    if is_node { Reach::Nodes(values) } else { Reach::Zones(values) }
}

/// Whether a label key names a node, or else a zone; `None` for any other.
fn names_node(key: &str) -> Option<bool> {
    let (_, last) = key.rsplit_once('/')?;
    match last {
        ZONE => Some(false),
        last => NODE.contains(&last).then_some(true),
    }
}
