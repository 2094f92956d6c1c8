//! Disks on the network as API objects: what a provisioner and the attach controller would write.
//!
//! No driver runs here, so that nothing is ever attached; a test says where a disk is.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::core::v1::{
    CSIPersistentVolumeSource, ObjectReference, PersistentVolume, PersistentVolumeClaim,
    PersistentVolumeClaimSpec, PersistentVolumeClaimVolumeSource, PersistentVolumeSpec, Pod,
    Volume, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::api::storage::v1::{
    CSINode, CSINodeDriver, CSINodeSpec, VolumeAttachment, VolumeAttachmentSource,
    VolumeAttachmentSpec, VolumeNodeResources,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

const DRIVER: &str = "disk.example";
/// To how many disks a node of most clouds can be attached, or more.
const ATTACHED_MAX: i32 = 25;

/// Says that a driver runs on each node, as its registrar does.
pub async fn announce_driver(client: &Client, nodes: &[String]) -> Result<()> {
    let api: Api<CSINode> = Api::all(client.clone());
    for node in nodes {
        let driver = CSINodeDriver {
            name: DRIVER.to_owned(),
            node_id: node.clone(),
            allocatable: Some(VolumeNodeResources { count: Some(ATTACHED_MAX) }),
            ..CSINodeDriver::default()
        };
        let node = CSINode {
            metadata: ObjectMeta { name: Some(node.clone()), ..ObjectMeta::default() },
            spec: CSINodeSpec { drivers: vec![driver] },
            ..CSINode::default()
        };
        api.create(&PostParams::default(), &node).await?;
    }
    Ok(())
}

/// Makes a claim of a namespace, bound to a disk `disk-NAME` that one node can use at a time.
pub async fn make_claim(client: &Client, namespace: &str, name: &str) -> Result<()> {
    let modes = Some(vec!["ReadWriteOnce".to_owned()]);
    let room = BTreeMap::from([("storage".to_owned(), Quantity("10Gi".to_owned()))]);
    let disk = PersistentVolume {
        metadata: ObjectMeta { name: Some(disk_of(name)), ..ObjectMeta::default() },
        spec: Some(PersistentVolumeSpec {
            access_modes: modes.clone(),
            capacity: Some(room.clone()),
            claim_ref: Some(ObjectReference {
                namespace: Some(namespace.to_owned()),
                name: Some(name.to_owned()),
                ..ObjectReference::default()
            }),
            csi: Some(CSIPersistentVolumeSource {
                driver: DRIVER.to_owned(),
                volume_handle: name.to_owned(),
                ..CSIPersistentVolumeSource::default()
            }),
            ..PersistentVolumeSpec::default()
        }),
        ..PersistentVolume::default()
    };
    Api::all(client.clone()).create(&PostParams::default(), &disk).await?;
    // What the volume controller writes once the two belong together; the scheduler looks for it.
    let bound = ("pv.kubernetes.io/bind-completed".to_owned(), "yes".to_owned());
    let claim = PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            annotations: Some(BTreeMap::from([bound])),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: modes,
            volume_name: Some(disk_of(name)),
            storage_class_name: Some(String::new()),
            resources: Some(VolumeResourceRequirements {
                requests: Some(room),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    };
    Api::namespaced(client.clone(), namespace).create(&PostParams::default(), &claim).await?;
    Ok(())
}

/// The same pod with a claim mounted.
pub fn mounting(mut pod: Pod, claim: &str) -> Pod {
    let spec = pod.spec.get_or_insert_default();
    spec.volumes.get_or_insert_default().push(Volume {
        name: "workspace".to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: claim.to_owned(),
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..Volume::default()
    });
    for container in &mut spec.containers {
        container.volume_mounts.get_or_insert_default().push(VolumeMount {
            name: "workspace".to_owned(),
            mount_path: "/workspace".to_owned(),
            ..VolumeMount::default()
        });
    }
    pod
}

/// Attaches the disk of a claim to a node, and takes it off the node where it was.
pub async fn attach(client: &Client, claim: &str, node: &str, before: Option<&str>) -> Result<()> {
    let api: Api<VolumeAttachment> = Api::all(client.clone());
    if before == Some(node) {
        return Ok(());
    }
    if let Some(before) = before {
        api.delete(&attachment_of(claim, before), &DeleteParams::default()).await?;
    }
    let name = attachment_of(claim, node);
    let attachment = VolumeAttachment {
        metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
        spec: VolumeAttachmentSpec {
            attacher: DRIVER.to_owned(),
            node_name: node.to_owned(),
            source: VolumeAttachmentSource {
                persistent_volume_name: Some(disk_of(claim)),
                ..VolumeAttachmentSource::default()
            },
        },
        status: None,
    };
    api.create(&PostParams::default(), &attachment).await?;
    let attached = Patch::Merge(json!({ "status": { "attached": true } }));
    api.patch_status(&name, &PatchParams::default(), &attached).await?;
    Ok(())
}

fn disk_of(claim: &str) -> String {
    format!("disk-{claim}")
}

fn attachment_of(claim: &str, node: &str) -> String {
    format!("csi-{claim}-{node}")
}
