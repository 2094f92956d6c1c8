//! Measurements beside the reference servers of `tests/testbed/reference`, in one run. They run only when
//! `tests/bench/compare` asks for them, on an idle machine, and print ratios; nothing here asserts a time.

mod bodies;
mod latency;
mod pods;
mod resolving;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::testbed::Process;

/// The reference program, if a measurement was asked for.
fn reference() -> Option<PathBuf> {
    std::env::var_os("COMPARE_REFERENCE").map(PathBuf::from)
}

/// A reference server of a mode on a free port; gives its URL too.
fn serve(reference: &PathBuf, mode: &str, dir: &std::path::Path) -> Result<(Process, String)> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    let mut command = Command::new(reference);
    command.args(["serve", "-mode", mode, "-addr", &address]);
    let process = Process::spawn(mode, &command, &dir.join(format!("reference-{mode}.log")))?;
    Ok((process, format!("http://{address}")))
}

/// Runs the reference program to its end and gives what it printed.
fn run(reference: &PathBuf, arguments: &[&str]) -> Result<String> {
    let output = Command::new(reference).args(arguments).output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// The number after a word of a printed line.
fn number_after(line: &str, word: &str) -> Result<f64> {
    let rest = line.split_once(word).with_context(|| format!("no {word:?} in {line:?}"))?.1;
    Ok(rest.split_whitespace().next().unwrap_or_default().parse()?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
