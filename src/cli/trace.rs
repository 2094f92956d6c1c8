//! What the user typed after `dunnage trace`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Flags of `trace`.
#[derive(Args, Clone, Debug)]
pub struct Trace {
    /// What to do with it.
    #[command(subcommand)]
    pub action: Action,
}

/// One per job.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    /// Say what is wrong with a trace, line by line; ends with 3 if anything is
    Validate(Validate),
}

/// Flags of `validate`.
#[derive(Args, Clone, Debug)]
pub struct Validate {
    /// The trace: JSON lines, plain or gzip
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
