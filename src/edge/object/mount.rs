//! What a pod mounts: the claims it names or has made for it, and the named volumes of our own driver.
//!
//! Volumes that a pod has inline from other drivers tell nothing of what is in them or where that is.

use std::collections::BTreeSet;

use crate::edge::object::PodSpec;
use crate::edge::object::run::{BYTES_MAX, ENTRIES_MAX};
use crate::model::run::{RunFacts, RunSource};
use crate::model::unit::Bytes;
use crate::model::volume::{VolumeFacts, VolumeKind, key_fault};

/// The driver whose inline volumes name what they hold by an attribute.
const OWN_DRIVER: &str = "csi.dunnage.dev";
const KEY_ATTRIBUTE: &str = "key";

/// The claims of a pod of that name, each once, in the order of its volumes.
///
/// One that was made for an ephemeral volume is named after pod and volume; should another claim have that
/// name, the scheduler refuses the pod.
#[must_use]
pub fn claims(spec: &PodSpec, pod_name: &str) -> Vec<String> {
    let mut claims: Vec<String> = Vec::new();
    for volume in spec.volumes.iter().flatten() {
        let named = volume.persistent_volume_claim.as_ref();
        let named = named.and_then(|claim| claim.claim_name.clone());
        let made =
            volume.ephemeral.and_then(|_| Some(format!("{pod_name}-{}", volume.name.as_ref()?)));
        claims.extend(named.or(made).filter(|claim| !claim.is_empty()));
    }
    let mut seen = BTreeSet::new();
    claims.retain(|claim| seen.insert(claim.clone()));
    claims
}

/// Adds the named volumes that a pod mounts through our driver, but for keys that are there already. Bounded
/// as annotations are: what is beyond is untold.
pub fn add_needs(run: &mut RunFacts, spec: &PodSpec) {
    let inline = spec.volumes.iter().flatten().filter_map(|volume| volume.csi.as_ref());
    let own = inline.filter(|csi| csi.driver.as_deref() == Some(OWN_DRIVER));
    for attributes in own.filter_map(|csi| csi.volume_attributes.as_ref()) {
        let text = |name: &str| attributes.get(name).filter(|text| !text.is_empty());
        let Some(key) = text(KEY_ATTRIBUTE).filter(|key| key_fault(key).is_none()) else {
            continue;
        };
        if run.needs.len() < ENTRIES_MAX && run.needs.iter().all(|need| need.key != *key) {
            let kind = text("kind").map(|kind| VolumeKind::named(kind)).unwrap_or_default();
            let bytes = text("bytes").and_then(|bytes| bytes.parse().ok());
            let bytes = bytes.filter(|bytes| *bytes <= BYTES_MAX).map(Bytes);
            if run.needs.is_empty() {
                run.needs_source = RunSource::Mounts;
            }
            run.needs.push(VolumeFacts { key: key.clone(), kind, bytes });
        }
    }
}
