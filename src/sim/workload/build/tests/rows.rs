//! Rows for the tests.

use crate::model::image::{ImageFacts, Layer, Platform};
use crate::model::reference::Reference;
use crate::model::unit::{Bytes, Time};
use crate::sim::data::{CiSystem, Step};

/// Of all images here.
pub(super) fn platform() -> Platform {
    Platform::new("linux", "amd64", "")
}

/// A digest that is made of a name.
pub(super) fn digest(name: &str) -> String {
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex:0>64}")
}

/// An image by its name and what its digest is made of.
pub(super) fn image(name: &str, version: &str, published_at: u64) -> ImageFacts {
    let reference = Reference::parse(name).expect("a reference");
    ImageFacts {
        digests: vec![digest(version)],
        references: vec![reference.as_str().to_owned()],
        platform: platform(),
        layers: vec![Layer {
            digest: digest(version),
            diff_id: None,
            compressed_bytes: Bytes(1_000_000),
        }],
        published_at: Time(published_at),
    }
}

/// A step of a job, with nothing told of it.
pub(super) fn step(system: CiSystem, job: &str, kind: &str, name: &str) -> Step {
    Step {
        system,
        pipeline: "pipe".to_owned(),
        job: job.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        seq: 0,
        stage: 0,
        image: Some("a:1".to_owned()),
        is_builtin: false,
        triggers: false,
        passed: Vec::new(),
        on_failure: false,
        is_finally: false,
        inputs: Vec::new(),
        outputs: Vec::new(),
        caches: Vec::new(),
        shared: Vec::new(),
        after: Vec::new(),
        template: None,
        requests: None,
    }
}

/// Names as the rows have them.
pub(super) fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
