//! Many steps that need one large volume, at once, on six real nodes of which one has it: with us, all on
//! that node, and by the scheduler alone. When each has the volume, and what that takes on the links.
//! Runs only when `tests/bench/burst` asks for it, and prints; nothing here asserts a figure.

mod arm;
mod outcome;

use std::str::FromStr;

use anyhow::{Context, Result};

use arm::{Arm, Burst};

/// A number that was asked for by the environment.
fn asked<T: FromStr>(name: &str) -> Result<T> {
    let text = std::env::var(name).with_context(|| format!("{name} is not set"))?;
    text.parse().ok().with_context(|| format!("{name} is no number: {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_of_a_burst_with_us_on_the_holder_and_spread() -> Result<()> {
    let Ok(seeds) = std::env::var("BURST_SEEDS") else { return Ok(()) };
    for seed in seeds.split(',') {
        let seed: u64 = seed.parse().context("BURST_SEEDS")?;
        let burst = Burst {
            seed,
            megabytes: asked("BURST_MEGABYTES")?,
            work_seconds: asked("BURST_WORK_SECONDS")?,
            weight: asked("BURST_WEIGHT")?,
        };
        for arm in Arm::ALL {
            let outcome = burst.run(arm).await?;
            println!("seed {seed}: {:9} {outcome}", arm.name());
        }
    }
    Ok(())
}
