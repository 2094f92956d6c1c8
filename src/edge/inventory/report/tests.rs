//! What is published of which store.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{About, Report, report};
use crate::edge::inventory::document::{Child, Config, Document, Manifest};
use crate::edge::inventory::node::{BlobRule, HeldImage, InventorySpec};
use crate::edge::inventory::store::{Blob, Store};
use crate::model::chain_id::chain_ids;
use crate::model::image::Platform;

/// So many seconds after 1970.
pub(in crate::edge::inventory) fn at(seconds: i64) -> Time {
    Time(jiff::Timestamp::from_second(seconds).expect("in range"))
}

/// The inventory of a node without images.
pub(in crate::edge::inventory) fn empty_inventory() -> InventorySpec {
    report(&Store::default(), about()).inventory
}

fn about() -> About {
    About {
        observed_at: at(0),
        valid_seconds: 700,
        platform: Platform::new("linux", "amd64", ""),
        disk: None,
    }
}

/// `digest("a1")` is `sha256:a1a1…`.
fn digest(two: &str) -> String {
    format!("sha256:{}", two.repeat(32))
}

/// A store in the making. Layers go by a name of two digits.
struct Making {
    store: Store,
    platform: Platform,
}

impl Making {
    fn new() -> Self {
        let store = Store { snapshotter: "overlayfs".to_owned(), ..Store::default() };
        Self { store, platform: Platform::new("linux", "amd64", "") }
    }

    /// Manifest `id` with these layers; its config is named in turn, `1x` for manifest `0x`.
    fn manifest(&mut self, id: &str, layers: &[&str]) -> &mut Self {
        let config = digest(&format!("1{}", &id[1..]));
        let manifest = Manifest {
            config: config.clone(),
            layers: layers.iter().map(|layer| (digest(layer), 100)).collect(),
        };
        let diff_ids = layers.iter().map(|layer| diff_id(layer)).collect();
        let platform = self.platform.clone();
        self.document(&digest(id), Document::Manifest(manifest));
        self.document(&config, Document::Config(Config { platform, diff_ids }))
    }

    fn index(&mut self, id: &str, children: &[(&str, &str)]) -> &mut Self {
        let child = |(id, platform): &(&str, &str)| Child {
            digest: digest(id),
            platform: Platform::parse(platform),
        };
        let children = children.iter().map(child).collect();
        self.document(&digest(id), Document::Index(children))
    }

    fn document(&mut self, digest: &str, document: Document) -> &mut Self {
        let is_parent = !matches!(document, Document::Config(_));
        let blob = Blob { bytes: 500, is_parent, snapshotter: None };
        self.store.blobs.insert(digest.to_owned(), blob);
        self.store.documents.insert(digest.to_owned(), Ok(document));
        self
    }

    fn name(&mut self, name: &str, target: &str) -> &mut Self {
        self.store.names.push((name.to_owned(), digest(target)));
        self
    }

    fn unpacked(&mut self, layers: &[&str]) -> &mut Self {
        self.store.chains.extend(chains(layers));
        self
    }

    fn blobs(&mut self, layers: &[&str]) -> &mut Self {
        for layer in layers {
            self.store.blobs.insert(digest(layer), Blob { bytes: 100, ..Blob::default() });
        }
        self
    }

    fn report(&self) -> Report {
        report(&self.store, about())
    }
}

fn diff_id(layer: &str) -> String {
    digest(&layer.chars().rev().collect::<String>())
}

fn chains(layers: &[&str]) -> Vec<String> {
    let diff_ids: Vec<_> = layers.iter().map(|layer| diff_id(layer)).collect();
    chain_ids(diff_ids.iter().map(String::as_str))
}

fn by_manifest(report: &Report) -> BTreeMap<&str, &HeldImage> {
    report.inventory.images.iter().map(|image| (image.manifest.as_str(), image)).collect()
}

#[test]
fn names_of_one_manifest_are_one_image_with_its_layers() {
    let mut making = Making::new();
    making
        .manifest("01", &["a1", "a2"])
        .index("0f", &[("0e", "linux/arm64"), ("01", "linux/amd64")]);
    making.name("r.example/a:1", "0f").name(&format!("r.example/a@{}", digest("0f")), "0f");
    making.name("r.example/b:1", "01").name(&digest("11"), "0f").unpacked(&["a1", "a2"]);
    let report = making.report();
    let [image] = report.inventory.images.as_slice() else {
        panic!("{:?}", report.inventory.images);
    };
    assert_eq!(
        image.names,
        [
            "r.example/a:1".to_owned(),
            format!("r.example/a@{}", digest("0f")),
            "r.example/b:1".to_owned()
        ]
    );
    assert_eq!((image.layers, image.unpacked, image.bytes), (2, 2, 200));
    assert_eq!(image.indexes, [digest("0f")]);
    assert!(report.inventory.unreadable.is_empty(), "{:?}", report.inventory.unreadable);
    let [manifest] = report.manifests.as_slice() else {
        panic!("{:?}", report.manifests);
    };
    assert_eq!(manifest.digest, image.manifest);
    assert_eq!((manifest.config.as_str(), manifest.layer_count), (&*digest("11"), 2));
    assert_eq!(manifest.layers[1].diff_id, diff_id("a2"));
    assert_eq!(manifest.references, image.names);
}

#[test]
fn only_a_prefix_without_gap_counts_and_the_rest_is_listed_as_chains() {
    let mut making = Making::new();
    making.manifest("01", &["a1", "a2", "a3"]).name("r.example/a:1", "01");
    let all = chains(&["a1", "a2", "a3"]);
    making.store.chains.extend([all[0].clone(), all[2].clone(), "a-container".to_owned()]);
    let inventory = making.report().inventory;
    assert_eq!(inventory.images[0].unpacked, 1);
    assert_eq!(inventory.chains, [all[2].clone()]);
}

#[test]
fn where_blobs_are_discarded_they_are_not_listed_one_by_one() {
    let mut making = Making::new();
    making.manifest("01", &["a1", "a2"]).name("r.example/a:1", "01").unpacked(&["a1", "a2"]);
    making.manifest("02", &["a1", "b2"]).name("r.example/b:1", "02").unpacked(&["a1", "b2"]);
    let discarded = making.report().inventory;
    assert_eq!(discarded.blobs, BlobRule::Discarded);
    assert!(discarded.images.iter().all(|image| image.blobs.is_none()));

    making.blobs(&["a1", "a2", "b2"]);
    let kept = making.report().inventory;
    assert_eq!(kept.blobs, BlobRule::Kept);
    assert!(kept.images.iter().all(|image| image.blobs.is_none()));

    making.store.blobs.remove(&digest("b2"));
    let mixed = making.report();
    assert_eq!(mixed.inventory.blobs, BlobRule::Kept);
    let images = by_manifest(&mixed);
    assert_eq!(images[&*digest("01")].blobs, None);
    assert_eq!(images[&*digest("02")].blobs, Some(vec![0]));
    assert!(mixed.inventory.loose_blobs.is_empty(), "{:?}", mixed.inventory.loose_blobs);
}

#[test]
fn a_pull_in_progress_is_an_image_without_a_name() {
    let mut making = Making::new();
    making.manifest("01", &["a1", "a2", "a3"]).blobs(&["a2", "cc"]).unpacked(&["a1"]);
    let report = making.report();
    let image = &report.inventory.images[0];
    assert!(image.names.is_empty());
    assert_eq!((image.unpacked, &image.blobs), (1, &Some(vec![1])));
    assert_eq!(report.inventory.loose_blobs, [digest("cc")]);
    assert_eq!(report.manifests.len(), 1);
    // Before its config has come, nothing is known of it.
    making.store.documents.remove(&digest("11"));
    let report = making.report();
    assert!(report.inventory.images.is_empty() && report.inventory.unreadable.is_empty());
}

#[test]
fn what_cannot_be_understood_is_named_with_the_reason_and_costs_itself_alone() {
    let mut making = Making::new();
    making.manifest("01", &["a1"]).name("r.example/good:1", "01");
    making.name("r.example/gone:1", "0d");
    making.index("0f", &[("0e", "linux/arm64")]).name("r.example/arm:1", "0f");
    making.index("0c", &[("0b", "linux/amd64")]).name("r.example/half:1", "0c");
    making.manifest("03", &["a1", "a2"]).name("r.example/odd:1", "03");
    let config = Config { platform: making.platform.clone(), diff_ids: vec![diff_id("a1")] };
    making.document(&digest("13"), Document::Config(config));
    making.store.documents.insert(digest("04"), Err("not JSON".to_owned()));
    making.name("r.example/torn:1", "04");
    let inventory = making.report().inventory;
    assert_eq!(inventory.images.len(), 1);
    let reasons: BTreeMap<_, _> =
        inventory.unreadable.iter().map(|e| (e.name.as_str(), e.reason.as_str())).collect();
    for (name, reason) in [
        ("r.example/gone:1", "not in the content store"),
        ("r.example/arm:1", "no image for linux/amd64"),
        ("r.example/half:1", "not in the content store"),
        ("r.example/odd:1", "2 layers, but 1 diff ids"),
        ("r.example/torn:1", "not JSON"),
    ] {
        assert!(reasons[name].contains(reason), "{name}: {}", reasons[name]);
    }
}

#[test]
fn the_same_variant_wins_and_a_missing_platform_is_that_of_the_config() {
    let mut making = Making::new();
    making.platform = Platform::new("linux", "arm", "v7");
    making.manifest("01", &["a1"]).manifest("02", &["a2"]).manifest("03", &["a3"]);
    making.index("0f", &[("01", "linux/arm"), ("02", "linux/arm/v7")]).name("r.example/a:1", "0f");
    making.index("0e", &[("03", "")]).name("r.example/b:1", "0e");
    let about = About { platform: making.platform.clone(), ..about() };
    let report = report(&making.store, about);
    let images = by_manifest(&report);
    assert_eq!(images[&*digest("02")].names, ["r.example/a:1"]);
    assert_eq!(images[&*digest("03")].names, ["r.example/b:1"]);
}

#[test]
fn layers_of_a_lazy_snapshotter_do_not_count_as_present() {
    let mut making = Making::new();
    making.manifest("01", &["a1", "a2"]).name("r.example/a:1", "01").unpacked(&["a1", "a2"]);
    making.store.snapshotter = "stargz".to_owned();
    let inventory = making.report().inventory;
    assert!(inventory.lazy);
    assert_eq!((inventory.images[0].unpacked, inventory.chains.len()), (0, 0));
}

#[test]
fn an_image_without_layers_is_unpacked_by_nature() {
    let mut making = Making::new();
    making.manifest("01", &[]).name("r.example/scratch:1", "01");
    let inventory = making.report().inventory;
    assert_eq!((inventory.images[0].layers, inventory.images[0].unpacked), (0, 0));
    assert_eq!(inventory.blobs, BlobRule::Discarded);
}
