//! Parses the command line, installs the one TLS provider, dispatches, gives the exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // Two crates in one program that each pick a provider panic at the first handshake: picked once, here.
    let installed = rustls::crypto::ring::default_provider().install_default();
    debug_assert!(installed.is_ok(), "nothing else installs a provider");
    dunnage::cmd::run(dunnage::cli::Cli::parse())
}
