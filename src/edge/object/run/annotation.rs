//! The annotations of `dunnage.dev`: what whoever made the pod says of its run, its volumes, and the images
//! of the steps after it.
//!
//! They win over what a CI system writes. Nothing of them is trusted for more than a preference: each is
//! bounded, taken whole or not at all, and what is wrong with it is kept in words.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Marks, NAME_BYTES_MAX, name};
use crate::edge::object::convert::pull_policy;
use crate::model::pod::PodImage;
use crate::model::reference::Reference;
use crate::model::run::{NEXT_IMAGES_MAX, RunFacts, RunSource};
use crate::model::unit::Bytes;
use crate::model::volume::{VolumeFacts, VolumeKind, key_fault};

/// The name of the run within the namespace.
pub(super) const RUN: &str = "dunnage.dev/run";
/// Volumes that the step reads.
pub(super) const NEEDS: &str = "dunnage.dev/needs";
/// Volumes that it leaves on its node.
pub(super) const PRODUCES: &str = "dunnage.dev/produces";
/// Images that steps after it will want.
pub(super) const NEXT_IMAGES: &str = "dunnage.dev/next-images";

/// Bytes of a list: 64 entries of 256 bytes. Every pod of the cluster may have two of them in memory, and
/// the scheduler waits while they are read.
const LIST_BYTES_MAX: usize = 16 << 10;
/// Entries of a list. Pipelines that people write have up to nine inputs a task; each entry costs a look at
/// its holders in every decision.
pub const ENTRIES_MAX: usize = 64;
/// No node has a disk of a pebibyte, and sums of so many cannot overflow.
pub const BYTES_MAX: u64 = 1 << 50;
/// What is said of one annotation: four of them are a note that people read.
const REASON_CHARS_MAX: usize = 200;

/// As in the annotation. A mistyped field is an error, not a size that silently is not there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    kind: Option<String>,
    bytes: Option<u64>,
}

/// Puts what annotations say over what is known.
pub(super) fn put_over(facts: &mut RunFacts, marks: &Marks<'_>) {
    let mut faults = Vec::new();
    if let Some(run) = read(marks, RUN, run, &mut faults) {
        facts.run = Some(run);
        facts.source = RunSource::Annotations;
    }
    if let Some(needs) = read(marks, NEEDS, volumes, &mut faults) {
        (facts.needs, facts.needs_source) = (needs, RunSource::Annotations);
    }
    if let Some(produces) = read(marks, PRODUCES, volumes, &mut faults) {
        (facts.produces, facts.produces_source) = (produces, RunSource::Annotations);
    }
    facts.next_images = read(marks, NEXT_IMAGES, images, &mut faults);
    facts.malformed = (!faults.is_empty()).then(|| faults.join("; "));
}

/// What an annotation says, if there is one and it is well-formed.
fn read<T>(
    marks: &Marks<'_>,
    key: &str,
    parse: fn(&str) -> Result<T, String>,
    faults: &mut Vec<String>,
) -> Option<T> {
    match parse(marks.raw_annotation(key)?) {
        Ok(value) => Some(value),
        Err(reason) => {
            faults.push(format!("{key} is ignored: {}", shown(&reason)));
            None
        }
    }
}

fn run(text: &str) -> Result<String, String> {
    let expected =
        || format!("expected one line of 1 to {NAME_BYTES_MAX} bytes, found {}", text.len());
    name(text).ok_or_else(expected)
}

/// Each image once. Kubelets ask the registry for them as the API server's defaults say.
fn images(text: &str) -> Result<Vec<PodImage>, String> {
    bounded(text)?;
    let entries: Vec<String> = serde_json::from_str(text)
        .map_err(|error| format!("expected a JSON array of image references: {error}"))?;
    if entries.len() > NEXT_IMAGES_MAX {
        return Err(format!("{} entries, may have {NEXT_IMAGES_MAX}", entries.len()));
    }
    let mut images: Vec<PodImage> = Vec::with_capacity(entries.len());
    for (entry, number) in entries.into_iter().zip(1_usize..) {
        let reference = Reference::parse(&entry).filter(|_| name(&entry).is_some());
        let reference = reference.ok_or_else(|| {
            format!("entry {number}: expected an image reference of 1 to {NAME_BYTES_MAX} bytes")
        })?;
        let reference = reference.as_str().to_owned();
        if images.iter().all(|image| image.reference != reference) {
            let pull_policy = pull_policy(None, &reference);
            images.push(PodImage { reference, pull_policy, ..PodImage::default() });
        }
    }
    Ok(images)
}

fn bounded(text: &str) -> Result<(), String> {
    if text.len() > LIST_BYTES_MAX {
        return Err(format!("{} bytes, may have {LIST_BYTES_MAX}", text.len()));
    }
    Ok(())
}

fn volumes(text: &str) -> Result<Vec<VolumeFacts>, String> {
    bounded(text)?;
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| {
        format!("expected a JSON array of {{\"key\",\"kind\",\"bytes\"}}: {error}")
    })?;
    if entries.len() > ENTRIES_MAX {
        return Err(format!("{} entries, may have {ENTRIES_MAX}", entries.len()));
    }
    let mut volumes: Vec<VolumeFacts> = Vec::new();
    let mut known = BTreeMap::new();
    for (entry, number) in entries.into_iter().zip(1_usize..) {
        let volume = volume(entry).map_err(|reason| format!("entry {number}: {reason}"))?;
        let (first, place) = *known.entry(volume.key.clone()).or_insert((number, volumes.len()));
        if first == number {
            volumes.push(volume);
        } else if volumes[place] != volume {
            return Err(format!("entries {first} and {number} differ about one key"));
        }
    }
    Ok(volumes)
}

fn volume(entry: Entry) -> Result<VolumeFacts, String> {
    let Entry { key, kind, bytes } = entry;
    if let Some(fault) = key_fault(&key) {
        return Err(format!("key {fault}"));
    }
    if let Some(bytes) = bytes.filter(|bytes| *bytes > BYTES_MAX) {
        return Err(format!("bytes: {bytes}, may be {BYTES_MAX}"));
    }
    let kind = kind.map_or(Ok(VolumeKind::default()), |kind| known_kind(&kind))?;
    Ok(VolumeFacts { key, kind, bytes: bytes.map(Bytes) })
}

fn known_kind(name: &str) -> Result<VolumeKind, String> {
    let kind = VolumeKind::named(name);
    if kind.name() == name {
        return Ok(kind);
    }
    let names = VolumeKind::ALL.map(VolumeKind::name).join(", ");
    Err(format!("kind must be one of {names}"))
}

/// One line of bounded length: a reason may repeat what somebody else wrote.
fn shown(reason: &str) -> String {
    let clean = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut text: String = reason.chars().map(clean).take(REASON_CHARS_MAX).collect();
    if reason.chars().nth(REASON_CHARS_MAX).is_some() {
        text.push('…');
    }
    text
}
