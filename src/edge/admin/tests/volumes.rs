//! Named volumes on the admin port: the list of them, a decision about a pod that needs one, and what is
//! counted when it is bound.

use super::*;
use crate::model::inventory::{InventoryFacts, InventoryImage};
use crate::model::run::RunFacts;
use crate::model::unit::{Bytes, Nanos, Price, Time};
use crate::model::volume::{HeldVolume, VolumeFacts, VolumeKind};

const KEY: &str = "git:app@4f2a";

/// Three zones of four nodes; an agent on the first node reports 500 MB. Bytes from another zone cost 0.02
/// a gigabyte, and come at the same rate.
fn with_volume() -> Arc<Shared> {
    let mut policy = Policy::default();
    policy.stream.zone.gigabyte_price = Price(20_000);
    let shared = Arc::new(Shared::new(policy, Interest::default(), Clock::Real));
    for number in 0..12 {
        let image = ReportedImage { names: vec![IMAGE.to_owned()], size_bytes: IMAGE_BYTES };
        shared.apply(Event::NodeApplied(NodeFacts {
            name: format!("node-{number:02}"),
            zone: format!("zone-{}", number / 4),
            images: vec![image],
            ..NodeFacts::default()
        }));
    }
    let held = HeldVolume {
        key: KEY.to_owned(),
        kind: VolumeKind::ResourceCache,
        bytes: Bytes(500_000_000),
        last_used: Some(Time(1_795_000_000_000_000_000)),
    };
    let names = vec![IMAGE.to_owned()];
    let image = InventoryImage { names, bytes: IMAGE_BYTES, ..InventoryImage::default() };
    let facts = InventoryFacts {
        images: vec![image],
        observed_at: shared.clock.now(),
        valid_for: Nanos::from_seconds(600),
        volumes: vec![held],
        ..InventoryFacts::default()
    };
    shared.apply(Event::InventoryReported { node: "node-00".to_owned(), facts });
    for kind in [Kind::Nodes, Kind::Pods] {
        shared.apply(Event::ResyncEnded(kind));
    }
    shared
}

fn reader() -> PodFacts {
    let needs = VolumeFacts { key: KEY.to_owned(), kind: VolumeKind::Other, bytes: None };
    PodFacts {
        uid: "uid-1".to_owned(),
        namespace: "ci".to_owned(),
        name: "build".to_owned(),
        is_step: true,
        images: vec![PodImage { reference: IMAGE.to_owned(), ..PodImage::default() }],
        run: RunFacts { needs: vec![needs], ..RunFacts::default() },
        ..PodFacts::default()
    }
}

#[tokio::test]
async fn volumes_are_listed_with_their_holders_and_where_they_are_on_their_way() {
    let shared = with_volume();
    shared.apply(Event::PodApplied(PodFacts { node: Some("node-02".to_owned()), ..reader() }));
    let list = get_of(&shared, "/api/v1/volumes").await.json();
    assert_eq!(list["kind"], "VolumeList");
    let expected = json!([{
        "key": KEY, "kind": "resource-cache", "bytes": 500_000_000, "measured": true, "nodes": 1,
        "holders": [{
            "node": "node-00", "reported": true, "users": 0, "lastUsed": "2026-11-18T11:06:40Z",
        }],
        "arriving": [{ "node": "node-02", "from": "node-00" }],
    }]);
    assert_eq!(list["items"], expected);
    let metrics = get_of(&shared, "/metrics").await.text;
    assert!(metrics.contains("dunnage_index_entries{kind=\"volumes\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_bound_pod_counts_the_volume_bytes_it_moved_and_those_that_crossed_a_zone() {
    let shared = with_volume();
    let (decision, _) = decide_over_all(&shared, &reader());
    shared.recent().remember(reader(), decision, true);
    shared.apply(Event::PodApplied(PodFacts { node: Some("node-11".to_owned()), ..reader() }));
    let metrics = get_of(&shared, "/metrics").await.text;
    for line in [
        "dunnage_volume_bytes_total{state=\"missing\"} 500000000",
        "dunnage_volume_bytes_total{state=\"present\"} 0",
        "dunnage_volume_move_bytes_total{node=\"chosen\"} 500000000",
        "dunnage_volume_move_bytes_total{node=\"best\"} 0",
        "dunnage_volume_move_bytes_total{node=\"median\"} 500000000",
        "dunnage_zone_bytes_total 500000000",
        "dunnage_zone_price_total 0.01",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    let summary = get_of(&shared, "/api/v1/summary").await.json();
    let expected = json!({
        "wanted": 500_000_000, "present": 0, "arriving": 0, "movedToChosen": 500_000_000,
        "movedToBest": 0, "movedToMedian": 500_000_000,
    });
    assert_eq!(summary["volumeBytes"], expected);
    let list = get_of(&shared, "/api/v1/decisions?pod=ci/build").await.json();
    let decision = &list["items"][0];
    assert_eq!(
        decision["volumes"],
        json!([{
            "key": KEY, "kind": "other", "bytes": 500_000_000, "sizeFrom": "node", "holders": 1,
            "arriving": 0, "fallback": "registry", "coldSeconds": 10.0,
        }])
    );
    let node = |name: &str| {
        let nodes = decision["nodes"].as_array().expect("nodes").iter();
        nodes.clone().find(|node| node["node"] == name).expect("listed").clone()
    };
    let far = node("node-11");
    assert_eq!((&far["streamSeconds"], &far["streamBytes"]), (&json!(5.0), &json!(500_000_000)));
    assert_eq!((&far["zoneBytes"], &far["zonePrice"]), (&json!(500_000_000), &json!(0.01)));
    let reasons = far["reasons"].as_array().expect("reasons");
    assert!(reasons.contains(&json!("volume-from-zone")), "{reasons:?}");
    assert_eq!(decision["nodes"][0]["node"], "node-00", "its holder is best");
    assert_eq!(node("node-01")["zoneBytes"], 0);
}
