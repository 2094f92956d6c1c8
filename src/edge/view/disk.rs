//! Claims of a pod as JSON: what is behind each, and where that is.

use serde::{Deserialize, Serialize};

use crate::edge::view::legend::Legend;
use crate::model::claim::Reach;
use crate::score::decision::disk::DiskVerdict;

/// What is known of one claim of a pod.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimView {
    /// Its name.
    pub claim: String,
    /// The volume it is bound to; absent before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub volume: Option<String>,
    /// Who attaches, or will make, the volume.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub driver: Option<String>,
    /// `RWO`, `ROX`, `RWX`, `RWOP`.
    pub access_modes: Vec<String>,
    /// Zones it can be used from; empty for all, or where it is told otherwise.
    pub zones: Vec<String>,
    /// Nodes it can be used from; empty for all.
    pub nodes: Vec<String>,
    /// It is made where its first pod goes.
    pub waits_for_pod: bool,
    /// `one-node`, `one-pod`, `shared`, `mounted`, `unknown`.
    pub known: String,
    /// The same in words.
    pub reason: String,
    /// Where it is now.
    pub places: Vec<PlaceView>,
    /// Seconds until it is attached to a node that is none of those.
    pub attach_seconds: f64,
}

/// A node where a volume is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceView {
    /// The node.
    pub node: String,
    /// `attached`, `attaching`, `detaching`.
    pub state: String,
    /// Other pods that use it there.
    pub pods: u32,
    /// To how many disks of the same driver the node can be attached; absent if not limited, or untold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disks_max: Option<u32>,
}

impl ClaimView {
    /// The view of what a decision knew.
    pub(super) fn new(verdict: &DiskVerdict, legend: &Legend) -> Self {
        let (zones, nodes) = match &verdict.reach {
            Reach::Anywhere => (Vec::new(), Vec::new()),
            Reach::Zones(zones) => (zones.clone(), Vec::new()),
            Reach::Nodes(nodes) => (Vec::new(), nodes.clone()),
        };
        let driver = verdict.driver.as_deref();
        let places = verdict.places.iter().map(|place| PlaceView {
            node: place.node.clone(),
            state: place.state.name().to_owned(),
            pods: place.pods,
            disks_max: driver.and_then(|driver| legend.disks_max(&place.node, driver)),
        });
        Self {
            claim: verdict.claim.clone(),
            volume: verdict.volume.clone(),
            driver: verdict.driver.clone(),
            access_modes: verdict.modes.iter().map(|mode| mode.name().to_owned()).collect(),
            zones,
            nodes,
            waits_for_pod: verdict.waits_for_pod,
            known: verdict.known().to_owned(),
            reason: verdict.reason().to_owned(),
            places: places.collect(),
            attach_seconds: super::seconds(verdict.seconds),
        }
    }
}
