//! Small chainable facts for tests: a node that lists, a pod that wants, an image of layers.
//!
//! Only tests see this. Everything a test does not say has one value throughout: `linux/amd64`, the
//! namespace `ci`, a step pod that waits, the time of [`world::World::now`].

pub(crate) mod agent;
pub(crate) mod storage;
pub(crate) mod universe;
pub(crate) mod volume;
pub(crate) mod world;

use proptest::prelude::ProptestConfig;

use crate::model::cluster::stable_hash;
use crate::model::image::{ImageFacts, Layer, Platform};
use crate::model::node::{NodeFacts, ReportedImage};
use crate::model::pod::{PodFacts, PodImage, PodPhase, PullPolicy};
use crate::model::unit::{Bytes, Nanos, Time};

/// The digest that stands for `name` in tests.
pub(crate) fn digest(name: &str) -> String {
    format!("sha256:{:064x}", stable_hash(name))
}

/// `name@digest`, as kubelets report it.
pub(crate) fn pinned(repository: &str, name: &str) -> String {
    format!("{repository}@{}", digest(name))
}

/// So many seconds since the epoch.
pub(crate) fn at(seconds: u64) -> Time {
    Time(0).after(Nanos::from_seconds(seconds))
}

/// A node without images.
pub(crate) fn node(name: &str) -> NodeFacts {
    NodeFacts {
        name: name.to_owned(),
        platform: Platform::new("linux", "amd64", ""),
        kubelet_minor: 36,
        ..NodeFacts::default()
    }
}

/// A step pod without images.
pub(crate) fn pod(uid: &str) -> PodFacts {
    PodFacts {
        uid: uid.to_owned(),
        namespace: "ci".to_owned(),
        name: uid.to_owned(),
        is_step: true,
        ..PodFacts::default()
    }
}

/// An image without layers whose manifest digest is `digest(name)`.
pub(crate) fn image(name: &str) -> ImageFacts {
    ImageFacts {
        digests: vec![digest(name)],
        platform: Platform::new("linux", "amd64", ""),
        ..ImageFacts::default()
    }
}

impl NodeFacts {
    pub(crate) fn runs(mut self, platform: &str) -> Self {
        self.platform = Platform::parse(platform).unwrap_or_default();
        self
    }

    pub(crate) fn kubelet(mut self, minor: u16) -> Self {
        self.kubelet_minor = minor;
        self
    }

    pub(crate) fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// It pulls as fast as others of that group.
    pub(crate) fn grouped(mut self, group: &str) -> Self {
        self.group = group.to_owned();
        self
    }

    /// One more entry of its list.
    pub(crate) fn lists(mut self, names: &[&str], size_bytes: u64) -> Self {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        self.images.push(ReportedImage { names, size_bytes });
        self
    }

    /// Fills the list up to `len` entries of `size_bytes` each.
    pub(crate) fn filled_to(mut self, len: usize, size_bytes: u64) -> Self {
        for at in self.images.len()..len {
            let name = format!("filler/f{at}:1");
            self = self.lists(&[name.as_str()], size_bytes);
        }
        self
    }
}

impl PodFacts {
    pub(crate) fn wants(self, reference: &str) -> Self {
        self.pulls(PullPolicy::IfNotPresent, reference)
    }

    pub(crate) fn pulls(mut self, pull_policy: PullPolicy, reference: &str) -> Self {
        self.images.push(PodImage {
            reference: reference.to_owned(),
            pull_policy,
            ..PodImage::default()
        });
        self
    }

    /// Its last image has come, and this is what the status calls it.
    pub(crate) fn got(mut self, image_id: &str) -> Self {
        if let Some(image) = self.images.last_mut() {
            image.image_id = Some(image_id.to_owned());
        }
        self
    }

    /// Its last image cannot be had.
    pub(crate) fn fails(mut self) -> Self {
        if let Some(image) = self.images.last_mut() {
            image.pull_fails = true;
        }
        self
    }

    /// Its last image is an init container's.
    pub(crate) fn init(mut self) -> Self {
        if let Some(image) = self.images.last_mut() {
            image.is_init = true;
        }
        self
    }

    pub(crate) fn with_secret(mut self, name: &str) -> Self {
        self.pull_secrets.push(name.to_owned());
        self
    }

    pub(crate) fn on(mut self, node: &str) -> Self {
        self.node = Some(node.to_owned());
        self
    }

    pub(crate) fn bound(mut self, seconds: u64) -> Self {
        self.bound_at = Some(at(seconds));
        self
    }

    pub(crate) fn no_step(mut self) -> Self {
        self.is_step = false;
        self
    }

    pub(crate) fn running(mut self) -> Self {
        self.phase = PodPhase::Running;
        self
    }

    pub(crate) fn ended(mut self, seconds: u64) -> Self {
        self.phase = PodPhase::Ended;
        self.ended_at = Some(at(seconds));
        self
    }

    pub(crate) fn failed(mut self, seconds: u64) -> Self {
        self.phase = PodPhase::Failed;
        self.ended_at = Some(at(seconds));
        self
    }
}

impl ImageFacts {
    pub(crate) fn runs(mut self, platform: &str) -> Self {
        self.platform = Platform::parse(platform).unwrap_or_default();
        self
    }

    /// Another manifest with what was said so far.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.digests = vec![digest(name)];
        self.references.clear();
        self
    }

    /// A canonical reference that points at it.
    pub(crate) fn tagged(mut self, reference: &str) -> Self {
        self.references.push(reference.to_owned());
        self
    }

    /// An index or config digest that names it too.
    pub(crate) fn also(mut self, name: &str) -> Self {
        self.digests.push(digest(name));
        self
    }

    pub(crate) fn published(mut self, seconds: u64) -> Self {
        self.published_at = at(seconds);
        self
    }

    /// One more layer, on top.
    pub(crate) fn layer(mut self, name: &str, bytes: u64) -> Self {
        self.layers.push(Layer {
            digest: digest(name),
            diff_id: None,
            compressed_bytes: Bytes(bytes),
        });
        self
    }

    /// Its config is known: every layer has a diff id of its own.
    pub(crate) fn with_config(mut self) -> Self {
        for layer in &mut self.layers {
            layer.diff_id = Some(digest(&format!("diff of {}", layer.digest)));
        }
        self
    }
}

/// How often a property is tried. Failures are not written to files: the seed is in the message, and a
/// case worth keeping becomes a test of its own.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}
