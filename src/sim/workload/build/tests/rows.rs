//! Rows for the tests.

use crate::model::image::ImageFacts;
use crate::model::reference::Reference;
use crate::sim::data::{CiSystem, Step};
use crate::sim::fixtures;

/// An image by its name and what its digest is made of.
pub(super) fn image(name: &str, version: &str) -> ImageFacts {
    let reference = Reference::parse(name).expect("a reference");
    let references = vec![reference.as_str().to_owned()];
    ImageFacts { references, ..fixtures::image(version, &[(version, 1)]) }
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
