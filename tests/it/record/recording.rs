//! A running `dunnage record`, and its trace as it grows.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::program;
use crate::testbed::{ControlPlane, Process, Signal};

/// The pause between two looks at the file.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest wait for a line: others compile on this machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A recording into a file of the control plane's folder. Dropping it kills it.
pub struct Recording {
    process: Process,
    pub path: PathBuf,
}

impl Recording {
    /// Starts one; returns once it records.
    pub async fn start(plane: &ControlPlane, file: &str, flags: &[&str]) -> Result<Self> {
        Self::start_as(plane.kubeconfig(), plane, file, flags).await
    }

    /// The same as the user of a kubeconfig.
    pub async fn start_as(
        kubeconfig: &Path,
        plane: &ControlPlane,
        file: &str,
        flags: &[&str],
    ) -> Result<Self> {
        let path = plane.dir().join(file);
        let mut command = Command::new(program());
        command.arg("record").arg("--kubeconfig").arg(kubeconfig);
        command.arg("--output").arg(&path).args(flags);
        if !flags.iter().any(|flag| flag.starts_with("--resolve=")) {
            command.arg("--resolve=off");
        }
        let log = plane.dir().join(format!("{file}.log"));
        let process = Process::spawn("dunnage record", &command, &log)?;
        let mut recording = Self { process, path };
        let deadline = Instant::now() + PATIENCE;
        while !recording.process.log().contains("\"message\":\"recording\"") {
            recording.process.ensure_running()?;
            ensure!(Instant::now() < deadline, "{}", recording.process.log_tail());
            sleep(PAUSE).await;
        }
        Ok(recording)
    }

    /// The lines by now, after the header.
    pub fn lines(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(&self.path)?;
        text.lines().skip(1).map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Waits until so many lines of a kind are there.
    pub async fn await_lines(&mut self, kind: &str, count: usize) -> Result<()> {
        self.await_that(|lines| of_kind(lines, kind).len() >= count).await
    }

    /// Waits until this holds for the lines.
    pub async fn await_that(&mut self, holds: impl Fn(&[Value]) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.process.ensure_running()?;
            let lines = self.lines()?;
            if holds(&lines) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not in {lines:#?}; {}", self.process.log_tail());
            }
            sleep(PAUSE).await;
        }
    }

    /// Ends it by a signal; gives what it printed.
    pub async fn end(&mut self, signal: Signal) -> Result<String> {
        self.process.signal(signal)?;
        self.ended().await
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> Result<String> {
        let status = self.process.exited(PATIENCE).await?;
        ensure!(status.success(), "{status}: {}", self.process.log_tail());
        Ok(self.process.log())
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}

/// The values of the lines of a kind.
pub fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter_map(|line| line.get(kind)).collect()
}

/// Runs the program in a folder.
pub fn dunnage(folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(program());
    command.args(arguments).current_dir(folder);
    command.output().context("the program runs")
}

/// Fails unless a trace has no findings.
pub fn validate(trace: &Path) -> Result<()> {
    let name = trace.to_string_lossy();
    let output = dunnage(Path::new("."), &["trace", "validate", &name])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

/// The codes of what is wrong with a trace.
pub fn codes(trace: &Path) -> Result<Vec<String>> {
    let name = trace.to_string_lossy();
    let output = dunnage(Path::new("."), &["trace", "validate", &name])?;
    let text = String::from_utf8(output.stdout)?;
    let code = |line: &str| line.split(": ").find(|part| part.starts_with("T0")).map(str::to_owned);
    Ok(text.lines().filter_map(code).collect())
}
