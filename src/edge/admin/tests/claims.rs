//! Claims on the admin port: a decision about a pod that has one, its watches, and what is counted.

use super::*;
use crate::model::claim::{
    AccessMode, AttachState, AttachmentFacts, ClaimFacts, DiskFacts, NodeDriverFacts, Reach,
    StorageObject,
};

/// A claim `data` on a disk in one zone, attached to the fourth node, which takes 25 of its driver.
fn with_disk() -> Arc<Shared> {
    let shared = synced();
    let objects = [
        StorageObject::Claim(ClaimFacts {
            namespace: "ci".to_owned(),
            name: "data".to_owned(),
            volume: Some("d".to_owned()),
            ..ClaimFacts::default()
        }),
        StorageObject::Volume(DiskFacts {
            name: "d".to_owned(),
            driver: Some("disk.example".to_owned()),
            modes: vec![AccessMode::OneNode],
            reach: Reach::Zones(vec!["zone-a".to_owned()]),
        }),
        StorageObject::Attachment(AttachmentFacts {
            name: "csi-1".to_owned(),
            volume: "d".to_owned(),
            node: "node-04".to_owned(),
            state: AttachState::Attached,
        }),
        StorageObject::NodeDrivers(NodeDriverFacts {
            node: "node-04".to_owned(),
            limits: vec![("disk.example".to_owned(), Some(25))],
        }),
    ];
    objects.into_iter().for_each(|object| shared.apply(Event::StorageApplied(object)));
    shared
}

#[tokio::test]
async fn a_claim_is_explained_with_its_disk_and_where_that_is() {
    let shared = with_disk();
    let pod = json!({
        "metadata": { "name": "a", "namespace": "ci" },
        "spec": {
            "restartPolicy": "Never",
            "containers": [{ "image": "nobody.example/knows:1" }],
            "volumes": [{ "name": "w", "persistentVolumeClaim": { "claimName": "data" } }],
        },
    });
    let decision = ask(&shared, Method::POST, "/api/v1/explain", &pod.to_string()).await.json();
    assert_eq!(
        decision["claims"],
        json!([{
            "claim": "data",
            "volume": "d",
            "driver": "disk.example",
            "accessModes": ["RWO"],
            "zones": ["zone-a"],
            "nodes": [],
            "waitsForPod": false,
            "known": "one-node",
            "reason": "attached to one node at a time",
            "places": [{ "node": "node-04", "state": "attached", "pods": 0, "disksMax": 25 }],
            "attachSeconds": 15.0,
        }])
    );
    let (best, next) = (&decision["nodes"][0], &decision["nodes"][1]);
    assert_eq!((&best["node"], &best["attachSeconds"]), (&json!("node-04"), &json!(0.0)));
    assert_eq!(best["reasons"][1], json!("disk-here"));
    assert_eq!((&next["attachSeconds"], &next["raw"]), (&json!(15.0), &json!(0)));
    assert_eq!(next["reasons"][1], json!("disk-elsewhere"));
}

#[tokio::test]
async fn a_pod_that_is_bound_counts_by_where_its_disk_was() {
    let shared = with_disk();
    let image = PodImage { reference: IMAGE.to_owned(), ..PodImage::default() };
    let pod = PodFacts {
        uid: "uid-2".to_owned(),
        namespace: "ci".to_owned(),
        name: "test".to_owned(),
        is_step: true,
        images: vec![image],
        claims: vec!["data".to_owned()],
        ..PodFacts::default()
    };
    remember(&shared, &pod);
    shared.apply(Event::PodApplied(PodFacts { node: Some("node-00".to_owned()), ..pod }));
    let metrics = get_of(&shared, "/metrics").await.text;
    for line in [
        "dunnage_disk_pods_total{disk=\"elsewhere\"} 1",
        "dunnage_disk_pods_total{disk=\"here\"} 0",
        "dunnage_attach_seconds_total 15",
        "dunnage_index_entries{kind=\"claims\"} 1",
        "dunnage_index_entries{kind=\"attachments\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

#[tokio::test]
async fn a_kind_of_storage_that_cannot_be_read_is_said_and_no_failure() {
    let shared = synced();
    shared.health().watch(Kind::Claims).synced = true;
    shared.health().watch(Kind::Attachments).error = Some("it is forbidden".to_owned());
    let answered = get_of(&shared, "/readyz?verbose").await;
    assert_eq!(answered.status, StatusCode::OK);
    let lines = "[+]watch-persistentvolumeclaims ok\n\
                 [+]watch-volumeattachments: where volumes are is not known: it is forbidden\n";
    assert!(answered.text.contains(lines), "{}", answered.text);
}
