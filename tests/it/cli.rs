//! The command line: what is typed wrong ends in one `error:` line that says what, where and what to do.

mod explain;
mod golden;
mod help;
mod inputs;
mod listening;
mod record;
mod simulate;
mod trace;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A kubeconfig of an API server that nobody serves.
const UNREACHABLE: &str = "apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: none, user: {}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
current-context: none
";

/// How a run of the program ended.
#[derive(Debug)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    /// The one line of the error, of a run that ended with `code`.
    fn error(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{self:#?}");
        let lines: Vec<_> =
            self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(lines.len(), 1, "{self:#?}");
        assert!(!lines[0].contains(": error: "), "says error once: {}", lines[0]);
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        lines[0]
    }

    /// That the one line of the error has all parts.
    fn fails_with(&self, code: i32, parts: &[&str]) {
        let line = self.error(code);
        for part in parts {
            assert!(line.contains(part), "{line:?} does not say {part:?}");
        }
    }
}

/// Runs the program in a folder. What hangs is ended, and counts as failed.
fn run_in(dir: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new("timeout");
    command.args(["60", env!("CARGO_BIN_EXE_dunnage")]).args(arguments);
    command.current_dir(dir).stdin(Stdio::null()).env("NO_COLOR", "1");
    command.env_remove("DUNNAGE_LOG").env_remove("KUBECONFIG").env("HOME", dir);
    let output = command.output().expect("timeout (coreutils) runs");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn run(arguments: &[&str]) -> Run {
    run_in(&std::env::temp_dir(), arguments)
}

/// A folder with files for one test, among them `kubeconfig`, which leads to no API server.
pub struct Files {
    dir: TempDir,
}

impl Files {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let files = Self { dir };
        files.write("kubeconfig", UNREACHABLE);
        files
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    /// Runs `serve` on free ports with a kubeconfig that leads nowhere, and `flags`.
    fn serve(&self, flags: &[&str]) -> Run {
        let mut arguments = vec!["serve"];
        if !flags.iter().any(|flag| flag.starts_with("--kubeconfig")) {
            arguments.push("--kubeconfig=kubeconfig");
        }
        if !flags.iter().any(|flag| flag.starts_with("--listen")) {
            arguments.push("--listen=127.0.0.1:0");
        }
        if !flags.iter().any(|flag| flag.starts_with("--admin-listen")) {
            arguments.push("--admin-listen=127.0.0.1:0");
        }
        arguments.extend(flags);
        run_in(self.path(), &arguments)
    }
}
