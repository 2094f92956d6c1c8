//! How large an inventory may get, and what is left out of a larger one.
//!
//! etcd refuses requests of more than 1.5 MiB, and holds at most 2 GiB unless told otherwise, every
//! version of an object until the API server compacts it, five to ten minutes later. At a quarter of a
//! mebibyte 1,000 nodes at the limit, each writing every other minute, make up to 1.25 GiB of versions.
//! Usual nodes are far below: one of 100 images takes 40 kB, and the limit holds some 600 images of two
//! names each.

use serde::Serialize;

use super::image::{NAME_BYTES_MAX, NAMES_MAX};
use super::node::{Dropped, HeldImage, InventorySpec, Pull, StoredVolume};

/// Bytes of an inventory as JSON.
pub const INVENTORY_BYTES_MAX: usize = 256 << 10;
/// A kubelet pulls one image at a time, each with three layers at once; this is for one that pulls 20.
const PULLS_MAX: usize = 64;
/// Enough to see what is wrong. More say the same.
const UNREADABLE_MAX: usize = 16;
/// What [`Dropped`] itself takes, with all its numbers.
const DROPPED_BYTES: usize = 256;

/// The inventory within `bytes_max`, with what was left out. Drops, in this order: names, pulls and
/// unreadable images beyond what is sensible; then, as far as needed, loose blobs, chains, and the volumes
/// and images with the fewest bytes, whose loss costs least.
#[must_use]
pub fn fit(mut inventory: InventorySpec, bytes_max: usize) -> InventorySpec {
    let mut dropped = Dropped::default();
    cap(&mut inventory, &mut dropped);
    let room = bytes_max.saturating_sub(DROPPED_BYTES);
    let mut excess = json_bytes(&inventory).saturating_sub(room);
    dropped.loose_blobs = shed(&mut inventory.loose_blobs, &mut excess).len() as u64;
    dropped.chains = shed(&mut inventory.chains, &mut excess).len() as u64;
    if excess > 0 {
        dropped.volumes = shed_volumes(&mut inventory.volumes, &mut excess);
    }
    if excess > 0 {
        shed_images(&mut inventory.images, &mut excess, &mut dropped);
    }
    inventory.dropped = (dropped != Dropped::default()).then_some(dropped);
    inventory
}

fn cap(inventory: &mut InventorySpec, dropped: &mut Dropped) {
    for image in &mut inventory.images {
        let names = image.names.len();
        image.names.retain(|name| name.len() <= NAME_BYTES_MAX);
        image.names.truncate(NAMES_MAX);
        dropped.names += (names - image.names.len()) as u64;
        dropped.names += image.indexes.len().saturating_sub(NAMES_MAX) as u64;
        image.indexes.truncate(NAMES_MAX);
    }
    let pulls = &mut inventory.pulls;
    dropped.pulls = pulls.len().saturating_sub(PULLS_MAX) as u64;
    // The largest first: those are what is waited for.
    pulls.sort_by_key(|pull| std::cmp::Reverse(to_come(pull)));
    pulls.truncate(PULLS_MAX);
    pulls.sort_by(|a, b| a.digest.cmp(&b.digest));
    let unreadable = &mut inventory.unreadable;
    dropped.unreadable = unreadable.len().saturating_sub(UNREADABLE_MAX) as u64;
    unreadable.truncate(UNREADABLE_MAX);
    for entry in unreadable {
        shorten(&mut entry.name);
        shorten(&mut entry.reason);
    }
}

fn to_come(pull: &Pull) -> u64 {
    pull.total_bytes.saturating_sub(pull.offset_bytes)
}

/// A reason may be as long as a name.
fn shorten(text: &mut String) {
    let mut end = NAME_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

fn shed_volumes(volumes: &mut Vec<StoredVolume>, excess: &mut usize) -> u64 {
    volumes.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.key.cmp(&b.key)));
    let count = shed(volumes, excess).len() as u64;
    volumes.sort_by(|a, b| a.key.cmp(&b.key));
    count
}

fn shed_images(images: &mut Vec<HeldImage>, excess: &mut usize, dropped: &mut Dropped) {
    images.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.manifest.cmp(&b.manifest)));
    let shed = shed(images, excess);
    dropped.images = shed.len() as u64;
    dropped.image_bytes_max = shed.iter().map(|image| image.bytes).max().unwrap_or(0);
    images.sort_by(|a, b| a.manifest.cmp(&b.manifest));
}

/// Takes entries from the end until nothing is in excess.
fn shed<T: Serialize>(list: &mut Vec<T>, excess: &mut usize) -> Vec<T> {
    let mut end = list.len();
    while *excess > 0 && end > 0 {
        end -= 1;
        // With its comma.
        *excess = excess.saturating_sub(json_bytes(&list[end]) + 1);
    }
    list.split_off(end)
}

/// What a value takes as JSON.
fn json_bytes<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::{INVENTORY_BYTES_MAX, fit, json_bytes};
    use crate::edge::inventory::node::{HeldImage, InventorySpec, Pull, StoredVolume};
    use crate::edge::inventory::report::tests::empty_inventory;

    fn digest(number: usize) -> String {
        format!("sha256:{number:064x}")
    }

    fn image(number: usize) -> HeldImage {
        let repository = format!("registry.example.com/team-{}/service-{number}", number % 20);
        let mut names = vec![format!("{repository}:v1.{number}")];
        names.push(format!("{repository}@{}", digest(number + 50_000)));
        HeldImage {
            manifest: digest(number),
            names,
            indexes: vec![digest(number + 50_000)],
            layers: 9,
            unpacked: 9,
            bytes: 1_000_000 + number as u64,
            blobs: None,
        }
    }

    fn of_images(count: usize) -> InventorySpec {
        InventorySpec {
            image_count: count as u64,
            images: (0..count).map(image).collect(),
            ..empty_inventory()
        }
    }

    #[test]
    fn a_usual_node_takes_forty_kilobytes_and_six_hundred_images_fit() {
        assert!(json_bytes(&of_images(100)) < 42_000, "{}", json_bytes(&of_images(100)));
        let inventory = of_images(600);
        assert_eq!(fit(inventory.clone(), INVENTORY_BYTES_MAX), inventory);
    }

    #[test]
    fn the_smallest_images_are_dropped_and_the_rest_is_in_order() {
        let fitted = fit(of_images(1_000), INVENTORY_BYTES_MAX);
        assert!(json_bytes(&fitted) <= INVENTORY_BYTES_MAX, "{}", json_bytes(&fitted));
        assert!(json_bytes(&fitted) > INVENTORY_BYTES_MAX - 1_000, "{}", json_bytes(&fitted));
        let dropped = fitted.dropped.expect("says so");
        assert_eq!(dropped.images + fitted.images.len() as u64, 1_000);
        assert_eq!(fitted.image_count, 1_000);
        assert!(fitted.images.iter().all(|image| image.bytes > dropped.image_bytes_max));
        assert!(fitted.images.is_sorted_by(|a, b| a.manifest < b.manifest));
    }

    #[test]
    fn loose_blobs_go_before_chains_and_chains_before_images() {
        let mut inventory = of_images(100);
        inventory.chains = (0..200).map(digest).collect();
        inventory.loose_blobs = (0..200).map(digest).collect();
        let all = json_bytes(&inventory);
        let fitted = fit(inventory.clone(), all - 1_000);
        let dropped = fitted.dropped.expect("says so");
        assert!(dropped.loose_blobs > 0 && dropped.chains == 0 && dropped.images == 0);
        let fitted = fit(inventory, all - 20_000);
        let dropped = fitted.dropped.expect("says so");
        assert_eq!((dropped.loose_blobs, dropped.images), (200, 0));
        assert!(dropped.chains > 0);
    }

    #[test]
    fn the_smallest_volumes_go_before_any_image() {
        let volume = |number: u64| StoredVolume {
            key: format!("k{:05}", 99_999 - number),
            kind: "output".to_owned(),
            bytes: number,
            last_used: None,
        };
        let mut inventory = of_images(100);
        inventory.volumes = (0..10_000).map(volume).collect();
        let fitted = fit(inventory, INVENTORY_BYTES_MAX);
        assert!(json_bytes(&fitted) <= INVENTORY_BYTES_MAX, "{}", json_bytes(&fitted));
        let dropped = fitted.dropped.expect("says so");
        assert_eq!((fitted.images.len(), dropped.images), (100, 0));
        assert_eq!(dropped.volumes + fitted.volumes.len() as u64, 10_000);
        assert!(fitted.volumes.len() > 1_000, "{}", fitted.volumes.len());
        assert!(fitted.volumes.iter().all(|volume| volume.bytes >= dropped.volumes));
        assert!(fitted.volumes.is_sorted_by(|a, b| a.key < b.key));
    }

    #[test]
    fn senseless_numbers_are_capped_however_small_the_whole() {
        let mut inventory = of_images(1);
        inventory.images[0].names = (0..10_000).map(|number| format!("r/i:{number}")).collect();
        let pull = |number: usize| Pull {
            digest: digest(number),
            offset_bytes: 0,
            total_bytes: number as u64,
        };
        inventory.pulls = (0..100).map(pull).collect();
        let fitted = fit(inventory, INVENTORY_BYTES_MAX);
        let dropped = fitted.dropped.expect("says so");
        assert_eq!((fitted.images[0].names.len(), dropped.names), (16, 9_984));
        assert_eq!((fitted.pulls.len(), dropped.pulls), (64, 36));
        assert_eq!(fitted.pulls[0].digest, digest(36), "the largest stay");
    }

    #[test]
    fn even_an_absurd_bound_gives_an_inventory() {
        let fitted = fit(of_images(50), 0);
        assert_eq!(fitted.dropped.expect("says so").images, 50);
        assert!(fitted.images.is_empty());
    }
}
