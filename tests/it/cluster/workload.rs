//! A CI-like workload on six real nodes, without an extender and with us: bytes received and start waits.
//! Runs only when `tests/bench/cluster` asks for it, and prints; nothing here asserts a figure.

mod arm;
mod demand;
mod outcome;

use anyhow::{Context, Result};

use arm::Arm;
use demand::Demand;

/// What was asked for.
struct Asked {
    seeds: Vec<u64>,
    arms: Vec<Arm>,
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
        Ok(Some(Self { seeds: seeds.context("WORKLOAD_SEEDS")?, arms }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_waits_with_and_without_us() -> Result<()> {
    let Some(asked) = Asked::read()? else { return Ok(()) };
    for seed in asked.seeds {
        let demand = Demand::new(seed);
        let mut stock = None;
        for arm in &asked.arms {
            let outcome = arm.run(&demand).await?;
            let stock = *stock.get_or_insert(outcome.received_bytes);
            println!("seed {seed}: {:8} {}", arm.name, outcome.beside(stock));
        }
    }
    Ok(())
}
