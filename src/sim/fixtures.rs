//! Small clusters for tests: images of layers given by name, nodes that fetch and unpack 100 MB/s, pods of
//! one processor.
//!
//! Only tests see this. Everything a test does not say has one value throughout.

use crate::model::image::{ImageFacts, Layer, Platform};
use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos, Time, TransferRate};
use crate::model::volume::VolumeKind;
use crate::sim::catalogue::ReferenceNumber;
use crate::sim::data::Data;
use crate::sim::job::{Container, Job};
use crate::sim::resource::Resources;
use crate::sim::scenario::Scenario;
use crate::sim::setup::{
    DiskSetup, NodeHardware, NodeNumber, NodeSetup, Setup, VolumeSetup, ZoneNumber,
};
use crate::sim::workload::{Scale, build};

pub(crate) const MEGABYTE: u64 = 1_000_000;

/// The digest that is made of a name.
pub(crate) fn digest(name: &str) -> String {
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex:0>64}")
}

/// An image of layers given as name and megabytes.
pub(crate) fn image(name: &str, layers: &[(&str, u64)]) -> ImageFacts {
    let layer = |(name, megabytes): &(&str, u64)| Layer {
        digest: digest(name),
        diff_id: None,
        compressed_bytes: Bytes(megabytes * MEGABYTE),
    };
    ImageFacts {
        digests: vec![digest(name)],
        references: vec![format!("registry.example/{name}:1")],
        platform: Platform::new("linux", "amd64", ""),
        layers: layers.iter().map(layer).collect(),
        published_at: Time(0),
    }
}

/// So many megabytes a second.
pub(crate) fn rate(megabytes: u64) -> TransferRate {
    TransferRate::from_bytes_per_second(megabytes * MEGABYTE).expect("in range")
}

/// A node with so many thousandths of processors.
pub(crate) fn node(cpu_millis: u64) -> NodeSetup {
    NodeSetup {
        name: "node".to_owned(),
        zone: ZoneNumber(0),
        capacity: Resources { cpu_millis, memory: Bytes(64 << 30) },
        pods_max: 110,
        hardware: NodeHardware {
            link_down: rate(100),
            link_up: rate(100),
            unpack: rate(100),
            keeps_blobs: false,
            pulls_max: 1,
            layers_max: 1,
            disk: None,
        },
        preloaded: Vec::new(),
        joins_at: Nanos(0),
        leaves_at: None,
    }
}

/// A disk of so many megabytes, on which images take what they are compressed; as kubelets keep it.
pub(crate) fn disk(megabytes: u64) -> DiskSetup {
    DiskSetup {
        bytes: Bytes(megabytes * MEGABYTE),
        unpacked_per_mille: 1000,
        high_percent: 85,
        low_percent: 80,
        age_min: Nanos::from_seconds(120),
        interval: Nanos::from_seconds(300),
    }
}

/// A pod of these images.
pub(crate) fn job(references: &[u32]) -> Job {
    let container = |reference: &u32| Container {
        reference: ReferenceNumber(*reference),
        pull_policy: PullPolicy::IfNotPresent,
        is_init: false,
    };
    Job {
        name: "pod".into(),
        containers: references.iter().map(container).collect(),
        requests: Resources { cpu_millis: 1000, memory: Bytes(0) },
        ..Job::default()
    }
}

/// A volume of 500 MB on these nodes.
pub(crate) fn volume(key: &str, holders: &[u32], is_pushed: bool) -> VolumeSetup {
    VolumeSetup {
        key: key.to_owned(),
        kind: VolumeKind::Output,
        bytes: Bytes(500 * MEGABYTE),
        holders: holders.iter().copied().map(NodeNumber).collect(),
        is_pushed,
    }
}

/// The setup of a scenario of which these are the images, nodes and generators.
pub(crate) fn setup_of(rest: &str, seed: u64, data: &Data) -> Result<Setup, String> {
    let head = "apiVersion: dunnage.dev/v1alpha1\nkind: Scenario\nabout: a test\nchoices: {}\n";
    let scenario = Scenario::parse(&format!("{head}{rest}")).map_err(|error| error.to_string())?;
    build::setup("test", &scenario, seed, Scale::FULL, data).map_err(|error| error.to_string())
}
