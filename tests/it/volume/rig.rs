//! How `dunnage volume` is run, and trees to run it on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The longest wait for anything: many times what it takes, as the machine also compiles.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// `dunnage volume` with its output and log to be read.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dunnage"));
    command.arg("volume").args(arguments).stdin(Stdio::null());
    command.env_remove("DUNNAGE_LOG").env_remove("DUNNAGE_STORE").env_remove("KUBECONFIG");
    command.env_remove("DUNNAGE_REGISTRY").env("HOME", "/nonexistent");
    command
}

/// A store in a folder of its own, and folders beside it.
pub struct Place {
    pub dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// The folder of a key.
    pub fn folder(&self, key: &str) -> PathBuf {
        self.store().join(dunnage::edge::volume::id(key))
    }

    /// Runs with the store.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let store = format!("--store={}", self.store().display());
        command(arguments).arg(store).output().expect("the program runs")
    }

    /// What it says in JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.run(&[arguments, &["-o", "json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).context("one JSON object")
    }

    /// What it says of an error, which it must end with by exit code 1.
    pub fn error(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
        said.lines().find(|line| line.starts_with("error: ")).expect("an error").to_owned()
    }

    /// Seals a folder of one file.
    pub fn put(&self, key: &str, text: &str) -> Result<Value> {
        let dir = self.path("to-put");
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("file"), text)?;
        self.json(&["put", key, &dir.display().to_string()])
    }

    /// The text of the one file of a key.
    pub fn get(&self, key: &str) -> Result<String> {
        let dir = self.path("got");
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        self.json(&["get", key, &dir.display().to_string()])?;
        Ok(fs::read_to_string(dir.join("file"))?)
    }

    /// Keys that are listed.
    pub fn keys(&self) -> Result<Vec<String>> {
        let listed = self.json(&["ls"])?;
        let volumes = listed["volumes"].as_array().context("a list")?;
        Ok(volumes.iter().filter_map(|volume| Some(volume["key"].as_str()?.to_owned())).collect())
    }

    /// How much is left over in the store's own folders.
    pub fn leftovers(&self) -> usize {
        let count = |name: &str| fs::read_dir(self.store().join(name)).map_or(0, Iterator::count);
        count(".staging") + count(".trash")
    }
}

/// Waits until something is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// A folder of so many files of so many bytes, none of them zeros.
pub fn tree(dir: &Path, files: usize, bytes: usize) -> Result<()> {
    fs::create_dir_all(dir)?;
    for number in 0..files {
        let mut state = number as u64 + 1;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state.to_le_bytes()
        };
        let content: Vec<u8> = std::iter::repeat_with(&mut next).flatten().take(bytes).collect();
        fs::write(dir.join(format!("{number:06}")), content)?;
    }
    Ok(())
}

/// What GNU tar says of a tree: names, kinds, modes, targets, sizes and seconds of its entries, and a digest
/// of all contents.
pub fn fingerprint(dir: &Path) -> Result<String> {
    let script = "find . -mindepth 1 ! -type l -printf '%P %y %m %s %Ts %n\n' | sort |
            sed 's/ d \\([0-9]*\\) [0-9]* / d \\1 /';
        find . -mindepth 1 -type l -printf '%P %l\n' | sort;
        find . -type f -print0 | sort -z | xargs -0 -r sha256sum";
    let output = Command::new("sh").args(["-c", script]).current_dir(dir).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
