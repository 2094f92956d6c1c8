//! `dunnage simulate`: a scenario under several policies and seeds, and a report of what came of it.
//!
//! The runs go to as many threads as there are ([`runs`]), each policy's name is made into what places
//! ([`policy`]), and the report is written whole or not at all ([`output`]): Ctrl-C before that leaves
//! nothing.

mod output;
mod policy;
mod progress;
mod runs;

use std::sync::Arc;

use anyhow::Context;

use crate::cli::simulate::{Format, Simulate};
use crate::cmd::ports;
use crate::cmd::scenario::Loaded;
use crate::cmd::simulate::output::Output;
use crate::cmd::simulate::policy::Placer;
use crate::cmd::simulate::progress::Progress;
use crate::cmd::simulate::runs::Plan;
use crate::edge::report::{Report, Scenario, Size, json, page, text};
use crate::model::unit::Price;
use crate::sim::setup::Setup;
use crate::sim::summary::comparison::Comparison;

/// Runs all and writes the report.
///
/// # Errors
/// If a flag or a file cannot be used, or a signal came first: then nothing is written.
pub async fn run(flags: Simulate) -> anyhow::Result<()> {
    let output = Output::check(flags.output.clone())?;
    let format = flags.format.unwrap_or_else(|| output.format());
    let progress = Arc::new(Progress::default());
    let shown = progress.clone();
    // Begins only when polled: when a signal is already listened for.
    let work = async move { tokio::task::spawn_blocking(move || report(&flags, &progress)).await };
    let report = tokio::select! {
        biased;
        ended = ports::end_signal() => {
            ended?;
            shown.clear();
            anyhow::bail!("interrupted: no report was written");
        }
        // Shows for as long as the others last.
        never = shown.show() => match never {},
        report = work => report.context("a run of the simulator broke off")?,
    };
    shown.clear();
    let report = report?;
    let text = match format {
        Format::Text => text::render(&report),
        Format::Json => json::render(&report)?,
        Format::Html => page::render(&report),
    };
    output.write(&text)
}

/// Reads, runs, and sums up.
fn report(flags: &Simulate, progress: &Progress) -> anyhow::Result<Report> {
    let placers = policy::placers(&flags.policy, flags.weight)?;
    let loaded = Loaded::read(&flags.scenario)?;
    let seeds: Vec<u64> = match &flags.seeds {
        Some(seeds) => seeds.0.clone().collect(),
        None => vec![flags.seed.unwrap_or(loaded.scenario.seed)],
    };
    let command = command(flags, &seeds);
    let plan = Plan { loaded: &loaded, placers: &placers, seeds: &seeds, progress };
    let threads = flags.threads.or(std::thread::available_parallelism().ok());
    let (first, summaries) = plan.run(threads.map_or(1, usize::from))?;
    let spread = placers.iter().position(Placer::is_spread);
    let names = placers.iter().map(|placer| placer.name.clone()).collect();
    Ok(Report {
        scenario: scenario(&loaded, &first),
        command,
        abouts: placers.iter().map(|placer| placer.about.clone()).collect(),
        comparison: Comparison::new(names, seeds, summaries, spread),
        zone_gigabyte_price: price(&placers),
    })
}

fn scenario(loaded: &Loaded, setup: &Setup) -> Scenario {
    let choices = &loaded.scenario.choices;
    let listed = |choices: &std::collections::BTreeMap<String, String>| {
        choices.iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    };
    Scenario {
        name: loaded.name.clone(),
        about: loaded.scenario.about.clone(),
        data: listed(&choices.data),
        modelled: listed(&choices.modelled),
        notes: setup.notes.clone(),
        size: Size::of(setup),
    }
}

/// All policies of a report are priced alike: as the first of ours does that has a price.
fn price(placers: &[Placer]) -> Price {
    placers.iter().map(Placer::zone_gigabyte_price).find(|price| price.0 > 0).unwrap_or_default()
}

/// What gives the same numbers again, whatever is typed otherwise.
fn command(flags: &Simulate, seeds: &[u64]) -> String {
    let mut words = vec!["dunnage simulate".to_owned(), quoted(&flags.scenario.to_string_lossy())];
    words.extend(flags.policy.iter().map(|policy| format!("--policy {}", quoted(policy))));
    if flags.weight != 1 {
        words.push(format!("--weight {}", flags.weight));
    }
    words.push(match seeds {
        [first, .., last] => format!("--seeds {first}..{last}"),
        [seed] => format!("--seed {seed}"),
        [] => String::new(),
    });
    words.join(" ")
}

/// For a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("simulations/matrix.yaml"), "simulations/matrix.yaml");
        assert_eq!(quoted("my file"), "'my file'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
