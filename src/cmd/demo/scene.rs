//! What is played: the bundled images, a workload from the seed, nodes as a CI cluster has them.

use std::time::Duration;

use anyhow::Context;

use crate::cli::Demo;
use crate::edge::manifests;
use crate::model::unit::{Bytes, Nanos, Time, TransferRate};
use crate::sim::catalogue::Catalogue;
use crate::sim::engine::Engine;
use crate::sim::record::Record;
use crate::sim::report::Totals;
use crate::sim::resource::Resources;
use crate::sim::scheduler::Scheduler;
use crate::sim::setup::{NodeHardware, NodeSetup, Setup, ZoneNumber};
use crate::sim::workload::{self, Settings};

/// The images of dotnet/runtime's pipelines on 2026-05-20; provenance and licence are in NOTICE.
const IMAGES: &str = include_str!("images.jsonl");
/// Time zero: the day of the images, so that a run is the same on every day. 2026-05-20T00:00:00Z.
pub const EPOCH: Time = Time(1_779_235_200_000_000_000);
/// A CI node as clouds rent them.
const CAPACITY: Resources = Resources { cpu_millis: 16_000, memory: Bytes(64 << 30) };
/// A kubelet's default.
const PODS_MAX: u32 = 110;
/// What a link of 1 Gbit/s carries beside its headers.
const LINK_BYTES_PER_SECOND: u64 = 117_000_000;
/// Gunzip and untar on one core, in compressed bytes: 206 MB of /usr took 4.2 s.
const UNPACK_BYTES_PER_SECOND: u64 = 50_000_000;

/// Everything that both runs have in common.
#[derive(Debug)]
pub struct Scene {
    /// Images, nodes and pods.
    pub setup: Setup,
}

impl Scene {
    /// The scene of these flags.
    ///
    /// # Errors
    /// Never with the images that come with the program: a test reads them.
    pub fn new(flags: &Demo) -> anyhow::Result<Self> {
        let mut lines = Vec::new();
        manifests::read_lines(IMAGES.as_bytes(), |line| lines.push(line))?;
        let images = lines.into_iter().collect::<Result<_, _>>();
        let catalogue = Catalogue::new(images.context("the bundled images")?);
        let node_count = usize::from(flags.nodes);
        let pod_count = usize::try_from(flags.pods)?;
        let settings = Settings { pod_count, node_count, seed: flags.seed };
        let jobs = workload::generate(&settings, &catalogue);
        let hardware = hardware()?;
        let nodes = (1..=node_count).map(|number| node(number, hardware)).collect();
        let name = "demo".to_owned();
        let (seed, epoch) = (flags.seed, EPOCH);
        Ok(Self { setup: Setup { name, seed, epoch, catalogue, nodes, jobs, ..Setup::default() } })
    }

    /// The scene before its first pod.
    #[must_use]
    pub fn engine(&self) -> Engine<'_> {
        Engine::new(&self.setup)
    }

    /// The sums of a run as far as it has come.
    #[must_use]
    pub fn totals(&self, record: &Record) -> Totals {
        Totals::of(&self.setup, record)
    }

    /// The sums of the run that kube-scheduler makes without an extender.
    #[must_use]
    pub fn without_extender(&self) -> Totals {
        self.totals(&self.engine().run(&mut Scheduler::alone(&self.setup)))
    }

    /// When what happens at `time` is shown, if the arrivals are shown within `within`.
    #[must_use]
    pub fn shown_after(&self, time: Nanos, within: Duration) -> Duration {
        let last = self.setup.jobs.last().map_or(0, |job| job.arrives_at.0).max(1);
        let nanos = within.as_nanos() * u128::from(time.0) / u128::from(last);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

fn hardware() -> anyhow::Result<NodeHardware> {
    let rate = TransferRate::from_bytes_per_second;
    let link = rate(LINK_BYTES_PER_SECOND).context("the rate of a link")?;
    let unpack = rate(UNPACK_BYTES_PER_SECOND).context("the rate of unpacking")?;
    Ok(NodeHardware {
        link_down: link,
        link_up: link,
        unpack,
        keeps_blobs: false,
        pulls_max: 1,
        layers_max: 1,
        disk: None,
    })
}

fn node(number: usize, hardware: NodeHardware) -> NodeSetup {
    NodeSetup {
        name: format!("node-{number:03}"),
        zone: ZoneNumber(0),
        capacity: CAPACITY,
        pods_max: PODS_MAX,
        hardware,
        preloaded: Vec::new(),
        joins_at: Nanos(0),
        leaves_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::Scene;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn scene(flags: &[&str]) -> Scene {
        let words = ["dunnage", "demo"].into_iter().chain(flags.iter().copied());
        match Cli::parse_from(words).command {
            Command::Demo(flags) => Scene::new(&flags).expect("the bundled images"),
            _ => unreachable!("parsed as demo"),
        }
    }

    #[test]
    fn every_bundled_image_is_read_and_used() {
        let scene = scene(&[]);
        assert_eq!(scene.setup.catalogue.len(), 22);
        assert_eq!(scene.without_extender().started, 1500);
    }

    #[test]
    fn without_extender_a_seed_gives_the_same_figures_again() {
        let totals = |seed| scene(&["--pods=150", "--nodes=8", "--seed", seed]).without_extender();
        assert_eq!(totals("3"), totals("3"));
        assert_ne!(totals("3"), totals("4"));
    }
}
