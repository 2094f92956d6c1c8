//! A CI-like workload on real nodes, without an extender and with us, and the same in the simulator: bytes
//! received and start waits.
//!
//! `tests/bench/cluster` asks for all of it, and prints. Every other run has a few steps, and holds the
//! simulator to them: given where the pods were bound, it must move the bytes and tell the waits that were
//! seen.

mod arm;
mod demand;
mod outcome;
mod probe;
mod recording;
mod simulated;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use arm::{Arm, Terms};
use demand::Demand;
use outcome::Figures;

const STEPS: usize = 60;
/// Watched for two of kubelet's reports.
const TERMS: Terms = Terms { nodes: 6, megabits: 200, idle: Duration::from_secs(20) };
/// Of the short form: enough for pulls that wait for others, and for pods that find their images. Its links
/// are slow, so that waits are theirs on a machine that runs other tests, too; what idle nodes receive is not
/// a hundredth.
const FEW_STEPS: usize = 8;
const FEW_TERMS: Terms = Terms { nodes: 2, megabits: 100, idle: Duration::ZERO };
/// What the simulator may be off by, in percent.
const BYTES_OFF_MAX: f64 = 10.0;
const MEDIAN_WAIT_OFF_MAX: f64 = 25.0;

/// What was asked for.
struct Asked {
    seeds: Vec<u64>,
    arms: Vec<Arm>,
    /// Where traces and scenarios are left.
    folder: PathBuf,
}

impl Asked {
    /// Nothing if no measurement was asked for.
    fn read() -> Result<Option<Self>> {
        let Ok(seeds) = std::env::var("WORKLOAD_SEEDS") else {
            return Ok(None);
        };
        let seeds = seeds.split(',').map(str::parse).collect::<Result<_, _>>();
        let weight = std::env::var("WORKLOAD_WEIGHT").unwrap_or_default();
        let weight = weight.parse().context("WORKLOAD_WEIGHT is no number")?;
        let policies = std::env::var("WORKLOAD_ARMS").unwrap_or_default();
        let mut arms = vec![Arm::stock()];
        for policy in policies.split_whitespace() {
            let (name, file) = policy.split_once('=').context("an arm is NAME=POLICY_FILE")?;
            arms.push(Arm::with_policy(name, file, weight));
        }
        let folder = std::env::var("WORKLOAD_FOLDER").context("WORKLOAD_FOLDER")?.into();
        Ok(Some(Self { seeds: seeds.context("WORKLOAD_SEEDS")?, arms, folder }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_waits_with_and_without_us() -> Result<()> {
    let Some(asked) = Asked::read()? else { return Ok(()) };
    for seed in asked.seeds {
        let demand = Demand::new(seed, STEPS);
        let least = demand.least_bytes();
        let mut stock = None;
        for arm in &asked.arms {
            let outcome = arm.run(&demand, &TERMS).await?;
            let figures = outcome.figures();
            let stock = *stock.get_or_insert(figures.bytes);
            println!(
                "seed {seed}: {:8} {figures}; {:.2} x stock, {:.2} x the least ({:.0} MB)",
                arm.name,
                figures.bytes / stock,
                figures.bytes / least,
                least / 1e6,
            );
            println!("  {:?}", outcome.probes);
            let folder = asked.folder.join(format!("{seed}-{}", arm.name));
            let scenario = recording::write(&folder, &outcome)?;
            let (as_bound, waits) = simulated::as_bound(&scenario, &outcome)?;
            let half = half_within(&waits, &outcome.waits());
            println!(
                "  simulated as bound   {}, half within {half:.2} s",
                beside(as_bound, figures)
            );
            let policy = arm.policy.as_ref().map_or("stock".into(), |file| file.to_string_lossy());
            let placed = simulated::placed(&scenario, &policy, arm.weight).await?;
            println!("  simulated and placed {}", beside(simulated::median(&placed), figures));
            println!("  placed, of {} chances: {}", placed.len(), spread(&placed));
        }
    }
    Ok(())
}

/// The simulator has the bytes and the waits of a few steps, told where they were bound.
#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_moves_the_bytes_and_tells_the_waits_of_real_nodes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let demand = Demand::new(1, FEW_STEPS);
    let outcome = Arm::stock().run(&demand, &FEW_TERMS).await?;
    let scenario = recording::write(folder.path(), &outcome)?;
    let (seen, (simulated, waits)) = (outcome.figures(), simulated::as_bound(&scenario, &outcome)?);
    let half = half_within(&waits, &outcome.waits());
    let told = format!(
        "seen {seen}; simulated {}; half within {half:.2} s; {:?}",
        beside(simulated, seen),
        outcome.probes
    );
    println!("{told}");
    let [bytes, median, ..] = simulated.beyond(seen);
    ensure!(bytes.abs() <= BYTES_OFF_MAX, "bytes are off: {told}");
    ensure!(median.abs() <= MEDIAN_WAIT_OFF_MAX, "waits are off: {told}");
    Ok(())
}

/// The seconds that half of the waits are off by at most.
fn half_within(waits: &[f64], seen: &[f64]) -> f64 {
    let off: Vec<f64> = waits.iter().zip(seen).map(|(wait, seen)| (wait - seen).abs()).collect();
    Figures::of(0.0, &off).median
}

/// Figures, and by how much they are off.
fn beside(figures: Figures, seen: Figures) -> String {
    let [bytes, median, mean, p95] = figures.beyond(seen);
    format!("{figures} (off by {bytes:+.1}, {median:+.1}, {mean:+.1}, {p95:+.1} %)")
}

/// The least and the most of each.
fn spread(of: &[Figures]) -> String {
    let ends = |at: usize| {
        let values = || of.iter().map(|figures| figures.each()[at]);
        (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max))
    };
    let [bytes, median, mean, p95] = std::array::from_fn(ends);
    let (fewest, most) = (bytes.0 / 1e6, bytes.1 / 1e6);
    let waits = [median, mean, p95].map(|(least, most)| format!("{least:.2} to {most:.2} s"));
    format!("{fewest:.0} to {most:.0} MB, median {}, mean {}, p95 {}", waits[0], waits[1], waits[2])
}
