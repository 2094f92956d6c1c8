//! Wiring, one file per subcommand: read flags, files and environment, build edges, join tasks, end.
//!
//! Nothing here decides anything about placement.

pub mod agent;
pub mod demo;
pub mod explain;
pub mod files;
pub mod ports;
pub mod record;
pub mod scenario;
pub mod serve;
pub mod simulate;
pub mod trace;
pub mod volume;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::edge::cause::with_causes;

/// The extender's weight in the scheduler configurations of `deploy/`: why is said there.
pub const EXTENDER_WEIGHT: u64 = 3;

/// What was typed cannot be meant, whatever the files and the cluster are like: exit code 2, as for what
/// clap refuses itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(String);

/// What was looked at was found wanting, and has been printed: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Findings(String);

/// As clap's own.
const USAGE: u8 = 2;
const FINDINGS: u8 = 3;

/// Runs the command and gives its exit code: 0 done, 1 failed, 2 usage, 3 findings.
pub fn run(cli: Cli) -> ExitCode {
    let result = start_log(&cli.log).and_then(|()| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let result = runtime.block_on(async {
            match cli.command {
                Command::Serve(flags) => serve::run(*flags).await,
                Command::Demo(flags) => demo::run(flags).await,
                Command::Explain(flags) => explain::run(flags).await,
                Command::Agent(flags) => agent::run(*flags).await,
                Command::Volume(flags) => volume::run(*flags).await,
                Command::Simulate(flags) => simulate::run(flags).await,
                Command::Record(flags) => record::run(*flags).await,
                Command::Trace(flags) => trace::run(flags),
            }
        });
        // Requests in progress have been answered; background tasks have nothing to finish.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(error.as_ref()));
            exit_code(&error)
        }
    }
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<Usage>() {
        ExitCode::from(USAGE)
    } else if error.is::<Findings>() {
        ExitCode::from(FINDINGS)
    } else {
        ExitCode::FAILURE
    }
}

/// kube's client logs each failed attempt as an error; the watches log the same once, and in words.
const TOO_LOUD: &str = "kube_client::client::builder=off";

/// Logs to stderr: text for a terminal, JSON lines for anything else.
fn start_log(filter: &str) -> anyhow::Result<()> {
    use std::io::IsTerminal;
    // What the user says later in the filter wins.
    let filter = tracing_subscriber::EnvFilter::try_new(format!("{TOO_LOUD},{filter}")).map_err(
        |error| {
            let form = "a level, as debug, or a filter, as dunnage=debug,kube=warn";
            Usage(format!("--log {filter:?}: {error}: give {form}"))
        },
    )?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().flatten_event(true).init();
    }
    Ok(())
}
