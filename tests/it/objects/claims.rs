//! Claims, what is behind them, and pods that mount them: real objects and composed ones.

use dunnage::edge::object::PodObject;
use dunnage::edge::object::claim::ToStorage;
use dunnage::edge::object::convert::pod_facts;
use dunnage::model::claim::{
    AccessMode, AttachState, AttachmentFacts, ClaimFacts, ClassFacts, DiskFacts, DriverFacts,
    NodeDriverFacts, Reach, StorageObject,
};
use dunnage::model::run::{RunFacts, RunSource};
use dunnage::model::unit::Bytes;
use dunnage::model::volume::{VolumeFacts, VolumeKind};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{objects, pods, read};

fn facts<K: ToStorage + DeserializeOwned>(object: Value) -> Option<StorageObject> {
    serde_json::from_value::<K>(object).expect("decodes").facts()
}

#[test]
fn claims_of_a_real_cluster_name_their_volumes() {
    let claims: Vec<PersistentVolumeClaim> = objects("volumes/troubleshoot-pvcs.json");
    let claims: Vec<_> = claims.into_iter().filter_map(ToStorage::facts).collect();
    let of = |name: &str, volume: &str, mode| {
        StorageObject::Claim(ClaimFacts {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            volume: Some(volume.to_owned()),
            class: Some("local-path".to_owned()),
            modes: vec![mode],
            selected_node: Some("k3d-mycluster-server-0".to_owned()),
        })
    };
    let first = "pvc-b733694c-a969-4763-9960-d3465c9fccd5";
    let second = "pvc-4e0ec7d1-5ff1-4054-bede-4cbffec0f595";
    assert_eq!(
        claims,
        [
            of("data-postgresql-0", first, AccessMode::OneNode),
            of("redis-data-redis-replicas-0", second, AccessMode::Many)
        ]
    );
}

#[test]
fn objects_with_every_field_are_read() {
    let name = |kind: &str| format!("full-api/HEAD/{kind}.json");
    let StorageObject::Claim(claim) =
        facts::<PersistentVolumeClaim>(read(&name("core.v1.PersistentVolumeClaim")))
            .expect("facts")
    else {
        panic!("no claim")
    };
    assert_eq!(claim.volume.as_deref(), Some("volumeNameValue"));
    assert_eq!((claim.modes.len(), claim.selected_node), (0, None), "a mode of no known name");
    let attachment = AttachmentFacts {
        name: "nameValue".to_owned(),
        volume: "persistentVolumeNameValue".to_owned(),
        node: "nodeNameValue".to_owned(),
        // Attached, and being deleted.
        state: AttachState::Detaching,
    };
    let found = facts::<VolumeAttachment>(read(&name("storage.k8s.io.v1.VolumeAttachment")));
    assert_eq!(found, Some(StorageObject::Attachment(attachment)));
    let limits = vec![("nameValue".to_owned(), Some(1))];
    let drivers = NodeDriverFacts { node: "nameValue".to_owned(), limits };
    let found = facts::<CSINode>(read(&name("storage.k8s.io.v1.CSINode")));
    assert_eq!(found, Some(StorageObject::NodeDrivers(drivers)));
    let found = facts::<PersistentVolume>(read(&name("core.v1.PersistentVolume")));
    let Some(StorageObject::Volume(disk)) = found else { panic!("no volume") };
    assert_eq!(disk.driver.as_deref(), Some("driverValue"), "a CSI driver before anything else");
}

/// A persistent volume of this spec.
fn disk(spec: Value) -> DiskFacts {
    let object = json!({ "metadata": { "name": "d" }, "spec": spec });
    match facts::<PersistentVolume>(object) {
        Some(StorageObject::Volume(facts)) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn in_tree_disks_are_attached_by_the_driver_that_took_them_over_and_shares_by_nobody() {
    for (source, driver) in [
        (json!({ "csi": { "driver": "ebs.csi.aws.com" } }), Some("ebs.csi.aws.com")),
        (json!({ "awsElasticBlockStore": { "volumeID": "v" } }), Some("ebs.csi.aws.com")),
        (json!({ "gcePersistentDisk": { "pdName": "p" } }), Some("pd.csi.storage.gke.io")),
        (json!({ "azureDisk": { "diskName": "p" } }), Some("disk.csi.azure.com")),
        (json!({ "nfs": { "server": "s", "path": "/" } }), None),
        (json!({ "local": { "path": "/mnt" } }), None),
        (json!({ "hostPath": { "path": "/mnt" } }), None),
        (json!({}), None),
    ] {
        assert_eq!(disk(source.clone()).driver.as_deref(), driver, "{source}");
    }
}

#[test]
fn zones_and_nodes_are_read_from_what_a_volume_asks_of_nodes() {
    let term = |key: &str, values: &[&str]| {
        let named = json!({ "key": key, "operator": "In", "values": values });
        json!({ "matchExpressions": [named] })
    };
    let zone = |values| term("topology.kubernetes.io/zone", values);
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    for (terms, expected) in [
        (json!([zone(&["b", "a"])]), Reach::Zones(names(&["a", "b"]))),
        (json!([zone(&["b"]), zone(&["a"])]), Reach::Zones(names(&["a", "b"]))),
        (json!([term("topology.ebs.csi.aws.com/zone", &["a"])]), Reach::Zones(names(&["a"]))),
        (json!([term("kubernetes.io/hostname", &["n"])]), Reach::Nodes(names(&["n"]))),
        (
            json!([{ "matchFields":
                [{ "key": "metadata.name", "operator": "In", "values": ["n"] }] }]),
            Reach::Nodes(names(&["n"])),
        ),
        // One alternative without a name, or a zone or a node: no more is known than that there is a rule.
        (json!([zone(&["a"]), term("disk", &["ssd"])]), Reach::Anywhere),
        (json!([zone(&["a"]), term("kubernetes.io/hostname", &["n"])]), Reach::Anywhere),
        (
            json!([{ "matchExpressions": [{ "key": "x/zone", "operator": "Exists" }] }]),
            Reach::Anywhere,
        ),
        (json!([]), Reach::Anywhere),
    ] {
        let affinity = json!({ "required": { "nodeSelectorTerms": terms } });
        assert_eq!(disk(json!({ "nodeAffinity": affinity })).reach, expected, "{affinity}");
    }
}

#[test]
fn attachments_are_attached_attaching_or_detaching_and_those_of_inline_volumes_are_left_out() {
    let attachment = |deleted: Value, status: Value, source: Value| {
        let metadata = json!({ "name": "csi-1", "deletionTimestamp": deleted });
        let spec = json!({ "attacher": "x", "nodeName": "n", "source": source });
        let object = json!({ "metadata": metadata, "spec": spec, "status": status });
        match facts::<VolumeAttachment>(object) {
            Some(StorageObject::Attachment(facts)) => Some(facts.state),
            _ => None,
        }
    };
    let of_volume = || json!({ "persistentVolumeName": "d" });
    let attached = || json!({ "attached": true });
    let now = || json!("2026-01-01T00:00:00Z");
    for (state, deleted, status) in [
        (AttachState::Attached, Value::Null, attached()),
        (AttachState::Attaching, Value::Null, json!({ "attached": false })),
        (AttachState::Attaching, Value::Null, Value::Null),
        (AttachState::Detaching, now(), attached()),
    ] {
        assert_eq!(attachment(deleted, status, of_volume()), Some(state));
    }
    assert_eq!(attachment(Value::Null, attached(), json!({ "inlineVolumeSpec": {} })), None);
}

#[test]
fn classes_and_drivers_say_when_volumes_are_made_and_whether_they_are_attached() {
    let class = |mode: Value| {
        facts::<StorageClass>(json!({
            "metadata": { "name": "c" }, "provisioner": "x", "volumeBindingMode": mode,
        }))
    };
    let expected = |waits_for_pod| {
        let (name, provisioner) = ("c".to_owned(), "x".to_owned());
        Some(StorageObject::Class(ClassFacts { name, provisioner, waits_for_pod }))
    };
    assert_eq!(class(json!("WaitForFirstConsumer")), expected(true));
    assert_eq!(class(json!("Immediate")), expected(false));
    assert_eq!(class(Value::Null), expected(false));
    for (told, attaches) in [(json!(false), false), (json!(true), true), (Value::Null, true)] {
        let object = json!({ "metadata": { "name": "x" }, "spec": { "attachRequired": told } });
        let expected = DriverFacts { name: "x".to_owned(), attaches };
        assert_eq!(facts::<CSIDriver>(object), Some(StorageObject::Driver(expected)));
    }
}

#[test]
fn missing_and_null_fields_are_untold() {
    let told = |metadata: Value, spec: Value| json!({ "metadata": metadata, "spec": spec });
    for object in [json!({}), told(Value::Null, Value::Null), told(json!({}), json!({}))] {
        let claim = facts::<PersistentVolumeClaim>(object.clone());
        assert_eq!(claim, Some(StorageObject::Claim(ClaimFacts::default())));
        let disk = facts::<PersistentVolume>(object.clone());
        assert_eq!(disk, Some(StorageObject::Volume(DiskFacts::default())));
        let class = facts::<StorageClass>(object.clone());
        assert_eq!(class, Some(StorageObject::Class(ClassFacts::default())));
        assert_eq!(facts::<VolumeAttachment>(object.clone()), None);
        let driver = DriverFacts { name: String::new(), attaches: true };
        assert_eq!(facts::<CSIDriver>(object.clone()), Some(StorageObject::Driver(driver)));
        let drivers = facts::<CSINode>(object);
        assert_eq!(drivers, Some(StorageObject::NodeDrivers(NodeDriverFacts::default())));
    }
    let csi = |driver: Value| disk(json!({ "csi": driver, "accessModes": null })).driver;
    assert_eq!((csi(json!({})), csi(json!({ "driver": null }))), (None, None));
    let required =
        |required: Value| disk(json!({ "nodeAffinity": { "required": required } })).reach;
    for terms in [json!(null), json!({}), json!({ "nodeSelectorTerms": [{}] })] {
        assert_eq!(required(terms), Reach::Anywhere);
    }
    let drivers = json!([{ "name": "x", "allocatable": null }, { "name": null }, {},
        { "name": "y", "allocatable": { "count": -1 } }]);
    let found = facts::<CSINode>(json!({ "spec": { "drivers": drivers } }));
    let limits = vec![("x".to_owned(), None), ("y".to_owned(), None)];
    let expected = NodeDriverFacts { node: String::new(), limits };
    assert_eq!(found, Some(StorageObject::NodeDrivers(expected)));
}

#[test]
fn pods_name_claims_and_have_some_made_for_them() {
    let claims = |name: &str| pods(name).remove(0).claims;
    assert_eq!(claims("full-api/HEAD/core.v1.Pod.json"), ["claimNameValue"]);
    let woodpecker = claims("pods/woodpecker-step-00.json");
    assert_eq!(woodpecker.len(), 1, "{woodpecker:?}");
    let pod = json!({
        "metadata": { "name": "p" },
        "spec": { "volumes": [
            { "name": "w", "persistentVolumeClaim": { "claimName": "data" } },
            { "name": "again", "persistentVolumeClaim": { "claimName": "data" } },
            { "name": "scratch", "ephemeral": { "volumeClaimTemplate": { "spec": {} } } },
            { "name": "none", "ephemeral": null },
            { "name": "odd", "persistentVolumeClaim": { "claimName": "" } },
            { "ephemeral": {} },
            { "name": "empty", "emptyDir": {} },
        ] },
    });
    let pod: PodObject = serde_json::from_value(pod).expect("decodes");
    assert_eq!(pod_facts(pod, true).claims, ["data", "p-scratch"]);
}

#[test]
fn volumes_of_our_driver_name_what_the_pod_needs() {
    let csi = |driver: &str, attributes: Value| {
        let source = json!({ "driver": driver, "volumeAttributes": attributes });
        json!({ "name": "v", "csi": source })
    };
    let own = |attributes| csi("csi.dunnage.dev", attributes);
    let volumes = [
        own(json!({ "key": "go-cache", "kind": "task-cache", "bytes": "1000" })),
        own(json!({ "key": "go-cache", "kind": "output" })),
        own(json!({ "key": "plain", "bytes": "many" })),
        own(json!({ "key": "huge", "bytes": u64::MAX.to_string() })),
        own(json!({ "key": "" })),
        own(json!({ "key": "x".repeat(513) })),
        own(Value::Null),
        csi("efs.csi.aws.com", json!({ "key": "other" })),
    ];
    let pod = json!({ "metadata": { "name": "p" }, "spec": { "volumes": volumes } });
    let pod: PodObject = serde_json::from_value(pod).expect("decodes");
    let need = |key: &str, kind, bytes: Option<u64>| VolumeFacts {
        key: key.to_owned(),
        kind,
        bytes: bytes.map(Bytes),
    };
    let expected = [
        need("go-cache", VolumeKind::TaskCache, Some(1000)),
        need("plain", VolumeKind::Other, None),
        need("huge", VolumeKind::Other, None),
    ];
    let run = pod_facts(pod.clone(), true).run;
    assert_eq!((run.needs, run.needs_source), (expected.to_vec(), RunSource::Mounts));
    assert_eq!(pod_facts(pod, false).run, RunFacts::default(), "no step");
}
