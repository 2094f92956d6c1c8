//! Traces: what a cluster did, line by line, so that it can be done again with another policy.
//!
//! The format, version `dunnage.dev/v1alpha1`, is JSON lines, plain or gzip. The first line is the header:
//!
//! ```text
//! {"apiVersion": "dunnage.dev/v1alpha1", "kind": "Trace", "epoch": "2026-05-20T00:00:00Z"}
//! ```
//!
//! Each other line is one [`entry::Entry`], an object of one key that tells what it is, with the time
//! `atNanos` since the epoch. Times never go back, so that a recorder only ever appends and a reader never
//! looks ahead. Names come before they are used: a node before a pod is bound to it, an image before a tag
//! means it, a tag before a pod names it, a volume before a pod needs it. What is not known by then is an
//! estimate, which a later line replaces from the beginning: a tag's image, a volume's size. The last line
//! is `end` with the number of all lines before it: without it a trace was cut off.
//!
//! [`read`] checks all of that, and gives each offence a code; [`replay`] makes a
//! [`crate::sim::setup::Setup`] of it. [`write`] makes the lines of what happens to a live cluster, by
//! [`names`] that may be hidden. Files are [`crate::edge::trace`]'s.

pub mod entry;
pub mod names;
pub mod read;
pub mod replay;
pub mod write;

use std::collections::BTreeMap;

use crate::model::image::ImageFacts;
use crate::model::pod::PullPolicy;
use crate::model::unit::{Bytes, Nanos, Time};
use crate::model::volume::VolumeKind;
use crate::sim::resource::Resources;

/// A whole trace, numbered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// What time zero is called.
    pub epoch: Time,
    /// When recording ended.
    pub ends_at: Nanos,
    /// Nodes, in the order of joining.
    pub nodes: Vec<RecordedNode>,
    /// Images.
    pub images: Vec<ImageFacts>,
    /// Places of images whose layers were not known, with those of the images that they turned out to be.
    pub estimates: BTreeMap<usize, Option<usize>>,
    /// Names, with the places of the images that they came to mean.
    pub names: Vec<(String, Vec<(Nanos, usize)>)>,
    /// Volumes.
    pub volumes: Vec<RecordedVolume>,
    /// Pods, in the order of creation.
    pub pods: Vec<RecordedPod>,
    /// How long each pull took of which a kubelet told.
    pub pulls: Vec<Nanos>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedNode {
    /// Its name.
    pub name: String,
    /// Its zone, where it has one.
    pub zone: Option<String>,
    /// What it has for pods.
    pub capacity: Resources,
    /// Pods at a time.
    pub pods_max: u32,
    /// Of its image disk, where told.
    pub disk_bytes: Option<Bytes>,
    /// Places of the images that lay there when it joined.
    pub images: Vec<usize>,
    /// When it joined.
    pub joins_at: Nanos,
    /// When it went, if it did.
    pub leaves_at: Option<Nanos>,
}

/// A volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedVolume {
    /// Its key.
    pub key: String,
    /// What it is.
    pub kind: VolumeKind,
    /// Its size.
    pub bytes: Bytes,
    /// Places of the nodes where it lay when it was first seen.
    pub holders: Vec<usize>,
    /// The registry had it.
    pub is_pushed: bool,
    /// Its size was not known.
    pub is_estimate: bool,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedPod {
    /// Its name.
    pub name: Box<str>,
    /// Its run, by the order of the first pod of each; a pod without one is its own.
    pub run: u32,
    /// Places of the names of its images, in the order of pulling.
    pub containers: Box<[RecordedContainer]>,
    /// What it asked for.
    pub requests: Resources,
    /// Places of volumes.
    pub needs: Box<[usize]>,
    /// Places of volumes.
    pub produces: Box<[usize]>,
    /// Places of the names of images of later steps that it named.
    pub next: Box<[usize]>,
    /// When it was created.
    pub created_at: Nanos,
    /// To which node it was bound, and when.
    pub bound: Option<(usize, Nanos)>,
    /// When its containers ran.
    pub started_at: Option<Nanos>,
    /// When it had ended.
    pub ended_at: Option<Nanos>,
    /// It did not end well: nobody knows what it left.
    pub has_failed: bool,
}

/// A container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedContainer {
    /// Place of its image's name.
    pub name: usize,
    /// When the kubelet asked the registry.
    pub pull_policy: PullPolicy,
    /// It was an init container's.
    pub is_init: bool,
}
