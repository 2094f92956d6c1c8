//! Volumes that cross a zone: what that is counted and priced at, and when the price counts.

use std::path::PathBuf;

use anyhow::{Context, Result};
use dunnage::edge::inventory::node::{InventorySpec, NodeInventory, StoredVolume};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::deploy::definitions::establish;
use crate::inventory::report;
use crate::support::{Extender, changed_policy, client};
use crate::testbed::{
    ControlPlane, NodeSpec, PodSpec, Scheduler, SchedulerOptions, await_bound, make_namespace,
    make_nodes,
};

/// Every node has it: with an image that nobody knows equal nodes would be nothing to decide about.
const IMAGE: &str = "r.io/app:1";
const KEY: &str = "out:app@4f2a";
const BYTES: u64 = 500_000_000;
const ZONE: &str = "topology.kubernetes.io/zone";
/// Many times what the test takes.
const LONG: std::time::Duration = std::time::Duration::from_secs(600);
/// Of the public clouds: 0.02 for a gigabyte, both directions together. All other numbers are the default's,
/// which takes links within and between zones for equally fast.
const PRICE: (&str, f64) = ("crossZone", 0.02);

/// Two nodes in each of two zones, of which one holds the volume by its agent's report.
struct Scene {
    plane: ControlPlane,
}

impl Scene {
    async fn set() -> Result<Self> {
        let plane = ControlPlane::start().await?;
        let client = plane.client();
        let nodes =
            [("west-0", "west"), ("west-1", "west"), ("east-0", "east"), ("east-1", "east")];
        let nodes = nodes.map(|(name, zone)| {
            let mut node = NodeSpec::new(name).holding(IMAGE, 100_000_000);
            node.labels.insert(ZONE.to_owned(), zone.to_owned());
            node
        });
        make_nodes(&client, &nodes).await?;
        make_namespace(&client, "steps").await?;
        establish(&client).await?;
        let (key, kind) = (KEY.to_owned(), "output".to_owned());
        let volumes = vec![StoredVolume { key, kind, bytes: BYTES, last_used: None }];
        let spec = InventorySpec { volumes, lists_volumes: true, ..report(Vec::new(), LONG) };
        let inventories: Api<NodeInventory> = Api::all(client);
        let inventory = NodeInventory::new("west-0", spec);
        inventories.create(&PostParams::default(), &inventory).await?;
        Ok(Self { plane })
    }

    /// A server by the default policy with other numbers, which knows where the volume is.
    async fn server(&self, name: &str, numbers: &[(&str, f64)]) -> Result<Extender> {
        let file: PathBuf = self.plane.dir().join(format!("{name}.yaml"));
        std::fs::write(&file, changed_policy(numbers)?)?;
        let policy = format!("--policy={}", file.display());
        let kubeconfig = self.plane.kubeconfig();
        let mut server = Extender::start(self.plane.dir(), kubeconfig, &[&policy]).await?;
        server.await_ready().await?;
        let holds = |text: &str| text.contains("west-0");
        server.await_answer("/api/v1/volumes", |_, text| holds(text)).await?;
        Ok(server)
    }
}

/// A step that needs the volume.
fn step() -> Pod {
    let mut pod = PodSpec::new("reader", IMAGE);
    let needs = json!([{ "key": KEY, "kind": "output" }]).to_string();
    pod.annotations.insert("dunnage.dev/needs".to_owned(), needs);
    pod.into()
}

/// The nodes of an explained decision about the step, by name: points, raw points, what crosses a zone, its
/// price, and the seconds that counts for.
async fn explained(server: &Extender) -> Result<Vec<(String, [f64; 5])>> {
    let mut pod = step();
    pod.metadata.namespace = Some("steps".to_owned());
    let url = format!("{}/api/v1/explain", server.admin_url);
    let decision: Value = client().post(url).json(&pod).send().await?.json().await?;
    let rows = decision["nodes"].as_array().with_context(|| decision.to_string())?.iter();
    let of = |row: &Value| {
        let keys = ["points", "raw", "zoneBytes", "zonePrice", "moneySeconds"];
        let numbers = keys.map(|key| row[key].as_f64().unwrap_or(f64::NAN));
        (row["node"].as_str().unwrap_or_default().to_owned(), numbers)
    };
    let mut rows: Vec<_> = rows.map(of).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_cross_a_zone_are_counted_and_priced_for_the_node_that_was_chosen() -> Result<()>
{
    let scene = Scene::set().await?;
    let mut server = scene.server("priced", &[PRICE]).await?;
    let options =
        SchedulerOptions { extender_url: Some(server.url.clone()), ..SchedulerOptions::default() };
    let _scheduler = Scheduler::start(&scene.plane, options).await?;
    // Two nodes are left to choose from: with one the scheduler asks nobody.
    let mut pod = step();
    let east = [(ZONE.to_owned(), "east".to_owned())].into();
    pod.spec.as_mut().context("a spec")?.node_selector = Some(east);
    let client = scene.plane.client();
    Api::namespaced(client.clone(), "steps").create(&PostParams::default(), &pod).await?;
    let bound = await_bound(&client, "steps", 1, LONG).await?;
    assert!(bound["reader"].starts_with("east-"), "{bound:?}");

    let counted = "dunnage_zone_bytes_total 500000000\n";
    server.await_answer("/metrics", |_, text| text.contains(counted)).await?;
    let price = server.metric("dunnage_zone_price_total ").await?;
    assert!((price - 0.01).abs() < 1e-9, "{price}");
    let (_, text) = server.get("/api/v1/decisions?pod=steps/reader").await?;
    let list: Value = serde_json::from_str(&text)?;
    let decision = &list["items"][0];
    assert_eq!(decision["chosen"], json!(bound["reader"]), "{decision}");
    for row in decision["nodes"].as_array().context("rows")? {
        let told = ["zoneBytes", "zonePrice", "moneySeconds", "streamSeconds"].map(|key| &row[key]);
        assert_eq!(told, [&json!(BYTES), &json!(0.01), &json!(0.0), &json!(5.0)], "{row}");
        assert!(row["reasons"].to_string().contains("volume-from-zone"), "{row}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_moves_no_pod_until_the_policy_says_what_it_is_worth_in_seconds() -> Result<()> {
    let scene = Scene::set().await?;
    let free = explained(&scene.server("free", &[]).await?).await?;
    let names: Vec<&str> = free.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["east-0", "east-1", "west-0", "west-1"]);
    let crossing = free.iter().map(|(_, [_, _, bytes, price, _])| (*bytes, *price));
    let bytes = BYTES as f64;
    assert_eq!(crossing.collect::<Vec<_>>(), [(bytes, 0.0), (bytes, 0.0), (0.0, 0.0), (0.0, 0.0)]);

    let points = |rows: &[(String, [f64; 5])]| -> Vec<[f64; 2]> {
        rows.iter().map(|(_, [points, raw, ..])| [*points, *raw]).collect()
    };
    // No price, whatever money is worth; and a price, of money that is worth nothing.
    let worth = ("secondsPerMoney", 490.0);
    let unpriced = explained(&scene.server("unpriced", &[worth]).await?).await?;
    assert_eq!(unpriced, free);
    let counted = explained(&scene.server("counted", &[PRICE]).await?).await?;
    assert_eq!(points(&counted), points(&free));
    assert_eq!(counted[0].1[3..], [0.01, 0.0]);

    // Both: 1 cent is 4.9 seconds, less than the detour by the registry, which is free. The holder's zone
    // is preferred.
    let moved = explained(&scene.server("moved", &[PRICE, worth]).await?).await?;
    assert_eq!(moved[0].1[3..], [0.01, 4.9]);
    assert_eq!(points(&free)[0], points(&free)[3], "{free:?}");
    assert!(points(&moved)[0] < points(&moved)[3], "{moved:?}");
    Ok(())
}
