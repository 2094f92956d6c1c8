//! Nodes, images, names and volumes of a trace.

use super::{Code, Offence, Reader};
use crate::model::image::{ImageFacts, Layer, Platform};
use crate::model::reference::{Reference, is_digest};
use crate::model::unit::{Bytes, Nanos, Time};
use crate::sim::resource::Resources;
use crate::sim::trace::entry::{Entry, LayerEntry};
use crate::sim::trace::{RecordedNode, RecordedVolume};

impl Reader {
    pub(super) fn node(&mut self, at: Nanos, entry: Entry) -> Result<(), Offence> {
        let Entry::Node {
            name, zone, cpu_millis, memory_bytes, pods_max, disk_bytes, images, ..
        } = entry
        else {
            return Ok(());
        };
        if self.nodes.contains_key(&name) {
            return Err((Code::Repeated, format!("node {name} is there already")));
        }
        if cpu_millis == 0 || memory_bytes == 0 || pods_max == 0 || disk_bytes == Some(0) {
            return Err((Code::SizeZero, format!("node {name} has no room for anything")));
        }
        let place = |digest: &String| {
            let place = self.images.get(digest).copied();
            place.ok_or_else(|| (Code::UnknownDigest, format!("{digest} on it is no image above")))
        };
        let images = images.iter().map(place).collect::<Result<_, _>>()?;
        self.nodes.insert(name.clone(), self.recording.nodes.len());
        self.recording.nodes.push(RecordedNode {
            name,
            zone,
            capacity: Resources { cpu_millis, memory: Bytes(memory_bytes) },
            pods_max,
            disk_bytes: disk_bytes.map(Bytes),
            images,
            joins_at: at,
            leaves_at: None,
        });
        Ok(())
    }

    pub(super) fn node_gone(&mut self, at: Nanos, name: &str) -> Result<(), Offence> {
        let gone = self.nodes.remove(name);
        let gone = gone.ok_or_else(|| (Code::UnknownNode, format!("node {name} is not there")))?;
        self.recording.nodes[gone].leaves_at = Some(at);
        Ok(())
    }

    pub(super) fn image(
        &mut self,
        digest: String,
        platform: &str,
        layers: Vec<LayerEntry>,
        estimate: bool,
    ) -> Result<(), Offence> {
        let malformed = |reason| (Code::Malformed, reason);
        if !is_digest(&digest) {
            return Err(malformed(format!("digest {digest:?}: expected algorithm:hex")));
        }
        let platform = Platform::parse(platform)
            .ok_or_else(|| malformed(format!("platform {platform:?}: expected os/architecture")))?;
        if self.images.contains_key(&digest) {
            return Err((Code::Repeated, format!("image {digest} was told before")));
        }
        if let Some(layer) = layers.iter().find(|layer| layer.size == 0) {
            return Err((Code::SizeZero, format!("layer {} has no bytes", layer.digest)));
        }
        if let Some(layer) = layers.iter().find(|layer| !is_digest(&layer.digest)) {
            let reason = format!("layer digest {:?}: expected algorithm:hex", layer.digest);
            return Err(malformed(reason));
        }
        let place = self.recording.images.len();
        if estimate {
            self.recording.estimates.insert(place, None);
        }
        self.images.insert(digest.clone(), place);
        self.recording.images.push(ImageFacts {
            digests: vec![digest],
            references: Vec::new(),
            platform,
            layers: layers.into_iter().map(layer).collect(),
            published_at: Time(0),
        });
        Ok(())
    }

    pub(super) fn tag(&mut self, at: Nanos, name: &str, digest: &str) -> Result<(), Offence> {
        let canonical = canonical(name)?;
        let image = self.images.get(digest).copied();
        let image = image.ok_or_else(|| {
            (Code::UnknownDigest, format!("{name} means {digest}, which is no image above"))
        })?;
        let fresh = self.recording.names.len();
        let place = *self.names.entry(canonical.clone()).or_insert(fresh);
        if place == fresh {
            self.recording.names.push((canonical.clone(), Vec::new()));
        }
        let history = &mut self.recording.names[place].1;
        match history.last_mut() {
            // It was this one all along.
            Some((_, last)) if *last == image => {}
            Some((_, last)) if self.recording.estimates.contains_key(last) => {
                let estimate = std::mem::replace(last, image);
                self.recording.estimates.insert(estimate, Some(image));
                let names = &mut self.recording.images[estimate].references;
                names.retain(|name| *name != canonical);
            }
            Some((last_at, last)) if *last_at == at => *last = image,
            _ => history.push((at, image)),
        }
        let facts = &mut self.recording.images[image];
        if !facts.references.contains(&canonical) {
            facts.references.push(canonical);
        }
        Ok(())
    }

    pub(super) fn volume(&mut self, entry: Entry) -> Result<(), Offence> {
        let Entry::Volume { key, kind, bytes, holders, pushed, estimate, .. } = entry else {
            return Ok(());
        };
        if bytes == 0 {
            return Err((Code::SizeZero, format!("volume {key} has no bytes")));
        }
        if let Some(place) = self.volumes.get(&key) {
            let volume = &mut self.recording.volumes[*place];
            if !volume.is_estimate {
                return Err((Code::Repeated, format!("volume {key} was told before")));
            }
            (volume.bytes, volume.is_estimate) = (Bytes(bytes), estimate);
            return Ok(());
        }
        let place = |name: &String| {
            let node = self.nodes.get(name).copied();
            node.ok_or_else(|| (Code::UnknownNode, format!("holder {name} is not there")))
        };
        let holders = holders.iter().map(place).collect::<Result<_, _>>()?;
        self.volumes.insert(key.clone(), self.recording.volumes.len());
        let (kind, bytes) = (kind.into(), Bytes(bytes));
        self.recording.volumes.push(RecordedVolume {
            key,
            kind,
            bytes,
            holders,
            is_pushed: pushed,
            is_estimate: estimate,
        });
        Ok(())
    }
}

/// The name as all names are kept.
pub(super) fn canonical(name: &str) -> Result<String, Offence> {
    let reference = Reference::parse(name);
    let reference = reference
        .ok_or_else(|| (Code::Malformed, format!("{name:?}: expected an image reference")))?;
    Ok(reference.as_str().to_owned())
}

fn layer(entry: LayerEntry) -> Layer {
    let (digest, diff_id) = (entry.digest, entry.diff_id);
    Layer { digest, diff_id, compressed_bytes: Bytes(entry.size) }
}
