//! Images of incompressible bytes, the same from the same seeds, and one layer
//! with busybox to run.
//!
//! A layer is a gzipped tar, so that its digest and its diff id differ as they
//! do in the world. Leaves alone where images are kept.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use dunnage::model::chain_id::sha256;
use dunnage::sim::random::Random;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tar::{Builder, Header};

/// The program of every image. It must be linked statically: images have no libraries.
const BUSYBOX: &str = "/bin/busybox";

/// A layer of one file of seeded random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer {
    /// Two layers of the same seed and size are the same.
    pub seed: u64,
    /// The size of its file, and nearly its own, packed or not.
    pub bytes: usize,
}

/// An image to be made: busybox, then its layers in their order.
#[derive(Clone, Debug)]
pub struct ImageSpec {
    /// Its repository, as `ci/build`.
    pub name: String,
    /// Its tag.
    pub tag: String,
    /// Its layers on top of busybox.
    pub layers: Vec<Layer>,
}

impl ImageSpec {
    /// An image with the tag `1`.
    pub fn new(name: &str, layers: &[Layer]) -> Self {
        Self { name: name.to_owned(), tag: "1".to_owned(), layers: layers.to_vec() }
    }

    /// What holds the namespaces of a pod: busybox alone, which every other
    /// image shares and every node has from the start.
    pub fn pause() -> Self {
        Self::new("pause", &[])
    }
}

/// A layer as it is stored.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Its digest, as registries know it.
    pub digest: String,
    /// The digest of the tar inside, as configurations name it.
    pub diff_id: String,
    /// The tar, gzipped.
    pub blob: Vec<u8>,
}

/// The layer with the program.
pub fn busybox() -> Result<Packed> {
    let program = fs::read(BUSYBOX).with_context(|| format!("no {BUSYBOX}: busybox-static"))?;
    // It refuses what needs nothing.
    let libraries = Command::new("ldd").arg(BUSYBOX).output()?;
    ensure!(!libraries.status.success(), "{BUSYBOX} needs libraries: install busybox-static");
    pack("bin/busybox", 0o755, &program)
}

/// A layer of random bytes.
pub fn random(layer: Layer) -> Result<Packed> {
    let mut random = Random::new(layer.seed, 0);
    let mut bytes = Vec::with_capacity(layer.bytes + size_of::<u64>());
    while bytes.len() < layer.bytes {
        bytes.extend(random.draw().to_le_bytes());
    }
    bytes.truncate(layer.bytes);
    pack(&format!("layer-{}", layer.seed), 0o644, &bytes)
}

/// A tar of one file, by nobody at no time.
fn pack(name: &str, mode: u32, bytes: &[u8]) -> Result<Packed> {
    let mut header = Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    let mut builder = Builder::new(Vec::with_capacity(bytes.len()));
    builder.append_data(&mut header, name, bytes)?;
    let tar = builder.into_inner()?;
    // Random bytes do not get smaller by trying harder.
    let mut gzip = GzEncoder::new(Vec::with_capacity(tar.len()), Compression::fast());
    gzip.write_all(&tar)?;
    let blob = gzip.finish()?;
    Ok(Packed { digest: sha256(&blob), diff_id: sha256(&tar), blob })
}

/// The configuration of an image with these layers.
pub fn configuration(diff_ids: &[&str]) -> Value {
    let architecture = BTreeMap::from([("x86_64", "amd64"), ("aarch64", "arm64")]);
    let own = std::env::consts::ARCH;
    json!({
        "architecture": architecture.get(own).unwrap_or(&own),
        "os": "linux",
        // What a pod's pause container runs; steps name their own command.
        "config": {"Cmd": [BUSYBOX, "sleep", "2147483647"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
}
