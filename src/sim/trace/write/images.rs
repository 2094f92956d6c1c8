//! Images and what they are called: told before the first pod or node that names them, as well as they are
//! known, and again when they are known better.

use super::Recorder;
use crate::model::chain_id::sha256;
use crate::model::cluster::image::Record;
use crate::model::cluster::{Cluster, PlatformId};
use crate::model::image::{ImageFacts, Layer};
use crate::model::reference::is_digest;
use crate::model::unit::Bytes;
use crate::sim::trace::entry::{Entry, LayerEntry};

/// What a name was told to mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    digest: String,
    /// How well it is known: nothing, its size, its layers.
    worth: u8,
}

/// An image to tell.
struct Meaning {
    told: Told,
    layers: Vec<LayerEntry>,
    platform: String,
}

const NOTHING: u8 = 0;
const SIZE: u8 = 1;
const LAYERS: u8 = 2;
/// What nearly all nodes are, where none tells.
const USUAL_PLATFORM: &str = "linux/amd64";

impl Recorder {
    /// Remembers the layers of an image. One whose digests are none cannot be told.
    pub(super) fn know_image(&mut self, facts: &ImageFacts) {
        let Some(manifest) = facts.digests.first() else { return };
        let layers = facts.layers.iter().map(|layer| &layer.digest);
        if [manifest].into_iter().chain(layers).all(|digest| is_digest(digest)) {
            self.known.insert(manifest.clone(), facts.clone());
        }
    }

    /// Tells what a canonical reference means, unless that was told.
    pub(super) fn tell_name(&mut self, name: &str, cluster: &Cluster, out: &mut Vec<Entry>) {
        let meaning = self.meaning(name, cluster);
        self.tell_meaning(name, meaning, out);
    }

    /// Tells again what estimated names mean, where that is known better by now.
    pub(super) fn settle_names(&mut self, cluster: &Cluster, out: &mut Vec<Entry>) {
        for name in self.names_estimated.iter().cloned().collect::<Vec<_>>() {
            let meaning = self.meaning(&name, cluster);
            let told = self.names_told.get(&name);
            if told.is_some_and(|told| told.worth < meaning.told.worth) {
                self.tell_meaning(&name, meaning, out);
            }
        }
    }

    /// Tells the images that a node reports as a whole; gives their digests.
    pub(super) fn tell_images_on(
        &mut self,
        node: &str,
        cluster: &Cluster,
        out: &mut Vec<Entry>,
    ) -> Vec<String> {
        let Some(id) = cluster.node_id(node) else { return Vec::new() };
        let held = cluster.node(id).held.iter().filter(|held| held.reported);
        let records = held.map(|held| cluster.record(held.record));
        let mut digests = Vec::new();
        for record in records.filter(|record| record.unpacked.is_none()) {
            digests.extend(self.tell_record(record, cluster, out));
        }
        digests.sort_unstable();
        digests.dedup();
        digests
    }

    /// By the names that cannot move, where it has such.
    fn tell_record(
        &mut self,
        record: &Record,
        cluster: &Cluster,
        out: &mut Vec<Entry>,
    ) -> Option<String> {
        let names = record.references.iter().map(|&id| cluster.reference_text(id));
        let names: Vec<_> = names.filter(|name| name.contains('/')).collect();
        let fixed = names.iter().copied().find(|name| name.contains('@'));
        let name = fixed.or(names.first().copied())?;
        let known = record.image.and_then(|id| {
            let manifest = *cluster.image(id).digests.first()?;
            self.known.get(cluster.digest_text(manifest))
        });
        let meaning = match known {
            Some(facts) => self.of_layers(facts),
            None => self.of_size(name, record.size),
        };
        self.tell_meaning(name, meaning, out);
        self.names_told.get(name).map(|told| told.digest.clone())
    }

    fn tell_meaning(&mut self, name: &str, meaning: Meaning, out: &mut Vec<Entry>) {
        let Meaning { told, layers, platform } = meaning;
        let before = self.names_told.get(name);
        if before.is_some_and(|before| *before == told || before.worth > told.worth) {
            return;
        }
        let (at_nanos, digest) = (self.at_nanos, told.digest.clone());
        if self.images_told.insert(digest.clone()) {
            let estimate = told.worth < LAYERS;
            let digest = digest.clone();
            out.push(Entry::Image { at_nanos, digest, platform, layers, estimate });
        }
        if told.worth < LAYERS {
            self.names_estimated.insert(name.to_owned());
        } else {
            self.names_estimated.remove(name);
        }
        self.names_told.insert(name.to_owned(), told);
        out.push(Entry::Tag { at_nanos, name: name.to_owned(), digest });
    }

    fn meaning(&self, name: &str, cluster: &Cluster) -> Meaning {
        let ids = cluster.name_ids(name);
        let own = self.platform.as_ref().and_then(|platform| cluster.known_platform(platform));
        let on = |platform: Option<PlatformId>| {
            let image = cluster.image(cluster.current_image(ids, platform)?);
            self.known.get(cluster.digest_text(*image.digests.first()?))
        };
        match on(own).or_else(|| on(None)) {
            Some(facts) => self.of_layers(facts),
            None => self.of_size(name, cluster.reported_size(ids, None)),
        }
    }

    fn of_layers(&self, facts: &ImageFacts) -> Meaning {
        let layer = |layer: &Layer| LayerEntry {
            digest: layer.digest.clone(),
            // A source may not know it, and nothing takes no bytes.
            size: layer.compressed_bytes.0.max(1),
            diff_id: layer.diff_id.clone(),
        };
        let platform = &facts.platform;
        let is_told = !platform.os.is_empty() && !platform.architecture.is_empty();
        Meaning {
            told: Told {
                digest: facts.digests.first().cloned().unwrap_or_default(),
                worth: LAYERS,
            },
            layers: facts.layers.iter().map(layer).collect(),
            platform: if is_told { platform.to_string() } else { self.usual_platform() },
        }
    }

    /// One layer of that size, with digests that are nobody's; none where not even a size is known.
    fn of_size(&self, name: &str, size: Bytes) -> Meaning {
        let digest = sha256(format!("dunnage: {name} of {} bytes", size.0).as_bytes());
        let layer = sha256(format!("dunnage: all of {digest}").as_bytes());
        let layer = LayerEntry { digest: layer, size: size.0, diff_id: None };
        Meaning {
            told: Told { digest, worth: if size.0 > 0 { SIZE } else { NOTHING } },
            layers: if size.0 > 0 { vec![layer] } else { Vec::new() },
            platform: self.usual_platform(),
        }
    }

    fn usual_platform(&self) -> String {
        self.platform.as_ref().map_or_else(|| USUAL_PLATFORM.to_owned(), ToString::to_string)
    }
}
