//! Objects of agents as model facts: pure, total, one object at a time. [`super`] says how to read them.
//!
//! Odd values become "untold", never errors. An `ImageManifest`'s references are left out: tags move and
//! manifests do not, so what a name means is taken from the inventories of nodes that have it now.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as ObjectTime;
use kube::ResourceExt;

use super::image::{ImageLayer, ImageManifest};
use super::node::{BlobRule, HeldImage, InventorySpec, Pull, StoredVolume};
use crate::model::image::{ImageFacts, Layer, Platform};
use crate::model::inventory::{InventoryFacts, InventoryImage, InventoryPull, Kept};
use crate::model::unit::{Bytes, Nanos, Time};
use crate::model::volume::{HeldVolume, VolumeKind};

/// What the model needs of a report.
#[must_use]
pub fn inventory_facts(spec: InventorySpec) -> InventoryFacts {
    let lazy = spec.lazy;
    let are_all = spec.lists_volumes && spec.dropped.as_ref().is_none_or(|d| d.volumes == 0);
    let dropped = spec.dropped.filter(|dropped| dropped.images > 0);
    InventoryFacts {
        observed_at: time(&spec.observed_at),
        valid_for: Nanos::from_seconds(spec.valid_seconds),
        platform: Platform::parse(&spec.platform).unwrap_or_default(),
        images: spec.images.into_iter().map(|image| held(image, lazy, spec.blobs)).collect(),
        hidden_bytes_max: dropped.map(|dropped| Bytes(dropped.image_bytes_max)),
        chains: if lazy { Vec::new() } else { spec.chains },
        loose_blobs: spec.loose_blobs,
        volumes: spec.volumes.into_iter().filter_map(volume).collect(),
        lists_all_volumes: are_all,
        pulls: if lazy { Vec::new() } else { spec.pulls.into_iter().map(pull).collect() },
        disk_bytes: spec.disk.map(|disk| Bytes(disk.size_bytes)).filter(|bytes| bytes.0 > 0),
    }
}

fn pull(pull: Pull) -> InventoryPull {
    let Pull { digest, offset_bytes, total_bytes } = pull;
    let left = Bytes(total_bytes.saturating_sub(offset_bytes));
    InventoryPull { digest, left: (total_bytes > 0).then_some(left) }
}

/// Of a lazy snapshotter's images nothing is there, whatever the report says.
fn held(image: HeldImage, lazy: bool, rule: BlobRule) -> InventoryImage {
    let is_whole = image.unpacked >= image.layers && !lazy;
    let part = if lazy { 0 } else { u32::try_from(image.unpacked).unwrap_or(u32::MAX) };
    let mut names = image.names;
    names.push(image.manifest);
    names.extend(image.indexes);
    let kept = match (image.blobs, rule) {
        (Some(places), _) => Kept::Places(places),
        (None, BlobRule::Kept) => Kept::All,
        (None, BlobRule::Discarded) => Kept::Nothing,
    };
    InventoryImage { names, bytes: image.bytes, unpacked: (!is_whole).then_some(part), kept }
}

/// A volume without a key names nothing.
fn volume(volume: StoredVolume) -> Option<HeldVolume> {
    let StoredVolume { key, kind, bytes, last_used } = volume;
    let last_used = last_used.as_ref().map(time);
    let kind = VolumeKind::named(&kind);
    (!key.is_empty()).then_some(HeldVolume { key, kind, bytes: Bytes(bytes), last_used })
}

/// What the model needs of a manifest.
#[must_use]
pub fn image_facts(manifest: ImageManifest) -> ImageFacts {
    let published_at = manifest.creation_timestamp().map(|at| time(&at)).unwrap_or_default();
    let spec = manifest.spec;
    ImageFacts {
        digests: vec![spec.digest, spec.config],
        references: Vec::new(),
        platform: Platform::parse(&spec.platform).unwrap_or_default(),
        layers: spec.layers.into_iter().map(layer).collect(),
        published_at,
    }
}

fn layer(layer: ImageLayer) -> Layer {
    let ImageLayer { digest, bytes, diff_id } = layer;
    Layer { digest, diff_id: Some(diff_id), compressed_bytes: Bytes(bytes) }
}

fn time(time: &ObjectTime) -> Time {
    Time(u64::try_from(time.0.as_nanosecond()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{Kept, inventory_facts};
    use crate::edge::inventory::node::{
        BlobRule, Disk, Dropped, HeldImage, InventorySpec, Pull, StoredVolume,
    };
    use crate::edge::inventory::report::tests::{at, empty_inventory};
    use crate::model::unit::{Bytes, Nanos, Time};
    use crate::model::volume::VolumeKind;

    fn image(unpacked: u64) -> HeldImage {
        HeldImage {
            manifest: "sha256:m".to_owned(),
            names: vec!["r/i:1".to_owned()],
            indexes: vec!["sha256:i".to_owned()],
            layers: 3,
            unpacked,
            ..HeldImage::default()
        }
    }

    fn spec() -> InventorySpec {
        let images = vec![image(3), image(2)];
        let chains = vec!["sha256:c".to_owned()];
        InventorySpec { observed_at: at(5), images, chains, ..empty_inventory() }
    }

    #[test]
    fn an_image_is_whole_when_all_its_layers_are_unpacked() {
        let facts = inventory_facts(spec());
        assert_eq!((facts.images[0].unpacked, facts.images[1].unpacked), (None, Some(2)));
        assert_eq!(facts.images[0].names, ["r/i:1", "sha256:m", "sha256:i"]);
        assert_eq!((facts.chains.len(), facts.hidden_bytes_max), (1, None));
        assert_eq!(facts.valid_for, Nanos::from_seconds(700));
        assert!(facts.observed_at > Time(0));
    }

    #[test]
    fn nothing_of_a_lazy_snapshotter_is_there() {
        let facts = inventory_facts(InventorySpec { lazy: true, ..spec() });
        assert!(facts.images.iter().all(|image| image.unpacked == Some(0)));
        assert!(facts.chains.is_empty());
    }

    #[test]
    fn of_a_pull_counts_what_is_still_to_come_if_that_can_be_told() {
        let pull = |offset_bytes, total_bytes| {
            let pulls = vec![Pull { digest: "d".to_owned(), offset_bytes, total_bytes }];
            let facts = inventory_facts(InventorySpec { pulls, ..spec() });
            facts.pulls[0].left
        };
        assert_eq!((pull(3, 10), pull(10, 10)), (Some(Bytes(7)), Some(Bytes(0))));
        assert_eq!((pull(12, 10), pull(3, 0)), (Some(Bytes(0)), None));
        let pulls = vec![Pull::default()];
        assert!(inventory_facts(InventorySpec { lazy: true, pulls, ..spec() }).pulls.is_empty());
    }

    #[test]
    fn of_a_disk_its_size_counts_and_none_is_of_no_bytes() {
        let told = |size_bytes| {
            let disk = Some(Disk { size_bytes, free_bytes: 5 });
            inventory_facts(InventorySpec { disk, ..spec() }).disk_bytes
        };
        assert_eq!((told(0), told(9)), (None, Some(Bytes(9))));
    }

    #[test]
    fn blobs_are_as_the_node_does_with_most_unless_an_image_tells() {
        let kept = |blobs, own: Option<Vec<u32>>| {
            let images = vec![HeldImage { blobs: own, ..image(3) }];
            let facts = inventory_facts(InventorySpec { blobs, images, ..spec() });
            facts.images[0].kept.clone()
        };
        assert_eq!(kept(BlobRule::Kept, None), Kept::All);
        assert_eq!(kept(BlobRule::Discarded, None), Kept::Nothing);
        assert_eq!(kept(BlobRule::Kept, Some(vec![1])), Kept::Places(vec![1]));
    }

    #[test]
    fn volumes_are_told_with_kind_bytes_and_last_use() {
        let volume = |key: &str, kind: &str| StoredVolume {
            key: key.to_owned(),
            kind: kind.to_owned(),
            bytes: 7,
            last_used: Some(at(3)),
        };
        let volumes = vec![volume("a", "task-cache"), volume("b", "odd"), volume("", "output")];
        let facts = inventory_facts(InventorySpec { volumes, ..spec() });
        assert!(!facts.lists_all_volumes);
        let told: Vec<_> = facts.volumes.iter().map(|v| (v.key.as_str(), v.kind)).collect();
        assert_eq!(told, [("a", VolumeKind::TaskCache), ("b", VolumeKind::Other)]);
        assert_eq!(facts.volumes[0].bytes, Bytes(7));
        assert!(facts.volumes[0].last_used.is_some());
    }

    #[test]
    fn volumes_are_all_that_are_there_where_there_is_a_store_and_none_was_dropped() {
        let lists_all = |dropped: Option<u64>| {
            let dropped = dropped.map(|volumes| Dropped { volumes, ..Dropped::default() });
            inventory_facts(InventorySpec { lists_volumes: true, dropped, ..spec() })
                .lists_all_volumes
        };
        assert!(lists_all(None) && lists_all(Some(0)));
        assert!(!lists_all(Some(1)));
    }

    #[test]
    fn images_that_were_left_out_are_told_by_the_largest() {
        let dropped = |images| Some(Dropped { images, image_bytes_max: 9, ..Dropped::default() });
        let hidden = |images| {
            inventory_facts(InventorySpec { dropped: dropped(images), ..spec() }).hidden_bytes_max
        };
        assert_eq!((hidden(1), hidden(0)), (Some(Bytes(9)), None));
    }
}
