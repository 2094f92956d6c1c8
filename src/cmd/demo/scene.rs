//! What is played: the scenario of `simulations/demo.yaml`, with as many pods and nodes as asked for.

use std::path::Path;
use std::time::Duration;

use crate::cli::Demo;
use crate::cmd::scenario::Loaded;
use crate::edge::manifests;
use crate::model::unit::{NANOS_PER_SECOND, Nanos};
use crate::sim::data::Data;
use crate::sim::scenario::Scenario;
use crate::sim::scenario::generator::Arrivals;
use crate::sim::scenario::value::{Count, Span};
use crate::sim::setup::Setup;
use crate::sim::workload::Scale;

/// Where it is, for whoever has the source.
const PATH: &str = "simulations/demo.yaml";
const SCENARIO: &str = include_str!("../../../simulations/demo.yaml");
/// The images that it names: those of dotnet/runtime's pipelines on 2026-05-20; provenance and licence are in
/// NOTICE.
const IMAGES: &str = include_str!("images.jsonl");
/// Two pods a minute for each node: with the scenario's durations and sizes, nodes are some 40% full.
const NANOS_PER_NODE_AND_POD: u64 = 30 * NANOS_PER_SECOND;

/// The setup of these flags.
///
/// # Errors
/// Never with the scenario and the images that come with the program: a test reads them.
pub(super) fn setup(flags: &Demo) -> anyhow::Result<Setup> {
    let mut loaded = Loaded::parse(Path::new(PATH), SCENARIO, |_, name, data| images(name, data))?;
    resize(&mut loaded.scenario, flags);
    loaded.setup(Some(flags.seed), Scale::FULL)
}

fn images(name: &str, data: &mut Data) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    manifests::read_lines(IMAGES.as_bytes(), |line| lines.push(line))?;
    data.manifests.insert(name.to_owned(), lines.into_iter().collect::<Result<_, _>>()?);
    Ok(())
}

fn resize(scenario: &mut Scenario, flags: &Demo) {
    for group in &mut scenario.nodes {
        group.value.count = Count(flags.nodes.into());
    }
    let span = NANOS_PER_NODE_AND_POD * u64::from(flags.pods) / u64::from(flags.nodes);
    for generator in &mut scenario.generate {
        generator.value.pods_max = Some(Count(flags.pods));
        generator.value.arrivals = Some(Arrivals::Within(Span(Nanos(span))));
    }
}

/// When what happens at `time` is shown, if the arrivals are shown within `within`.
pub(super) fn shown_after(setup: &Setup, time: Nanos, within: Duration) -> Duration {
    let last = setup.jobs.last().map_or(0, |job| job.arrives_at.0).max(1);
    let nanos = within.as_nanos() * u128::from(time.0) / u128::from(last);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{IMAGES, Loaded, PATH, Path, Scale, setup};
    use crate::cli::{Cli, Command};
    use crate::sim::setup::Setup;
    use clap::Parser;

    fn with(flags: &[&str]) -> Setup {
        let words = ["dunnage", "demo"].into_iter().chain(flags.iter().copied());
        match Cli::parse_from(words).command {
            Command::Demo(flags) => setup(&flags).expect("the bundled scenario"),
            _ => unreachable!("parsed as demo"),
        }
    }

    #[test]
    fn without_flags_it_is_the_scenario_as_simulate_reads_it() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PATH);
        let read = Loaded::read(&path).and_then(|loaded| loaded.setup(None, Scale::FULL));
        assert_eq!(format!("{:?}", with(&[])), format!("{:?}", read.expect("a scenario")));
        assert_eq!(with(&[]).catalogue.len(), IMAGES.lines().count());
    }

    #[test]
    fn pods_and_nodes_are_as_many_as_asked_for_and_come_two_a_minute_for_each_node() {
        for (pods, nodes, seconds) in [(1500, 60, 750), (150, 8, 562), (1, 1000, 0)] {
            let setup = with(&[&format!("--pods={pods}"), &format!("--nodes={nodes}")]);
            assert_eq!((setup.jobs.len(), setup.nodes.len()), (pods, nodes));
            let last = setup.jobs.last().expect("a pod").arrives_at.0 / 1_000_000_000;
            assert!(last <= seconds && last >= seconds * 9 / 10, "{last} of {seconds} s");
        }
    }
}
