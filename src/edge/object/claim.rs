//! Claims and what is behind them: what the model needs of these objects of the API.
//!
//! Kinds of `v1` and `storage.k8s.io/v1`, decoded whole: they are few and small beside pods and nodes.
//! Decides who attaches a persistent volume, for the in-tree kinds too that Kubernetes has long handed to
//! drivers, and from where it can be used. Odd values are untold.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec, VolumeNodeAffinity,
};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};

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

impl ToStorage for PersistentVolumeClaim {
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

impl ToStorage for PersistentVolume {
    fn facts(self) -> Option<StorageObject> {
        let spec = self.spec.unwrap_or_default();
        Some(StorageObject::Volume(DiskFacts {
            name: self.metadata.name().to_owned(),
            driver: driver(&spec),
            modes: modes(spec.access_modes),
            reach: reach(spec.node_affinity),
        }))
    }
}

impl ToStorage for StorageClass {
    fn facts(self) -> Option<StorageObject> {
        Some(StorageObject::Class(ClassFacts {
            name: self.metadata.name().to_owned(),
            provisioner: self.provisioner,
            waits_for_pod: self.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"),
        }))
    }
}

impl ToStorage for VolumeAttachment {
    fn facts(self) -> Option<StorageObject> {
        let is_attached = self.status.is_some_and(|status| status.attached);
        let state = match (&self.metadata.deletion_timestamp, is_attached) {
            (Some(_), _) => AttachState::Detaching,
            (None, true) => AttachState::Attached,
            (None, false) => AttachState::Attaching,
        };
        Some(StorageObject::Attachment(AttachmentFacts {
            name: self.metadata.name().to_owned(),
            // One of a volume that a pod has inline and no claim names.
            volume: told(self.spec.source.persistent_volume_name)?,
            node: told(Some(self.spec.node_name))?,
            state,
        }))
    }
}

impl ToStorage for CSIDriver {
    fn facts(self) -> Option<StorageObject> {
        let attaches = self.spec.attach_required.unwrap_or(true);
        let name = self.metadata.name().to_owned();
        Some(StorageObject::Driver(DriverFacts { name, attaches }))
    }
}

impl ToStorage for CSINode {
    fn facts(self) -> Option<StorageObject> {
        let limits = self.spec.drivers.into_iter().filter_map(|driver| {
            let count = driver.allocatable.and_then(|limit| limit.count);
            Some((told(Some(driver.name))?, count.and_then(|count| u32::try_from(count).ok())))
        });
        let node = self.metadata.name().to_owned();
        Some(StorageObject::NodeDrivers(NodeDriverFacts { node, limits: limits.collect() }))
    }
}

/// Who attaches a volume: for in-tree kinds the driver that does so in their place.
/// Source: `k8s.io/csi-translation-lib`, 1.37.
fn driver(spec: &PersistentVolumeSpec) -> Option<String> {
    if let Some(csi) = &spec.csi {
        return told(Some(csi.driver.clone()));
    }
    let in_tree = [
        (spec.aws_elastic_block_store.is_some(), "ebs.csi.aws.com"),
        (spec.gce_persistent_disk.is_some(), "pd.csi.storage.gke.io"),
        (spec.azure_disk.is_some(), "disk.csi.azure.com"),
        (spec.cinder.is_some(), "cinder.csi.openstack.org"),
        (spec.vsphere_volume.is_some(), "csi.vsphere.vmware.com"),
    ];
    let found = in_tree.into_iter().find(|(is_it, _)| *is_it);
    found.map(|(_, driver)| driver.to_owned())
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
fn reach(affinity: Option<VolumeNodeAffinity>) -> Reach {
    let required = affinity.and_then(|affinity| affinity.required);
    let terms = required.unwrap_or_default().node_selector_terms;
    let mut values: BTreeMap<bool, Vec<String>> = BTreeMap::new();
    for term in terms {
        let fields = term.match_fields.into_iter().flatten().map(|field| (true, field));
        let labels = term.match_expressions.into_iter().flatten();
        let labels = labels.filter_map(|label| Some((names_node(&label.key)?, label)));
        let named = fields.chain(labels);
        let named = named.filter(|(_, named)| named.operator == "In");
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
