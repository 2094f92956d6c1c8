//! A child process that is always ended: dropping it kills and reaps it, and
//! the kernel kills it when the test binary dies of whatever cause.
//!
//! Decides how a child is started, signalled and ended. Leaves alone when it
//! is ready for work.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
pub use rustix::process::Signal;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::spawner;

/// The lines of a log that an error quotes: a server's last words, and not the
/// page of flags that Kubernetes prints at the start.
const TAIL_LINES: usize = 25;
/// The pause between two looks at what a child has printed.
const PAUSE: Duration = Duration::from_millis(20);

/// A running child.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, its output going to the file `log`. Of the command its
    /// program, arguments, directory and added environment are kept.
    pub fn spawn(name: &str, command: &Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
        let mut guarded = guarded(command);
        guarded.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = spawner::spawn(guarded)
            .with_context(|| format!("cannot start {name} by setpriv (util-linux)"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal. `STOP` and `CONT` make a child hang and go on.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal)
            .with_context(|| format!("cannot signal {}", self.name))
    }

    /// Fails, with the end of the log, if the child has ended.
    pub fn ensure_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}:\n{}", self.name, self.log_tail()),
        }
    }

    /// Waits for the child to end by itself, at most `within`.
    pub async fn exited(&mut self, within: Duration) -> Result<ExitStatus> {
        let pid = Pid::from_child(&self.child);
        // Leaves the child to be reaped below. Where the time is up, the thread
        // ends with the child: at the latest when this is dropped.
        let ended = spawn_blocking(move || {
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        });
        tokio::time::timeout(within, ended)
            .await
            .with_context(|| format!("{} runs on after {within:?}", self.name))???;
        Ok(self.child.wait()?)
    }

    /// Waits until the child has printed `text`, at most `within`; all that it has printed by then.
    pub async fn said(&mut self, text: &str, within: Duration) -> Result<String> {
        let deadline = Instant::now() + within;
        while !self.log().contains(text) {
            self.ensure_running()?;
            let late = || format!("{}: no {text:?} in:\n{}", self.name, self.log_tail());
            ensure!(Instant::now() < deadline, late());
            sleep(PAUSE).await;
        }
        Ok(self.log())
    }

    /// The file of all that the child prints.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// All that the child has printed so far.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last lines of the log, for an error message.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    /// Kills and reaps the child; says how it ended.
    pub fn kill(&mut self) -> ExitStatus {
        // Fails only where the child was reaped before.
        let _ = self.child.kill();
        self.reap()
    }

    /// Waits for a child that is about to end, and holds up its thread for that.
    pub fn reap(&mut self) -> ExitStatus {
        // Fails only where the child was reaped before.
        self.child.wait().unwrap_or(ExitStatus::from_raw(0))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The same command, killed by the kernel when its parent dies. `setpriv`
/// replaces itself by the program, so the process id is the program's.
fn guarded(command: &Command) -> Command {
    let mut guarded = Command::new("setpriv");
    guarded.args(["--pdeathsig", "KILL", "--"]);
    guarded.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => guarded.env(name, value),
            None => guarded.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        guarded.current_dir(dir);
    }
    guarded
}
